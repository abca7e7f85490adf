#include "kernels/gelu.h"

#include <string.h>

#include "kernels/cpu/simd_math.h"

#define PARALLEL_FROM 65536 /* below, starting threads costs more than it saves */

static babel_status check(int64_t n) {
  return n < 0 ? BABEL_FAIL(BABEL_ERR_SHAPE, "gelu of %lld values", (long long)n) : BABEL_OK;
}

static inline void fwd(babel_vector *x) {
  babel_vector erf = *x * 0.707106781f;
  babel_simd_erf(&erf);
  *x = 0.5f * *x * (1.0f + erf);
}

static inline void bwd(babel_vector *dy, const babel_vector *x) {
  babel_vector erf = *x * 0.707106781f, density = *x * *x * -0.5f;
  babel_simd_erf(&erf);
  babel_simd_exp(&density);
  *dy *= 0.5f * (1.0f + erf) + *x * (0.398942280f * density);
}

babel_status babel_gelu_fwd_cpu(float *y, const float *x, int64_t n, babel_stream *s) {
  BABEL_TRY(check(n));
#pragma omp parallel for schedule(static) if (n >= PARALLEL_FROM)
  for (int64_t i = 0; i < n; i += BABEL_LANES) {
    size_t size = (size_t)(n - i < BABEL_LANES ? n - i : BABEL_LANES) * sizeof *y;
    babel_vector value = {0};
    if (size == sizeof value) {
      value = *(const babel_vector *)(x + i);
      fwd(&value);
      *(babel_vector *)(y + i) = value;
    } else {
      memcpy(&value, x + i, size);
      fwd(&value);
      memcpy(y + i, &value, size);
    }
  }
  return BABEL_OK;
}

babel_status babel_gelu_bwd_cpu(float *dx, const float *dy, const float *x, int64_t n, babel_stream *s) {
  BABEL_TRY(check(n));
#pragma omp parallel for schedule(static) if (n >= PARALLEL_FROM)
  for (int64_t i = 0; i < n; i += BABEL_LANES) {
    size_t size = (size_t)(n - i < BABEL_LANES ? n - i : BABEL_LANES) * sizeof *dx;
    babel_vector value = {0}, gradient = {0};
    memcpy(&value, x + i, size);
    memcpy(&gradient, dy + i, size);
    bwd(&gradient, &value);
    memcpy(dx + i, &gradient, size);
  }
  return BABEL_OK;
}
