#include "kernels/plane_linear.h"

#include <omp.h>

/* A tile is 6 outputs x 2 vectors: 12 sums, 2 operands and one weight fit the 16 vector registers of AVX2. */
#define ROWS 6
#define VECTORS 2
#define LANES 8
#define TILE (VECTORS * LANES)
#define DEPTH 256 /* inputs a block: 16 KiB of operands */

typedef float lanes __attribute__((vector_size(4 * LANES)));
typedef float lanes_anywhere __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int mask __attribute__((vector_size(4 * LANES)));

size_t babel_plane_pitch(int n) {
  size_t lines = ((size_t)(n > 0 ? n : 0) + 15) / 16;
  return (lines | 1) * 16;
}

/* Rows of the panel that starts at m0: 6, and 4 or 2 at the end. */
static inline int panel_rows(int out, int m0) {
  int left = (out - m0 + 1) / 2 * 2;
  return left < ROWS ? left : ROWS;
}

size_t babel_plane_linear_packed(int out, int in) {
  return (size_t)(out + 1) / 2 * 2 * (size_t)in;
}

babel_status babel_plane_linear_pack_cpu(float *packed, const float *w, int out, int in, int out_step,
                                         int in_step) {
  if (out < 1 || in < 1) return BABEL_FAIL(BABEL_ERR_SHAPE, "plane linear: %d x %d weights", out, in);
  for (int panel = 0; panel < out; panel += ROWS)
    for (int k = 0; k < in; k++)
      for (int m = panel; m < panel + panel_rows(out, panel); m++)
        *packed++ = m < out ? w[(ptrdiff_t)m * out_step + (ptrdiff_t)k * in_step] : 0.0f;
  return BABEL_OK;
}

/* Sums of one tile over `depth` inputs from `k0` on; `rows` and `vectors` are constants after inlining. */
static inline __attribute__((always_inline)) void tile(const babel_plane_linear_job *job, const float *block,
                                                       int m0, int n0, int k0, int depth, int rows,
                                                       int vectors) {
  const float *w = job->packed + (size_t)m0 * (size_t)job->in + (size_t)k0 * (size_t)rows;
  float *y = job->y + (size_t)m0 * job->y_pitch + n0;
  int stored = job->out - m0 < rows ? job->out - m0 : rows, last = k0 + depth == job->in;
  lanes sum[ROWS][VECTORS];
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++)
      sum[r][v] = r >= stored ? (lanes){0}
                  : k0        ? *(const lanes_anywhere *)(y + (size_t)r * job->y_pitch + v * LANES)
                              : (lanes){0} + (job->bias ? job->bias[m0 + r] : 0.0f);
  for (int k = 0; k < depth; k++, w += rows, block += TILE) {
    lanes operand[VECTORS];
    for (int v = 0; v < vectors; v++) operand[v] = *(const lanes *)(block + v * LANES);
    for (int r = 0; r < rows; r++)
      for (int v = 0; v < vectors; v++) sum[r][v] += w[r] * operand[v];
  }
  for (int r = 0; r < stored; r++, y += job->y_pitch)
    for (int v = 0; v < vectors; v++) {
      lanes value = sum[r][v];
      if (last && job->relu) value = (lanes)((mask)value & ~(value <= (lanes){0})); /* a NaN stays one */
      *(lanes_anywhere *)(y + v * LANES) = value;
    }
}

/* All outputs of one or two vectors of columns. Their operands are copied in blocks that stay in the
 * first-level cache while all weights pass by. */
static inline __attribute__((always_inline)) void column_tile(const babel_plane_linear_job *job, int n0,
                                                              int vectors) {
  float block[DEPTH * TILE] __attribute__((aligned(64)));
  for (int k0 = 0; k0 < job->in; k0 += DEPTH) {
    int depth = job->in - k0 < DEPTH ? job->in - k0 : DEPTH;
    for (int k = 0; k < depth; k++) {
      const float *row = job->x + job->at[k0 + k] + n0;
      __builtin_prefetch(row +
                         TILE); /* rows lie far apart: no hardware prefetcher sees the next tile coming */
      for (int v = 0; v < vectors; v++)
        *(lanes *)(block + k * TILE + v * LANES) = *(const lanes_anywhere *)(row + v * LANES);
    }
    for (int m = 0; m < job->out; m += ROWS) switch (panel_rows(job->out, m)) {
      case 2:
        tile(job, block, m, n0, k0, depth, 2, vectors);
        break;
      case 4:
        tile(job, block, m, n0, k0, depth, 4, vectors);
        break;
      default:
        tile(job, block, m, n0, k0, depth, ROWS, vectors);
      }
  }
}

babel_status babel_plane_linear_fwd_cpu(const babel_plane_linear_job *job) {
  if (job->out < 1 || job->in < 1 || job->columns < 1)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "plane linear: %d outputs, %d inputs, %d columns", job->out, job->in,
                      job->columns);
  if (job->out > 1 && job->y_pitch < ((size_t)job->columns + LANES - 1) / LANES * LANES)
    return BABEL_FAIL(BABEL_ERR_SHAPE,
                      "plane linear: a pitch of %zu does not hold %d columns in whole vectors", job->y_pitch,
                      job->columns);
  int tiles = (job->columns + TILE - 1) / TILE;
#pragma omp parallel for schedule(static) if (!omp_in_parallel())
  for (int i = 0; i < tiles; i++) {
    if (job->columns - i * TILE > LANES)
      column_tile(job, i * TILE, 2);
    else
      column_tile(job, i * TILE, 1);
  }
  return BABEL_OK;
}
