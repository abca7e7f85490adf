/* One tile of C = A B (linear_job.cuh) by one block, on tensor cores.
 *
 * Tiles of A and B, TILE_K values of k deep, travel through STAGES buffers of shared memory by asynchronous copies. Pieces of the
 * tile of C, 16 RM x 32, belong to one warp each, or to K_GROUPS warps that share its k: each takes every K_GROUPS-th 16 of k, and their sums are added
 * up in shared memory in a fixed order at the end. A stage of a training step is a few dozen tiles on more processors than that: what
 * counts is how long one tile takes, and warps that share k shorten it without more operand bytes. The result passes through shared
 * memory to be stored in whole rows. Sizes that are not multiples of the tile: zeros in shared memory, nothing stored. */
#ifndef BABEL_KERNELS_CUDA_LINEAR_TILE_CUH
#define BABEL_KERNELS_CUDA_LINEAR_TILE_CUH

#include "kernels/cuda/linear_copy.cuh"
#include "kernels/cuda/linear_job.cuh"

enum { LINEAR_TF32, LINEAR_FP32, LINEAR_BF16 };

#define LINEAR_THREADS(TILE_M, TILE_N, RM, K_GROUPS) ((TILE_M) / (16 * (RM)) * ((TILE_N) / 32) * (K_GROUPS) * 32)
#define LINEAR_SHARED_BYTES(A_ALONG_K, B_ALONG_K, TILE_M, TILE_N, TILE_K, STAGES) \
  (sizeof(float) * (STAGES) * (LINEAR_FLOATS(A_ALONG_K, TILE_M, TILE_K) + LINEAR_FLOATS(B_ALONG_K, TILE_N, TILE_K)))

/* Most lists are short: the bounds of the first jobs are compared at once. */
BABEL_DEVICE int linear_find_job(const linear_jobs &jobs, int block) {
  int found = (block >= jobs.first_block[1]) + (block >= jobs.first_block[2]) + (block >= jobs.first_block[3]);
  if (found == 3)
    while (block >= jobs.first_block[found + 1]) found++;
  return found;
}

/* A warp's fragments of 16 values of k, as two of 8; `a` and `b` point at what the lane reads first. */
template <bool A_ALONG_K, bool B_ALONG_K, int A_PITCH, int B_PITCH, int RM>
BABEL_DEVICE void linear_load(float fa[2][RM][4], float fb[2][4][2], const float *a, const float *b) {
  BABEL_UNROLL
  for (int s = 0; s < 2; s++) {
    linear_load_a<A_ALONG_K, A_PITCH, RM>(fa[s], a + 8 * s * (A_ALONG_K ? 1 : A_PITCH));
    linear_load_b<B_ALONG_K, B_PITCH>(fb[s], b + 8 * s * (B_ALONG_K ? 1 : B_PITCH));
  }
}

/* sum += their product; row_sum[2 i + half] += a over k, where asked for. */
template <int PRECISION, bool A_ALONG_K, bool B_ALONG_K, int RM>
BABEL_DEVICE void linear_multiply(float sum[RM][4][4], float row_sum[2 * RM], bool sums, const float fa[2][RM][4], const float fb[2][4][2]) {
  if (!A_ALONG_K && sums) {
    BABEL_UNROLL
    for (int r = 0; r < 2 * RM; r++) {
      const int i = r / 2, half = r % 2;
      row_sum[r] += (fa[0][i][half] + fa[0][i][half + 2]) + (fa[1][i][half] + fa[1][i][half + 2]);
    }
  }
  if (PRECISION == LINEAR_TF32) linear_multiply_tf32<RM>(sum, fa, fb);
  if (PRECISION == LINEAR_FP32) linear_multiply_fp32<A_ALONG_K, B_ALONG_K, RM>(sum, fa, fb);
  if (PRECISION == LINEAR_BF16) linear_multiply_bf16<RM>(sum, fa, fb);
}

/* Where an element of the tile of C stands in shared memory. The pitch, and across k the exchange of halves of 32 columns in every second
 * 16 rows, keep what the lanes of linear_spill write at the same time in different banks. */
template <bool A_ALONG_K, int PITCH>
BABEL_DEVICE int linear_place(int row, int column) {
  return row * PITCH + (A_ALONG_K ? column : column ^ (row & 16));
}

/* What stands beside the product and is read before it, while the first tiles are on their way: the bias of this thread's column (fwd), and
 * which of its rows the mask lets through, a bit each (bwd_data). A thread's rows are first, first + STRIDE, .. */
typedef struct {
  float bias;
  uint32_t gate;
} linear_beside;

template <bool A_ALONG_K, bool B_ALONG_K, int TILE_M, int TILE_N, int THREADS>
BABEL_DEVICE linear_beside linear_read_beside(const linear_job &job, int row0, int column0) {
  constexpr int STRIDE = THREADS / TILE_N, ROWS = TILE_M / STRIDE;
  static_assert(ROWS <= 32, "a bit for each row");
  const int column = column0 + threadIdx.x % TILE_N, first = row0 + threadIdx.x / TILE_N;
  linear_beside beside = {0.0f, ~0u};
  if (column >= job.n) return beside;
  if (B_ALONG_K && job.bias) beside.bias = job.bias[column];
  if (A_ALONG_K && !B_ALONG_K && job.mask) {
    int mask_row;
    linear_divide(&mask_row, first, job.mask_rows, job.mask_reciprocal);
    const int stride = STRIDE < job.mask_rows ? STRIDE : STRIDE % job.mask_rows;
    float input[ROWS];
    BABEL_UNROLL
    for (int r = 0; r < ROWS; r++) {
      input[r] = first + r * STRIDE < job.m ? job.mask[(ptrdiff_t)mask_row * job.n + column] : 0.0f;
      mask_row += stride;
      mask_row -= mask_row >= job.mask_rows ? job.mask_rows : 0;
    }
    BABEL_UNROLL
    for (int r = 0; r < ROWS; r++) beside.gate ^= (uint32_t)(input[r] <= 0.0f) << r;
  }
  return beside;
}

/* The sums of all groups, with what stands beside them, whole rows at a time. `shared`: [K_GROUPS][TILE_M][PITCH]. */
template <bool A_ALONG_K, bool B_ALONG_K, int TILE_M, int TILE_N, int K_GROUPS, int PITCH, int THREADS>
BABEL_DEVICE void linear_store(const linear_job &job, const linear_beside &beside, const float *shared, int row0, int column0) {
  constexpr int STRIDE = THREADS / TILE_N, ROWS = TILE_M / STRIDE;
  const int column = threadIdx.x % TILE_N, first = threadIdx.x / TILE_N;
  const int rows = column0 + column < job.n ? job.m - row0 - first : 0;
  float *c = job.c + (ptrdiff_t)(row0 + first) * job.n + column0 + column;
  float value[ROWS];
  BABEL_UNROLL
  for (int r = 0; r < ROWS; r++) {
    const float *part = shared + linear_place<A_ALONG_K, PITCH>(first + r * STRIDE, column);
    value[r] = part[0];
    BABEL_UNROLL
    for (int group = 1; group < K_GROUPS; group++) value[r] += part[group * TILE_M * PITCH];
    if (B_ALONG_K) value[r] += beside.bias;
    if (A_ALONG_K && !B_ALONG_K) value[r] = beside.gate >> r & 1 ? value[r] : 0.0f;
  }
  if ((B_ALONG_K || !A_ALONG_K) && job.accumulate) {
    float before[ROWS];
    BABEL_UNROLL
    for (int r = 0; r < ROWS; r++) before[r] = r * STRIDE < rows ? c[(ptrdiff_t)(r * STRIDE) * job.n] : 0.0f;
    BABEL_UNROLL
    for (int r = 0; r < ROWS; r++) value[r] += before[r];
  }
  if (B_ALONG_K && job.relu) {
    BABEL_UNROLL
    for (int r = 0; r < ROWS; r++) value[r] = value[r] < 0.0f ? 0.0f : value[r];
  }
  BABEL_UNROLL
  for (int r = 0; r < ROWS; r++)
    if (r * STRIDE < rows) c[(ptrdiff_t)(r * STRIDE) * job.n] = value[r];
}

/* A warp's sums to shared memory, [TILE_M][PITCH] of its group; both elements of a pair lie side by side when B runs along k. */
template <bool A_ALONG_K, bool B_ALONG_K, int RM, int PITCH>
BABEL_DEVICE void linear_spill(float *shared, const float sum[RM][4][4], int lane) {
  BABEL_UNROLL
  for (int e = 0; e < 2 * RM; e++) {
    const int i = e / 2, half = e % 2;
    const int row = linear_row<A_ALONG_K>(lane, i, half);
    if (B_ALONG_K) {
      BABEL_UNROLL
      for (int j = 0; j < 4; j++)
        *(float2 *)(shared + linear_place<A_ALONG_K, PITCH>(row, linear_column<true>(lane, j, 0))) =
            make_float2(sum[i][j][2 * half], sum[i][j][2 * half + 1]);
    } else {
      BABEL_UNROLL
      for (int side = 0; side < 2; side++)
        *(float4 *)(shared + linear_place<A_ALONG_K, PITCH>(row, linear_column<false>(lane, 0, side))) =
            make_float4(sum[i][0][2 * half + side], sum[i][1][2 * half + side], sum[i][2][2 * half + side], sum[i][3][2 * half + side]);
    }
  }
}

/* Sums of A over k: over the lanes of a row, then over the groups. `shared`: [K_GROUPS][TILE_M]. Every thread must call. */
template <int TILE_M, int RM, int K_GROUPS>
BABEL_DEVICE void linear_store_row_sums(const linear_job &job, float *shared, const float row_sum[2 * RM], int row0, int group, int warp_m,
                                        bool first_column, int lane) {
  BABEL_UNROLL
  for (int r = 0; r < 2 * RM; r++) {
    float value = row_sum[r] + __shfl_xor_sync(0xffffffffu, row_sum[r], 1);
    value += __shfl_xor_sync(0xffffffffu, value, 2);
    if (first_column && lane % 4 == 0) shared[group * TILE_M + warp_m + linear_row<false>(lane, r / 2, r % 2)] = value;
  }
  __syncthreads();
  const int row = threadIdx.x;
  if (row >= TILE_M || row0 + row >= job.m) return;
  float value = shared[row];
  BABEL_UNROLL
  for (int g = 1; g < K_GROUPS; g++) value += shared[g * TILE_M + row];
  job.sums[row0 + row] = job.accumulate ? job.sums[row0 + row] + value : value;
}

/* The main loop: the warp's share of k, tile after tile. A group of copies is committed for every tile, an empty one past the end: what is
 * waited for is a number of groups. */
template <int PRECISION, bool A_ALONG_K, bool B_ALONG_K, int TILE_M, int TILE_N, int TILE_K, int RM, int K_GROUPS, int STAGES, bool WIDE>
BABEL_DEVICE linear_beside linear_sum_up(float sum[RM][4][4], float row_sum[2 * RM], bool sums, float *shared, int lane_a, int lane_b,
                                         const linear_job &job, int row0, int column0) {
  constexpr int A_PITCH = LINEAR_PITCH(A_ALONG_K, TILE_M, TILE_K), B_PITCH = LINEAR_PITCH(B_ALONG_K, TILE_N, TILE_K);
  constexpr int A_FLOATS = LINEAR_FLOATS(A_ALONG_K, TILE_M, TILE_K), STAGE = A_FLOATS + LINEAR_FLOATS(B_ALONG_K, TILE_N, TILE_K);
  constexpr int THREADS = LINEAR_THREADS(TILE_M, TILE_N, RM, K_GROUPS);
  linear_stream a = linear_stream_open<A_ALONG_K, TILE_M, TILE_K, THREADS>(job.a, job.a_pitch, WIDE ? 4 : job.a_step, row0, job.m, job.k);
  linear_stream b = linear_stream_open<B_ALONG_K, TILE_N, TILE_K, THREADS>(job.b, job.b_pitch, WIDE ? 4 : job.b_step, column0, job.n, job.k);
  const int tiles = (job.k + TILE_K - 1) / TILE_K;
  BABEL_UNROLL
  for (int i = 0; i < STAGES - 1; i++) {
    if (i < tiles) {
      linear_stream_next<A_ALONG_K, TILE_M, TILE_K, THREADS, WIDE>(shared + i * STAGE, &a);
      linear_stream_next<B_ALONG_K, TILE_N, TILE_K, THREADS, WIDE>(shared + i * STAGE + A_FLOATS, &b);
    }
    babel_copy_async_commit();
  }
  const linear_beside beside = linear_read_beside<A_ALONG_K, B_ALONG_K, TILE_M, TILE_N, THREADS>(job, row0, column0);
  float *read = shared, *write = shared + (STAGES - 1) * STAGE;
  BABEL_NO_UNROLL
  for (int left = tiles; left > 0; left--) {
    babel_copy_async_wait<STAGES - 2>(); /* this tile is there for all, and the one before it is free */
    __syncthreads();
    float fa[2][RM][4], fb[2][4][2];
    linear_load<A_ALONG_K, B_ALONG_K, A_PITCH, B_PITCH, RM>(fa, fb, read + lane_a, read + A_FLOATS + lane_b);
    if (left >= STAGES) { /* while the fragments are on their way */
      linear_stream_next<A_ALONG_K, TILE_M, TILE_K, THREADS, WIDE>(write, &a);
      linear_stream_next<B_ALONG_K, TILE_N, TILE_K, THREADS, WIDE>(write + A_FLOATS, &b);
    }
    babel_copy_async_commit();
    linear_multiply<PRECISION, A_ALONG_K, B_ALONG_K, RM>(sum, row_sum, sums, fa, fb);
    BABEL_UNROLL
    for (int unit = 1; unit < TILE_K / 16 / K_GROUPS; unit++) {
      linear_load<A_ALONG_K, B_ALONG_K, A_PITCH, B_PITCH, RM>(fa, fb, read + lane_a + 16 * K_GROUPS * unit * (A_ALONG_K ? 1 : A_PITCH),
                                                             read + A_FLOATS + lane_b + 16 * K_GROUPS * unit * (B_ALONG_K ? 1 : B_PITCH));
      linear_multiply<PRECISION, A_ALONG_K, B_ALONG_K, RM>(sum, row_sum, sums, fa, fb);
    }
    write = read;
    read = read == shared + (STAGES - 1) * STAGE ? shared : read + STAGE;
  }
  babel_copy_async_wait<0>();
  __syncthreads();
  return beside;
}

template <int PRECISION, bool A_ALONG_K, bool B_ALONG_K, int TILE_M, int TILE_N, int TILE_K, int RM, int K_GROUPS, int STAGES>
static __global__ void __launch_bounds__(LINEAR_THREADS(TILE_M, TILE_N, RM, K_GROUPS))
    linear_tile_kernel(const __grid_constant__ linear_jobs jobs) {
  constexpr int A_PITCH = LINEAR_PITCH(A_ALONG_K, TILE_M, TILE_K), B_PITCH = LINEAR_PITCH(B_ALONG_K, TILE_N, TILE_K);
  constexpr int C_PITCH = TILE_N + (B_ALONG_K ? 8 : 16), WARPS_N = TILE_N / 32, WARPS = TILE_M / (16 * RM) * WARPS_N;
  static_assert(sizeof(float) * K_GROUPS * TILE_M * (C_PITCH + 1) <= LINEAR_SHARED_BYTES(A_ALONG_K, B_ALONG_K, TILE_M, TILE_N, TILE_K, STAGES),
                "the sums of all groups, and those of A, take the place of the stages");
  BABEL_DYNAMIC_SHARED(float, shared);

  const int found = linear_find_job(jobs, blockIdx.x), tile = blockIdx.x - jobs.first_block[found];
  const linear_job job = jobs.job[found];
  int column0;
  const int row0 = linear_divide(&column0, tile, job.across, job.across_reciprocal) * TILE_M;
  column0 *= TILE_N;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, group = warp / WARPS;
  const int warp_m = warp % WARPS / WARPS_N * 16 * RM, warp_n = warp % WARPS_N * 32;
  const int lane_a = linear_lane_a<A_ALONG_K, A_PITCH>(lane) + (A_ALONG_K ? warp_m * A_PITCH + 16 * group : 16 * group * A_PITCH + warp_m);
  const int lane_b = linear_lane_b<B_ALONG_K, B_PITCH>(lane) + (B_ALONG_K ? warp_n * B_PITCH + 16 * group : 16 * group * B_PITCH + warp_n);
  const bool sums = !A_ALONG_K && job.sums && column0 == 0;
  float sum[RM][4][4] = {}, row_sum[2 * RM] = {};

  linear_beside beside;
  if (job.a_step != 4 || job.b_step != 4)
    beside = linear_sum_up<PRECISION, A_ALONG_K, B_ALONG_K, TILE_M, TILE_N, TILE_K, RM, K_GROUPS, STAGES, false>(sum, row_sum, sums, shared, lane_a,
                                                                                                                lane_b, job, row0, column0);
  else if (sums)
    beside = linear_sum_up<PRECISION, A_ALONG_K, B_ALONG_K, TILE_M, TILE_N, TILE_K, RM, K_GROUPS, STAGES, true>(sum, row_sum, true, shared, lane_a,
                                                                                                               lane_b, job, row0, column0);
  else
    beside = linear_sum_up<PRECISION, A_ALONG_K, B_ALONG_K, TILE_M, TILE_N, TILE_K, RM, K_GROUPS, STAGES, true>(sum, row_sum, false, shared, lane_a,
                                                                                                               lane_b, job, row0, column0);
  linear_spill<A_ALONG_K, B_ALONG_K, RM, C_PITCH>(shared + (group * TILE_M + warp_m) * C_PITCH + warp_n, sum, lane);
  __syncthreads();
  linear_store<A_ALONG_K, B_ALONG_K, TILE_M, TILE_N, K_GROUPS, C_PITCH, LINEAR_THREADS(TILE_M, TILE_N, RM, K_GROUPS)>(job, beside, shared, row0, column0);
  if (sums)
    linear_store_row_sums<TILE_M, RM, K_GROUPS>(job, shared + K_GROUPS * TILE_M * C_PITCH, row_sum, row0, group, warp_m, warp_n == 0, lane);
}

#endif
