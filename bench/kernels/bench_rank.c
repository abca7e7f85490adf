/* Partners and best of 256 rows of 60,000 similarities: a panel of a large retrieval. */
#include "bench/kernels/bench.h"

enum { N = 256, COLUMNS = 60000, MOST = 256 };

typedef struct {
  const babel_ops *ops;
  babel_rank_job job;
} context;

static babel_status run(void *at) {
  context *c = at;
  return c->ops->rank(&c->job, NULL);
}

static double check(void *at) {
  const babel_rank_job *job = &((context *)at)->job;
  double gap = 0;
  for (int i = 0; i < N; i += 37) {
    const float *y = job->y + (size_t)i * COLUMNS;
    float reference = y[0];
    int above = 0, near = 0;
    for (int j = 1; j < COLUMNS; j++) reference = y[j] > reference ? y[j] : reference;
    if (job->own >= 0) reference = y[job->own + i];
    for (int j = 0; j < COLUMNS; j++) {
      above += y[j] > reference + job->margin;
      near += y[j] <= reference + job->margin && y[j] >= reference - job->margin && (job->own < 0 || j != job->own + i);
    }
    babel_bench_gap(&gap, job->above[i], above);
    babel_bench_gap(&gap, job->close[i], near);
  }
  return gap;
}

static void measure(babel_bench *bench, const char *op, int own) {
  if (!babel_bench_wants(bench, op, "%d of %d", N, COLUMNS)) return;
  context c = {bench->ops, {.above = babel_bench_ints(bench, N), .close = babel_bench_ints(bench, N), .which = babel_bench_ints(bench, (size_t)N * MOST),
                            .y = babel_bench_floats(bench, (size_t)N * COLUMNS, 1), .own = own, .margin = 1e-4f, .n = N, .columns = COLUMNS, .most = MOST}};
  babel_bench_row row = {.bytes = 4.0 * N * COLUMNS, .flops = 2.0 * N * COLUMNS, .run = run, .check = check, .limit = 0, .context = &c};
  babel_bench_measure(bench, &row);
}

void babel_bench_rank(babel_bench *bench) {
  measure(bench, "rank_partner", 100);
  measure(bench, "rank_best", -1);
}
