/* ReLU by itself; linear layers have it built in.
 *
 * fwd  y[i]  = max(x[i], 0), NaN stays NaN      y may alias x
 * bwd  dx[i] = y[i] > 0 ? dy[i] : 0             dx may alias dy; y is the forward's output (or its input)
 *
 * All (n), written with "=". Errors: BABEL_ERR_SHAPE when n < 0. */
#ifndef BABEL_KERNELS_RELU_H
#define BABEL_KERNELS_RELU_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

babel_status babel_relu_fwd_cpu(float *y, const float *x, int64_t n, babel_stream *s);
babel_status babel_relu_bwd_cpu(float *dx, const float *dy, const float *y, int64_t n, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
