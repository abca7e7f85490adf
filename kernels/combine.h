/* The weighted gradient of Eq. (5), unhalved: algorithm.md sections 3 and 4.4.
 *
 * y[i] = weights[0] x0[i] + weights[1] x1[i] + x2[i]   (x2 NULL: without it)
 *
 * All (n); y may be any of the x. Written with "=". Errors: BABEL_ERR_SHAPE when n < 0. */
#ifndef BABEL_KERNELS_COMBINE_H
#define BABEL_KERNELS_COMBINE_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

babel_status babel_combine_cpu(const babel_combine_job *jobs, int n, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
