#include <criterion/criterion.h>

#include <string.h>

#include "core/rng.h"
#include "kernels/shuffle.h"
#include "tests/support/device_ops.h"

enum { MOST = 5000 };
static int order[2 * MOST], workspace[2 * MOST], expected[MOST];

static void check(int n, int steps_per_epoch, int64_t epoch, uint64_t seed) {
  babel_shuffle_job job = {.order = order, .workspace = workspace, .seed = seed, .n = n, .steps_per_epoch = steps_per_epoch};
  babel_step_state state = {.step = epoch * steps_per_epoch};
  memset(order, 0xff, sizeof order);
  cr_assert_eq(babel_test_ops()->shuffle(&job, &state, NULL), BABEL_OK, "%s", babel_error_last()->sentence);
  babel_rng_permutation(seed, BABEL_RNG_SHUFFLE, (uint64_t)(epoch + 1) * (uint64_t)n, n, expected);
  const int *made = order + (epoch + 1) % 2 * n, *other = order + epoch % 2 * n;
  for (int i = 0; i < n; i++) {
    cr_assert_eq(made[i], expected[i], "n = %d, place %d", n, i);
    cr_assert_eq(other[i], -1, "the order of the running epoch stays");
  }
}

Test(kernels_shuffle, the_next_epoch_has_the_permutation_of_the_generator) {
  check(1, 1, 0, 3);
  check(2, 1, 5, 3);
  check(3, 1, 1, 0);
  check(31, 2, 0, 1);
  check(33, 2, 7, 1);
  check(613, 2, 40, 7);
  check(1024, 4, 3, 0xffffffffffu);
  check(1025, 4, 2, 2);
}

Test(kernels_shuffle, more_pairs_than_threads) {
  check(MOST, 19, (int64_t)1 << 33, 11);
}

Test(kernels_shuffle, nothing_happens_within_an_epoch) {
  babel_shuffle_job job = {.order = order, .workspace = workspace, .n = 100, .steps_per_epoch = 3};
  memset(order, 0xff, sizeof order);
  for (int64_t step = 1; step < 9; step++) {
    babel_step_state state = {.step = step};
    if (step % 3) cr_assert_eq(babel_test_ops()->shuffle(&job, &state, NULL), BABEL_OK);
  }
  for (int i = 0; i < 200; i++) cr_assert_eq(order[i], -1);
}

Test(kernels_shuffle, bad_sizes_are_refused) {
  babel_step_state state = {0};
  babel_shuffle_job job = {.order = order, .workspace = workspace, .n = 0, .steps_per_epoch = 1};
  cr_assert_eq(babel_test_ops()->shuffle(&job, &state, NULL), BABEL_ERR_SHAPE);
  job.n = 4;
  job.steps_per_epoch = 0;
  cr_assert_eq(babel_test_ops()->shuffle(&job, &state, NULL), BABEL_ERR_SHAPE);
}
