/* Layer normalisation of rows, with an optional residual added first.
 *   fwd: z = x + r, mu = mean(z), inv = 1 / sqrt(mean((z - mu)^2) + eps), y = gamma (z - mu) inv + beta
 *   bwd: g = dy gamma, h = (z - mu) inv: dx = inv (g - mean(g) - h mean(g h)) (the residual's gradient is the same);
 *        dgamma = sum over rows of dy h, dbeta = sum over rows of dy
 * x, r, y, dx, dy: (n, d); gamma, beta, dgamma, dbeta: (d); mean, inv: (n), for the backward.
 * eps stands inside the root and the variance comes from deviations, so that eps = 1e-12 (LIMU-BERT) works: a constant row
 * gives beta. r NULL = no residual; mean and inv both NULL = inference; dgamma and dbeta both NULL = frozen parameters.
 * y may be x or r, dx may be dy. Writes with "=". BABEL_ERR_SHAPE for n < 0 or d < 1. */
#ifndef BABEL_KERNELS_LAYERNORM_H
#define BABEL_KERNELS_LAYERNORM_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

babel_status babel_layernorm_fwd_cpu(float *y, float *mean, float *inv, const float *x, const float *r,
                                     const float *gamma, const float *beta, int n, int d, float eps,
                                     babel_stream *s);
babel_status babel_layernorm_bwd_cpu(float *dx, float *dgamma, float *dbeta, const float *dy, const float *x,
                                     const float *r, const float *mean, const float *inv, const float *gamma,
                                     int n, int d, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
