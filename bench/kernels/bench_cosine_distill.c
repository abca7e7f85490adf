/* Distillation of a batch of 256 embeddings. */
#include <math.h>
#include <string.h>

#include "bench/kernels/bench.h"

enum { N = 256, D = 512 };

typedef struct {
  const babel_ops *ops;
  babel_cosine_distill_job job;
} context;

static babel_status run(void *at) {
  context *c = at;
  return c->ops->cosine_distill(&c->job, 1, NULL);
}

static double check(void *at) {
  const babel_cosine_distill_job *job = &((context *)at)->job;
  double gap = 0, loss = 0, largest = 0;
  for (int i = 0; i < N; i++) {
    const float *e = job->e + i * D, *t = job->t + i * D;
    double ee = 0, tt = 0, et = 0;
    for (int c = 0; c < D; c++) {
      ee += (double)e[c] * (double)e[c];
      tt += (double)t[c] * (double)t[c];
      et += (double)e[c] * (double)t[c];
    }
    const double cosine = et / sqrt(ee * tt);
    loss += (1 - cosine) / N;
    for (int c = 0; c < D; c++) {
      const double expected = -(double)job->weight / N * ((double)t[c] / sqrt(tt) - cosine * (double)e[c] / sqrt(ee)) / sqrt(ee);
      largest = fmax(largest, fabs(expected));
      babel_bench_gap(&gap, (double)job->de[i * D + c], expected);
    }
  }
  gap /= largest;
  babel_bench_gap(&gap, (double)job->loss[0] / loss, 1);
  return gap;
}

void babel_bench_cosine_distill(babel_bench *bench) {
  if (!babel_bench_wants(bench, "cosine_distill", "%dx%d", N, D)) return;
  float *e = babel_bench_floats(bench, N * D, 1), *t = babel_bench_floats(bench, N * D, 1);
  for (int i = 0; i < N * D; i++) t[i] = 0.5f * e[i] + 0.3f * t[(i + 1) % (N * D)];
  context c = {bench->ops, {.loss = babel_bench_floats(bench, 1, 0), .de = babel_bench_floats(bench, N * D, 0), .e = e, .t = t, .weight = 5, .n = N, .d = D}};
  c.job.parts = (double *)babel_bench_floats(bench, 2 * BABEL_COSINE_DISTILL_PARTS, 0);
  babel_bench_row row = {.bytes = 4.0 * 3 * N * D, .flops = 10.0 * N * D, .run = run, .check = check, .limit = 2e-6, .context = &c};
  babel_bench_measure(bench, &row);
}
