/* SHA-256 (FIPS 180-4): checksums of weights, splits, draws and banks. */
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/sha256_blocks.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static const uint32_t constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, int n) {
  return x >> n | x << (32 - n);
}

static uint32_t big_endian(const unsigned char *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* One round; instead of moving the eight state words along, the next round takes them in rotated order. */
static inline void round_of(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e, uint32_t f, uint32_t g, uint32_t *h, uint32_t input) {
  uint32_t t = *h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + input;
  *d += t;
  *h = t + (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
}

static void add_block(uint32_t state[8], const unsigned char *block) {
  uint32_t w[64], s[8];
  for (int i = 0; i < 16; i++) w[i] = big_endian(block + 4 * i);
  for (int i = 16; i < 64; i++) {
    uint32_t a = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
    uint32_t b = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + a + w[i - 7] + b;
  }
  memcpy(s, state, sizeof s);
  for (int i = 0; i < 64; i += 8) {
    const uint32_t *k = constants + i, *x = w + i;
    round_of(s[0], s[1], s[2], &s[3], s[4], s[5], s[6], &s[7], k[0] + x[0]);
    round_of(s[7], s[0], s[1], &s[2], s[3], s[4], s[5], &s[6], k[1] + x[1]);
    round_of(s[6], s[7], s[0], &s[1], s[2], s[3], s[4], &s[5], k[2] + x[2]);
    round_of(s[5], s[6], s[7], &s[0], s[1], s[2], s[3], &s[4], k[3] + x[3]);
    round_of(s[4], s[5], s[6], &s[7], s[0], s[1], s[2], &s[3], k[4] + x[4]);
    round_of(s[3], s[4], s[5], &s[6], s[7], s[0], s[1], &s[2], k[5] + x[5]);
    round_of(s[2], s[3], s[4], &s[5], s[6], s[7], s[0], &s[1], k[6] + x[6]);
    round_of(s[1], s[2], s[3], &s[4], s[5], s[6], s[7], &s[0], k[7] + x[7]);
  }
  for (int i = 0; i < 8; i++) state[i] += s[i];
}

void babel_sha256_blocks_plainly(uint32_t state[8], const unsigned char *at, size_t blocks) {
  for (; blocks; blocks--, at += 64) add_block(state, at);
}

#if defined(__x86_64__)
/* The processor's own instructions, of four rounds each pair: some seven times as fast. They want the state as a, b, e, f and c, d, g, h. */
__attribute__((target("sha,sse4.1"))) static void add_blocks_by_instruction(uint32_t state[8], const unsigned char *at, size_t blocks) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  const __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
  const __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
  __m128i abef = _mm_alignr_epi8(low, high, 8), cdgh = _mm_blend_epi16(high, low, 0xf0);
  for (; blocks; blocks--, at += 64) {
    const __m128i before[2] = {abef, cdgh};
    __m128i w[4];
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
      __m128i *now = &w[i % 4];
      if (i < 4)
        *now = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(at + 16 * i)), swap);
      else
        *now = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(*now, w[(i + 1) % 4]), _mm_alignr_epi8(w[(i + 3) % 4], w[(i + 2) % 4], 4)),
                                    w[(i + 3) % 4]);
      const __m128i input = _mm_add_epi32(*now, _mm_load_si128((const __m128i *)(constants + 4 * i)));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, input);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(input, 0x0e));
    }
    abef = _mm_add_epi32(abef, before[0]);
    cdgh = _mm_add_epi32(cdgh, before[1]);
  }
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}
#endif

void babel_sha256_blocks(uint32_t state[8], const unsigned char *at, size_t blocks) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sha")) {
    add_blocks_by_instruction(state, at, blocks);
    return;
  }
#endif
  babel_sha256_blocks_plainly(state, at, blocks);
}

void babel_sha256_begin(babel_sha256_state *state) {
  static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  memset(state, 0, sizeof *state);
  memcpy(state->state, start, sizeof start);
}

void babel_sha256_add(babel_sha256_state *state, const void *bytes, size_t size) {
  const unsigned char *at = bytes;
  size_t used = state->size % 64;
  state->size += size;
  while (size) {
    if (!used && size >= 64) {
      babel_sha256_blocks(state->state, at, size / 64);
      at += size / 64 * 64;
      size %= 64;
      continue;
    }
    size_t take = 64 - used < size ? 64 - used : size;
    memcpy(state->block + used, at, take);
    used += take;
    at += take;
    size -= take;
    if (used == 64) {
      babel_sha256_blocks(state->state, state->block, 1);
      used = 0;
    }
  }
}

void babel_sha256_end(babel_sha256_state *state, char hex[65]) {
  uint64_t bits = state->size * 8;
  unsigned char tail[72] = {0x80};
  size_t padding = (state->size % 64 < 56 ? 56 : 120) - state->size % 64;
  for (int i = 0; i < 8; i++) tail[padding + (size_t)i] = (unsigned char)(bits >> (56 - 8 * i));
  babel_sha256_add(state, tail, padding + 8);
  for (int i = 0; i < 8; i++) snprintf(hex + 8 * i, 9, "%08x", state->state[i]);
}

void babel_sha256(const void *bytes, size_t size, char hex[65]) {
  babel_sha256_state state;
  babel_sha256_begin(&state);
  babel_sha256_add(&state, bytes, size);
  babel_sha256_end(&state, hex);
}

babel_status babel_file_sha256(const char *path, char hex[65]) {
  babel_file file;
  BABEL_TRY(babel_file_open(&file, path));
  babel_sha256(file.data, file.size, hex);
  babel_file_close(&file);
  return BABEL_OK;
}
