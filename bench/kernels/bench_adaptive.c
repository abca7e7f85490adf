/* Norms and weights of the two directions: modules of 316 and 512 wide features. */
#include <math.h>

#include "bench/kernels/bench.h"

enum { A = 316 * 256 + 256 * 256 + 256 * 512 + 1024, B = 512 * 256 + 256 * 256 + 256 * 512 + 1024 };

typedef struct {
  const babel_ops *ops;
  babel_adaptive_job job;
} context;

static babel_status run(void *at) {
  context *c = at;
  return c->ops->adaptive(&c->job, NULL);
}

static double check(void *at) {
  const babel_adaptive_job *job = &((context *)at)->job;
  double norm[2] = {0, 0}, gap = 0;
  for (int d = 0; d < 2; d++) {
    for (int64_t i = 0; i < job->count[d]; i++) norm[d] += (double)job->grad[d][i] * (double)job->grad[d][i];
    norm[d] = sqrt(norm[d]);
    babel_bench_gap(&gap, (double)job->norms[d] / norm[d], 1);
  }
  babel_bench_gap(&gap, (double)job->weights[0], norm[1] / (norm[0] + norm[1]));
  babel_bench_gap(&gap, (double)job->weights[1], norm[0] / (norm[0] + norm[1]));
  return gap;
}

void babel_bench_adaptive(babel_bench *bench) {
  if (!babel_bench_wants(bench, "adaptive", "%d+%d", A, B)) return;
  context c = {bench->ops, {.weights = babel_bench_floats(bench, 2, 0), .norms = babel_bench_floats(bench, 2, 0), .count = {A, B}, .mode = 1}};
  c.job.parts = (double *)babel_bench_floats(bench, 2 * BABEL_ADAPTIVE_PARTS, 0);
  c.job.grad[0] = babel_bench_floats(bench, A, 1);
  c.job.grad[1] = babel_bench_floats(bench, B, 0.3);
  babel_bench_row row = {.bytes = 4.0 * (A + B), .flops = 2.0 * (A + B), .run = run, .check = check, .limit = 1e-6, .context = &c};
  babel_bench_measure(bench, &row);
}
