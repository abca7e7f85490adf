/* Both sides' batches of a step: gather, standardise, drop half. */
#include "bench/kernels/bench.h"
#include "core/rng.h"

enum { N = 256, BANK_ROWS = 613 * 16 };

typedef struct {
  const babel_ops *ops;
  babel_input_gather_job jobs[2];
  babel_step_state state;
} context;

static babel_status run(void *at) {
  context *c = at;
  return c->ops->input_gather(c->jobs, 2, &c->state, NULL);
}

static double check(void *at) {
  const context *c = at;
  double gap = 0;
  for (int side = 0; side < 2; side++) {
    const babel_input_gather_job *job = c->jobs + side;
    for (int i = 0; i < N; i++)
      for (int k = 0; k < job->d; k++) {
        uint64_t index =
            (((uint64_t)c->state.step * 2 + (uint64_t)side) * N + (uint64_t)i) * (uint64_t)job->d +
            (uint64_t)k;
        double z = ((double)job->bank[(size_t)job->rows[i] * job->d + k] - (double)job->mean[k]) *
                   (double)job->inv_std[k] / (1 - (double)job->dropout);
        double expected = babel_rng_uniform(job->seed, BABEL_RNG_DROPOUT, index) >= job->dropout ? z : 0;
        babel_bench_gap(&gap, (double)job->y[(size_t)i * job->d + k], expected);
      }
  }
  return gap;
}

static void measure(babel_bench *bench, int d0, int d1, float dropout) {
  if (!babel_bench_wants(bench, "input_gather", "%dx(%d+%d) dropout %g", N, d0, d1, (double)dropout)) return;
  static int rows[N];
  for (int i = 0; i < N; i++) rows[i] = (int)babel_rng_below(1, BABEL_RNG_SHUFFLE, (uint64_t)i, BANK_ROWS);
  context c = {.ops = bench->ops, .state = {.step = 100}};
  for (int side = 0; side < 2; side++) {
    const int d = side ? d1 : d0;
    c.jobs[side] = (babel_input_gather_job){.y = babel_bench_floats(bench, (size_t)N * d, 0),
                                            .bank = babel_bench_floats(bench, (size_t)BANK_ROWS * d, 1),
                                            .rows = rows,
                                            .mean = babel_bench_floats(bench, (size_t)d, 1),
                                            .inv_std = babel_bench_floats(bench, (size_t)d, 1),
                                            .n = N,
                                            .d = d,
                                            .bank_rows = BANK_ROWS,
                                            .dropout = dropout,
                                            .seed = 1,
                                            .side = side};
  }
  babel_bench_row row = {.bytes = 4.0 * 2 * N * (d0 + d1),
                         .flops = 3.0 * N * (d0 + d1),
                         .run = run,
                         .check = check,
                         .limit = 1e-6,
                         .context = &c};
  babel_bench_measure(bench, &row);
}

void babel_bench_input_gather(babel_bench *bench) {
  measure(bench, 144, 316, 0.5f);
  measure(bench, 144, 316, 0);
  measure(bench, 397, 1892, 0.7f);
}
