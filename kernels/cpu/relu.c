#include "kernels/relu.h"

#include "kernels/cpu/parallel.h"

static babel_status check(const char *name, int64_t n) {
  if (n >= 0) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_SHAPE, "%s: n = %lld; it must be at least 0", name, (long long)n);
}

babel_status babel_relu_fwd_cpu(float *y, const float *x, int64_t n, babel_stream *s) {
  BABEL_TRY(check("relu_fwd", n));
#pragma omp parallel for simd schedule(static) if (BABEL_PARALLEL(n))
  for (int64_t i = 0; i < n; i++) y[i] = 0 > x[i] ? 0 : x[i];
  return BABEL_OK;
}

babel_status babel_relu_bwd_cpu(float *dx, const float *dy, const float *y, int64_t n, babel_stream *s) {
  BABEL_TRY(check("relu_bwd", n));
#pragma omp parallel for simd schedule(static) if (BABEL_PARALLEL(n))
  for (int64_t i = 0; i < n; i++) dx[i] = y[i] > 0 ? dy[i] : 0;
  return BABEL_OK;
}
