/* The order of the next epoch: UTD-MHAD's pairs, and as many as a large data set has. */
#include "bench/kernels/bench.h"
#include "core/rng.h"

typedef struct {
  const babel_ops *ops;
  babel_shuffle_job job;
  babel_step_state state;
  int *expected;
} context;

static babel_status run(void *at) {
  context *c = at;
  return c->ops->shuffle(&c->job, &c->state, NULL);
}

static double check(void *at) {
  const context *c = at;
  double gap = 0;
  babel_rng_permutation(c->job.seed, BABEL_RNG_SHUFFLE, (uint64_t)c->job.n, c->job.n, c->expected);
  for (int i = 0; i < c->job.n; i++) babel_bench_gap(&gap, c->job.order[c->job.n + i], c->expected[i]);
  return gap;
}

static void measure(babel_bench *bench, int n) {
  if (!babel_bench_wants(bench, "shuffle", "%d", n)) return;
  context c = {.ops = bench->ops, .expected = babel_bench_ints(bench, (size_t)n),
               .job = {.order = babel_bench_ints(bench, 2 * (size_t)n), .workspace = babel_bench_ints(bench, 2 * (size_t)n), .seed = 5, .n = n, .steps_per_epoch = 1}};
  babel_bench_row row = {.bytes = 4.0 * n, .run = run, .check = check, .limit = 0, .context = &c};
  babel_bench_measure(bench, &row);
}

void babel_bench_shuffle(babel_bench *bench) {
  measure(bench, 613);
  measure(bench, 38000);
}
