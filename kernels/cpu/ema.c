#include "kernels/ema.h"

#include "kernels/cpu/parallel.h"

babel_status babel_ema_cpu(const babel_ema_job *jobs, int n, const babel_step_state *state, babel_stream *s) {
  BABEL_TRY(babel_ema_check(jobs, n));
  const float mu = state->ema_momentum, rest = (float)(1 - (double)mu);
  if (!(mu >= 0 && mu <= 1))
    return BABEL_FAIL(BABEL_ERR_ARG, "ema: momentum %g; it must be in [0, 1]", (double)mu);
  for (int i = 0; i < n; i++) {
    const babel_ema_job job = jobs[i];
#pragma omp parallel for simd schedule(static) if (BABEL_PARALLEL(job.n))
    for (int64_t k = 0; k < job.n; k++) job.t[k] = mu * job.t[k] + rest * job.p[k];
  }
  return BABEL_OK;
}
