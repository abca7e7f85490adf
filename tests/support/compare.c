#include "tests/support/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool babel_close(const char *label, const float *a, const double *b, size_t n, double atol, double rtol) {
  size_t bad = 0, worst = 0;
  double most = -1;
  for (size_t i = 0; i < n; i++) {
    double gap = fabs((double)a[i] - b[i]);
    if (gap <= atol + rtol * fabs(b[i])) continue;
    bad++;
    if (isnan(gap) || gap > most) {
      worst = i;
      most = isnan(gap) ? INFINITY : gap;
    }
  }
  if (bad) fprintf(stderr, "%s: %zu of %zu differ; [%zu] is %.9g, expected %.9g\n", label, bad, n, worst, (double)a[worst], b[worst]);
  return !bad;
}

double babel_global_error(const float *a, const double *b, size_t n) {
  double product = 0, squares = 0;
  for (size_t i = 0; i < n; i++) {
    product += (double)a[i] * b[i];
    squares += (double)a[i] * a[i] + b[i] * b[i];
  }
  return squares > 0 ? 1 - 2 * product / squares : 0;
}

#define BAND 64
static const float guard_value = -7.5e33f;

float *babel_guarded(size_t n) {
  float *block = malloc((n + 2 * BAND) * sizeof *block);
  if (!block) abort();
  for (size_t i = 0; i < n + 2 * BAND; i++) block[i] = i < BAND || i >= n + BAND ? guard_value : NAN;
  return block + BAND;
}

bool babel_guard_check(const float *buffer, size_t n) {
  for (size_t i = 0; i < BAND; i++)
    if (buffer[-(ptrdiff_t)i - 1] != guard_value || buffer[n + i] != guard_value) return false;
  return true;
}

void babel_guarded_free(float *buffer) {
  if (buffer) free(buffer - BAND);
}

double babel_fill(const char *key, uint32_t i) {
  uint32_t seed = 2166136261u;
  for (; *key; key++) seed = (seed ^ (unsigned char)*key) * 16777619u;
  uint32_t h = i * 2654435761u + seed;
  h ^= h >> 16;
  h *= 0x85ebca6bu;
  h ^= h >> 13;
  h *= 0xc2b2ae35u;
  h ^= h >> 16;
  return (double)h / 2147483648.0 - 1;
}

void babel_fill_floats(const char *key, float *x, size_t n, double scale) {
  for (size_t i = 0; i < n; i++) x[i] = (float)(babel_fill(key, (uint32_t)i) * scale);
}
