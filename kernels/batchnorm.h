/* Batch normalisation at inference: y = (x - mean) / sqrt(var + eps) * weight + bias = scale x + shift per
 * channel, and its folding into a linear map in front of it (README of the encoder specifications: eps 1e-5
 * everywhere). coefficients: scale, shift (n) from weight, bias, mean, var (n); computed in double.
 * BABEL_ERR_VALUE when a variance is negative or a coefficient is not finite. fold:         w (out, in) =
 * scale[m] w[m][:], b (out) = scale[m] b[m] + shift[m]: BN(w x + b) becomes one linear map. In place. fwd: y
 * (rows, channels) = scale x + shift, channels fastest. y may be x. BABEL_ERR_SHAPE for sizes below 1. */
#ifndef BABEL_KERNELS_BATCHNORM_H
#define BABEL_KERNELS_BATCHNORM_H

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_BATCHNORM_EPS 1e-5

babel_status babel_batchnorm_coefficients(float *scale, float *shift, const float *weight, const float *bias,
                                          const float *mean, const float *var, int n);
babel_status babel_batchnorm_fold(float *w, float *b, const float *scale, const float *shift, int out,
                                  int in);
babel_status babel_batchnorm_fwd_cpu(float *y, const float *x, const float *scale, const float *shift,
                                     int rows, int channels);

#ifdef __cplusplus
}
#endif
#endif
