#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "eval/oneshot.h"
#include "tests/support/compare.h"

static babel_config config(void) {
  babel_config c;
  babel_config_preset(&c, BABEL_PRESET_OURS);
  return c;
}

static babel_oneshot_job ask(const babel_points *points, const babel_episode *episode, unsigned heads) {
  babel_config c = config();
  babel_oneshot_job job = {.points = points, .episode = episode, .heads = heads};
  cr_assert_eq(babel_oneshot_run(&job, 1, &c, NULL), BABEL_OK, "%s", babel_error_last()->sentence);
  return job;
}

#define NEAREST (1u << BABEL_HEAD_NEAREST)
#define RIDGE (1u << BABEL_HEAD_RIDGE)
#define MLP (1u << BABEL_HEAD_MLP)
#define ALL (NEAREST | RIDGE | MLP | 1u << BABEL_HEAD_TRANSDUCTIVE)

/* By hand: class 4 has supports (1,0) and (0,1), mean direction (1,1)/sqrt 2; class 9 has (0,-1). */
Test(eval_oneshot, nearest_uses_the_renormalised_mean_of_the_class) {
  const float x[] = {1, 0, 0, 1, 0, -1, 0.6f, 0.8f, 0.8f, -0.6f, -1, 0};
  const int labels[] = {4, 4, 9, 4, 4, 9};
  int support[] = {0, 1, 2}, query[] = {5, 3, 4};
  babel_points points = {x, labels, 6, 2};
  babel_episode episode = {3, 3, support, query};
  babel_oneshot_job job = ask(&points, &episode, NEAREST);
  const babel_oneshot *r = &job.results[BABEL_HEAD_NEAREST];
  cr_assert_eq(r->count, 3);
  /* (-1,0): cosine -0.7071 with class 4, 0 with class 9 */
  cr_assert_eq(r->predictions[0].row, 5);
  cr_assert_eq(r->predictions[0].truth, 9);
  cr_assert_eq(r->predictions[0].predicted, 9);
  cr_assert_float_eq(r->predictions[0].score, 0, 1e-7);
  /* (0.6,0.8): 1.4/sqrt 2 = 0.98995 with class 4 */
  cr_assert_eq(r->predictions[1].predicted, 4);
  cr_assert_float_eq(r->predictions[1].score, 1.4 / sqrt(2), 1e-6);
  /* (0.8,-0.6): 0.2/sqrt 2 = 0.141 with class 4, 0.6 with class 9: wrong */
  cr_assert_eq(r->predictions[2].predicted, 9);
  cr_assert_eq(r->predictions[2].credit, 0);
  cr_assert_float_eq(r->accuracy, 200.0 / 3, 1e-9);
  cr_assert_eq(job.results[BABEL_HEAD_RIDGE].count, 0, "heads that nobody asked for stay empty");
  babel_oneshot_destroy(&job, 1);
  cr_assert_null(job.results[0].predictions);
}

Test(eval_oneshot, rows_of_any_length_have_the_cosine_of_their_direction) {
  const float x[] = {3, 0, 0, 0.5f, 2, 1.9f, 0, 0};
  const int labels[] = {0, 1, 0, 1};
  int support[] = {0, 1}, query[] = {2, 3};
  babel_points points = {x, labels, 4, 2};
  babel_episode episode = {2, 2, support, query};
  babel_oneshot_job job = ask(&points, &episode, NEAREST);
  const babel_prediction *p = job.results[BABEL_HEAD_NEAREST].predictions;
  cr_assert_eq(p[0].predicted, 0);
  cr_assert_float_eq(p[0].score, 2 / sqrt(4 + 1.9 * 1.9), 1e-6);
  cr_assert_eq(p[1].tied, 2, "a row of zeros is equally far from all");
  cr_assert_eq(p[1].credit, 0.5f);
  babel_oneshot_destroy(&job, 1);
}

/* All rows equal: no head can tell the k classes apart, so every query counts 1/k, also where rounding makes the scores of
 * classes with different numbers of support rows differ in the last bit. */
static void check_ties(int classes, int extra, unsigned heads) {
  enum { N = 60 };
  float x[N * 4];
  int labels[N], order[N], n = classes + extra;
  for (int i = 0; i < N; i++) {
    order[i] = i;
    labels[i] = i < n ? 10 * (i < classes ? i : 0) : 10 * (i % classes); /* class 0 has all the extra support */
    for (int j = 0; j < 4; j++) x[4 * i + j] = (float)((j + 1) / sqrt(30) + 0.01 * classes);
  }
  babel_points points = {x, labels, N, 4};
  babel_episode episode = {n, N - n, order, order + n};
  babel_oneshot_job job = ask(&points, &episode, heads);
  for (int h = 0; h < 2; h++)
    for (int i = 0; i < job.results[h].count; i++) {
      cr_assert_eq(job.results[h].predictions[i].tied, classes, "%d classes, %d extra", classes, extra);
      cr_assert_eq(job.results[h].predictions[i].predicted, 0, "the lowest label of tied ones");
      cr_assert_eq(job.results[h].predictions[i].credit, 1 / (float)classes);
    }
  cr_assert_float_eq(job.results[BABEL_HEAD_NEAREST].accuracy, 100.0 / classes, 1e-5);
  babel_oneshot_destroy(&job, 1);
}

Test(eval_oneshot, tied_queries_share_their_credit) {
  for (int classes = 2; classes <= 29; classes++) {
    check_ties(classes, 0, NEAREST | RIDGE); /* ridge ties only where every class has as many rows */
    for (int extra = 1; extra < 12; extra++) check_ties(classes, extra, NEAREST);
  }
}

/* Support rows that differ in the last bit alone say nothing about the classes. */
Test(eval_oneshot, ridge_does_not_amplify_rounding) {
  float x[8 * 4];
  int labels[8], order[8];
  for (int i = 0; i < 8; i++) {
    order[i] = i;
    labels[i] = i % 4;
    for (int j = 0; j < 4; j++) x[4 * i + j] = i % 4 == j ? nextafterf(0.5f, 1) : 0.5f;
  }
  babel_points points = {x, labels, 8, 4};
  babel_oneshot_job job = ask(&points, &(babel_episode){4, 4, order, order + 4}, RIDGE);
  cr_assert_float_eq(job.results[BABEL_HEAD_RIDGE].accuracy, 25, 1e-5);
  babel_oneshot_destroy(&job, 1);
}

/* Solves a x = b in place by elimination with pivots; a (n, n), b (n, m). */
static void eliminate(double *a, double *b, int n, int m) {
  for (int c = 0; c < n; c++) {
    int pivot = c;
    for (int r = c + 1; r < n; r++) pivot = fabs(a[r * n + c]) > fabs(a[pivot * n + c]) ? r : pivot;
    for (int k = 0; k < n; k++) {
      double t = a[c * n + k];
      a[c * n + k] = a[pivot * n + k];
      a[pivot * n + k] = t;
    }
    for (int k = 0; k < m; k++) {
      double t = b[c * m + k];
      b[c * m + k] = b[pivot * m + k];
      b[pivot * m + k] = t;
    }
    for (int r = 0; r < n; r++) {
      if (r == c) continue;
      double f = a[r * n + c] / a[c * n + c];
      for (int k = 0; k < n; k++) a[r * n + k] -= f * a[c * n + k];
      for (int k = 0; k < m; k++) b[r * m + k] -= f * b[c * m + k];
    }
  }
  for (int r = 0; r < n; r++)
    for (int k = 0; k < m; k++) b[r * m + k] /= a[r * n + r];
}

/* The primal form: W = (Xc^T Xc + lambda I)^-1 Xc^T Yc, score = mean Y + (x - mean X) W. */
static void check_ridge(int n, int q, int d, int classes) {
  size_t rows = (size_t)(n + q);
  float *x = malloc(rows * d * sizeof(float));
  int *labels = malloc(rows * sizeof(int)), *order = malloc(rows * sizeof(int));
  double *mean = calloc(d, sizeof(double)), *share = calloc(classes, sizeof(double)), trace = 0;
  double *a = calloc((size_t)d * d, sizeof(double)), *w = calloc((size_t)d * classes, sizeof(double));
  babel_fill_floats("ridge", x, rows * d, 1);
  for (size_t i = 0; i < rows; i++) {
    labels[i] = 2 * ((int)i % classes) + 1;
    order[i] = (int)i;
  }
  for (int s = 0; s < n; s++) {
    share[s % classes] += 1.0 / n;
    for (int j = 0; j < d; j++) mean[j] += x[s * d + j] / (double)n;
  }
  for (int s = 0; s < n; s++)
    for (int j = 0; j < d; j++) {
      double xj = x[s * d + j] - mean[j];
      trace += xj * xj;
      for (int k = 0; k < d; k++) a[j * d + k] += xj * (x[s * d + k] - mean[k]);
      for (int c = 0; c < classes; c++) w[j * classes + c] += xj * ((s % classes == c) - share[c]);
    }
  for (int j = 0; j < d; j++) a[j * d + j] += 0.1 * trace / n;
  eliminate(a, w, d, classes);
  babel_points points = {x, labels, (int)rows, d};
  babel_episode episode = {n, q, order, order + n};
  babel_oneshot_job job = ask(&points, &episode, RIDGE);
  for (int i = 0; i < q; i++) {
    double most = -INFINITY;
    int best = -1;
    for (int c = 0; c < classes; c++) {
      double score = share[c];
      for (int j = 0; j < d; j++) score += (x[(n + i) * d + j] - mean[j]) * w[j * classes + c];
      if (score > most) best = 2 * c + 1;
      most = fmax(score, most);
    }
    const babel_prediction *p = &job.results[BABEL_HEAD_RIDGE].predictions[i];
    cr_assert_eq(p->predicted, best, "n %d d %d query %d", n, d, i);
    cr_assert(fabs(p->score - most) <= 1e-6, "%.9g, expected %.9g", p->score, most);
  }
  babel_oneshot_destroy(&job, 1);
  free(x), free(labels), free(order), free(mean), free(share), free(a), free(w);
}

Test(eval_oneshot, ridge_in_the_dual_equals_the_primal_form) {
  check_ridge(5, 20, 7, 5);
  check_ridge(33, 40, 12, 27); /* more rows than columns, classes with two */
  check_ridge(27, 30, 64, 27);
  check_ridge(2, 3, 1, 2);
  check_ridge(4, 3, 3, 1); /* one class: always right */
}

Test(eval_oneshot, queries_without_support_count_as_wrong) {
  const float x[] = {1, 0, 0, 1, 1, 0};
  const int labels[] = {0, 1, 2};
  int support[] = {0, 1}, query[] = {2};
  babel_points points = {x, labels, 3, 2};
  babel_episode episode = {2, 1, support, query};
  babel_oneshot_job job = ask(&points, &episode, ALL);
  for (int h = 0; h < BABEL_HEAD_COUNT; h++) {
    cr_assert_eq(job.results[h].accuracy, 0);
    cr_assert_eq(job.results[h].predictions[0].predicted, 0);
  }
  babel_oneshot_destroy(&job, 1);
}

static void refuse(babel_points points, babel_episode episode, babel_status status, const char *part) {
  babel_config c = config();
  babel_oneshot_job job = {.points = &points, .episode = &episode, .heads = NEAREST};
  cr_assert_eq(babel_oneshot_run(&job, 1, &c, NULL), status);
  cr_assert_not_null(strstr(babel_error_last()->sentence, part), "%s", babel_error_last()->sentence);
}

Test(eval_oneshot, bad_input_is_refused) {
  float x[] = {1, 0, 0, 1, 1, 0, NAN, 0};
  const int labels[] = {0, 1, 0, 0};
  int support[] = {0, 1}, query[] = {2, 3}, outside[] = {2, 4};
  babel_points points = {x, labels, 4, 2};
  refuse(points, (babel_episode){2, 2, support, query}, BABEL_ERR_VALUE, "row 3, column 0");
  x[6] = INFINITY;
  refuse(points, (babel_episode){2, 2, support, query}, BABEL_ERR_VALUE, "row 3, column 0");
  refuse(points, (babel_episode){2, 2, query, support}, BABEL_ERR_VALUE, "row 3, column 0");
  refuse(points, (babel_episode){2, 2, support, outside}, BABEL_ERR_SHAPE, "row 4 of 4");
  refuse(points, (babel_episode){0, 1, support, query}, BABEL_ERR_SHAPE, "found 0, 1 and 2");
  refuse(points, (babel_episode){2, 0, support, query}, BABEL_ERR_SHAPE, "found 2, 0 and 2");
  /* a row that takes no part may be anything */
  babel_oneshot_job job = ask(&points, &(babel_episode){2, 1, support, query}, NEAREST);
  cr_assert_eq(job.results[0].accuracy, 100);
  babel_oneshot_destroy(&job, 1);
}

enum { ROWS = 40, WIDTH = 24, JOBS = 12 };

static void many(babel_oneshot_job jobs[JOBS], const babel_points *points, babel_episode *episodes, const babel_config *c) {
  for (int i = 0; i < JOBS; i++)
    jobs[i] = (babel_oneshot_job){.points = points, .episode = &episodes[i % 3], .heads = ALL, .seed = babel_head_seed(i / 3, i % 3)};
  cr_assert_eq(babel_oneshot_run(jobs, JOBS, c, NULL), BABEL_OK);
}

Test(eval_oneshot, results_do_not_depend_on_the_number_of_threads) {
  float x[ROWS * WIDTH];
  int labels[ROWS], order[ROWS + 10];
  babel_config c = config();
  c.head_epochs = 40;
  c.head_hidden = 32;
  babel_fill_floats("threads", x, ROWS * WIDTH, 1);
  for (int i = 0; i < ROWS + 10; i++) order[i] = i % ROWS;
  for (int i = 0; i < ROWS; i++) labels[i] = i % 5;
  babel_points points = {x, labels, ROWS, WIDTH};
  babel_episode episodes[3];
  for (int i = 0; i < 3; i++) episodes[i] = (babel_episode){5, ROWS - 5, order + 5 * i, order + 5 * i + 5};
  babel_oneshot_job one[JOBS], four[JOBS];
  omp_set_num_threads(1);
  many(one, &points, episodes, &c);
  omp_set_num_threads(4);
  many(four, &points, episodes, &c);
  int seeds_differ = 0;
  for (int i = 0; i < JOBS; i++)
    for (int h = 0; h < BABEL_HEAD_COUNT; h++) {
      cr_assert_eq(one[i].results[h].count, ROWS - 5);
      cr_assert_eq(one[i].results[h].accuracy, four[i].results[h].accuracy);
      for (int k = 0; k < ROWS - 5; k++) {
        cr_assert_eq(one[i].results[h].predictions[k].score, four[i].results[h].predictions[k].score);
        cr_assert_eq(one[i].results[h].predictions[k].predicted, four[i].results[h].predictions[k].predicted);
        seeds_differ += h == BABEL_HEAD_MLP && i < 9 && one[i].results[h].predictions[k].score != one[i + 3].results[h].predictions[k].score;
      }
    }
  cr_assert_gt(seeds_differ, 200, "the seed reaches the mlp head");
  babel_oneshot_destroy(one, JOBS);
  babel_oneshot_destroy(four, JOBS);
}

Test(eval_oneshot, first_failing_job_is_reported_and_nothing_is_left) {
  float x[] = {1, 0, 0, 1, NAN, 0, 0, NAN};
  const int labels[] = {0, 1, 0, 0};
  int support[] = {0, 1}, query[] = {1, 2, 3};
  babel_points points = {x, labels, 4, 2};
  babel_episode good = {2, 1, support, query}, first = {2, 1, support, query + 1}, second = {2, 1, support, query + 2};
  babel_config c = config();
  babel_oneshot_job jobs[4] = {{.points = &points, .episode = &good, .heads = 1}, {.points = &points, .episode = &first, .heads = 1},
                               {.points = &points, .episode = &second, .heads = 1}, {.points = &points, .episode = &good, .heads = 1}};
  cr_assert_eq(babel_oneshot_run(jobs, 4, &c, NULL), BABEL_ERR_VALUE);
  cr_assert_not_null(strstr(babel_error_last()->sentence, "row 2, column 0"), "%s", babel_error_last()->sentence);
  for (int i = 0; i < 4; i++) cr_assert_null(jobs[i].results[0].predictions);
}

Test(eval_oneshot, names_and_seeds) {
  cr_assert_str_eq(babel_head_name(BABEL_HEAD_NEAREST), "nearest");
  cr_assert_str_eq(babel_head_name(BABEL_HEAD_RIDGE), "ridge");
  cr_assert_str_eq(babel_head_name(BABEL_HEAD_MLP), "mlp");
  cr_assert_neq(babel_head_seed(1, 0), babel_head_seed(0, 1));
  cr_assert_neq(babel_head_seed(1, 2), babel_head_seed(2, 1));
  cr_assert_neq(babel_head_seed(1, 2), babel_head_seed(1, 1));
}
