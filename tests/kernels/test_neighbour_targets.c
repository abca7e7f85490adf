#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/neighbour_targets.h"
#include "tests/support/device_ops.h"
#include "tests/support/compare.h"
#include "tests/support/neighbour_lists.h"

/* A graph in which about every sixth pair is joined, not symmetric; sample 3 has no neighbour. */
static float *make_graph(int n) {
  float *graph = calloc((size_t)n * (size_t)n, sizeof *graph);
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) {
      double u = babel_fill("graph", (uint32_t)(i * n + j));
      if (i != j && i != 3 && u > 0.66) graph[i * n + j] = (float)u;
    }
  return graph;
}

static void check(int m, int n, float weight) {
  float *graph = make_graph(n), *targets = babel_guarded((size_t)m * (size_t)m);
  double *expected = calloc((size_t)m * (size_t)m, sizeof *expected);
  uint8_t *masked = malloc((size_t)m * (size_t)m);
  int *rows = malloc((size_t)m * sizeof *rows), *windows = malloc(3 * (size_t)n * sizeof *windows);
  for (int i = 0; i < m; i++) rows[i] = (i * 5 + 3) % n;
  neighbour_lists lists = neighbour_lists_of(graph, n);
  for (int i = 0; i < n; i++) { /* of 10 rows, 4 or 5 after the one before, three recordings in turns; some samples have none */
    windows[3 * i] = i % 7 == 6 ? -1 : i % 3;
    windows[3 * i + 1] = i % 7 == 6 ? 0 : i / 3 * 9 / 2;
    windows[3 * i + 2] = i % 7 == 6 ? 0 : i / 3 * 9 / 2 + 10;
  }
  babel_neighbour_targets_job job = {.targets = targets, .neighbours = lists.neighbours, .weights = lists.weights, .rows = rows, .m = m,
                                     .n = n, .k = lists.k, .weight = weight};
  cr_assert_eq(babel_test_ops()->neighbour_targets(&job, NULL), BABEL_OK);
  for (int form = 0; form < 4; form++) { /* neighbours; overlapping windows beside targets; both; windows alone */
    memset(masked, 7, (size_t)m * (size_t)m);
    job.masked = masked;
    job.targets = form == 1 ? targets : NULL;
    job.windows = form ? windows : NULL;
    if (form == 3) job.neighbours = NULL, job.weights = NULL, job.k = 0;
    cr_assert_eq(babel_test_ops()->neighbour_targets(&job, NULL), BABEL_OK);
    for (int i = 0; i < m * m; i++) {
      const int r = rows[i / m], who = rows[i % m], *a = windows + 3 * r, *b = windows + 3 * who;
      const bool near = graph[r * n + who] > 0 || graph[who * n + r] > 0, share = a[0] >= 0 && a[0] == b[0] && abs(a[1] - b[1]) < 10;
      cr_assert_eq(masked[i], i / m != i % m && ((form % 2 == 0 && near) || (form && share)), "form %d, mask %d %d", form, i / m, i % m);
    }
  }
  for (int i = 0; i < m; i++) {
    double sum = 0, total = 0;
    for (int j = 0; j < m; j++) sum += (double)graph[rows[i] * n + rows[j]];
    for (int j = 0; j < m; j++) {
      double q = sum > 0 ? (double)graph[rows[i] * n + rows[j]] / sum : 0;
      expected[i * m + j] = sum > 0 ? (1 - (double)weight) * (i == j) + (double)weight * q : i == j;
      total += (double)targets[i * m + j];
    }
    cr_assert_float_eq(total, 1, 1e-5);
  }
  cr_assert(babel_close("targets", targets, expected, (size_t)m * (size_t)m, 1e-7, 1e-6));
  cr_assert(babel_guard_check(targets, (size_t)m * (size_t)m));
  babel_guarded_free(targets);
  neighbour_lists_free(&lists);
  free(graph);
  free(expected);
  free(masked);
  free(rows);
  free(windows);
}

Test(kernels_neighbour_targets, matches_the_formula_and_rows_sum_to_one) {
  check(1, 7, 0.7f);
  check(5, 7, 0.7f);
  check(31, 33, 0.3f);
  check(97, 301, 0.3f); /* lists of more than 32 neighbours */
  check(255, 613, 0.7f);
}

Test(kernels_neighbour_targets, weight_zero_gives_the_own_partner_alone) {
  check(33, 64, 0.0f);
}

Test(kernels_neighbour_targets, weight_one_gives_all_to_the_neighbours) {
  check(9, 12, 1.0f);
}

/* The smallest weight a graph holds (growth/neighbours.h): its share is a number all the same. */
Test(kernels_neighbour_targets, tiny_weights_are_shared_too) {
  float graph[9] = {0, FLT_MIN, FLT_MIN, FLT_MIN, 0, 0, 0, 0, 0}, targets[9];
  int rows[3] = {0, 1, 2};
  neighbour_lists lists = neighbour_lists_of(graph, 3);
  babel_neighbour_targets_job job = {.targets = targets, .neighbours = lists.neighbours, .weights = lists.weights, .rows = rows, .m = 3, .n = 3, .k = lists.k, .weight = 0.5f};
  const double expected[9] = {0.5, 0.25, 0.25, 0.5, 0.5, 0, 0, 0, 1};
  cr_assert_eq(babel_test_ops()->neighbour_targets(&job, NULL), BABEL_OK);
  cr_assert(babel_close("tiny", targets, expected, 9, 1e-6, 0));
  neighbour_lists_free(&lists);
}

Test(kernels_neighbour_targets, an_anchor_without_neighbours_keeps_its_partner) {
  float graph[9] = {0}, targets[4];
  int rows[2] = {2, 0};
  neighbour_lists lists = neighbour_lists_of(graph, 3);
  babel_neighbour_targets_job job = {.targets = targets, .neighbours = lists.neighbours, .weights = lists.weights, .rows = rows, .m = 2, .n = 3, .k = lists.k, .weight = 0.7f};
  cr_assert_eq(babel_test_ops()->neighbour_targets(&job, NULL), BABEL_OK);
  cr_assert(targets[0] == 1 && targets[1] == 0 && targets[2] == 0 && targets[3] == 1);
  neighbour_lists_free(&lists);
}

Test(kernels_neighbour_targets, bad_sizes_and_weights_are_refused) {
  babel_neighbour_targets_job job = {.m = 0, .n = 3, .k = 2, .weight = 0.5f};
  cr_assert_eq(babel_test_ops()->neighbour_targets(&job, NULL), BABEL_ERR_SHAPE);
  job.m = 2;
  const float bad[] = {1.5f, -0.1f, NAN};
  for (int i = 0; i < 3; i++) {
    job.weight = bad[i];
    cr_assert_eq(babel_test_ops()->neighbour_targets(&job, NULL), BABEL_ERR_ARG);
  }
  job.weight = 0.5f;
  job.n = 0;
  cr_assert_eq(babel_test_ops()->neighbour_targets(&job, NULL), BABEL_ERR_SHAPE);
  job.n = 3;
  job.k = 0;
  cr_assert_eq(babel_test_ops()->neighbour_targets(&job, NULL), BABEL_ERR_SHAPE);
}
