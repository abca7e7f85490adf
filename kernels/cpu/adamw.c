#include "kernels/adamw.h"

#include <math.h>
#include <stdbool.h>

#include "kernels/cpu/parallel.h"

static babel_status check_state(const babel_step_state *state) {
  if (!(state->bias1 > 0 && state->bias2 > 0))
    return BABEL_FAIL(BABEL_ERR_ARG, "adamw: bias corrections %g, %g; each must be above 0",
                      (double)state->bias1, (double)state->bias2);
  if (!(state->ema_momentum >= 0 && state->ema_momentum <= 1))
    return BABEL_FAIL(BABEL_ERR_ARG, "adamw: momentum of the teacher %g; it must be in [0, 1]", (double)state->ema_momentum);
  return BABEL_OK;
}

typedef struct {
  float beta1, beta2, rest1, rest2, keep, rate, root, eps, low, high, w0, w1, mu, rest;
} factors;

static factors factors_of(const babel_adamw_job *job, float beta1, float beta2, float eps, const babel_step_state *state) {
  const double lr = (double)(job->trunk ? state->trunk_lr : state->lr);
  const bool clamped = job->low < job->high;
  return (factors){.beta1 = beta1, .beta2 = beta2, .rest1 = 1 - beta1, .rest2 = 1 - beta2, .keep = (float)(1 - lr * (double)job->weight_decay),
                   .rate = (float)(lr / (double)state->bias1), .root = (float)(1 / sqrt((double)state->bias2)), .eps = eps,
                   .low = clamped ? job->low : -INFINITY, .high = clamped ? job->high : INFINITY, .w0 = job->weights ? job->weights[0] : 1,
                   .w1 = job->weights ? job->weights[1] : 0, .mu = state->ema_momentum, .rest = (float)(1 - (double)state->ema_momentum)};
}

/* A block at a time, so that what the compiler does to the ends of a loop falls on the same elements whatever the number of threads. */
enum { BLOCK = 4096 };

static void update(const babel_adamw_job *j, const factors *f, int64_t from, int64_t end) {
#pragma omp simd
  for (int64_t k = from; k < end; k++) {
    float g = j->g[0][k];
    if (j->weights) g = f->w0 * g + f->w1 * j->g[1][k];
    if (j->g[2]) g += j->g[2][k];
    float m = f->beta1 * j->m[k] + f->rest1 * g, v = f->beta2 * j->v[k] + f->rest2 * (g * g);
    float p = j->p[k] * f->keep - f->rate * m / (sqrtf(v) * f->root + f->eps);
    p = f->low > p ? f->low : p;
    p = f->high < p ? f->high : p;
    j->m[k] = m;
    j->v[k] = v;
    j->p[k] = p;
    if (j->teacher) j->teacher[k] = f->mu * j->teacher[k] + f->rest * p;
  }
}

babel_status babel_adamw_cpu(const babel_adamw_job *jobs, int n, float beta1, float beta2, float eps,
                             const babel_step_state *state, babel_stream *s) {
  BABEL_TRY(babel_adamw_check(jobs, n, beta1, beta2));
  BABEL_TRY(check_state(state));
  for (int i = 0; i < n; i++) {
    const babel_adamw_job job = jobs[i];
    const factors f = factors_of(&job, beta1, beta2, eps, state);
#pragma omp parallel for schedule(static) if (BABEL_PARALLEL(job.n))
    for (int64_t from = 0; from < job.n; from += BLOCK) update(&job, &f, from, from + BLOCK < job.n ? from + BLOCK : job.n);
  }
  return BABEL_OK;
}
