/* The weighted sum of three directions' cotangents: a batch of 256 at the top of a tower. */
#include "bench/kernels/bench.h"

enum { N = 256 * 512 };

typedef struct {
  const babel_ops *ops;
  babel_combine_job job;
} context;

static babel_status run(void *at) {
  context *c = at;
  return c->ops->combine(&c->job, 1, NULL);
}

static double check(void *at) {
  const babel_combine_job *job = &((context *)at)->job;
  double gap = 0;
  for (int i = 0; i < N; i++)
    babel_bench_gap(&gap, (double)job->y[i], (double)job->weights[0] * (double)job->x0[i] + (double)job->weights[1] * (double)job->x1[i] + (double)job->x2[i]);
  return gap;
}

void babel_bench_combine(babel_bench *bench) {
  if (!babel_bench_wants(bench, "combine", "%d", N)) return;
  context c = {bench->ops, {.y = babel_bench_floats(bench, N, 0), .weights = babel_bench_floats(bench, 2, 1), .n = N}};
  c.job.x0 = babel_bench_floats(bench, N, 1);
  c.job.x1 = babel_bench_floats(bench, N, 0.5);
  c.job.x2 = babel_bench_floats(bench, N, 0.25);
  babel_bench_row row = {.bytes = 4.0 * 4 * N, .flops = 4.0 * N, .run = run, .check = check, .limit = 5e-7, .context = &c};
  babel_bench_measure(bench, &row);
}
