#include <criterion/criterion.h>

#include <string.h>

#include "kernels/batch_choice.h"
#include "tests/support/device_ops.h"

enum { PAIRS = 45, VERSIONS = 5, STEPS = 3, BATCH = 20, SPE = 2, MOST_JOBS = 70 };

static int rows[2][BATCH * STEPS], lengths[BATCH], pairs[BATCH], order[2 * PAIRS], partners[3 * BATCH], known[PAIRS * VERSIONS];

static babel_batch_choice_job visit(int s) {
  for (int e = 0; e < 2; e++) babel_rng_permutation(4, BABEL_RNG_SHUFFLE, (uint64_t)(6 + e) * PAIRS, PAIRS, order + e * PAIRS);
  for (int i = 0; i < PAIRS * VERSIONS; i++) known[i] = 1 + i % STEPS;
  memset(rows, 0xff, sizeof rows);
  return (babel_batch_choice_job){.rows = rows[s], .order = order, .seed = 4, .samples = BATCH, .pair_count = PAIRS, .versions = VERSIONS, .steps = STEPS,
                                  .batch = BATCH, .steps_per_epoch = SPE};
}

/* The row of place `at` of the epoch, by the sentences of the specification. */
static int pair_at(int64_t step, int place) {
  return order[step / SPE % 2 * PAIRS + step % SPE * BATCH + place];
}
static int version_at(int64_t step, int place) {
  return (int)babel_rng_below(4, BABEL_RNG_VARIANT, (uint64_t)(step / SPE * PAIRS + step % SPE * BATCH + place), VERSIONS);
}

static void run(const babel_batch_choice_job *jobs, int n, babel_step_state *state) {
  cr_assert_eq(babel_test_ops()->batch_choice(jobs, n, state, state, NULL, 0, NULL), BABEL_OK, "%s", babel_error_last()->sentence);
}

Test(kernels_batch_choice, both_sides_visit_the_pairs_of_the_order) {
  for (int64_t step = 12; step < 16; step++) {
    babel_step_state state = {.step = step};
    babel_batch_choice_job jobs[2] = {visit(0), visit(1)};
    jobs[0].lengths = lengths;
    jobs[0].known_lengths = known;
    jobs[0].pairs = pairs;
    jobs[1].steps = 1;
    run(jobs, 2, &state);
    for (int i = 0; i < BATCH; i++) {
      int chosen = pair_at(step, i) * VERSIONS + version_at(step, i);
      for (int k = 0; k < STEPS; k++) cr_assert_eq(rows[0][i * STEPS + k], chosen * STEPS + k);
      cr_assert_eq(rows[1][i], chosen);
      cr_assert_eq(lengths[i], known[chosen]);
      cr_assert_eq(pairs[i], pair_at(step, i));
    }
  }
}

Test(kernels_batch_choice, partners_are_permuted_within_the_batch) {
  int permutation[BATCH];
  babel_step_state state = {.step = 13};
  babel_batch_choice_job jobs[2] = {visit(0), visit(1)};
  jobs[1].partners = partners;
  run(jobs, 2, &state);
  babel_rng_permutation(4, BABEL_RNG_CONTROL, 13 * BATCH, BATCH, permutation);
  for (int i = 0; i < BATCH; i++) {
    cr_assert_eq(rows[0][i * STEPS], (pair_at(13, i) * VERSIONS + version_at(13, i)) * STEPS);
    cr_assert_eq(rows[1][i * STEPS], (pair_at(13, permutation[i]) * VERSIONS + version_at(13, permutation[i])) * STEPS);
  }
}

Test(kernels_batch_choice, a_part_of_the_batch_is_chosen_as_within_the_whole) {
  babel_step_state state = {.step = 14};
  babel_batch_choice_job whole = visit(0), part = visit(1);
  part.first = 15;
  part.samples = 5;
  run(&whole, 1, &state);
  run(&part, 1, &state);
  cr_assert_eq(memcmp(rows[1], rows[0] + 15 * STEPS, 5 * STEPS * sizeof(int)), 0);
}

Test(kernels_batch_choice, rehearsed_pairs_are_drawn_with_replacement) {
  babel_step_state state = {.step = 1000000007};
  babel_batch_choice_job jobs[2] = {visit(0), visit(1)};
  for (int s = 0; s < 2; s++) {
    jobs[s].order = NULL;
    jobs[s].draw = 7;
    jobs[s].draws = 40;
  }
  jobs[1].steps = 1;
  jobs[0].lengths = lengths;
  run(jobs, 2, &state);
  for (int i = 0; i < BATCH; i++) {
    int chosen = (int)babel_rng_below(4, BABEL_RNG_REHEARSAL, (uint64_t)1000000007 * 40 + 7 + (uint64_t)i, PAIRS * VERSIONS);
    cr_assert_eq(rows[0][i * STEPS + 2], chosen * STEPS + 2);
    cr_assert_eq(rows[1][i], chosen, "both members of a pair draw the same number");
    cr_assert_eq(lengths[i], STEPS);
  }
}

Test(kernels_batch_choice, the_state_comes_out_of_the_schedule) {
  babel_step_state schedule[3], state = {.step = 3};
  for (int i = 0; i < 3; i++) schedule[i] = (babel_step_state){.step = 3 + i, .lr = 0.5f + (float)i, .bias2 = 7}; /* 3, 4, 5 at 3 mod 3, 4 mod 3, 5 mod 3 */
  babel_batch_choice_job job = visit(0);
  for (int i = 1; i < 3; i++) {
    cr_assert_eq(babel_test_ops()->batch_choice(&job, 1, &state, &state, schedule, 3, NULL), BABEL_OK);
    cr_assert_eq(state.step, 3 + i);
    cr_assert(state.lr == 0.5f + (float)i && state.bias2 == 7);
    cr_assert_eq(rows[0][0], (pair_at(3 + i, 0) * VERSIONS + version_at(3 + i, 0)) * STEPS, "of the new step");
  }
  babel_step_state next = {.step = 77};
  cr_assert_eq(babel_test_ops()->batch_choice(&job, 1, &state, &next, schedule, 3, NULL), BABEL_OK);
  cr_assert(state.step == 5 && next.step == 3, "the one before stays");
  cr_assert_eq(rows[0][0], (pair_at(3, 0) * VERSIONS + version_at(3, 0)) * STEPS);
}

Test(kernels_batch_choice, more_jobs_than_one_launch_takes) {
  static int many[MOST_JOBS][BATCH];
  babel_batch_choice_job jobs[MOST_JOBS];
  babel_step_state schedule[2] = {{.step = 20}, {.step = 21}}, state = {.step = 20};
  for (int j = 0; j < MOST_JOBS; j++) {
    jobs[j] = visit(0);
    jobs[j].steps = 1;
    jobs[j].rows = many[j];
    jobs[j].samples = 1 + j % BATCH;
  }
  cr_assert_eq(babel_test_ops()->batch_choice(jobs, MOST_JOBS, &state, &state, schedule, 2, NULL), BABEL_OK);
  cr_assert_eq(state.step, 21, "one step, not one a launch");
  for (int j = 0; j < MOST_JOBS; j++)
    for (int i = 0; i <= j % BATCH; i++) cr_assert_eq(many[j][i], pair_at(21, i) * VERSIONS + version_at(21, i));
}

Test(kernels_batch_choice, what_does_not_fit_is_refused) {
  babel_step_state state = {0};
  const babel_ops *ops = babel_test_ops();
  babel_batch_choice_job job = visit(0);
  job.samples = 0;
  cr_assert_eq(ops->batch_choice(&job, 1, &state, &state, NULL, 0, NULL), BABEL_ERR_SHAPE);
  job = visit(0);
  job.pair_count = job.versions = 70000;
  job.order = NULL;
  job.draws = BATCH;
  cr_assert_eq(ops->batch_choice(&job, 1, &state, &state, NULL, 0, NULL), BABEL_ERR_SHAPE);
  job = visit(0);
  job.first = 1;
  cr_assert_eq(ops->batch_choice(&job, 1, &state, &state, NULL, 0, NULL), BABEL_ERR_ARG, "beyond the batch");
  job = visit(0);
  job.steps_per_epoch = 3;
  cr_assert_eq(ops->batch_choice(&job, 1, &state, &state, NULL, 0, NULL), BABEL_ERR_ARG, "beyond the epoch");
  job = visit(0);
  job.order = NULL;
  job.draws = BATCH - 1;
  cr_assert_eq(ops->batch_choice(&job, 1, &state, &state, NULL, 0, NULL), BABEL_ERR_ARG, "more than it may draw");
}
