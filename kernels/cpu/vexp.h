/* exp for loops that must vectorise: libm's expf is a call, and without fast-math no compiler replaces it.
 *
 * exp(x) = 2^k exp(r), k = round(x log2 e), |r| <= ln(2) / 2, r by a two-part ln 2, exp(r) by its Taylor polynomial up to
 * r^7 (truncation 6e-9 relative). Largest error over all floats, measured: 1.07 ulp.
 * x < -87.33655 gives 0 (results below the smallest normal number are flushed), x > 88.72283 infinity, 0 exactly 1, NaN NaN. */
#ifndef BABEL_KERNELS_CPU_VEXP_H
#define BABEL_KERNELS_CPU_VEXP_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define BABEL_VEXP_LOW (-87.33654f)
#define BABEL_VEXP_HIGH 88.72283f

static inline float babel_vexp(float x) {
  float held = x < BABEL_VEXP_LOW ? BABEL_VEXP_LOW : x;
  held = held > BABEL_VEXP_HIGH ? BABEL_VEXP_HIGH : held;
  /* Adding 1.5 * 2^23 leaves the rounded integer in the low bits of the sum. */
  float shifted = held * 1.44269504f + 12582912.0f;
  float k = shifted - 12582912.0f;
  float r = (held - k * 0.693359375f) - k * -2.12194440e-4f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r * r + r;
  /* 2^k in two factors: k reaches 128, past the largest float exponent. */
  uint32_t word;
  memcpy(&word, &shifted, sizeof word);
  int32_t exponent = (int32_t)(word - 0x4B400000u), half = exponent >> 1;
  uint32_t first = ((uint32_t)half + 127) << 23, second = ((uint32_t)exponent - (uint32_t)half + 127) << 23;
  float a, b;
  memcpy(&a, &first, sizeof a);
  memcpy(&b, &second, sizeof b);
  float y = (p + 1) * a * b;
  y = x < BABEL_VEXP_LOW ? 0.0f : y;
  return x > BABEL_VEXP_HIGH ? INFINITY : y;
}

#endif
