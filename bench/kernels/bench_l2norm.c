/* Row normalisation: 256 embeddings forward, 512 stacked cotangents backward. */
#include <math.h>

#include "bench/kernels/bench.h"

enum { ROWS = 256, STACKED = 512, D = 512 };

typedef struct {
  const babel_ops *ops;
  babel_l2norm_fwd_job fwd;
  babel_l2norm_bwd_job bwd;
} jobs;

static babel_status run_fwd(void *context) {
  jobs *all = context;
  return all->ops->l2norm_fwd(&all->fwd, 1, NULL);
}

static babel_status run_bwd(void *context) {
  jobs *all = context;
  return all->ops->l2norm_bwd(&all->bwd, 1, NULL);
}

static double check_fwd(void *context) {
  const babel_l2norm_fwd_job *job = &((jobs *)context)->fwd;
  double gap = 0;
  for (int i = 0; i < job->n; i++) {
    double sum = 0;
    for (int c = 0; c < job->d; c++) sum += (double)job->x[i * job->d + c] * (double)job->x[i * job->d + c];
    for (int c = 0; c < job->d; c++) babel_bench_gap(&gap, (double)job->y[i * job->d + c], (double)job->x[i * job->d + c] / sqrt(sum));
  }
  return gap;
}

static double check_bwd(void *context) {
  const babel_l2norm_bwd_job *job = &((jobs *)context)->bwd;
  double gap = 0, size = 0;
  for (int i = 0; i < job->n; i++) {
    const int from = i % job->rows;
    double along = 0;
    for (int c = 0; c < job->d; c++)
      along += (double)job->dy[i * job->d + c] * (double)job->y[from * job->d + c];
    for (int c = 0; c < job->d; c++) {
      double expected = (double)job->inv[from] *
                        ((double)job->dy[i * job->d + c] - along * (double)job->y[from * job->d + c]);
      babel_bench_gap(&gap, (double)job->dx[i * job->d + c], expected);
      size = fmax(size, fabs(expected));
    }
  }
  return gap / size;
}

/* Both rows from the same numbers: the backward needs what the forward leaves. */
static void measure(babel_bench *bench, bool backward) {
  if (!babel_bench_wants(bench, backward ? "l2norm_bwd" : "l2norm_fwd", "%dx%d", backward ? STACKED : ROWS, D)) return;
  float *x = babel_bench_floats(bench, ROWS * D, 1), *y = babel_bench_floats(bench, ROWS * D, 0), *inv = babel_bench_floats(bench, ROWS, 0);
  float *dy = babel_bench_floats(bench, STACKED * D, 1), *dx = babel_bench_floats(bench, STACKED * D, 0);
  jobs all = {bench->ops,
              {.y = y, .inv = inv, .x = x, .n = ROWS, .d = D},
              {.dx = dx, .dy = dy, .y = y, .inv = inv, .n = STACKED, .d = D, .rows = ROWS}};
  if (backward) babel_bench_must(babel_ops_cpu()->l2norm_fwd(&all.fwd, 1, NULL));
  babel_bench_row fwd = {.bytes = 4.0 * 2 * ROWS * D, .flops = 3.0 * ROWS * D, .run = run_fwd, .check = check_fwd, .limit = 5e-7, .context = &all};
  babel_bench_row bwd = {.bytes = 4.0 * (2 * STACKED + ROWS) * D, .flops = 5.0 * STACKED * D, .run = run_bwd, .check = check_bwd, .limit = 1e-6, .context = &all};
  babel_bench_measure(bench, backward ? &bwd : &fwd);
}

void babel_bench_l2norm(babel_bench *bench) {
  measure(bench, false);
  measure(bench, true);
}
