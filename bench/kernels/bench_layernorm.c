/* LIMU-BERT's layer normalisation with the residual: 120 time steps of 72, of one window and of 32. */
#include <math.h>

#include "bench/kernels/bench.h"
#include "kernels/layernorm.h"

enum { D = 72 };

typedef struct {
  float *y;
  const float *x, *r, *gamma, *beta;
  int n;
} context;

static babel_status run(void *at) {
  context *c = at;
  return babel_layernorm_fwd_cpu(c->y, NULL, NULL, c->x, c->r, c->gamma, c->beta, c->n, D, 1e-12f, NULL);
}

static double check(void *at) {
  const context *c = at;
  double gap = 0;
  for (int i = 0; i < c->n; i++) {
    double z[D], mean = 0, variance = 0;
    for (int k = 0; k < D; k++) mean += (z[k] = (double)c->x[i * D + k] + (double)c->r[i * D + k]) / D;
    for (int k = 0; k < D; k++) variance += (z[k] - mean) * (z[k] - mean) / D;
    for (int k = 0; k < D; k++) babel_bench_gap(&gap, (double)c->y[i * D + k], (double)c->gamma[k] * (z[k] - mean) / sqrt(variance) + (double)c->beta[k]);
  }
  return gap;
}

static void measure(babel_bench *bench, int n) {
  if (!babel_bench_wants(bench, "layernorm", "%dx%d", n, D)) return;
  const size_t size = (size_t)n * D;
  context c = {.y = babel_bench_floats(bench, size, 0), .x = babel_bench_floats(bench, size, 1), .r = babel_bench_floats(bench, size, 0.5),
               .gamma = babel_bench_floats(bench, D, 1), .beta = babel_bench_floats(bench, D, 1), .n = n};
  babel_bench_row row = {.bytes = 4.0 * 3 * n * D, .flops = 8.0 * n * D, .run = run, .check = check, .limit = 3e-6, .context = &c};
  babel_bench_measure(bench, &row);
}

void babel_bench_layernorm(babel_bench *bench) {
  measure(bench, 120);
  measure(bench, 32 * 120);
}
