/* The two-way contrastive loss with all gradients, and its forward alone. Five products of m x m x d. */
#include <math.h>
#include <stdio.h>

#include "bench/kernels/bench.h"

typedef struct {
  const babel_ops *ops;
  babel_contrastive_job job;
} loss;

static babel_status run(void *context) {
  loss *l = context;
  return l->ops->contrastive(&l->job, NULL);
}

static double logit(const babel_contrastive_job *job, int i, int j) {
  double sum = 0;
  for (int c = 0; c < job->d; c++)
    sum += (double)job->na[(size_t)i * job->d + c] * (double)job->nb[(size_t)j * job->d + c];
  return exp((double)*job->log_scale) * sum;
}

static double check(void *context) {
  const babel_contrastive_job *job = &((loss *)context)->job;
  double sum_of_losses = 0;
  for (int i = 0; i < job->m; i++) {
    double own = logit(job, i, i), sum = 0;
    for (int j = 0; j < job->m; j++) sum += exp(logit(job, i, j) - own);
    sum_of_losses += log(sum) / job->m;
  }
  return fabs((double)job->loss[0] - sum_of_losses) / sum_of_losses;
}

static void measure(babel_bench *bench, const char *op, int m, int d, bool gradients) {
  if (!babel_bench_wants(bench, op)) return;
  babel_arena_reset(&bench->memory);
  const size_t size = (size_t)m * d;
  float *na = babel_bench_floats(bench, size, sqrt(3.0 / d)),
        *nb = babel_bench_floats(bench, size, sqrt(3.0 / d)), *losses = babel_bench_floats(bench, 2, 0);
  float *log_scale = babel_bench_floats(bench, 1, 0);
  for (size_t i = 0; i < size; i++) nb[i] = 0.9f * nb[i] + 0.3f * na[i];
  *log_scale = (float)log(1 / 0.07);
  babel_contrastive_job job = {.loss = losses, .na = na, .nb = nb, .log_scale = log_scale, .m = m, .d = d};
  job.workspace = babel_bench_floats(bench, babel_contrastive_workspace(m, d), 0);
  if (gradients) {
    job.dna = babel_bench_floats(bench, 2 * size, 0);
    job.dnb = babel_bench_floats(bench, 2 * size, 0);
    job.dlog_scale = babel_bench_floats(bench, 2, 0);
  }
  loss all = {bench->ops, job};
  babel_bench_row row = {.op = op,
                         .bytes = 4.0 * (double)(2 * size + (gradients ? 4 * size : 0)),
                         .flops = 2.0 * m * m * d * (gradients ? 5 : 1),
                         .run = run,
                         .check = check,
                         .limit = 1e-5,
                         .context = &all};
  snprintf(row.shape, sizeof row.shape, "%dx%d", m, d);
  babel_bench_measure(bench, &row);
}

void babel_bench_contrastive(babel_bench *bench) {
  measure(bench, "contrastive", 256, 512, true);
  measure(bench, "contrastive_loss", 256, 512, false);
}
