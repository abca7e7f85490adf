/* Philox4x32-10 (core/rng.h), eight counters at a time; the same bits as babel_rng_word.
 *
 * words[4 * l + w] = babel_rng_word(seed, stream, 4 * (block + l) + w) for l < 8, w < 4. */
#ifndef BABEL_KERNELS_CPU_VPHILOX_H
#define BABEL_KERNELS_CPU_VPHILOX_H

#include <stdint.h>

#include "core/rng.h"

#define BABEL_PHILOX_LANES 8

#ifdef __AVX2__

#include <immintrin.h>

/* Four counters: each of the four words in the low half of 64-bit lanes. High halves hold leftovers that the 32 x 32 bit
 * multiplication does not see. */
typedef struct {
  __m256i c0, c1, c2, c3;
} babel_philox_state;

static inline babel_philox_state babel_philox_start(uint64_t block, uint32_t stream) {
  const __m256i counter =
      _mm256_add_epi64(_mm256_set1_epi64x((long long)block), _mm256_setr_epi64x(0, 1, 2, 3));
  return (babel_philox_state){counter, _mm256_srli_epi64(counter, 32), _mm256_set1_epi64x(stream),
                              _mm256_setzero_si256()};
}

static inline babel_philox_state babel_philox_round(babel_philox_state s, __m256i k0, __m256i k1) {
  const __m256i p0 = _mm256_mul_epu32(s.c0, _mm256_set1_epi64x(0xD2511F53)),
                p1 = _mm256_mul_epu32(s.c2, _mm256_set1_epi64x(0xCD9E8D57));
  return (babel_philox_state){_mm256_xor_si256(_mm256_srli_epi64(p1, 32), _mm256_xor_si256(s.c1, k0)), p1,
                              _mm256_xor_si256(_mm256_srli_epi64(p0, 32), _mm256_xor_si256(s.c3, k1)), p0};
}

static inline void babel_philox_store(uint32_t words[16], babel_philox_state s) {
  const __m256i a = _mm256_blend_epi32(s.c0, _mm256_slli_epi64(s.c1, 32), 0xaa),
                b = _mm256_blend_epi32(s.c2, _mm256_slli_epi64(s.c3, 32), 0xaa);
  const __m256i even = _mm256_unpacklo_epi64(a, b), odd = _mm256_unpackhi_epi64(a, b);
  _mm256_storeu_si256((__m256i *)words, _mm256_permute2x128_si256(even, odd, 0x20));
  _mm256_storeu_si256((__m256i *)(words + 8), _mm256_permute2x128_si256(even, odd, 0x31));
}

static inline void babel_philox_words(uint32_t words[4 * BABEL_PHILOX_LANES], uint64_t seed, uint32_t stream,
                                      uint64_t block) {
  babel_philox_state s = babel_philox_start(block, stream), t = babel_philox_start(block + 4, stream);
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < 10; round++) {
    const __m256i key0 = _mm256_set1_epi64x(k0), key1 = _mm256_set1_epi64x(k1);
    s = babel_philox_round(s, key0, key1);
    t = babel_philox_round(t, key0, key1);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  babel_philox_store(words, s);
  babel_philox_store(words + 16, t);
}

#else

static inline void babel_philox_words(uint32_t words[4 * BABEL_PHILOX_LANES], uint64_t seed, uint32_t stream,
                                      uint64_t block) {
  const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
  for (uint64_t l = 0; l < BABEL_PHILOX_LANES; l++) {
    const uint32_t counter[4] = {(uint32_t)(block + l), (uint32_t)((block + l) >> 32), stream, 0};
    babel_philox(counter, key, words + 4 * l);
  }
}

#endif
#endif
