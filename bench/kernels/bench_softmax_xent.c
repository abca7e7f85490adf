/* Loss and gradient of a classifier of 27 activities. */
#include <math.h>

#include "bench/kernels/bench.h"

enum { N = 256, C = 27 };

typedef struct {
  const babel_ops *ops;
  babel_softmax_xent_job job;
} context;

static babel_status run(void *at) {
  context *c = at;
  return c->ops->softmax_xent(&c->job, 1, NULL);
}

static double check(void *at) {
  const babel_softmax_xent_job *job = &((context *)at)->job;
  double gap = 0, loss = 0;
  for (int i = 0; i < N; i++) {
    double sum = 0;
    for (int k = 0; k < C; k++) sum += exp((double)job->z[i * C + k]);
    loss += (log(sum) - (double)job->z[i * C + job->labels[i]]) / N;
    for (int k = 0; k < C; k++) babel_bench_gap(&gap, N * (double)job->dz[i * C + k], exp((double)job->z[i * C + k]) / sum - (k == job->labels[i]));
  }
  babel_bench_gap(&gap, (double)job->loss[0] / loss, 1);
  return gap;
}

void babel_bench_softmax_xent(babel_bench *bench) {
  if (!babel_bench_wants(bench, "softmax_xent", "%dx%d", N, C)) return;
  int *labels = babel_bench_ints(bench, N);
  for (int i = 0; i < N; i++) labels[i] = i * 5 % C;
  context c = {bench->ops, {.loss = babel_bench_floats(bench, 1, 0), .dz = babel_bench_floats(bench, N * C, 0), .z = babel_bench_floats(bench, N * C, 4),
                            .labels = labels, .n = N, .c = C}};
  babel_bench_row row = {.bytes = 4.0 * 2 * N * C, .flops = 6.0 * N * C, .run = run, .check = check, .limit = 1e-6, .context = &c};
  babel_bench_measure(bench, &row);
}
