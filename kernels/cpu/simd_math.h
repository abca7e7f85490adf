/* exp and erf in single precision, 8 values at once. libm's do not vectorise, and gcc 12 turns clamps written for one value
 * into branches and then gives up: so the vectors are explicit (they compile for every processor, in halves where registers
 * are shorter). The coefficients are least-maximum fits of our own. NaN gives NaN. Errors measured over the range:
 *   babel_simd_exp: relative 1.3e-7 for -87 <= x <= 88; the argument is clamped to that range.
 *   babel_simd_erf: absolute 4.1e-7 (3.4e-7 with fused multiply-add); exactly +-1 from |x| = 4 on. */
#ifndef BABEL_KERNELS_CPU_SIMD_MATH_H
#define BABEL_KERNELS_CPU_SIMD_MATH_H

#include <stdint.h>
#ifdef __AVX__
#include <immintrin.h>
#endif

#define BABEL_LANES 8

typedef float babel_vector __attribute__((vector_size(32), aligned(4), may_alias));
typedef uint32_t babel_vector_bits __attribute__((vector_size(32), aligned(4), may_alias));

/* x = max(x, y) and min(x, y); a NaN in x stays. Through pointers: a 32-byte vector as argument or result has no calling
 * convention on processors without AVX. */
static inline void babel_simd_max(babel_vector *x, const babel_vector *y) {
#ifdef __AVX__
  *x = (babel_vector)_mm256_max_ps((__m256)*y, (__m256)*x);
#else
  babel_vector_bits less = (babel_vector_bits)(*x < *y);
  *x = (babel_vector)(((babel_vector_bits)*x & ~less) | ((babel_vector_bits)*y & less));
#endif
}

static inline void babel_simd_min(babel_vector *x, const babel_vector *y) {
#ifdef __AVX__
  *x = (babel_vector)_mm256_min_ps((__m256)*y, (__m256)*x);
#else
  babel_vector_bits more = (babel_vector_bits)(*x > *y);
  *x = (babel_vector)(((babel_vector_bits)*x & ~more) | ((babel_vector_bits)*y & more));
#endif
}

static inline void babel_simd_clamp(babel_vector *x, float low, float high) {
  const babel_vector least = low - (babel_vector){0}, most = high - (babel_vector){0};
  babel_simd_max(x, &least);
  babel_simd_min(x, &most);
}

/* x = n ln 2 + r, |r| <= ln 2 / 2: exp(x) = 2^n (1 + r + r^2 p(r)). Adding 1.5 x 2^23 rounds to an integer and leaves it in
 * the low bits of the sum. */
static inline void babel_simd_exp(babel_vector *x) {
  const float shift = 12582912.0f;
  babel_simd_clamp(x, -87.0f, 88.0f);
  babel_vector sum = *x * 1.44269504f + shift, n = sum - shift;
  babel_vector r = (*x - n * 0.693359375f) + n * 2.12194440e-4f;
  babel_vector p = r * 0.001381454f + 0.00836874514f;
  p = p * r + 0.0416683908f;
  p = p * r + 0.166665204f;
  p = p * r + 0.499999934f;
  babel_vector_bits power = ((babel_vector_bits)sum << 23) + (127u << 23);
  *x = (1.0f + (r + r * r * p)) * (babel_vector)power;
}

/* erf(x) = x P(x^2) / Q(x^2). At |x| = 4 the fraction is a little above 1, so that the two clamps together give exactly +-1
 * from there on. */
static inline void babel_simd_erf(babel_vector *x) {
  babel_simd_clamp(x, -4.0f, 4.0f);
  babel_vector t = *x * *x;
  babel_vector p = t * 1.98678287e-06f + 0.000284567066f;
  p = p * t + 0.00388337486f;
  p = p * t + 0.0531018388f;
  p = p * t + 0.193545718f;
  p = p * t + 1.12837914f;
  babel_vector q = t * 3.74202426e-05f + 0.00118557959f;
  q = q * t + 0.0152073112f;
  q = q * t + 0.115350277f;
  q = q * t + 0.504857982f;
  q = q * t + 1.0f;
  *x = *x * p / q;
  babel_simd_clamp(x, -1.0f, 1.0f);
}

#endif
