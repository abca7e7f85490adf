/* The inner product at the bottom of the small dense kernels: a tile of 4 rows and 24 columns.
 *   y[i][j] = bias[j] + sum_k x[i][k] panel[k][j],  k < depth
 * x: four row pointers (rows may repeat: tails of a matrix); panel: (depth, 24) contiguous; bias: (24) or NULL = 0;
 * y: four rows, ldy floats apart. 12 accumulators, 3 panel vectors and 1 broadcast fill the 16 registers of AVX. */
#ifndef BABEL_KERNELS_CPU_TILE_H
#define BABEL_KERNELS_CPU_TILE_H

#include <stddef.h>

#include "kernels/cpu/simd_math.h"

#define BABEL_TILE_ROWS 4
#define BABEL_TILE_COLUMNS 24

/* gcc 12 would load each panel vector four times, once inside each multiplication, and be bound by the two load ports
 * (67 instead of 85 GFLOP/s at depth 72): an empty instruction that names the values keeps them in registers. */
#if defined(__x86_64__) && defined(__AVX__)
#define BABEL_KEEP_IN_REGISTERS(a, b, c) __asm__("" : "+x"(a), "+x"(b), "+x"(c))
#else
#define BABEL_KEEP_IN_REGISTERS(a, b, c) ((void)0)
#endif

static inline __attribute__((always_inline)) void babel_tile(float *y, size_t ldy,
                                                             const float *const x[BABEL_TILE_ROWS],
                                                             const float *panel, const float *bias,
                                                             int depth) {
  const float *x0 = x[0], *x1 = x[1], *x2 = x[2], *x3 = x[3];
  babel_vector sum[BABEL_TILE_ROWS][3];
  for (int i = 0; i < BABEL_TILE_ROWS; i++)
    for (int c = 0; c < 3; c++) sum[i][c] = bias ? *(const babel_vector *)(bias + 8 * c) : (babel_vector){0};
  for (int k = 0; k < depth; k++, panel += BABEL_TILE_COLUMNS) {
    babel_vector a = *(const babel_vector *)panel, b = *(const babel_vector *)(panel + 8),
                 c = *(const babel_vector *)(panel + 16);
    BABEL_KEEP_IN_REGISTERS(a, b, c);
    float row[BABEL_TILE_ROWS] = {x0[k], x1[k], x2[k], x3[k]};
    for (int i = 0; i < BABEL_TILE_ROWS; i++) {
      sum[i][0] += a * row[i];
      sum[i][1] += b * row[i];
      sum[i][2] += c * row[i];
    }
  }
  for (int i = 0; i < BABEL_TILE_ROWS; i++)
    for (int c = 0; c < 3; c++) *(babel_vector *)(y + (size_t)i * ldy + 8 * c) = sum[i][c];
}

#endif
