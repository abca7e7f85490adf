/* Pooling of sequences behind the tower: 256 of 20 steps. */
#include <math.h>

#include "bench/kernels/bench.h"

enum { N = 256, STEPS = 20, D = 512 };

typedef struct {
  const babel_ops *ops;
  babel_segment_mean_job job;
} context;

static babel_status run_fwd(void *at) {
  context *c = at;
  return c->ops->segment_mean_fwd(&c->job, NULL);
}

static babel_status run_bwd(void *at) {
  context *c = at;
  return c->ops->segment_mean_bwd(&c->job, NULL);
}

static double check_fwd(void *at) {
  const babel_segment_mean_job *job = &((context *)at)->job;
  double gap = 0;
  for (int i = 0; i < N; i++)
    for (int c = 0; c < D; c++) {
      double sum = 0;
      for (int t = 0; t < job->lengths[i]; t++) sum += (double)job->sequence[((size_t)i * STEPS + t) * D + c];
      babel_bench_gap(&gap, (double)job->pooled[i * D + c], sum / job->lengths[i]);
    }
  return gap;
}

static double check_bwd(void *at) {
  const babel_segment_mean_job *job = &((context *)at)->job;
  double gap = 0;
  for (int i = 0; i < N; i++)
    for (int t = 0; t < STEPS; t++)
      for (int c = 0; c < D; c++)
        babel_bench_gap(&gap, (double)job->sequence[((size_t)i * STEPS + t) * D + c], t < job->lengths[i] ? (double)job->pooled[i * D + c] / job->lengths[i] : 0);
  return gap;
}

static void measure(babel_bench *bench, bool backward) {
  if (!babel_bench_wants(bench, backward ? "segment_mean_bwd" : "segment_mean_fwd", "%dx%dx%d", N, STEPS, D)) return;
  int *lengths = babel_bench_ints(bench, N);
  for (int i = 0; i < N; i++) lengths[i] = STEPS - i % 4;
  context c = {bench->ops, {.lengths = lengths, .n = N, .steps = STEPS, .d = D, .stacked = 1}};
  c.job.pooled = babel_bench_floats(bench, N * D, 1);
  c.job.sequence = babel_bench_floats(bench, (size_t)N * STEPS * D, 1);
  babel_bench_row row = {.bytes = 4.0 * N * D * (STEPS + 1), .flops = 1.0 * N * D * STEPS, .run = backward ? run_bwd : run_fwd,
                         .check = backward ? check_bwd : check_fwd, .limit = 1e-6, .context = &c};
  babel_bench_measure(bench, &row);
}

void babel_bench_segment_mean(babel_bench *bench) {
  measure(bench, false);
  measure(bench, true);
}
