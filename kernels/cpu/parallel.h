/* When a loop is worth a parallel region, and sums whose order does not depend on the number of threads. */
#ifndef BABEL_KERNELS_CPU_PARALLEL_H
#define BABEL_KERNELS_CPU_PARALLEL_H

#include <stdint.h>

/* Entering and leaving a region costs 1 to 3 us when the threads are awake: what one core streams through in that
 * time, about 16,000 floats, is not worth it. */
#define BABEL_PARALLEL_ELEMENTS 32768
#define BABEL_PARALLEL(elements) ((int64_t)(elements) >= BABEL_PARALLEL_ELEMENTS)

/* The same for a matrix product: 0.5 million multiplications are 5 us of one core. */
#define BABEL_PARALLEL_PRODUCTS 5e5

/* A sum is cut into at most this many chunks by its length alone; partial sums are added in chunk order. */
#define BABEL_CHUNKS 64

typedef struct {
  int64_t begin, end;
} babel_chunk;

/* Chunk i of BABEL_CHUNKS over 0..n-1; the last ones may be empty. `step`: chunks begin at its multiples. */
static inline babel_chunk babel_chunk_of(int64_t n, int i, int64_t step) {
  int64_t length = (n + BABEL_CHUNKS - 1) / BABEL_CHUNKS;
  length = (length + step - 1) / step * step;
  int64_t begin = length * i, end = begin + length;
  return (babel_chunk){begin < n ? begin : n, end < n ? end : n};
}

/* sum a[i] b[i] in double. Sixteen running sums hide the latency of the addition. */
static inline double babel_dot(const float *a, const float *b, int64_t n) {
  double lane[16] = {0}, sum = 0;
  int64_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int k = 0; k < 16; k++) lane[k] += (double)a[i + k] * (double)b[i + k];
  for (; i < n; i++) sum += (double)a[i] * (double)b[i];
  for (int k = 0; k < 16; k++) sum += lane[k];
  return sum;
}

#endif
