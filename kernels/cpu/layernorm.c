#include "kernels/layernorm.h"

#include <math.h>
#include <string.h>

#define PARALLEL_FROM 65536 /* below, starting threads costs more than it saves */

static babel_status check(int n, int d) {
  return n < 0 || d < 1 ? BABEL_FAIL(BABEL_ERR_SHAPE, "layer norm of %d rows of %d values", n, d) : BABEL_OK;
}

babel_status babel_layernorm_fwd_cpu(float *y, float *mean, float *inv, const float *x, const float *r,
                                     const float *gamma, const float *beta, int n, int d, float eps,
                                     babel_stream *s) {
  BABEL_TRY(check(n, d));
#pragma omp parallel for schedule(static) if ((int64_t)n * d >= PARALLEL_FROM)
  for (int i = 0; i < n; i++) {
    const float *xi = x + (size_t)i * d;
    float *yi = y + (size_t)i * d, sum = 0, squares = 0;
    if (r) {
      const float *ri = r + (size_t)i * d;
#pragma omp simd reduction(+ : sum)
      for (int j = 0; j < d; j++) {
        yi[j] = xi[j] + ri[j];
        sum += yi[j];
      }
      xi = yi;
    } else {
#pragma omp simd reduction(+ : sum)
      for (int j = 0; j < d; j++) sum += xi[j];
    }
    float mu = sum / (float)d;
#pragma omp simd reduction(+ : squares)
    for (int j = 0; j < d; j++) squares += (xi[j] - mu) * (xi[j] - mu);
    float scale = 1.0f / sqrtf(squares / (float)d + eps);
#pragma omp simd
    for (int j = 0; j < d; j++) yi[j] = gamma[j] * ((xi[j] - mu) * scale) + beta[j];
    if (mean) mean[i] = mu;
    if (inv) inv[i] = scale;
  }
  return BABEL_OK;
}

/* Column sums, a block of columns a thread: the order over rows does not depend on the number of threads. */
static void parameter_gradients(float *dgamma, float *dbeta, const float *dy, const float *x, const float *r,
                                const float *mean, const float *inv, int n, int d) {
  enum { BLOCK = 64 };
#pragma omp parallel for schedule(static) if ((int64_t)n * d >= PARALLEL_FROM)
  for (int first = 0; first < d; first += BLOCK) {
    int end = first + BLOCK < d ? first + BLOCK : d;
    memset(dgamma + first, 0, (size_t)(end - first) * sizeof *dgamma);
    memset(dbeta + first, 0, (size_t)(end - first) * sizeof *dbeta);
    for (int i = 0; i < n; i++) {
      size_t row = (size_t)i * d;
      for (int j = first; j < end; j++) {
        float z = r ? x[row + j] + r[row + j] : x[row + j];
        dgamma[j] += dy[row + j] * ((z - mean[i]) * inv[i]);
        dbeta[j] += dy[row + j];
      }
    }
  }
}

babel_status babel_layernorm_bwd_cpu(float *dx, float *dgamma, float *dbeta, const float *dy, const float *x,
                                     const float *r, const float *mean, const float *inv, const float *gamma,
                                     int n, int d, babel_stream *s) {
  BABEL_TRY(check(n, d));
  if (dgamma && dbeta) parameter_gradients(dgamma, dbeta, dy, x, r, mean, inv, n, d);
#pragma omp parallel for schedule(static) if ((int64_t)n * d >= PARALLEL_FROM)
  for (int i = 0; i < n; i++) {
    size_t row = (size_t)i * d;
    float sum = 0, product = 0;
#pragma omp simd reduction(+ : sum, product)
    for (int j = 0; j < d; j++) {
      float g = dy[row + j] * gamma[j], z = r ? x[row + j] + r[row + j] : x[row + j];
      sum += g;
      product += g * ((z - mean[i]) * inv[i]);
    }
    sum /= (float)d;
    product /= (float)d;
#pragma omp simd
    for (int j = 0; j < d; j++) {
      float g = dy[row + j] * gamma[j], z = r ? x[row + j] + r[row + j] : x[row + j];
      dx[row + j] = inv[i] * (g - sum - (z - mean[i]) * inv[i] * product);
    }
  }
  return BABEL_OK;
}
