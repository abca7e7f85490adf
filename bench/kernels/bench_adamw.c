/* AdamW over all parameters of two towers and the prototype: from one gradient, as the CPU's step has it; with the moving average of a teacher;
 * and weighing the gradients of three directions, as a step on a device does. */
#include <math.h>

#include "bench/kernels/bench.h"

enum { N = 773000 };

typedef struct {
  const babel_ops *ops;
  babel_adamw_job job;
  babel_step_state state;
  float *before; /* p, m, v, teacher before the checked run */
} context;

static babel_status run(void *at) {
  context *c = at;
  return c->ops->adamw(&c->job, 1, 0.9f, 0.98f, 1e-8f, &c->state, NULL);
}

static double gradient(const babel_adamw_job *job, int i) {
  if (!job->weights) return (double)job->g[0][i];
  return (double)job->weights[0] * (double)job->g[0][i] + (double)job->weights[1] * (double)job->g[1][i] + (double)job->g[2][i];
}

/* The first run started from `before`. */
static double check(void *at) {
  const context *c = at;
  const double mu = (double)c->state.ema_momentum;
  double gap = 0;
  for (int i = 0; i < N; i++) {
    double g = gradient(&c->job, i), m = 0.9 * (double)c->before[N + i] + 0.1 * g, v = 0.98 * (double)c->before[2 * N + i] + 0.02 * g * g;
    double p = (double)c->before[i] * (1 - 1e-3 * 1e-4) - 1e-3 * (m / 0.1) / (sqrt(v / 0.02) + 1e-8);
    babel_bench_gap(&gap, (double)c->job.p[i], p);
    if (c->job.teacher) babel_bench_gap(&gap, (double)c->job.teacher[i], mu * (double)c->before[3 * N + i] + (1 - mu) * p);
  }
  return gap;
}

static float *copy(babel_bench *bench, const float *from) {
  float *to = babel_bench_floats(bench, N, 0);
  for (int i = 0; i < N; i++) to[i] = from[i];
  return to;
}

static void measure(babel_bench *bench, const char *op, bool teacher, bool weighed) {
  if (!babel_bench_wants(bench, op, "%d", N)) return;
  context c = {.ops = bench->ops, .state = {.lr = 1e-3f, .trunk_lr = 1e-3f, .ema_momentum = 0.996f, .bias1 = 0.1f, .bias2 = 0.02f},
               .before = babel_bench_floats(bench, 4 * N, 1)};
  for (int i = 0; i < N; i++) c.before[2 * N + i] = fabsf(c.before[2 * N + i]);
  c.job = (babel_adamw_job){.p = copy(bench, c.before), .m = copy(bench, c.before + N), .v = copy(bench, c.before + 2 * N), .n = N, .weight_decay = 1e-4f};
  for (int i = 0; i < (weighed ? 3 : 1); i++) c.job.g[i] = babel_bench_floats(bench, N, 1 - 0.3 * i);
  if (weighed) {
    float *weights = babel_bench_floats(bench, 2, 0);
    weights[0] = 0.625f;
    weights[1] = 0.375f;
    c.job.weights = weights;
  }
  if (teacher) c.job.teacher = copy(bench, c.before + 3 * N);
  babel_bench_row row = {.bytes = 4.0 * (7 + 2 * teacher + 2 * weighed) * N,
                         .flops = (14.0 + 3 * teacher + 4 * weighed) * N,
                         .run = run,
                         .check = check,
                         .limit = 3e-7,
                         .context = &c};
  babel_bench_measure(bench, &row);
}

void babel_bench_adamw(babel_bench *bench) {
  measure(bench, "adamw", false, false);
  measure(bench, "adamw_teacher", true, false);
  measure(bench, "adamw_weighed", true, true);
}
