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

/* This thread's four values. `wide` is a constant at each call: then all reads are on their way before the first is used. */
BABEL_DEVICE void update(const adamw_list &list, const babel_adamw_job &job, const babel_step_state *state, babel_quad_place place, bool wide) {
  place.wide = wide;
  babel_quad p = babel_quad_load(job.p, place), m = babel_quad_load(job.m, place), v = babel_quad_load(job.v, place);
  babel_quad g = babel_quad_load(job.g[0], place), other = {}, third = {}, teacher = {};
  if (job.weights) other = babel_quad_load(job.g[1], place);
  if (job.g[2]) third = babel_quad_load(job.g[2], place);
  if (job.teacher) teacher = babel_quad_load(job.teacher, place);
  const float w0 = job.weights ? job.weights[0] : 1, w1 = job.weights ? job.weights[1] : 0;
  const float lr = job.trunk ? state->trunk_lr : state->lr, mu = state->ema_momentum, rest = 1 - mu;
  const float keep = fmaf(-lr, job.weight_decay, 1), rate = lr / state->bias1, root = __frsqrt_rn(state->bias2);
  const bool clamped = job.low < job.high;
  BABEL_UNROLL
  for (int k = 0; k < 4; k++) {
    const float slope = (job.weights ? fmaf(w0, g.v[k], w1 * other.v[k]) : g.v[k]) + third.v[k];
    m.v[k] = fmaf(list.beta1, m.v[k], (1 - list.beta1) * slope);
    v.v[k] = fmaf(list.beta2, v.v[k], (1 - list.beta2) * (slope * slope));
    float moved = fmaf(p.v[k], keep, -(rate * m.v[k] / fmaf(sqrtf(v.v[k]), root, list.eps)));
    if (clamped) { /* NaN stays */
      moved = job.low > moved ? job.low : moved;
      moved = job.high < moved ? job.high : moved;
    }
    p.v[k] = moved;
    teacher.v[k] = fmaf(mu, teacher.v[k], rest * moved);
  }
  babel_quad_store(job.m, place, m);
  babel_quad_store(job.v, place, v);
  babel_quad_store(job.p, place, p);
  if (job.teacher) babel_quad_store(job.teacher, place, teacher);
}

__global__ void __launch_bounds__(BABEL_QUAD_THREADS) babel_adamw_kernel(const __grid_constant__ adamw_list list, const babel_step_state *state) {
  const int index = babel_block_list_job(&list.blocks);
  const babel_adamw_job &job = list.job[index];
  const int shift = babel_quad_shift(job.p);
  const bool alike = shift == babel_quad_shift(job.m) && shift == babel_quad_shift(job.v) && shift == babel_quad_shift(job.g[0]) &&
                     (!job.g[1] || shift == babel_quad_shift(job.g[1])) && (!job.g[2] || shift == babel_quad_shift(job.g[2])) &&
                     (!job.teacher || shift == babel_quad_shift(job.teacher));
  const int64_t quad = (int64_t)((int)blockIdx.x - list.blocks.first[index]) * BABEL_QUAD_THREADS + threadIdx.x;
  const babel_quad_place place = babel_quad_find(job.p, alike, quad, job.n);
  if (place.wide)
    update(list, job, state, place, true);
  else
    update(list, job, state, place, false);
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
