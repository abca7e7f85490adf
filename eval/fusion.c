#include "eval/fusion.h"

#include <math.h>
#include <stddef.h>

static babel_status check(const double *weights, int modalities, int n) {
  if (modalities < 1) return BABEL_FAIL(BABEL_ERR_ARG, "fusion needs at least one modality, found %d", modalities);
  if (n < 1) return BABEL_FAIL(BABEL_ERR_SHAPE, "fusion needs at least one row, found %d", n);
  for (int m = 0; weights && m < modalities; m++)
    if (!(weights[m] > 0) || !isfinite(weights[m]))
      return BABEL_FAIL(BABEL_ERR_ARG, "fusion weight %d is %g: expected a number above 0", m, weights[m]);
  return BABEL_OK;
}

static babel_status check_width(int width) {
  if (width < 1) return BABEL_FAIL(BABEL_ERR_SHAPE, "fusion needs at least one column, found %d", width);
  return BABEL_OK;
}

static babel_status check_finite(const float *x, int n, int d) {
  for (int i = 0; i < n; i++)
    for (int j = 0; j < d; j++)
      if (!isfinite(x[(size_t)i * (size_t)d + (size_t)j]))
        return BABEL_FAIL(BABEL_ERR_VALUE, "row %d, column %d is %g: expected a finite number", i, j,
                          (double)x[(size_t)i * (size_t)d + (size_t)j]);
  return BABEL_OK;
}

/* y = x / ||x||; a row of zeros stays one. */
static void unit(float *y, const float *x, int d) {
  double square = 0;
  for (int j = 0; j < d; j++) square += (double)x[j] * (double)x[j];
  double inverse = square > 0 ? 1 / sqrt(square) : 0;
  for (int j = 0; j < d; j++) y[j] = (float)((double)x[j] * inverse);
}

babel_status babel_fuse_sum(float *y, const float *const *x, const double *weights, int modalities, int n, int d) {
  BABEL_TRY(check(weights, modalities, n));
  BABEL_TRY(check_width(d));
  for (int m = 0; m < modalities; m++) BABEL_TRY(check_finite(x[m], n, d));
  for (int i = 0; i < n; i++) {
    float *row = y + (size_t)i * (size_t)d;
    for (int j = 0; j < d; j++) {
      double sum = 0;
      for (int m = 0; m < modalities; m++) sum += (weights ? weights[m] : 1) * (double)x[m][(size_t)i * (size_t)d + (size_t)j];
      row[j] = (float)sum;
    }
    unit(row, row, d);
  }
  return BABEL_OK;
}

babel_status babel_fuse_concat(float *y, const float *const *x, const int *widths, const double *weights, int modalities, int n) {
  size_t total = 0, at = 0;
  BABEL_TRY(check(weights, modalities, n));
  for (int m = 0; m < modalities; m++) {
    BABEL_TRY(check_width(widths[m]));
    BABEL_TRY(check_finite(x[m], n, widths[m]));
    total += (size_t)widths[m];
  }
  for (int m = 0; m < modalities; at += (size_t)widths[m++]) {
    size_t width = (size_t)widths[m];
    for (size_t i = 0; i < (size_t)n; i++)
      for (size_t j = 0; j < width; j++)
        y[i * total + at + j] = (float)((weights ? weights[m] : 1) * (double)x[m][i * width + j]);
  }
  return BABEL_OK;
}

babel_status babel_unit_rows(float *y, const float *f, const float *mean, const float *inv_std, int n, int d) {
  BABEL_TRY(check(NULL, 1, n));
  BABEL_TRY(check_width(d));
  BABEL_TRY(check_finite(f, n, d));
  if (!mean != !inv_std) return BABEL_FAIL(BABEL_ERR_ARG, "standardising needs the means and the deviations, or neither");
  for (int i = 0; i < n; i++) {
    float *row = y + (size_t)i * (size_t)d;
    const float *from = f + (size_t)i * (size_t)d;
    for (int j = 0; j < d; j++) row[j] = mean ? (from[j] - mean[j]) * inv_std[j] : from[j];
    unit(row, row, d);
  }
  return BABEL_OK;
}
