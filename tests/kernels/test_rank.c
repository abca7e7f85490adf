#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/rank.h"
#include "tests/support/compare.h"
#include "tests/support/device_ops.h"

enum { MOST = 6 };

static void check(int n, int columns, int own, float margin) {
  float *y = babel_guarded((size_t)n * (size_t)columns);
  int *above = calloc((size_t)n, sizeof *above), *close = calloc((size_t)n, sizeof *close), *which = malloc((size_t)n * MOST * sizeof *which);
  for (int i = 0; i < n * columns; i++) y[i] = (float)rint(20 * babel_fill("rank", (uint32_t)i)) / 16; /* many equal ones */
  memset(which, 0xff, (size_t)n * MOST * sizeof *which);
  babel_rank_job job = {.above = above, .close = close, .which = which, .y = y, .own = own, .margin = margin, .n = n, .columns = columns, .most = MOST};
  cr_assert_eq(babel_test_ops()->rank(&job, NULL), BABEL_OK, "%s", babel_error_last()->sentence);
  for (int i = 0; i < n; i++) {
    const float *row = y + (size_t)i * (size_t)columns;
    float reference = row[0];
    int greater = 0, near = 0;
    for (int j = 0; j < columns; j++) reference = fmaxf(reference, row[j]);
    if (own >= 0) reference = row[own + i];
    for (int j = 0; j < columns; j++) {
      greater += row[j] > reference + margin;
      if (row[j] > reference + margin || row[j] < reference - margin || (own >= 0 && j == own + i)) continue;
      if (near < MOST) cr_assert_eq(which[i * MOST + near], j, "row %d, place %d", i, near);
      near++;
    }
    cr_assert_eq(above[i], greater);
    cr_assert_eq(close[i], near);
    for (int k = near; k < MOST; k++) cr_assert_eq(which[i * MOST + k], -1, "the rest of a list is not written");
  }
  cr_assert(babel_guard_check(y, (size_t)n * (size_t)columns));
  babel_guarded_free(y);
  free(above);
  free(close);
  free(which);
}

Test(kernels_rank, counts_and_lists_what_is_near_the_partner) {
  check(1, 1, 0, 0);
  check(3, 7, 0, 0);
  check(5, 33, 28, 0.07f);
  check(9, 300, 100, 0.07f);
  check(2, 1000, 3, 0.3f);
}

Test(kernels_rank, counts_and_lists_what_is_near_the_best) {
  check(1, 1, -1, 0);
  check(4, 31, -1, 0);
  check(7, 257, -1, 0.07f);
  check(2, 1000, -1, 0.5f);
}

Test(kernels_rank, what_does_not_fit_is_refused) {
  float y[4] = {0};
  int out[8];
  babel_rank_job good = {.above = out, .close = out + 2, .which = out + 4, .y = y, .own = 0, .n = 2, .columns = 2, .most = 2}, job = good;
  job.n = 0;
  cr_assert_eq(babel_test_ops()->rank(&job, NULL), BABEL_ERR_SHAPE);
  job = good;
  job.most = 0;
  cr_assert_eq(babel_test_ops()->rank(&job, NULL), BABEL_ERR_SHAPE);
  job = good;
  job.own = 1;
  cr_assert_eq(babel_test_ops()->rank(&job, NULL), BABEL_ERR_SHAPE);
  job = good;
  job.margin = NAN;
  cr_assert_eq(babel_test_ops()->rank(&job, NULL), BABEL_ERR_ARG);
}
