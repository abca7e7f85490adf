/* Exponential moving average of parameters: the teacher of algorithm.md section 5.2.
 *
 * t[i] = mu t[i] + (1 - mu) p[i],  mu = state->ema_momentum in [0, 1]
 *
 * mu = 1 leaves t as it is and mu = 0 copies p, exactly (a zero may lose its sign). All (n), t in place; p must not alias it.
 * Errors: BABEL_ERR_SHAPE when n < 0; on the CPU BABEL_ERR_ARG when mu is outside [0, 1]. */
#ifndef BABEL_KERNELS_EMA_H
#define BABEL_KERNELS_EMA_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What every backend refuses. */
static inline babel_status babel_ema_check(const babel_ema_job *jobs, int n) {
  for (int i = 0; i < n; i++)
    if (jobs[i].n < 0) return BABEL_FAIL(BABEL_ERR_SHAPE, "ema, job %d: n = %lld", i, (long long)jobs[i].n);
  return BABEL_OK;
}

babel_status babel_ema_cpu(const babel_ema_job *jobs, int n, const babel_step_state *state, babel_stream *s);
babel_status babel_ema_cuda(const babel_ema_job *jobs, int n, const babel_step_state *state, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
