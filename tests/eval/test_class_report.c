#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "eval/class_report.h"

static const int labels[] = {0, 1, 2, 0, 0, 1, 3, 1};
static const babel_points points = {NULL, labels, 8, 1};

/* Support: classes 0, 1, 2. Queries: 0 right, 0 answered 1, 1 in a tie of two, 1 in a tie that lacks it, 3 without support. */
static void fill(babel_class_report *report) {
  int support[] = {0, 1, 2}, query[] = {3, 4, 5, 7, 6};
  babel_episode episode = {3, 5, support, query};
  babel_prediction answers[] = {{3, 0, 0, 0.9f, 1, 1}, {4, 0, 1, 0.8f, 0, 1}, {5, 1, 0, 0.5f, 0.5f, 2}, {7, 1, 0, 0.5f, 0, 2}, {6, 3, 2, 0.5f, 0, 1}};
  babel_oneshot result = {5, answers, 30};
  cr_assert_eq(babel_class_report_add(report, &points, &episode, &result), BABEL_OK);
}

Test(eval_class_report, hand_counted_case) {
  static const double expected[5][6] = {{1, 1, 0, 0, 0, 0}, {1, 0.5, 0, 0, 0, 0.5}, {0}, {0, 0, 1, 0, 0, 0}, {0}};
  babel_class_report r;
  char text[64];
  cr_assert_eq(babel_class_report_create(&r, 5), BABEL_OK);
  fill(&r);
  for (int t = 0; t < 5; t++)
    for (int c = 0; c < 6; c++) cr_assert_eq(r.confusion[t * 6 + c], expected[t][c], "%d %d", t, c);
  cr_assert_eq(babel_class_report_accuracy(&r, 0), 50);
  cr_assert_eq(babel_class_report_accuracy(&r, 1), 25);
  cr_assert(isnan(babel_class_report_accuracy(&r, 2)), "its only sample was support");
  cr_assert_eq(babel_class_report_accuracy(&r, 3), 0);
  cr_assert(isnan(babel_class_report_accuracy(&r, 4)), "never seen");
  cr_assert_float_eq(babel_class_report_mean(&r), 25, 1e-12);
  cr_assert_str_eq(babel_class_report_unqueried(&r, text, sizeof text), "2");
  cr_assert_str_eq(babel_class_report_unsupported(&r, text, sizeof text), "3");
  fill(&r);
  cr_assert_eq(r.queries[0], 4);
  cr_assert_eq(babel_class_report_accuracy(&r, 1), 25, "sums over draws");
  babel_class_report_destroy(&r);
  babel_class_report_destroy(&r);
}

Test(eval_class_report, empty_report_names_nothing) {
  babel_class_report r;
  char text[64];
  cr_assert_eq(babel_class_report_create(&r, 3), BABEL_OK);
  cr_assert_str_eq(babel_class_report_unqueried(&r, text, sizeof text), "");
  cr_assert_str_eq(babel_class_report_unsupported(&r, text, sizeof text), "");
  cr_assert(isnan(babel_class_report_mean(&r)));
  babel_class_report_destroy(&r);
}

Test(eval_class_report, short_buffers_are_not_overrun) {
  babel_class_report r;
  char text[6];
  memset(text, 'x', sizeof text);
  cr_assert_eq(babel_class_report_create(&r, 30), BABEL_OK);
  for (int c = 0; c < 30; c++) r.supported[c] = 1;
  babel_class_report_unqueried(&r, text, 5);
  cr_assert_eq(strlen(text), 4);
  cr_assert_eq(text[5], 'x');
  babel_class_report_destroy(&r);
}

Test(eval_class_report, labels_that_do_not_fit_are_refused) {
  babel_class_report r;
  cr_assert_eq(babel_class_report_create(&r, 0), BABEL_ERR_ARG);
  cr_assert_eq(babel_class_report_create(&r, 3), BABEL_OK);
  int support[] = {0}, query[] = {6};
  babel_episode episode = {1, 1, support, query};
  babel_prediction answer = {6, 3, 0, 0, 0, 1};
  babel_oneshot result = {1, &answer, 0};
  cr_assert_eq(babel_class_report_add(&r, &points, &episode, &result), BABEL_ERR_ARG);
  cr_assert_eq(r.queries[0] + r.queries[1] + r.queries[2] + r.supported[0], 0, "nothing half-counted");
  babel_class_report_destroy(&r);
}
