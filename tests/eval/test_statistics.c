#include <criterion/criterion.h>
#include <math.h>

#include "eval/statistics.h"

/* 3 draws x 2 seeds: 50 54 / 60 62 / 70 76. Mean 62; draw means 52, 61, 73, deviation sqrt((100+1+121)/3);
 * squares of all: 144 64 4 0 64 196 = 472. */
static const double values[] = {50, 54, 60, 62, 70, 76};

Test(eval_statistics, hand_counted_case) {
  babel_statistics s;
  cr_assert_eq(babel_statistics_of(&s, values, 3, 2), BABEL_OK);
  cr_assert_float_eq(s.mean, 62, 1e-12);
  cr_assert_float_eq(s.sd, sqrt(472.0 / 6), 1e-12);
  cr_assert_float_eq(s.ci95, 1.96 * sqrt(222.0 / 3) / sqrt(3), 1e-12);
  cr_assert_eq(s.draws, 3);
  cr_assert_eq(s.seeds, 2);
}

Test(eval_statistics, one_draw_has_no_interval) {
  babel_statistics s;
  cr_assert_eq(babel_statistics_of(&s, values, 1, 3), BABEL_OK);
  cr_assert_float_eq(s.mean, 164.0 / 3, 1e-12);
  cr_assert(isnan(s.ci95));
  cr_assert_eq(babel_statistics_of(&s, values, 1, 1), BABEL_OK);
  cr_assert_eq(s.sd, 0);
}

/* Against 45 50 60: 5 9 / 10 12 / 10 16: mean 62/6, draw means 7, 11, 13. */
Test(eval_statistics, gain_is_paired_by_draw_and_seed) {
  static const double alone[] = {45, 50, 60}, both[] = {45, 45, 50, 50, 60, 60}, own[] = {49, 53, 59, 61, 69, 75};
  babel_statistics s, t;
  cr_assert_eq(babel_statistics_gain(&s, values, alone, 3, 2, 1), BABEL_OK);
  double mean = 62.0 / 6, gap[] = {7 - mean, 11 - mean, 13 - mean};
  cr_assert_float_eq(s.mean, mean, 1e-12);
  cr_assert_float_eq(s.ci95, 1.96 * sqrt((gap[0] * gap[0] + gap[1] * gap[1] + gap[2] * gap[2]) / 3) / sqrt(3), 1e-12);
  cr_assert_eq(babel_statistics_gain(&t, values, both, 3, 2, 2), BABEL_OK);
  cr_assert(s.mean == t.mean && s.sd == t.sd && s.ci95 == t.ci95);
  cr_assert_eq(babel_statistics_gain(&t, values, own, 3, 2, 2), BABEL_OK);
  cr_assert(t.mean == 1 && t.sd == 0 && t.ci95 == 0, "the same gain everywhere has no spread");
  cr_assert_eq(babel_statistics_gain(&t, values, own, 3, 2, 3), BABEL_ERR_ARG);
}

Test(eval_statistics, folds_are_averaged_by_their_means) {
  babel_statistics folds[] = {{60, 3, 1, 5, 3}, {70, 4, 2, 5, 3}, {80, 5, 3, 5, 3}, {90, 6, 4, 5, 3}}, s;
  cr_assert_eq(babel_statistics_folds(&s, folds, 4), BABEL_OK);
  cr_assert_float_eq(s.mean, 75, 1e-12);
  cr_assert_float_eq(s.sd, sqrt(125), 1e-12);
  cr_assert_float_eq(s.ci95, 1.96 * sqrt(125) / 2, 1e-12);
  cr_assert_eq(s.draws, 5);
  cr_assert_eq(s.seeds, 3);
  cr_assert_eq(babel_statistics_folds(&s, folds, 1), BABEL_OK);
  cr_assert(isnan(s.ci95));
  folds[2].seeds = 2;
  cr_assert_eq(babel_statistics_folds(&s, folds, 4), BABEL_ERR_ARG);
  folds[2].seeds = 3;
  folds[1].mean = NAN;
  cr_assert_eq(babel_statistics_folds(&s, folds, 4), BABEL_ERR_VALUE);
  cr_assert_eq(babel_statistics_folds(&s, folds, 0), BABEL_ERR_ARG);
}

Test(eval_statistics, bad_values_are_refused) {
  static const double bad[] = {1, NAN, 2, 3};
  babel_statistics s;
  cr_assert_eq(babel_statistics_of(&s, bad, 2, 2), BABEL_ERR_VALUE);
  cr_assert_eq(babel_statistics_of(&s, values, 0, 2), BABEL_ERR_ARG);
  cr_assert_eq(babel_statistics_of(&s, values, 2, 0), BABEL_ERR_ARG);
}
