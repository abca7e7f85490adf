#include "core/rng.h"

#include <math.h>

double babel_rng_normal(uint64_t seed, uint32_t stream, uint64_t index) {
  double u = ((double)babel_rng_word(seed, stream, 2 * index) + 0.5) * 0x1p-32;
  double v = (double)babel_rng_word(seed, stream, 2 * index + 1) * 0x1p-32;
  return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

void babel_rng_permutation(uint64_t seed, uint32_t stream, uint64_t index0, int n, int *order) {
  for (int i = 0; i < n; i++) order[i] = i;
  for (int i = n - 1; i > 0; i--) {
    int j = (int)babel_rng_below(seed, stream, index0 + (uint64_t)i, (uint32_t)i + 1);
    int swap = order[i];
    order[i] = order[j];
    order[j] = swap;
  }
}

uint64_t babel_hash64(const void *bytes, uint64_t size) {
  const unsigned char *at = bytes;
  uint64_t hash = 0xcbf29ce484222325u;
  for (uint64_t i = 0; i < size; i++) hash = (hash ^ at[i]) * 0x100000001b3u;
  return hash;
}
