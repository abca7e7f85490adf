/* Philox4x32-10 (core/rng.h), eight counters at a time in loops that vectorise; the same bits as babel_rng_word. */
#ifndef BABEL_KERNELS_CPU_VPHILOX_H
#define BABEL_KERNELS_CPU_VPHILOX_H

#include <stdint.h>

#define BABEL_PHILOX_LANES 8

/* words[4 * l + w] = babel_rng_word(seed, stream, 4 * (block + l) + w) for l < 8, w < 4. */
static inline void babel_philox_words(uint32_t words[4 * BABEL_PHILOX_LANES], uint64_t seed, uint32_t stream, uint64_t block) {
  uint32_t c0[BABEL_PHILOX_LANES], c1[BABEL_PHILOX_LANES], c2[BABEL_PHILOX_LANES], c3[BABEL_PHILOX_LANES];
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int l = 0; l < BABEL_PHILOX_LANES; l++) {
    c0[l] = (uint32_t)(block + (uint64_t)l);
    c1[l] = (uint32_t)((block + (uint64_t)l) >> 32);
    c2[l] = stream;
    c3[l] = 0;
  }
  for (int round = 0; round < 10; round++) {
    for (int l = 0; l < BABEL_PHILOX_LANES; l++) {
      uint64_t p0 = (uint64_t)0xD2511F53u * c0[l], p1 = (uint64_t)0xCD9E8D57u * c2[l];
      uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1[l] ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3[l] ^ k1;
      c1[l] = (uint32_t)p1;
      c3[l] = (uint32_t)p0;
      c0[l] = n0;
      c2[l] = n2;
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (int l = 0; l < BABEL_PHILOX_LANES; l++) {
    words[4 * l] = c0[l];
    words[4 * l + 1] = c1[l];
    words[4 * l + 2] = c2[l];
    words[4 * l + 3] = c3[l];
  }
}

#endif
