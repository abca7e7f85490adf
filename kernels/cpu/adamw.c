#include "kernels/adamw.h"

#include <math.h>

#include "kernels/cpu/parallel.h"

static babel_status check_state(const babel_step_state *state) {
  if (!(state->bias1 > 0 && state->bias2 > 0))
    return BABEL_FAIL(BABEL_ERR_ARG, "adamw: bias corrections %g, %g; each must be above 0",
                      (double)state->bias1, (double)state->bias2);
  if (!(state->ema_momentum >= 0 && state->ema_momentum <= 1))
    return BABEL_FAIL(BABEL_ERR_ARG, "adamw: momentum of the teacher %g; it must be in [0, 1]", (double)state->ema_momentum);
  return BABEL_OK;
}

babel_status babel_adamw_cpu(const babel_adamw_job *jobs, int n, float beta1, float beta2, float eps,
                             const babel_step_state *state, babel_stream *s) {
  BABEL_TRY(babel_adamw_check(jobs, n, beta1, beta2));
  BABEL_TRY(check_state(state));
  for (int i = 0; i < n; i++) {
    const babel_adamw_job job = jobs[i];
    const float lr = job.trunk ? state->trunk_lr : state->lr;
    const float keep = (float)(1 - (double)lr * (double)job.weight_decay), rest1 = 1 - beta1,
                rest2 = 1 - beta2;
    const float rate = (float)((double)lr / (double)state->bias1),
                root = (float)(1 / sqrt((double)state->bias2));
    const float mu = state->ema_momentum, rest = (float)(1 - (double)mu);
    const float low = job.low < job.high ? job.low : -INFINITY,
                high = job.low < job.high ? job.high : INFINITY;
#pragma omp parallel for simd schedule(static) if (BABEL_PARALLEL(job.n))
    for (int64_t k = 0; k < job.n; k++) {
      float g = job.g[k], m = beta1 * job.m[k] + rest1 * g, v = beta2 * job.v[k] + rest2 * (g * g);
      float p = job.p[k] * keep - rate * m / (sqrtf(v) * root + eps);
      p = low > p ? low : p;
      p = high < p ? high : p;
      job.m[k] = m;
      job.v[k] = v;
      job.p[k] = p;
      if (job.teacher) job.teacher[k] = mu * job.teacher[k] + rest * p;
    }
  }
  return BABEL_OK;
}
