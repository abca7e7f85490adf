/* What a warp reads of operand tiles in shared memory, 8 values of k at a time, and multiplies: 16 RM rows by 32 columns of c.
 *
 * A tile keeps the order of global memory: along k it is [rows][k], across k it is [k][rows]. Its rows are 4 floats longer than what they
 * hold: 8 rows of 4 floats along k (ldmatrix), and 4 rows of 2 x 4 floats across k (vector loads), then lie in 32 different banks: no
 * conflicts. Across k a lane reads 4 neighbours at once, which makes the rows of its fragments 4 p(g) + 0..3, where p below spreads
 * neighbouring g; linear_row and linear_column say which row and column of the warp's tile an element of c belongs to. */
#ifndef BABEL_KERNELS_CUDA_LINEAR_FRAGMENT_CUH
#define BABEL_KERNELS_CUDA_LINEAR_FRAGMENT_CUH

#include "kernels/cuda/ptx/ldmatrix.cuh"
#include "kernels/cuda/ptx/mma.cuh"

/* Floats from row to row of a tile, and of all of it. */
#define LINEAR_PAD 4
#define LINEAR_PITCH(ALONG_K, TILE, TILE_K) (((ALONG_K) ? (TILE_K) : (TILE)) + LINEAR_PAD)
#define LINEAR_FLOATS(ALONG_K, TILE, TILE_K) (LINEAR_PITCH(ALONG_K, TILE, TILE_K) * ((ALONG_K) ? (TILE) : (TILE_K)))

BABEL_DEVICE int linear_spread(int g) { /* p: even g to 0..3, odd g to 4..7 */
  return g / 2 + 4 * (g % 2);
}

/* Where a lane reads its fragments, from the first row (or column) and k of its warp. */
template <bool ALONG_K, int PITCH>
BABEL_DEVICE int linear_lane_a(int lane) {
  const babel_fragment_place along = babel_ldmatrix_a(lane), across = babel_fragment_tf32_a(lane, 0);
  return ALONG_K ? along.row * PITCH + along.column : across.column * PITCH + 4 * linear_spread(across.row);
}

template <bool ALONG_K, int PITCH>
BABEL_DEVICE int linear_lane_b(int lane) {
  const babel_fragment_place along = babel_ldmatrix_b(lane), across = babel_fragment_tf32_b(lane, 0);
  return ALONG_K ? along.row * PITCH + along.column : across.row * PITCH + 4 * linear_spread(across.column);
}

/* a[i]: 16 of the warp's rows, k 0..7, in the registers of m16n8k8. `tile`: of linear_lane_a. */
template <bool ALONG_K, int PITCH, int RM>
BABEL_DEVICE void linear_load_a(float a[RM][4], const float *tile) {
  if (ALONG_K) {
    BABEL_UNROLL
    for (int i = 0; i < RM; i++) babel_ldmatrix_x4(a[i], tile + 16 * i * PITCH);
  } else {
    BABEL_UNROLL
    for (int e = 0; e < RM; e++) {
      const int i = e / 2 * 2, h = e % 2;
      const float4 rows = *(const float4 *)(tile + 4 * h * PITCH + 16 * i);
      a[i][2 * h] = rows.x, a[i][2 * h + 1] = rows.y, a[i + 1][2 * h] = rows.z, a[i + 1][2 * h + 1] = rows.w;
    }
  }
}

/* b[j]: 8 of the warp's columns. `tile`: of linear_lane_b. */
template <bool ALONG_K, int PITCH>
BABEL_DEVICE void linear_load_b(float b[4][2], const float *tile) {
  if (ALONG_K) {
    BABEL_UNROLL
    for (int j = 0; j < 4; j += 2) {
      float pair[4];
      babel_ldmatrix_x4(pair, tile + 8 * j * PITCH);
      b[j][0] = pair[0], b[j][1] = pair[1], b[j + 1][0] = pair[2], b[j + 1][1] = pair[3];
    }
  } else {
    BABEL_UNROLL
    for (int h = 0; h < 2; h++) {
      const float4 columns = *(const float4 *)(tile + 4 * h * PITCH);
      b[0][h] = columns.x, b[1][h] = columns.y, b[2][h] = columns.z, b[3][h] = columns.w;
    }
  }
}

/* The row of c[i][j][2 half + ..], and the column of c[i][j][.. + side]. */
template <bool ALONG_K>
BABEL_DEVICE int linear_row(int lane, int i, int half) {
  return ALONG_K ? 16 * i + babel_fragment_accumulator(lane, 2 * half).row
                 : i / 2 * 32 + 4 * linear_spread(babel_fragment_accumulator(lane, 0).row) + i % 2 * 2 + half;
}

template <bool ALONG_K>
BABEL_DEVICE int linear_column(int lane, int j, int side) {
  const int column = babel_fragment_accumulator(lane, side).column;
  return ALONG_K ? 8 * j + column : 4 * linear_spread(column) + j;
}

/* sum += a b for 16 values of k, given as two k8 fragments. */
template <int RM>
BABEL_DEVICE void linear_multiply_tf32(float sum[RM][4][4], const float a[2][RM][4], const float b[2][4][2]) {
  BABEL_UNROLL
  for (int s = 0; s < 2; s++) {
    uint32_t ra[RM][4], rb[4][2];
    BABEL_UNROLL
    for (int r = 0; r < 8; r++) rb[r / 2][r % 2] = babel_round_tf32(b[s][r / 2][r % 2]);
    BABEL_UNROLL
    for (int r = 0; r < 4 * RM; r++) ra[r / 4][r % 4] = babel_round_tf32(a[s][r / 4][r % 4]);
    BABEL_UNROLL
    for (int e = 0; e < 4 * RM; e++) babel_mma_tf32(sum[e / 4][e % 4], ra[e / 4], rb[e % 4], sum[e / 4][e % 4]);
  }
}

/* Small with big, big with small, big with big. The products of 16 values of k are added up by the tensor core, which truncates; their sum
 * to the others by an addition that rounds. 32 rows at a time, to bound the registers. */
template <bool A_ALONG_K, bool B_ALONG_K, int RM>
BABEL_DEVICE void linear_multiply_fp32(float sum[RM][4][4], const float a[2][RM][4], const float b[2][4][2]) {
  uint32_t big_b[2][4][2], small_b[2][4][2];
  BABEL_UNROLL
  for (int r = 0; r < 16; r++)
    babel_split_tf32<!B_ALONG_K>(&big_b[r / 8][r / 2 % 4][r % 2], &small_b[r / 8][r / 2 % 4][r % 2], b[r / 8][r / 2 % 4][r % 2]);
  BABEL_UNROLL
  for (int i = 0; i < RM; i += 2) {
    float part[2][4][4] = {};
    BABEL_UNROLL
    for (int s = 0; s < 2; s++) {
      uint32_t big_a[2][4], small_a[2][4];
      BABEL_UNROLL
      for (int r = 0; r < 8; r++) babel_split_tf32<!A_ALONG_K>(&big_a[r / 4][r % 4], &small_a[r / 4][r % 4], a[s][i + r / 4][r % 4]);
      BABEL_UNROLL
      for (int e = 0; e < 24; e++) {
        const int term = e / 8, row = e / 4 % 2, j = e % 4;
        babel_mma_tf32(part[row][j], term == 0 ? small_a[row] : big_a[row], term == 1 ? small_b[s][j] : big_b[s][j], part[row][j]);
      }
    }
    BABEL_UNROLL
    for (int e = 0; e < 32; e++) sum[i + e / 16][e / 4 % 4][e % 4] += part[e / 16][e / 4 % 4][e % 4];
  }
}

/* A lane's two values of a k8 fragment are neighbours along k of a k16 one: any order of k is right that a and b share. */
template <int RM>
BABEL_DEVICE void linear_multiply_bf16(float sum[RM][4][4], const float a[2][RM][4], const float b[2][4][2]) {
  uint32_t ra[RM][4], rb[4][2];
  BABEL_UNROLL
  for (int r = 0; r < 8; r++) rb[r / 2][r % 2] = babel_pack_bf16(b[r % 2][r / 2][0], b[r % 2][r / 2][1]);
  BABEL_UNROLL
  for (int r = 0; r < 4 * RM; r++) {
    const int s = r % 4 / 2, half = r % 2;
    ra[r / 4][r % 4] = babel_pack_bf16(a[s][r / 4][half], a[s][r / 4][half + 2]);
  }
  BABEL_UNROLL
  for (int e = 0; e < 4 * RM; e++) babel_mma_bf16(sum[e / 4][e % 4], ra[e / 4], rb[e % 4], sum[e / 4][e % 4]);
}

#endif
