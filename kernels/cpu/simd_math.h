/* exp and erf in single precision, without branches and calls, so that loops over them become vector code (libm's do not).
 * The coefficients are least-maximum fits of our own. NaN gives NaN. Errors measured over all floats of the range:
 *   babel_simd_exp: relative 1.3e-7 for -87 <= x <= 88; the argument is clamped to that range.
 *   babel_simd_erf: absolute 3.5e-7; exactly +-1 from |x| = 4 on. */
#ifndef BABEL_KERNELS_CPU_SIMD_MATH_H
#define BABEL_KERNELS_CPU_SIMD_MATH_H

#include <math.h>
#include <stdint.h>

typedef union {
  float value;
  uint32_t bits;
} babel_float_bits;

/* x = n ln 2 + r, |r| <= ln 2 / 2: exp(x) = 2^n (1 + r + r^2 p(r)). Adding 1.5 x 2^23 rounds to an integer and leaves it in
 * the low bits of the sum. */
static inline float babel_simd_exp(float x) {
  const float shift = 12582912.0f;
  babel_float_bits n, power;
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  n.value = x * 1.44269504f + shift;
  float whole = n.value - shift;
  float r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
  float p = 0.001381454f;
  p = p * r + 0.00836874514f;
  p = p * r + 0.0416683908f;
  p = p * r + 0.166665204f;
  p = p * r + 0.499999934f;
  power.bits = (n.bits << 23) + (127u << 23);
  return (1.0f + (r + r * r * p)) * power.value;
}

/* erf(x) = x P(x^2) / Q(x^2) for |x| < 4. */
static inline float babel_simd_erf(float x) {
  float t = x * x;
  float p = 1.98678287e-06f;
  p = p * t + 0.000284567066f;
  p = p * t + 0.00388337486f;
  p = p * t + 0.0531018388f;
  p = p * t + 0.193545718f;
  p = p * t + 1.12837914f;
  float q = 3.74202426e-05f;
  q = q * t + 0.00118557959f;
  q = q * t + 0.0152073112f;
  q = q * t + 0.115350277f;
  q = q * t + 0.504857982f;
  q = q * t + 1.0f;
  float inside = x * p / q;
  return fabsf(x) >= 4.0f ? copysignf(1.0f, x) : inside;
}

#endif
