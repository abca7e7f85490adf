/* How well groups of points stand apart: mean silhouette (Rousseeuw 1987), by cosine distance of unit rows.
 *   s_i = (b_i - a_i) / max(a_i, b_i), a_i: mean distance to the own group, b_i: least mean distance to another group; 0 for a group of one.
 * Near 0: the groups lie in each other (wanted of modalities); near 1: apart (wanted of classes). */
#ifndef BABEL_EVAL_SILHOUETTE_H
#define BABEL_EVAL_SILHOUETTE_H

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* x (n, d) unit rows, group (n) from 0 to groups - 1. BABEL_ERR_SHAPE when n, d or groups is below 1; NaN in *mean when fewer than two groups hold points. */
babel_status babel_silhouette(double *mean, const float *x, const int *group, int n, int d, int groups);

#ifdef __cplusplus
}
#endif
#endif
