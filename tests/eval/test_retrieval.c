#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "eval/fusion.h"
#include "eval/retrieval.h"
#include "tests/support/compare.h"
#include "tests/support/device_ops.h"

/* PC41 of the public cases: 50 equal candidates. */
Test(eval_retrieval, fifty_equal_candidates_share_the_rank_they_span) {
  float x[50 * 8];
  int labels[50];
  babel_retrieval r;
  for (int i = 0; i < 50 * 8; i++) x[i] = 1 / sqrtf(8);
  for (int i = 0; i < 50; i++) labels[i] = i % 5;
  cr_assert_eq(babel_retrieval_score(&r, babel_test_ops(), x, x, labels, 50, 8), BABEL_OK);
  cr_assert_float_eq(r.recall1, 2, 1e-9);
  cr_assert_float_eq(r.recall5, 10, 1e-9);
  cr_assert_float_eq(r.recall10, 20, 1e-9);
  cr_assert_float_eq(r.median_rank, 25.5, 1e-9);
  cr_assert_float_eq(r.class_top1, 20, 1e-9, "10 of the 50 best carry the label");
  cr_assert_eq(r.n, 50);
}

Test(eval_retrieval, not_a_number_is_refused) {
  float x[6] = {1, 0, 0, 1, 1, 0}, y[6] = {1, 0, 0, NAN, 1, 0};
  int labels[3] = {0, 1, 2};
  babel_retrieval r;
  cr_assert_eq(babel_retrieval_score(&r, babel_test_ops(), x, y, labels, 3, 2), BABEL_ERR_VALUE);
  cr_assert_not_null(strstr(babel_error_last()->sentence, "side b, row 1, column 1"));
  cr_assert_eq(babel_retrieval_score(&r, babel_test_ops(), y, x, labels, 3, 2), BABEL_ERR_VALUE);
  cr_assert_not_null(strstr(babel_error_last()->sentence, "side a"));
  cr_assert_eq(babel_retrieval_score(&r, babel_test_ops(), x, x, labels, 0, 2), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_retrieval_score(&r, babel_test_ops(), x, x, labels, 3, 0), BABEL_ERR_SHAPE);
}

/* By hand, one column: the product of a[i] and b[j] orders the candidates by b for a > 0 and backwards for a < 0.
 * b = 4 3 2 1. Query 0 (+): rank 1, best is itself. Query 1 (+): rank 2, best is 0, of the same class.
 * Query 2 (-): products -2 for its own, worse than -1: rank 2, best is 3. Query 3 (-): rank 1. */
Test(eval_retrieval, hand_counted_case) {
  const float a[] = {1, 1, -1, -1}, b[] = {4, 3, 2, 1};
  const int labels[] = {7, 7, 8, 9};
  babel_retrieval r;
  cr_assert_eq(babel_retrieval_score(&r, babel_test_ops(), a, b, labels, 4, 1), BABEL_OK);
  cr_assert_eq(r.recall1, 50);
  cr_assert_eq(r.recall5, 100);
  cr_assert_eq(r.recall10, 100);
  cr_assert_eq(r.median_rank, 1.5);
  cr_assert_eq(r.class_top1, 75, "queries 0 and 3 find their partner, 1 finds a sample of its class, 2 does not");
}

/* Where row i's partner stands among the candidates, by inner products in double; equal: to the partner, itself included; right: of the best, those of its label. */
typedef struct {
  int greater, equal, best, right;
} standing;

static standing standing_of(const float *a, const float *b, const int *labels, int n, int d, int i) {
  standing at = {0};
  double s[n], most = -2;
  for (int j = 0; j < n; j++) {
    s[j] = 0;
    for (int k = 0; k < d; k++) s[j] += (double)a[i * d + k] * (double)b[j * d + k];
    most = fmax(most, s[j]);
  }
  for (int j = 0; j < n; j++) {
    at.greater += s[j] > s[i];
    at.equal += s[j] == s[i];
    at.best += s[j] == most;
    at.right += s[j] == most && labels[j] == labels[i];
  }
  return at;
}

/* Random rows with some copies among the candidates, against sorting in double. */
Test(eval_retrieval, random_rows_match_the_definition) {
  enum { N = 61, D = 33 };
  float a[N * D], b[N * D];
  int labels[N];
  double recall[3] = {0}, top1 = 0, rank[N], depth[3] = {1, 5, 10};
  babel_fill_floats("a", a, N * D, 1);
  babel_fill_floats("b", b, N * D, 1);
  for (int i = 0; i < N; i++) {
    labels[i] = i % 7;
    if (i % 6 == 5) memcpy(b + i * D, b + (i - 3) * D, D * sizeof(float));
    for (int j = 0; j < D; j++) a[i * D + j] += b[i * D + j]; /* partners are near, not always nearest */
  }
  cr_assert_eq(babel_unit_rows(a, a, NULL, NULL, N, D), BABEL_OK);
  cr_assert_eq(babel_unit_rows(b, b, NULL, NULL, N, D), BABEL_OK);
  for (int i = 0; i < N; i++) {
    const standing at = standing_of(a, b, labels, N, D, i);
    for (int k = 0; k < 3; k++) { /* every place that the tie spans, one by one */
      double inside = 0;
      for (int place = at.greater + 1; place <= at.greater + at.equal; place++) inside += place <= depth[k];
      recall[k] += 100 * inside / at.equal / N;
    }
    top1 += 100.0 * at.right / at.best / N;
    rank[i] = at.greater + (at.equal + 1) / 2.0;
  }
  for (int i = 1; i < N; i++) /* insertion sort */
    for (int j = i; j > 0 && rank[j - 1] > rank[j]; j--) {
      double t = rank[j];
      rank[j] = rank[j - 1];
      rank[j - 1] = t;
    }
  babel_retrieval one, four;
  omp_set_num_threads(1);
  cr_assert_eq(babel_retrieval_score(&one, babel_test_ops(), a, b, labels, N, D), BABEL_OK);
  cr_assert_float_eq(one.recall1, recall[0], 1e-9);
  cr_assert_float_eq(one.recall5, recall[1], 1e-9);
  cr_assert_float_eq(one.recall10, recall[2], 1e-9);
  cr_assert_float_eq(one.class_top1, top1, 1e-9);
  cr_assert_eq(one.median_rank, rank[N / 2]);
  cr_assert(one.recall1 > 20 && one.recall1 < 100 && one.class_top1 < 100, "the case is neither trivial nor hopeless");
  omp_set_num_threads(4);
  cr_assert_eq(babel_retrieval_score(&four, babel_test_ops(), a, b, labels, N, D), BABEL_OK);
  cr_assert(one.recall1 == four.recall1 && one.recall5 == four.recall5 && one.recall10 == four.recall10, "any number of threads");
  cr_assert(one.class_top1 == four.class_top1 && one.median_rank == four.median_rank);
}

/* 600 rows of which hundreds are equal: more than a list of near ones holds. */
Test(eval_retrieval, hundreds_of_equal_candidates_are_ranked_exactly) {
  enum { N = 600, D = 8 };
  static float a[N * D], b[N * D];
  static int labels[N];
  double top1 = 0, all = 0, percent;
  babel_retrieval r;
  babel_fill_floats("a", a, N * D, 1);
  for (int i = 0; i < N; i++) {
    int of = i % 50 == 7 ? i : i % 2;
    labels[i] = i % 3;
    for (int k = 0; k < D; k++) b[i * D + k] = (float)babel_fill("b", (uint32_t)(of * D + k));
  }
  cr_assert_eq(babel_unit_rows(a, a, NULL, NULL, N, D), BABEL_OK);
  cr_assert_eq(babel_unit_rows(b, b, NULL, NULL, N, D), BABEL_OK);
  for (int i = 0; i < N; i++) {
    const standing at = standing_of(a, b, labels, N, D, i);
    top1 += 100.0 * at.right / at.best / N;
    all += fmin(fmax((10.0 - at.greater) / at.equal, 0), 1) * 100 / N;
  }
  cr_assert_eq(babel_retrieval_score(&r, babel_test_ops(), a, b, labels, N, D), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_float_eq(r.class_top1, top1, 1e-9);
  cr_assert_float_eq(r.recall10, all, 1e-9);
  cr_assert_eq(babel_retrieval_class_top1(&percent, babel_test_ops(), a, labels, N, b, labels, N, D), BABEL_OK);
  cr_assert_float_eq(percent, top1, 0.2, "to whole 840ths");
}

Test(eval_retrieval, mean_over_seeds) {
  babel_retrieval s[2] = {{10, 20, 30, 40, 3, 9}, {20, 40, 50, 80, 4, 9}}, m;
  cr_assert_eq(babel_retrieval_mean(&m, s, 2), BABEL_OK);
  cr_assert(m.recall1 == 15 && m.recall5 == 30 && m.recall10 == 40 && m.class_top1 == 60 && m.median_rank == 3.5 && m.n == 9);
  s[1].n = 8;
  cr_assert_eq(babel_retrieval_mean(&m, s, 2), BABEL_ERR_ARG);
  cr_assert_eq(babel_retrieval_mean(&m, s, 0), BABEL_ERR_ARG);
}
