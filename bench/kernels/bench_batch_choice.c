/* State and rows of a step: both sides of 256 pairs out of 613 with 16 variants, and 128 rehearsed ones. */
#include "bench/kernels/bench.h"
#include "core/rng.h"

enum { PAIRS = 613, BATCH = 256, VERSIONS = 16, REHEARSED = 128 };

typedef struct {
  const babel_ops *ops;
  babel_batch_choice_job jobs[4];
  babel_step_state state, schedule[1];
} context;

static babel_status run(void *at) {
  context *c = at;
  return c->ops->batch_choice(c->jobs, 4, &c->state, &c->state, c->schedule, 1, NULL);
}

static double check(void *at) {
  const context *c = at;
  double gap = 0;
  for (int i = 0; i < BATCH; i++) {
    int version = (int)babel_rng_below(5, BABEL_RNG_VARIANT, 3 * PAIRS + BATCH + (uint64_t)i, VERSIONS);
    for (int s = 0; s < 2; s++) babel_bench_gap(&gap, c->jobs[s].rows[i], c->jobs[s].order[PAIRS + BATCH + i] * VERSIONS + version);
  }
  for (int i = 0; i < REHEARSED; i++)
    babel_bench_gap(&gap, c->jobs[2].rows[i], (int)babel_rng_below(5, BABEL_RNG_REHEARSAL, 7 * REHEARSED + (uint64_t)i, PAIRS * VERSIONS));
  return gap;
}

void babel_bench_batch_choice(babel_bench *bench) {
  if (!babel_bench_wants(bench, "batch_choice", "2x%d + 2x%d", BATCH, REHEARSED)) return;
  int *order = babel_bench_ints(bench, 2 * PAIRS);
  context c = {.ops = bench->ops, .schedule = {{.step = 7}}};
  for (int e = 0; e < 2; e++) babel_rng_permutation(5, BABEL_RNG_SHUFFLE, (uint64_t)e * PAIRS, PAIRS, order + e * PAIRS);
  for (int j = 0; j < 4; j++) {
    c.jobs[j] = (babel_batch_choice_job){.rows = babel_bench_ints(bench, BATCH), .order = j < 2 ? order : NULL, .seed = 5, .samples = j < 2 ? BATCH : REHEARSED,
                                         .pair_count = PAIRS, .versions = VERSIONS, .steps = 1, .batch = BATCH, .steps_per_epoch = 2, .draws = REHEARSED};
  }
  babel_bench_row row = {.bytes = 4.0 * (4 * BATCH + 2 * REHEARSED), .run = run, .check = check, .limit = 0, .context = &c};
  babel_bench_measure(bench, &row);
}
