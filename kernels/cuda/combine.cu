#include "kernels/combine.h"

#include "kernels/cuda/block_list.cuh"
#include "kernels/cuda/quad.cuh"

typedef struct {
  babel_combine_job job[BABEL_LIST_JOBS];
  babel_block_list blocks;
} combine_list;

__global__ void __launch_bounds__(BABEL_QUAD_THREADS) babel_combine_kernel(const __grid_constant__ combine_list list) {
  const int index = babel_block_list_job(&list.blocks);
  const babel_combine_job *job = &list.job[index];
  const int shift = babel_quad_shift(job->y);
  const bool alike = shift == babel_quad_shift(job->x0) && shift == babel_quad_shift(job->x1) && (!job->x2 || shift == babel_quad_shift(job->x2));
  const int64_t quad = (int64_t)((int)blockIdx.x - list.blocks.first[index]) * BABEL_QUAD_THREADS + threadIdx.x;
  const babel_quad_place place = babel_quad_find(job->y, alike, quad, job->n);
  const float w0 = job->weights[0], w1 = job->weights[1];
  babel_quad y = babel_quad_load(job->x0, place);
  const babel_quad x1 = babel_quad_load(job->x1, place);
  BABEL_UNROLL
  for (int k = 0; k < 4; k++) y.v[k] = fmaf(w0, y.v[k], w1 * x1.v[k]);
  if (job->x2) {
    const babel_quad x2 = babel_quad_load(job->x2, place);
    BABEL_UNROLL
    for (int k = 0; k < 4; k++) y.v[k] += x2.v[k];
  }
  babel_quad_store(job->y, place, y);
}

extern "C" babel_status babel_combine_cuda(const babel_combine_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_combine_check(jobs, n));
  for (int at = 0; at < n;) {
    combine_list list = {};
    for (; at < n && list.blocks.n < BABEL_LIST_JOBS; at++) {
      if (!jobs[at].n) continue;
      list.job[list.blocks.n] = jobs[at];
      babel_block_list_add(&list.blocks, babel_quad_blocks(jobs[at].n));
    }
    if (list.blocks.n) BABEL_TRY(BABEL_LAUNCH(babel_combine_kernel, babel_block_list_blocks(&list.blocks), BABEL_QUAD_THREADS, 0, (cudaStream_t)s, list));
  }
  return BABEL_OK;
}
