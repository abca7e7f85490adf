/* The two-way contrastive loss: five products of m x m x d with all gradients, one without. */
#include <math.h>

#include "bench/kernels/bench.h"

typedef struct {
  const babel_ops *ops;
  babel_contrastive_job job;
} loss;

static babel_status run(void *context) {
  loss *l = context;
  return l->ops->contrastive(&l->job, NULL);
}

static double product(const float *x, const float *y, int d) {
  double sum = 0;
  for (int c = 0; c < d; c++) sum += (double)x[c] * (double)y[c];
  return sum;
}

static double logit(const babel_contrastive_job *job, int i, int j) {
  const float *a = job->na + (size_t)i * job->d, *b = job->nb + (size_t)j * job->d;
  double cosine = product(a, b, job->d);
  if (job->normalise) cosine /= sqrt(product(a, a, job->d) * product(b, b, job->d));
  return exp((double)*job->log_scale) * cosine;
}

/* L_ab: the row softmax, and what each anchor should find. */
static double check(void *context) {
  const babel_contrastive_job *job = &((loss *)context)->job;
  double losses = 0;
  for (int i = 0; i < job->m; i++) {
    double own = logit(job, i, i), sum = 0, wanted = job->targets_a ? 0 : own;
    for (int j = 0; j < job->m; j++) {
      const double here = logit(job, i, j);
      sum += exp(here - own);
      if (job->targets_a) wanted += (double)job->targets_a[(size_t)i * job->m + j] * here;
    }
    losses += (own + log(sum) - wanted) / job->m;
  }
  return fabs((double)job->loss[0] - losses) / losses;
}

/* Rows sum to 1: half to the own partner, the rest to 15 others. */
static float *soft_targets(babel_bench *bench, int m) {
  float *targets = babel_bench_floats(bench, (size_t)m * m, 0);
  for (int i = 0; i < m; i++) {
    targets[(size_t)i * m + i] = 0.5f;
    for (int k = 1; k <= 15; k++) targets[(size_t)i * m + (i + 7 * k) % m] = 0.5f / 15;
  }
  return targets;
}

typedef enum { FORWARD, GRADIENTS, TARGETS, RAW } form; /* raw: of rows that are not unit rows, as a step on a device has them */

static void measure(babel_bench *bench, const char *op, int m, int d, form form) {
  if (!babel_bench_wants(bench, op, "%dx%d", m, d)) return;
  const size_t size = (size_t)m * d;
  float *na = babel_bench_floats(bench, size, sqrt(3.0 / d)), *nb = babel_bench_floats(bench, size, sqrt(3.0 / d));
  float *log_scale = babel_bench_floats(bench, 1, 0);
  for (size_t i = 0; i < size; i++) nb[i] = 0.9f * nb[i] + 0.3f * na[i];
  *log_scale = (float)log(1 / 0.07);
  loss all = {bench->ops, {.loss = babel_bench_floats(bench, 2, 0), .na = na, .nb = nb, .log_scale = log_scale, .m = m, .d = d, .normalise = form == RAW}};
  all.job.workspace = babel_bench_floats(bench, babel_contrastive_workspace(m, d), 0);
  if (form == TARGETS) all.job.targets_a = all.job.targets_b = soft_targets(bench, m);
  if (form != FORWARD) {
    all.job.dna = babel_bench_floats(bench, 2 * size, 0);
    all.job.dnb = babel_bench_floats(bench, 2 * size, 0);
    all.job.dlog_scale = babel_bench_floats(bench, 2, 0);
  }
  babel_bench_row row = {.bytes = 4.0 * (double)(2 * size + (form == FORWARD ? 0 : 4 * size) + (form == TARGETS ? (size_t)m * m : 0)),
                         .flops = 2.0 * m * m * d * (form == FORWARD ? 1 : 5),
                         .run = run,
                         .check = check,
                         .limit = 1e-5,
                         .context = &all};
  babel_bench_measure(bench, &row);
}

void babel_bench_contrastive(babel_bench *bench) {
  measure(bench, "contrastive", 256, 512, GRADIENTS);
  measure(bench, "contrastive_targets", 256, 512, TARGETS);
  measure(bench, "contrastive_raw", 256, 512, RAW);
  measure(bench, "contrastive_loss", 256, 512, FORWARD);
}
