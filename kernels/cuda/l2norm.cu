/* One warp a row, its sum in double: the second pass finds the row in the first-level cache. */
#include "kernels/l2norm.h"

#include "kernels/cuda/block_list.cuh"
#include "kernels/cuda/row.cuh"

typedef struct {
  babel_block_list blocks;
  babel_l2norm_fwd_job job[BABEL_LIST_JOBS];
} l2norm_fwd_list;

typedef struct {
  babel_block_list blocks;
  babel_l2norm_bwd_job job[BABEL_LIST_JOBS];
} l2norm_bwd_list;

/* This warp's row of job j. */
static __device__ int64_t row_of(const babel_block_list *blocks, int j) {
  return (int64_t)((int)blockIdx.x - blocks->first[j]) * BABEL_ROW_WARPS + babel_row_warp();
}

__global__ void __launch_bounds__(BABEL_ROW_THREADS) babel_l2norm_fwd_kernel(const __grid_constant__ l2norm_fwd_list list) {
  const int j = babel_block_list_job(&list.blocks);
  const babel_l2norm_fwd_job *job = &list.job[j];
  const int d = job->d;
  const int64_t r = row_of(&list.blocks, j);
  if (r >= job->n) return;
  const bool wide = babel_row_aligned(job->x, d) && babel_row_aligned(job->y, d);
  const float *x = job->x + r * d;
  float *y = job->y + r * d;
  double sum = 0;
  for (int base = 0; base < d; base += BABEL_ROW_PANEL) {
    const float4 v = babel_row_load(x, base, d, wide);
    sum += babel_row_product(v, v);
  }
  const double norm = sqrt(babel_row_sum(sum));
  const float inv = (float)(1 / (norm < (double)BABEL_L2NORM_EPS ? (double)BABEL_L2NORM_EPS : norm));
  if (babel_row_lane() == 0) job->inv[r] = inv;
  for (int base = 0; base < d; base += BABEL_ROW_PANEL) {
    const float4 v = babel_row_load(x, base, d, wide);
    babel_row_store(y, base, d, wide, make_float4(v.x * inv, v.y * inv, v.z * inv, v.w * inv));
  }
}

__global__ void __launch_bounds__(BABEL_ROW_THREADS) babel_l2norm_bwd_kernel(const __grid_constant__ l2norm_bwd_list list) {
  const int j = babel_block_list_job(&list.blocks);
  const babel_l2norm_bwd_job *job = &list.job[j];
  const int d = job->d;
  const int64_t r = row_of(&list.blocks, j), from = r % job->rows;
  if (r >= job->n) return;
  const bool wide = babel_row_aligned(job->dx, d) && babel_row_aligned(job->dy, d) && babel_row_aligned(job->y, d);
  const float *dy = job->dy + r * d, *y = job->y + from * d;
  float *dx = job->dx + r * d;
  double sum = 0;
  for (int base = 0; base < d; base += BABEL_ROW_PANEL)
    sum += babel_row_product(babel_row_load(dy, base, d, wide), babel_row_load(y, base, d, wide));
  /* inv of a row whose norm was clamped; no norm above eps rounds to it and matters. */
  const float inv = job->inv[from], clamped = (float)(1 / (double)BABEL_L2NORM_EPS);
  const double dot = babel_row_sum(sum);
  const float along = inv < clamped ? (float)dot : 0;
  for (int base = 0; base < d; base += BABEL_ROW_PANEL) {
    const float4 g = babel_row_load(dy, base, d, wide), u = babel_row_load(y, base, d, wide);
    babel_row_store(dx, base, d, wide,
                    make_float4((g.x - along * u.x) * inv, (g.y - along * u.y) * inv, (g.z - along * u.z) * inv, (g.w - along * u.w) * inv));
  }
}

static int64_t blocks_of(int rows) {
  return ((int64_t)rows + BABEL_ROW_WARPS - 1) / BABEL_ROW_WARPS;
}

extern "C" babel_status babel_l2norm_fwd_cuda(const babel_l2norm_fwd_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_l2norm_fwd_check(jobs, n));
  for (int at = 0; at < n; at += BABEL_LIST_JOBS) {
    l2norm_fwd_list list = {};
    for (int i = at; i < n && i < at + BABEL_LIST_JOBS; i++) {
      list.job[list.blocks.n] = jobs[i];
      babel_block_list_add(&list.blocks, blocks_of(jobs[i].n));
    }
    BABEL_TRY(BABEL_LAUNCH(babel_l2norm_fwd_kernel, babel_block_list_blocks(&list.blocks), BABEL_ROW_THREADS, 0, (cudaStream_t)s, list));
  }
  return BABEL_OK;
}

extern "C" babel_status babel_l2norm_bwd_cuda(const babel_l2norm_bwd_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_l2norm_bwd_check(jobs, n));
  for (int at = 0; at < n; at += BABEL_LIST_JOBS) {
    l2norm_bwd_list list = {};
    for (int i = at; i < n && i < at + BABEL_LIST_JOBS; i++) {
      list.job[list.blocks.n] = jobs[i];
      babel_block_list_add(&list.blocks, blocks_of(jobs[i].n));
    }
    BABEL_TRY(BABEL_LAUNCH(babel_l2norm_bwd_kernel, babel_block_list_blocks(&list.blocks), BABEL_ROW_THREADS, 0, (cudaStream_t)s, list));
  }
  return BABEL_OK;
}
