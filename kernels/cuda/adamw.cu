/* One pass over p, m, v, the gradients and the teacher of up to LIST pieces in one launch. */
#include "kernels/adamw.h"

#include "kernels/cuda/block_list.cuh"
#include "kernels/cuda/quad.cuh"

enum { LIST = 36 }; /* the parameter of a kernel stays under 4 KiB */

typedef struct {
  babel_adamw_job job[LIST];
  babel_block_list blocks;
  float beta1, beta2, eps;
} adamw_list;

typedef struct {
  float keep, rate, root; /* 1 - lr decay, lr / bias1, 1 / sqrt(bias2) */
  float mu, rest;         /* of the teacher */
} adamw_step;

/* In double, as on the CPU: once a block. */
static __device__ adamw_step step_of(const babel_adamw_job *job, const babel_step_state *state) {
  double lr = job->trunk ? state->trunk_lr : state->lr;
  adamw_step step;
  step.keep = (float)(1 - lr * (double)job->weight_decay);
  step.rate = (float)(lr / (double)state->bias1);
  step.root = (float)(1 / sqrt((double)state->bias2));
  step.mu = state->ema_momentum;
  step.rest = (float)(1 - (double)step.mu);
  return step;
}

__global__ void __launch_bounds__(BABEL_QUAD_THREADS) babel_adamw_kernel(const __grid_constant__ adamw_list list, const babel_step_state *state) {
  BABEL_SHARED(adamw_step, shared, 1);
  const int index = babel_block_list_job(&list.blocks);
  const babel_adamw_job *job = &list.job[index];
  if (threadIdx.x == 0) shared[0] = step_of(job, state);
  __syncthreads();
  const adamw_step step = shared[0];
  const int shift = babel_quad_shift(job->p);
  const bool alike = shift == babel_quad_shift(job->m) && shift == babel_quad_shift(job->v) && shift == babel_quad_shift(job->g[0]) &&
                     (!job->g[1] || shift == babel_quad_shift(job->g[1])) && (!job->g[2] || shift == babel_quad_shift(job->g[2])) &&
                     (!job->teacher || shift == babel_quad_shift(job->teacher));
  const int64_t quad = (int64_t)((int)blockIdx.x - list.blocks.first[index]) * BABEL_QUAD_THREADS + threadIdx.x;
  const babel_quad_place place = babel_quad_find(job->p, alike, quad, job->n);
  const bool clamped = job->low < job->high;
  babel_quad p = babel_quad_load(job->p, place), m = babel_quad_load(job->m, place), v = babel_quad_load(job->v, place);
  babel_quad g = babel_quad_load(job->g[0], place);
  if (job->weights) {
    const float w0 = job->weights[0], w1 = job->weights[1];
    const babel_quad other = babel_quad_load(job->g[1], place);
    BABEL_UNROLL
    for (int k = 0; k < 4; k++) g.v[k] = w0 * g.v[k] + w1 * other.v[k];
  }
  if (job->g[2]) {
    const babel_quad third = babel_quad_load(job->g[2], place);
    BABEL_UNROLL
    for (int k = 0; k < 4; k++) g.v[k] += third.v[k];
  }
  BABEL_UNROLL
  for (int k = 0; k < 4; k++) {
    m.v[k] = list.beta1 * m.v[k] + (1 - list.beta1) * g.v[k];
    v.v[k] = list.beta2 * v.v[k] + (1 - list.beta2) * (g.v[k] * g.v[k]);
    float moved = p.v[k] * step.keep - step.rate * m.v[k] / (sqrtf(v.v[k]) * step.root + list.eps);
    if (clamped) { /* NaN stays */
      moved = job->low > moved ? job->low : moved;
      moved = job->high < moved ? job->high : moved;
    }
    p.v[k] = moved;
  }
  babel_quad_store(job->m, place, m);
  babel_quad_store(job->v, place, v);
  babel_quad_store(job->p, place, p);
  if (!job->teacher) return;
  babel_quad teacher = babel_quad_load(job->teacher, place);
  BABEL_UNROLL
  for (int k = 0; k < 4; k++) teacher.v[k] = step.mu * teacher.v[k] + step.rest * p.v[k];
  babel_quad_store(job->teacher, place, teacher);
}

extern "C" babel_status babel_adamw_cuda(const babel_adamw_job *jobs, int n, float beta1, float beta2, float eps, const babel_step_state *state,
                                         babel_stream *s) {
  BABEL_TRY(babel_adamw_check(jobs, n, beta1, beta2));
  for (int at = 0; at < n;) {
    adamw_list list = {};
    list.beta1 = beta1;
    list.beta2 = beta2;
    list.eps = eps;
    for (; at < n && list.blocks.n < LIST; at++) {
      if (!jobs[at].n) continue;
      list.job[list.blocks.n] = jobs[at];
      babel_block_list_add(&list.blocks, babel_quad_blocks(jobs[at].n));
    }
    if (list.blocks.n)
      BABEL_TRY(BABEL_LAUNCH(babel_adamw_kernel, babel_block_list_blocks(&list.blocks), BABEL_QUAD_THREADS, 0, (cudaStream_t)s, list, state));
  }
  return BABEL_OK;
}
