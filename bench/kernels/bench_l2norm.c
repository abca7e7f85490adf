/* Row normalisation: 256 embeddings forward, 512 stacked cotangents backward. */
#include <math.h>
#include <stdio.h>

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
    for (int c = 0; c < job->d; c++) {
      double here = fabs((double)job->y[i * job->d + c] - (double)job->x[i * job->d + c] / sqrt(sum));
      if (!(here <= gap)) gap = here;
    }
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
      double here = fabs((double)job->dx[i * job->d + c] - expected);
      if (!(here <= gap)) gap = here;
      size = fmax(size, fabs(expected));
    }
  }
  return gap / size;
}

void babel_bench_l2norm(babel_bench *bench) {
  if (!babel_bench_wants(bench, "l2norm")) return;
  babel_arena_reset(&bench->memory);
  float *x = babel_bench_floats(bench, ROWS * D, 1), *y = babel_bench_floats(bench, ROWS * D, 0),
        *inv = babel_bench_floats(bench, ROWS, 0);
  float *dy = babel_bench_floats(bench, STACKED * D, 1), *dx = babel_bench_floats(bench, STACKED * D, 0);
  jobs all = {bench->ops,
              {.y = y, .inv = inv, .x = x, .n = ROWS, .d = D},
              {.dx = dx, .dy = dy, .y = y, .inv = inv, .n = STACKED, .d = D, .rows = ROWS}};
  babel_bench_row fwd = {.op = "l2norm_fwd",
                         .bytes = 4.0 * 2 * ROWS * D,
                         .flops = 3.0 * ROWS * D,
                         .run = run_fwd,
                         .check = check_fwd,
                         .limit = 5e-7,
                         .context = &all};
  babel_bench_row bwd = {.op = "l2norm_bwd",
                         .bytes = 4.0 * (2 * STACKED + ROWS) * D,
                         .flops = 5.0 * STACKED * D,
                         .run = run_bwd,
                         .check = check_bwd,
                         .limit = 1e-6,
                         .context = &all};
  snprintf(fwd.shape, sizeof fwd.shape, "%dx%d", ROWS, D);
  snprintf(bwd.shape, sizeof bwd.shape, "%dx%d", STACKED, D);
  babel_bench_measure(bench, &fwd);
  babel_bench_measure(bench, &bwd);
}
