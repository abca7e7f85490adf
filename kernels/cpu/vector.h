/* Vectors of floats, as many as the processor's registers hold, in the compiler's own notation. For loops
 * that the vectoriser leaves scalar: it keeps floating-point work under a condition there, because of
 * exceptions that nobody reads, and once selections get mixed it keeps the branches. */
#ifndef BABEL_KERNELS_CPU_VECTOR_H
#define BABEL_KERNELS_CPU_VECTOR_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __AVX__
#define BABEL_LANES 8
#else
#define BABEL_LANES 4
#endif

typedef float babel_floats __attribute__((vector_size(4 * BABEL_LANES)));
typedef double babel_doubles __attribute__((vector_size(8 * BABEL_LANES)));
typedef int32_t babel_ints __attribute__((vector_size(4 * BABEL_LANES)));
typedef uint32_t babel_words __attribute__((vector_size(4 * BABEL_LANES)));

static inline babel_floats babel_splat(float x) {
  return x - (babel_floats){0};
}

static inline babel_floats babel_select(babel_ints mask, babel_floats yes, babel_floats no) {
  return (babel_floats)((mask & (babel_ints)yes) | (~mask & (babel_ints)no));
}

/* The first `count` of a vector of floats, `fill` behind them. */
static inline babel_floats babel_load(const float *x, int count, float fill) {
  babel_floats v = babel_splat(fill);
  if (count >= BABEL_LANES)
    memcpy(&v, x, sizeof v);
  else
    memcpy(&v, x, (size_t)count * sizeof *x);
  return v;
}

static inline void babel_store(float *x, babel_floats v, int count) {
  if (count >= BABEL_LANES)
    memcpy(x, &v, sizeof v);
  else
    memcpy(x, &v, (size_t)count * sizeof *x);
}

static inline float babel_sum_of(babel_floats v) {
  float sum = 0;
  for (int l = 0; l < BABEL_LANES; l += 2) sum += v[l] + v[l + 1];
  return sum;
}

static inline float babel_max_of(babel_floats v) {
  float top = v[0];
  for (int l = 1; l < BABEL_LANES; l++) top = v[l] > top ? v[l] : top;
  return top;
}

/* Lane by lane; where a is NaN, b. */
static inline babel_floats babel_max(babel_floats a, babel_floats b) {
  return babel_select(a > b, a, b);
}

/* -infinity when n is 0; NaN is passed over. */
static inline float babel_largest(const float *x, int n) {
  babel_floats tops = babel_splat(-INFINITY);
  for (int j = 0; j < n; j += BABEL_LANES) tops = babel_max(babel_load(x + j, n - j, -INFINITY), tops);
  return babel_max_of(tops);
}

#endif
