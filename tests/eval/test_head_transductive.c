/* The transductive head against a double oracle written from its definition. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/heads.h"
#include "eval/oneshot.h"
#include "tests/support/compare.h"

enum { MOST = 64, WIDEST = 40 };

/* `rounds` rounds from the raw rows: x (n + q, d), the support first. */
static void oracle(double *scores, const float *x, const int *target, int n, int q, int d, int classes, int rounds) {
  static double unit[MOST][WIDEST], support[MOST][WIDEST], centre[MOST][WIDEST];
  memset(support, 0, sizeof support);
  for (int i = 0; i < n + q; i++) {
    double norm = 0;
    for (int j = 0; j < d; j++) norm += (double)x[i * d + j] * (double)x[i * d + j];
    for (int j = 0; j < d; j++) unit[i][j] = norm > 0 ? (double)x[i * d + j] / sqrt(norm) : 0;
    for (int j = 0; j < d && i < n; j++) support[target[i]][j] += unit[i][j];
  }
  for (int round = 0; round <= rounds; round++) {
    for (int c = 0; c < classes; c++) {
      double norm = 0;
      if (!round) {
        for (int j = 0; j < d; j++) norm += support[c][j] * support[c][j];
        for (int j = 0; j < d; j++) support[c][j] = norm > 0 ? support[c][j] / sqrt(norm) : 0;
      }
      memcpy(centre[c], support[c], sizeof centre[c]);
      for (int i = 0; i < q && round; i++) {
        double total = 0;
        for (int k = 0; k < classes; k++) total += exp(scores[i * classes + k] / 0.1);
        for (int j = 0; j < d; j++) centre[c][j] += exp(scores[i * classes + c] / 0.1) / total * unit[n + i][j];
      }
      norm = 0;
      for (int j = 0; j < d; j++) norm += centre[c][j] * centre[c][j];
      for (int j = 0; j < d; j++) centre[c][j] = norm > 0 ? centre[c][j] / sqrt(norm) : 0;
    }
    for (int i = 0; i < q; i++)
      for (int c = 0; c < classes; c++) {
        scores[i * classes + c] = 0;
        for (int j = 0; j < d; j++) scores[i * classes + c] += unit[n + i][j] * centre[c][j];
      }
  }
}

typedef struct {
  float x[(MOST + 2) * WIDEST];
  int rows[MOST], target[MOST];
  double gram[MOST * MOST], norm[MOST];
} data;

/* Samples in shuffled rows of x; `sorted` has them in order. */
static babel_head_problem make(data *p, const float *sorted, const int *target, int n, int q, int d, int classes) {
  memset(p, 0, sizeof *p);
  for (int i = 0; i < n + q; i++) {
    p->rows[i] = n + q - i; /* row 0 of x is nobody's */
    memcpy(p->x + p->rows[i] * d, sorted + i * d, (size_t)d * sizeof(float));
    for (int j = 0; j < d; j++) p->norm[i] += (double)sorted[i * d + j] * (double)sorted[i * d + j];
    p->norm[i] = sqrt(p->norm[i]);
  }
  for (int i = 0; i < n; i++) p->target[i] = target[i];
  return (babel_head_problem){.n = n, .q = q, .d = d, .classes = classes, .x = p->x, .rows = p->rows, .target = p->target, .gram = p->gram, .norm = p->norm};
}

static double distance(const double *a, const double *b, int n) {
  double most = 0;
  for (int i = 0; i < n; i++) most = fmax(most, fabs(a[i] - b[i]));
  return most;
}

Test(eval_head_transductive, five_rounds_match_the_definition) {
  static const struct {
    int n, q, d, classes;
  } cases[] = {{1, 1, 1, 1}, {3, 17, 5, 3}, {7, 33, 31, 4}, {20, 40, 40, 20}, {27, 36, 16, 27}};
  static float sorted[MOST * WIDEST];
  static data p;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    int n = cases[k].n, q = cases[k].q, d = cases[k].d, classes = cases[k].classes, target[MOST];
    double scores[MOST * MOST], expected[MOST * MOST], other[MOST * MOST], again[MOST * MOST];
    babel_fill_floats("points", sorted, (size_t)((n + q) * d), 1);
    for (int i = 0; i < (n + q) * d; i++) sorted[i] += 0.4f; /* classes overlap: all weights matter */
    for (int i = 0; i < n; i++) target[i] = i % classes;
    babel_head_problem problem = make(&p, sorted, target, n, q, d, classes);
    for (int i = 0; i < q * classes; i++) scores[i] = (double)NAN;
    cr_assert_eq(babel_head_transductive(scores, &problem), BABEL_OK);
    oracle(expected, sorted, target, n, q, d, classes, 5);
    cr_assert(distance(scores, expected, q * classes) <= 1e-12, "case %zu: off by %g", k, distance(scores, expected, q * classes));
    cr_assert_eq(babel_head_transductive(again, &problem), BABEL_OK);
    cr_assert_arr_eq(scores, again, (size_t)(q * classes) * sizeof *scores);
    for (int rounds = 4; rounds <= 6 && classes > 1; rounds += 2) {
      oracle(other, sorted, target, n, q, d, classes, rounds);
      cr_assert_gt(distance(scores, other, q * classes), 1e-7, "case %zu: %d rounds must show", k, rounds);
    }
  }
}

/* With one class every weight is 1, in every round: the centre is unit(support + all queries). Support (1, 0), queries (0, 2) and (0, 0.1):
 * centre (1, 2) / sqrt 5. */
Test(eval_head_transductive, with_one_class_it_is_done_by_hand) {
  static const float sorted[] = {1, 0, 0, 2, 0, 0.1f};
  static const int target[] = {0};
  static data p;
  double scores[2];
  babel_head_problem problem = make(&p, sorted, target, 1, 2, 2, 1);
  cr_assert_eq(babel_head_transductive(scores, &problem), BABEL_OK);
  for (int i = 0; i < 2; i++) cr_assert_float_eq(scores[i], 2 / sqrt(5), 1e-14);
}

/* Queries gather around (0.8, 0.6), which is nearer to class 0 at (1, 0) than to class 1 at (0, 1): its centre moves among them. */
Test(eval_head_transductive, centres_move_towards_the_queries) {
  static const float sorted[] = {1, 0, 0, 1, 0.8f, 0.6f, 0.8f, 0.6f, 0.8f, 0.6f};
  static const int target[] = {0, 1};
  static data p;
  double scores[6];
  babel_head_problem problem = make(&p, sorted, target, 2, 3, 2, 2);
  cr_assert_eq(babel_head_transductive(scores, &problem), BABEL_OK);
  for (int i = 0; i < 3; i++) {
    cr_assert(scores[2 * i] > 0.9 && scores[2 * i] > 0.8 + 0.1, "%g", scores[2 * i]);
    cr_assert(scores[2 * i + 1] > 0.6 && scores[2 * i + 1] < scores[2 * i], "%g", scores[2 * i + 1]);
  }
}

Test(eval_head_transductive, rows_of_zeros_belong_to_no_class) {
  static const float sorted[] = {0, 0, 0, 1, 0, 0, 1, 0};
  static const int target[] = {0, 1};
  static data p;
  double scores[4], expected[4];
  babel_head_problem problem = make(&p, sorted, target, 2, 2, 2, 2);
  cr_assert_eq(babel_head_transductive(scores, &problem), BABEL_OK);
  oracle(expected, sorted, target, 2, 2, 2, 2, 5);
  cr_assert(distance(scores, expected, 4) <= 1e-14);
  cr_assert(scores[0] == 0 && scores[1] == 0, "a query of zeros has no direction");
}

static babel_oneshot_job ask(const babel_points *points, const babel_episode *episode) {
  babel_config config;
  babel_config_preset(&config, BABEL_PRESET_BEST);
  babel_oneshot_job job = {.points = points, .episode = episode, .heads = 1u << BABEL_HEAD_TRANSDUCTIVE};
  cr_assert_eq(babel_oneshot_run(&job, 1, &config, NULL), BABEL_OK, "%s", babel_error_last()->sentence);
  return job;
}

/* Everything is symmetric about the diagonal: the query on it is as near to one class as to the other. */
Test(eval_head_transductive, a_tie_counts_half_and_goes_to_the_lower_label) {
  static const float x[] = {1, 0, 0, 1, 0.8f, 0.6f, 0.6f, 0.8f, 1, 1};
  static const int labels[] = {3, 8, 3, 8, 8};
  int support[] = {0, 1}, query[] = {4, 2, 3};
  babel_points points = {x, labels, 5, 2};
  babel_episode episode = {2, 3, support, query};
  babel_oneshot_job job = ask(&points, &episode);
  const babel_prediction *p = job.results[BABEL_HEAD_TRANSDUCTIVE].predictions;
  cr_assert(p[0].tied == 2 && p[0].predicted == 3 && p[0].credit == 0.5f);
  cr_assert(p[1].tied == 1 && p[1].predicted == 3 && p[2].predicted == 8);
  cr_assert_float_eq(job.results[BABEL_HEAD_TRANSDUCTIVE].accuracy, 100 * 2.5 / 3, 1e-9);
  cr_assert_null(job.results[BABEL_HEAD_NEAREST].predictions);
  babel_oneshot_destroy(&job, 1);
}

/* Two support samples of one class: the class embedding is the unit of their mean, not their sum. */
Test(eval_head_transductive, several_support_samples_weigh_as_one) {
  static const float sorted[] = {1, 0, 0.6f, 0.8f, 0, 1, 0.7f, 0.7f, 0.2f, 0.9f};
  static const int target[] = {0, 0, 1};
  static data p;
  double scores[4], expected[4];
  babel_head_problem problem = make(&p, sorted, target, 3, 2, 2, 2);
  cr_assert_eq(babel_head_transductive(scores, &problem), BABEL_OK);
  oracle(expected, sorted, target, 3, 2, 2, 2, 5);
  cr_assert(distance(scores, expected, 4) <= 1e-14);
}
