/* AdamW over all parameters of two towers and the prototype. */
#include <math.h>
#include <stdio.h>

#include "bench/kernels/bench.h"

enum { N = 773000 };

typedef struct {
  const babel_ops *ops;
  babel_adamw_job job;
  babel_step_state state;
  float *before; /* p, m, v before the checked run */
} context;

static babel_status run(void *at) {
  context *c = at;
  return c->ops->adamw(&c->job, 1, 0.9f, 0.98f, 1e-8f, &c->state, NULL);
}

/* The first run started from p, m, v = before. */
static double check(void *at) {
  const context *c = at;
  double gap = 0;
  for (int i = 0; i < N; i++) {
    double g = (double)c->job.g[0][i], m = 0.9 * (double)c->before[N + i] + 0.1 * g,
           v = 0.98 * (double)c->before[2 * N + i] + 0.02 * g * g;
    double p = (double)c->before[i] * (1 - 1e-3 * 1e-4) - 1e-3 * (m / 0.1) / (sqrt(v / 0.02) + 1e-8);
    double here = fabs((double)c->job.p[i] - p);
    if (!(here <= gap)) gap = here;
  }
  return gap;
}

void babel_bench_adamw(babel_bench *bench) {
  if (!babel_bench_wants(bench, "adamw")) return;
  babel_arena_reset(&bench->memory);
  context c = {.ops = bench->ops, .state = {.lr = 1e-3f, .trunk_lr = 1e-3f, .bias1 = 0.1f, .bias2 = 0.02f},
               .before = babel_bench_floats(bench, 3 * N, 1)};
  float *p = babel_bench_floats(bench, N, 0), *m = babel_bench_floats(bench, N, 0),
        *v = babel_bench_floats(bench, N, 0);
  for (int i = 0; i < N; i++) {
    c.before[2 * N + i] = fabsf(c.before[2 * N + i]);
    p[i] = c.before[i];
    m[i] = c.before[N + i];
    v[i] = c.before[2 * N + i];
  }
  c.job = (babel_adamw_job){
      .p = p, .m = m, .v = v, .g = {babel_bench_floats(bench, N, 1)}, .n = N, .weight_decay = 1e-4f};
  babel_bench_row row = {.op = "adamw",
                         .bytes = 4.0 * 7 * N,
                         .flops = 14.0 * N,
                         .run = run,
                         .check = check,
                         .limit = 3e-7,
                         .context = &c};
  snprintf(row.shape, sizeof row.shape, "%d", N);
  babel_bench_measure(bench, &row);
}
