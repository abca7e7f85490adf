/* AdamW with decoupled weight decay (Loshchilov and Hutter, ICLR 2019), as PyTorch's AdamW. algorithm.md section 7.
 *
 * g = g[0], or weights[0] g[0] + weights[1] g[1] + g[2]: gradients of both directions and of the distillation, Eq. (5)
 * eta = state->lr, or state->trunk_lr when the job says trunk
 * p = p (1 - eta weight_decay)
 * m = beta1 m + (1 - beta1) g;   v = beta2 v + (1 - beta2) g^2
 * p = p - eta (m / bias1) / (sqrt(v / bias2) + eps),   bias1 = 1 - beta1^(step+1), bias2 = 1 - beta2^(step+1)
 * p = min(max(p, low), high) when low < high
 * teacher = mu teacher + (1 - mu) p, mu = state->ema_momentum, where there is a teacher (section 5.2): the moving average in the same pass
 *
 * All (n), updated in place; no two may overlap. Independent of the number of threads.
 * Errors: BABEL_ERR_SHAPE when n < 0; BABEL_ERR_ARG when a beta is outside [0, 1), weights stand without g[1] or g[1] without weights, or, on the CPU, a bias is not above 0 or mu outside [0, 1]. */
#ifndef BABEL_KERNELS_ADAMW_H
#define BABEL_KERNELS_ADAMW_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What every backend refuses. */
static inline babel_status babel_adamw_check(const babel_adamw_job *jobs, int n, float beta1, float beta2) {
  for (int i = 0; i < n; i++) {
    if (jobs[i].n > 0 && (!jobs[i].weights) != (!jobs[i].g[1]))
      return BABEL_FAIL(BABEL_ERR_ARG, "adamw, job %d: two gradients need weights, one takes none", i);
    if (jobs[i].n < 0) return BABEL_FAIL(BABEL_ERR_SHAPE, "adamw, job %d: n = %lld", i, (long long)jobs[i].n);
  }
  if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1))
    return BABEL_FAIL(BABEL_ERR_ARG, "adamw: betas %g, %g; each must be in [0, 1)", (double)beta1, (double)beta2);
  return BABEL_OK;
}

babel_status babel_adamw_cpu(const babel_adamw_job *jobs, int n, float beta1, float beta2, float eps,
                             const babel_step_state *state, babel_stream *s);
babel_status babel_adamw_cuda(const babel_adamw_job *jobs, int n, float beta1, float beta2, float eps,
                              const babel_step_state *state, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
