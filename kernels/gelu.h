/* GELU with the error function (not the tanh form): LIMU-BERT, ViT.
 *   fwd: y = x/2 (1 + erf(x / sqrt 2))
 *   bwd: dx = dy (1/2 (1 + erf(x / sqrt 2)) + x exp(-x^2 / 2) / sqrt(2 pi))
 * All (n) floats; y may be x, dx may be dy. Writes with "=". n = 0 is allowed, n < 0 is BABEL_ERR_SHAPE.
 * Absolute error below 1e-6 + 2e-7 |y|. */
#ifndef BABEL_KERNELS_GELU_H
#define BABEL_KERNELS_GELU_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

babel_status babel_gelu_fwd_cpu(float *y, const float *x, int64_t n, babel_stream *s);
babel_status babel_gelu_bwd_cpu(float *dx, const float *dy, const float *x, int64_t n, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
