/* Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 *
 * A number depends on (seed, stream, index) alone, so that any thread of any backend can compute any element, in any
 * order, and a resumed run continues the same sequence. `stream` separates purposes: see babel_stream_id. */
#ifndef BABEL_CORE_RNG_H
#define BABEL_CORE_RNG_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __CUDACC__
#define BABEL_HOST_DEVICE __host__ __device__
#else
#define BABEL_HOST_DEVICE
#endif

typedef enum {
  BABEL_RNG_INIT = 1,    /* weight initialisation; index = flat element of the parameter arena */
  BABEL_RNG_DROPOUT = 2, /* input dropout; index = ((step * 2 + side) * batch + row) * width + column */
  BABEL_RNG_SHUFFLE = 3, /* order of an epoch */
  BABEL_RNG_VARIANT = 4, /* which augmentation variant a visit draws */
  BABEL_RNG_AUGMENT = 5, /* start and length of a segmentation variant */
  BABEL_RNG_HEAD = 6,    /* evaluation heads: initialisation and batches */
  BABEL_RNG_CONTROL = 7, /* shuffled pairs */
  BABEL_RNG_ENCODER = 8, /* random encoder weights */
  BABEL_RNG_SIMULATE = 9, /* simulator */
  BABEL_RNG_REHEARSAL = 10, /* rows of earlier phases; index = step * rows + row */
  BABEL_RNG_GAUSS = 11   /* rows drawn from a stored mean and covariance */
} babel_rng_stream;

/* Ten rounds. out[4] from counter[4] and key[2]. */
static inline BABEL_HOST_DEVICE void babel_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
    uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)p1;
    c3 = (uint32_t)p0;
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/* Word `index` of stream `stream` under `seed`: counter = (index / 4 low, high, stream, 0), word index mod 4. */
static inline BABEL_HOST_DEVICE uint32_t babel_rng_word(uint64_t seed, uint32_t stream, uint64_t index) {
  uint64_t block = index >> 2;
  uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), stream, 0};
  uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, out[4];
  babel_philox(counter, key, out);
  const uint32_t low = index & 1 ? out[1] : out[0], high = index & 1 ? out[3] : out[2]; /* a device keeps in registers what is not indexed */
  return index & 2 ? high : low;
}

/* Uniform in [0, 1), 24 bits: exact in float. */
static inline BABEL_HOST_DEVICE float babel_rng_uniform(uint64_t seed, uint32_t stream, uint64_t index) {
  return (float)(babel_rng_word(seed, stream, index) >> 8) * 0x1p-24f;
}

/* Uniform integer in [0, n), n >= 1, by multiplication (bias below n / 2^32). */
static inline BABEL_HOST_DEVICE uint32_t babel_rng_below(uint64_t seed, uint32_t stream, uint64_t index, uint32_t n) {
  return (uint32_t)(((uint64_t)babel_rng_word(seed, stream, index) * n) >> 32);
}

/* Standard normal by Box-Muller from words 2 index and 2 index + 1. */
double babel_rng_normal(uint64_t seed, uint32_t stream, uint64_t index);

/* Fisher-Yates over order[0..n): order becomes a permutation of 0..n-1; uses words index0 .. index0 + n - 1. */
void babel_rng_permutation(uint64_t seed, uint32_t stream, uint64_t index0, int n, int *order);

/* FNV-1a over the bytes, 64 bit: turns a key or a name into a stream index. */
uint64_t babel_hash64(const void *bytes, uint64_t size);

#ifdef __cplusplus
}
#endif

#endif
