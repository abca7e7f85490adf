#include "kernels/ema.h"

#include "kernels/cuda/block_list.cuh"
#include "kernels/cuda/quad.cuh"

typedef struct {
  babel_ema_job job[BABEL_LIST_JOBS];
  babel_block_list blocks;
} ema_list;

__global__ void __launch_bounds__(BABEL_QUAD_THREADS) babel_ema_kernel(const __grid_constant__ ema_list list, const babel_step_state *state) {
  const int index = babel_block_list_job(&list.blocks);
  const babel_ema_job *job = &list.job[index];
  const bool alike = babel_quad_shift(job->t) == babel_quad_shift(job->p);
  const int64_t quad = (int64_t)((int)blockIdx.x - list.blocks.first[index]) * BABEL_QUAD_THREADS + threadIdx.x;
  const babel_quad_place place = babel_quad_find(job->t, alike, quad, job->n);
  const float mu = state->ema_momentum, rest = (float)(1 - (double)mu);
  babel_quad t = babel_quad_load(job->t, place);
  const babel_quad p = babel_quad_load(job->p, place);
  BABEL_UNROLL
  for (int k = 0; k < 4; k++) t.v[k] = mu * t.v[k] + rest * p.v[k];
  babel_quad_store(job->t, place, t);
}

extern "C" babel_status babel_ema_cuda(const babel_ema_job *jobs, int n, const babel_step_state *state, babel_stream *s) {
  BABEL_TRY(babel_ema_check(jobs, n));
  for (int at = 0; at < n;) {
    ema_list list = {};
    for (; at < n && list.blocks.n < BABEL_LIST_JOBS; at++) {
      if (!jobs[at].n) continue;
      list.job[list.blocks.n] = jobs[at];
      babel_block_list_add(&list.blocks, babel_quad_blocks(jobs[at].n));
    }
    if (list.blocks.n) BABEL_TRY(BABEL_LAUNCH(babel_ema_kernel, babel_block_list_blocks(&list.blocks), BABEL_QUAD_THREADS, 0, (cudaStream_t)s, list, state));
  }
  return BABEL_OK;
}
