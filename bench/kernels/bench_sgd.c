/* SGD over the MLP head: 512 -> 256 -> 27. */
#include "bench/kernels/bench.h"

enum { N = 512 * 256 + 256 + 256 * 27 + 27 };

typedef struct {
  const babel_ops *ops;
  babel_sgd_job job;
  float *before; /* p, momentum before the checked run */
} context;

static babel_status run(void *at) {
  context *c = at;
  return c->ops->sgd(&c->job, 1, NULL);
}

static double check(void *at) {
  const context *c = at;
  double gap = 0;
  for (int i = 0; i < N; i++) {
    const double p = (double)c->before[i], momentum = 0.9 * (double)c->before[N + i] + (double)c->job.g[i] + 1e-4 * p;
    babel_bench_gap(&gap, (double)c->job.p[i], p - 1e-2 * momentum);
    babel_bench_gap(&gap, (double)c->job.momentum[i], momentum);
  }
  return gap;
}

void babel_bench_sgd(babel_bench *bench) {
  if (!babel_bench_wants(bench, "sgd", "%d", N)) return;
  context c = {.ops = bench->ops, .before = babel_bench_floats(bench, 2 * N, 1)};
  float *p = babel_bench_floats(bench, N, 0), *momentum = babel_bench_floats(bench, N, 0);
  for (int i = 0; i < N; i++) {
    p[i] = c.before[i];
    momentum[i] = c.before[N + i];
  }
  float *lr = babel_bench_floats(bench, 1, 0);
  *lr = 1e-2f;
  c.job = (babel_sgd_job){.p = p, .momentum = momentum, .g = babel_bench_floats(bench, N, 1), .lr = lr, .n = N, .mu = 0.9f, .weight_decay = 1e-4f};
  babel_bench_row row = {.bytes = 4.0 * 5 * N, .flops = 6.0 * N, .run = run, .check = check, .limit = 1e-6, .context = &c};
  babel_bench_measure(bench, &row);
}
