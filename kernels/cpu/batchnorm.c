#include "kernels/batchnorm.h"

#include <math.h>
#include <stddef.h>

babel_status babel_batchnorm_coefficients(float *scale, float *shift, const float *weight, const float *bias,
                                          const float *mean, const float *var, int n) {
  if (n < 1) return BABEL_FAIL(BABEL_ERR_SHAPE, "batch norm: %d channels", n);
  for (int i = 0; i < n; i++) {
    double factor = (double)weight[i] / sqrt((double)var[i] + BABEL_BATCHNORM_EPS);
    double offset = (double)bias[i] - (double)mean[i] * factor;
    if (!(var[i] >= 0) || !isfinite(factor) || !isfinite(offset))
      return BABEL_FAIL(BABEL_ERR_VALUE,
                        "batch norm: channel %d has weight %g, bias %g, mean %g, variance %g", i,
                        (double)weight[i], (double)bias[i], (double)mean[i], (double)var[i]);
    scale[i] = (float)factor;
    shift[i] = (float)offset;
  }
  return BABEL_OK;
}

babel_status babel_batchnorm_fold(float *w, float *b, const float *scale, const float *shift, int out,
                                  int in) {
  if (out < 1 || in < 1)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "batch norm: folding into %d x %d weights", out, in);
  for (int m = 0; m < out; m++) {
    for (int k = 0; k < in; k++) w[(ptrdiff_t)m * in + k] *= scale[m];
    b[m] = scale[m] * b[m] + shift[m];
  }
  return BABEL_OK;
}

babel_status babel_batchnorm_fwd_cpu(float *y, const float *x, const float *scale, const float *shift,
                                     int rows, int channels) {
  if (rows < 1 || channels < 1)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "batch norm: %d rows, %d channels", rows, channels);
  for (int i = 0; i < rows; i++)
    for (int c = 0; c < channels; c++) {
      ptrdiff_t at = (ptrdiff_t)i * channels + c;
      y[at] = scale[c] * x[at] + shift[c];
    }
  return BABEL_OK;
}
