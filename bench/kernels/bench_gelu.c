/* LIMU-BERT's activation: 120 time steps of 144, of one window and of 32. */
#include <math.h>

#include "bench/kernels/bench.h"
#include "kernels/gelu.h"

typedef struct {
  float *y;
  const float *x;
  int n;
} context;

static babel_status run(void *at) {
  context *c = at;
  return babel_gelu_fwd_cpu(c->y, c->x, c->n, NULL);
}

static double check(void *at) {
  const context *c = at;
  double gap = 0;
  for (int i = 0; i < c->n; i++) babel_bench_gap(&gap, (double)c->y[i], (double)c->x[i] / 2 * (1 + erf((double)c->x[i] / sqrt(2))));
  return gap;
}

static void measure(babel_bench *bench, int n) {
  if (!babel_bench_wants(bench, "gelu", "%d", n)) return;
  context c = {babel_bench_floats(bench, (size_t)n, 0), babel_bench_floats(bench, (size_t)n, 4), n};
  babel_bench_row row = {.bytes = 4.0 * 2 * n, .flops = 20.0 * n, .run = run, .check = check, .limit = 2e-6, .context = &c};
  babel_bench_measure(bench, &row);
}

void babel_bench_gelu(babel_bench *bench) {
  measure(bench, 120 * 144);
  measure(bench, 32 * 120 * 144);
}
