#include <criterion/criterion.h>
#include <math.h>

#include "eval/silhouette.h"
#include "tests/support/compare.h"

/* From the definition, pair by pair. */
static double expected(const float *x, const int *group, int n, int d, int groups) {
  double total = 0;
  for (int i = 0; i < n; i++) {
    double a = 0, b = INFINITY;
    int own = 0;
    for (int g = 0; g < groups; g++) {
      double sum = 0;
      int size = 0;
      for (int j = 0; j < n; j++) {
        double dot = 0;
        if (group[j] != g || j == i) continue;
        for (int c = 0; c < d; c++) dot += (double)x[i * d + c] * (double)x[j * d + c];
        sum += 1 - dot;
        size++;
      }
      if (g == group[i]) a = size ? sum / size : 0, own = size;
      else if (size) b = fmin(b, sum / size);
    }
    if (own) total += (b - a) / fmax(a, b);
  }
  return total / n;
}

static void unit_rows(float *x, int n, int d) {
  for (int i = 0; i < n; i++) {
    double squares = 0;
    for (int c = 0; c < d; c++) squares += (double)x[i * d + c] * (double)x[i * d + c];
    for (int c = 0; c < d; c++) x[i * d + c] = (float)((double)x[i * d + c] / sqrt(squares));
  }
}

Test(eval_silhouette, equals_its_definition) {
  enum { N = 40, D = 7, GROUPS = 5 };
  float x[N * D];
  int group[N];
  double mean;
  babel_fill_floats("points", x, N * D, 1);
  unit_rows(x, N, D);
  for (int i = 0; i < N; i++) group[i] = i == 39 ? 4 : i * i % 3; /* a group of one, and one without points */
  cr_assert_eq(babel_silhouette(&mean, x, group, N, D, GROUPS), BABEL_OK);
  cr_assert(fabs(mean - expected(x, group, N, D, GROUPS)) < 1e-6, "%g", mean);
}

Test(eval_silhouette, groups_far_apart_have_nearly_one_and_one_group_has_none) {
  float x[6 * 2] = {1, 0, 1, 0.01f, 1, -0.01f, -1, 0, -1, 0.01f, -1, -0.01f};
  int group[6] = {0, 0, 0, 1, 1, 1}, same[6] = {0};
  double mean;
  unit_rows(x, 6, 2);
  cr_assert_eq(babel_silhouette(&mean, x, group, 6, 2, 2), BABEL_OK);
  cr_assert_gt(mean, 0.99);
  cr_assert_eq(babel_silhouette(&mean, x, same, 6, 2, 1), BABEL_OK);
  cr_assert(isnan(mean));
  cr_assert_eq(babel_silhouette(&mean, x, same, 0, 2, 1), BABEL_ERR_SHAPE);
}
