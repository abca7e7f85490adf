#include "kernels/gelu.h"

#include "kernels/cpu/simd_math.h"

#define PARALLEL_FROM 65536 /* below, starting threads costs more than it saves */

static babel_status check(int64_t n) {
  return n < 0 ? BABEL_FAIL(BABEL_ERR_SHAPE, "gelu of %lld values", (long long)n) : BABEL_OK;
}

babel_status babel_gelu_fwd_cpu(float *y, const float *x, int64_t n, babel_stream *s) {
  BABEL_TRY(check(n));
#pragma omp parallel for simd schedule(static) if (n >= PARALLEL_FROM)
  for (int64_t i = 0; i < n; i++) y[i] = 0.5f * x[i] * (1.0f + babel_simd_erf(x[i] * 0.707106781f));
  return BABEL_OK;
}

babel_status babel_gelu_bwd_cpu(float *dx, const float *dy, const float *x, int64_t n, babel_stream *s) {
  BABEL_TRY(check(n));
#pragma omp parallel for simd schedule(static) if (n >= PARALLEL_FROM)
  for (int64_t i = 0; i < n; i++) {
    float below = 0.5f * (1.0f + babel_simd_erf(x[i] * 0.707106781f));
    float density = 0.398942280f * babel_simd_exp(-0.5f * x[i] * x[i]);
    dx[i] = dy[i] * (below + x[i] * density);
  }
  return BABEL_OK;
}
