#include "kernels/sgd.h"

#include "kernels/cuda/block_list.cuh"
#include "kernels/cuda/quad.cuh"

typedef struct {
  babel_sgd_job job[BABEL_LIST_JOBS];
  babel_block_list blocks;
} sgd_list;

__global__ void __launch_bounds__(BABEL_QUAD_THREADS) babel_sgd_kernel(const __grid_constant__ sgd_list list) {
  const int index = babel_block_list_job(&list.blocks);
  const babel_sgd_job *job = &list.job[index];
  const int shift = babel_quad_shift(job->p);
  const bool alike = shift == babel_quad_shift(job->momentum) && shift == babel_quad_shift(job->g);
  const int64_t quad = (int64_t)((int)blockIdx.x - list.blocks.first[index]) * BABEL_QUAD_THREADS + threadIdx.x;
  const babel_quad_place place = babel_quad_find(job->p, alike, quad, job->n);
  babel_quad p = babel_quad_load(job->p, place), momentum = babel_quad_load(job->momentum, place);
  const babel_quad g = babel_quad_load(job->g, place);
  const float lr = *job->lr;
  BABEL_UNROLL
  for (int k = 0; k < 4; k++) {
    momentum.v[k] = job->mu * momentum.v[k] + (g.v[k] + job->weight_decay * p.v[k]);
    p.v[k] -= lr * momentum.v[k];
  }
  babel_quad_store(job->momentum, place, momentum);
  babel_quad_store(job->p, place, p);
}

extern "C" babel_status babel_sgd_cuda(const babel_sgd_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_sgd_check(jobs, n));
  for (int at = 0; at < n;) {
    sgd_list list = {};
    for (; at < n && list.blocks.n < BABEL_LIST_JOBS; at++) {
      if (!jobs[at].n) continue;
      list.job[list.blocks.n] = jobs[at];
      babel_block_list_add(&list.blocks, babel_quad_blocks(jobs[at].n));
    }
    if (list.blocks.n) BABEL_TRY(BABEL_LAUNCH(babel_sgd_kernel, babel_block_list_blocks(&list.blocks), BABEL_QUAD_THREADS, 0, (cudaStream_t)s, list));
  }
  return BABEL_OK;
}
