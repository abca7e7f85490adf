#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/fusion.h"
#include "tests/support/compare.h"

enum { N = 5, D = 33, E = 7 };
static float a[N * D], b[N * D], c[N * E];

static void fill(void) {
  babel_fill_floats("a", a, N * D, 1);
  babel_fill_floats("b", b, N * D, 1);
  babel_fill_floats("c", c, N * E, 1);
  cr_assert_eq(babel_unit_rows(a, a, NULL, NULL, N, D), BABEL_OK);
  cr_assert_eq(babel_unit_rows(b, b, NULL, NULL, N, D), BABEL_OK);
}

Test(eval_fusion, sum_matches_formula) {
  static const double weight[2] = {1, 1.5};
  const float *x[] = {a, b};
  fill();
  for (int weighted = 0; weighted < 2; weighted++) {
    float *y = babel_guarded(N * D);
    double expected[N * D];
    for (int i = 0; i < N; i++) {
      double square = 0;
      for (int j = 0; j < D; j++) {
        double s = a[i * D + j] + (weighted ? weight[1] : 1) * b[i * D + j];
        expected[i * D + j] = s;
        square += s * s;
      }
      for (int j = 0; j < D; j++) expected[i * D + j] /= sqrt(square);
    }
    cr_assert_eq(babel_fuse_sum(y, x, weighted ? weight : NULL, 2, N, D), BABEL_OK);
    cr_assert(babel_close("sum", y, expected, N * D, 1e-7, 2e-7));
    cr_assert(babel_guard_check(y, N * D));
    babel_guarded_free(y);
  }
}

Test(eval_fusion, sum_by_hand_and_cancelled_rows) {
  const float p[] = {1, 0, 1, 0}, q[] = {0, 1, -1, 0}, *x[] = {p, q};
  float y[4];
  cr_assert_eq(babel_fuse_sum(y, x, NULL, 2, 2, 2), BABEL_OK);
  cr_assert_float_eq(y[0], sqrt(0.5), 1e-7);
  cr_assert_float_eq(y[1], sqrt(0.5), 1e-7);
  cr_assert(y[2] == 0 && y[3] == 0, "opposite rows leave zeros, not NaN");
}

Test(eval_fusion, concat_places_weighted_blocks_side_by_side) {
  static const double weight[3] = {1, 0.7, 2};
  static const int widths[3] = {D, E, D};
  const float *x[] = {a, c, b};
  fill();
  float *y = babel_guarded(N * (2 * D + E));
  cr_assert_eq(babel_fuse_concat(y, x, widths, weight, 3, N), BABEL_OK);
  for (int i = 0; i < N; i++)
    for (int j = 0; j < 2 * D + E; j++) {
      double expected = j < D ? a[i * D + j] : j < D + E ? 0.7 * c[i * E + j - D] : 2.0 * b[i * D + j - D - E];
      cr_assert_eq(y[i * (2 * D + E) + j], (float)expected);
    }
  cr_assert_eq(babel_fuse_concat(y, x, widths, NULL, 2, N), BABEL_OK);
  cr_assert_eq(y[D], c[0]);
  cr_assert_eq(y[D + E], a[D], "two blocks: the second row begins behind the second block");
  cr_assert(babel_guard_check(y, N * (2 * D + E)));
  babel_guarded_free(y);
}

Test(eval_fusion, raw_rows_are_standardised_then_unit) {
  const float f[] = {3, 10, 1, 10, 1, 8}, mean[] = {1, 10}, inv_std[] = {2, 0.5f};
  float y[6];
  cr_assert_eq(babel_unit_rows(y, f, mean, inv_std, 3, 2), BABEL_OK);
  cr_assert(y[0] == 1 && y[1] == 0);
  cr_assert(y[2] == 0 && y[3] == 0, "a row at the mean stays zero");
  cr_assert(y[4] == 0 && y[5] == -1);
}

Test(eval_fusion, bad_input_is_refused) {
  const float *x[] = {a, b};
  float y[2 * N * D];
  static const double bad[3][2] = {{1, 0}, {1, -2}, {NAN, 1}};
  static const int widths[] = {D, 0};
  fill();
  cr_assert_eq(babel_fuse_sum(y, x, NULL, 0, N, D), BABEL_ERR_ARG);
  cr_assert_eq(babel_fuse_sum(y, x, NULL, 2, 0, D), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_fuse_sum(y, x, NULL, 2, N, 0), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_fuse_concat(y, x, widths, NULL, 2, N), BABEL_ERR_SHAPE);
  for (int i = 0; i < 3; i++) cr_assert_eq(babel_fuse_sum(y, x, bad[i], 2, N, D), BABEL_ERR_ARG);
  cr_assert_eq(babel_unit_rows(y, a, a, NULL, N, D), BABEL_ERR_ARG);
  b[2 * D + 4] = NAN;
  cr_assert_eq(babel_fuse_sum(y, x, NULL, 2, N, D), BABEL_ERR_VALUE);
  cr_assert_not_null(strstr(babel_error_last()->sentence, "row 2, column 4"));
  b[2 * D + 4] = INFINITY;
  cr_assert_eq(babel_unit_rows(y, b, NULL, NULL, N, D), BABEL_ERR_VALUE);
}
