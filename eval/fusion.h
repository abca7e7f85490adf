/* Fusion of modalities (algorithm.md section 9.1): one row a sample out of one unit row a modality.
 *   sum     y = unit(sum_m w_m x_m); all widths equal. Opposite rows cancel: their sum is written as zeros.
 *   concat  y = [w_1 x_1 ; w_2 x_2 ; ...]: blocks of norm w_m.
 * weights NULL = all 1. y must not alias an x. BABEL_ERR_ARG on fewer than one modality, a weight that is not finite and above 0;
 * BABEL_ERR_SHAPE on widths that do not fit or sizes below 1; BABEL_ERR_VALUE on NaN or infinity (row and column). */
#ifndef BABEL_EVAL_FUSION_H
#define BABEL_EVAL_FUSION_H

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* y, x[m]: (n, d). */
babel_status babel_fuse_sum(float *y, const float *const *x, const double *weights, int modalities, int n, int d);
/* x[m]: (n, widths[m]); y: (n, sum of widths). */
babel_status babel_fuse_concat(float *y, const float *const *x, const int *widths, const double *weights, int modalities, int n);

/* The first step of the raw rows of a table: z = (f - mean) * inv_std, then unit length (zero rows stay zero). f, y: (n, d),
 * y may alias f; mean, inv_std: (d) or both NULL. */
babel_status babel_unit_rows(float *y, const float *f, const float *mean, const float *inv_std, int n, int d);

#ifdef __cplusplus
}
#endif
#endif
