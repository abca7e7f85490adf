#include "eval/silhouette.h"

#include <math.h>
#include <stdlib.h>

#include "core/arena.h"

/* Sums of the group's rows: with unit rows, the mean distance of a point to a group is 1 - x . sum / size. */
static void add_up(double *sums, int *sizes, const float *x, const int *group, int n, int d) {
  for (int i = 0; i < n; i++) {
    sizes[group[i]]++;
    for (int c = 0; c < d; c++) sums[(size_t)group[i] * (size_t)d + (size_t)c] += (double)x[(size_t)i * (size_t)d + (size_t)c];
  }
}

static double dot(const double *sum, const float *x, int d) {
  double value = 0;
  for (int c = 0; c < d; c++) value += sum[c] * (double)x[c];
  return value;
}

static double silhouette_of(const double *sums, const int *sizes, const float *row, int own, int d, int groups) {
  double a = 0, b = INFINITY, self = 0;
  if (sizes[own] < 2) return 0;
  for (int c = 0; c < d; c++) self += (double)row[c] * (double)row[c];
  for (int g = 0; g < groups; g++) {
    if (!sizes[g]) continue;
    double near = dot(sums + (size_t)g * (size_t)d, row, d);
    if (g == own) a = 1 - (near - self) / (sizes[g] - 1);
    else b = fmin(b, 1 - near / sizes[g]);
  }
  return fmax(a, b) > 0 ? (b - a) / fmax(a, b) : 0;
}

babel_status babel_silhouette(double *mean, const float *x, const int *group, int n, int d, int groups) {
  void *sums, *sizes;
  int filled = 0;
  if (n < 1 || d < 1 || groups < 1) return BABEL_FAIL(BABEL_ERR_SHAPE, "silhouette of %d points of %d numbers in %d groups", n, d, groups);
  BABEL_TRY(babel_alloc(&sums, (size_t)groups * (size_t)d, sizeof(double)));
  babel_status status = babel_alloc(&sizes, (size_t)groups, sizeof(int));
  if (status != BABEL_OK) {
    free(sums);
    return status;
  }
  add_up(sums, sizes, x, group, n, d);
  for (int g = 0; g < groups; g++) filled += ((int *)sizes)[g] > 0;
  double total = 0;
  for (int i = 0; i < n && filled > 1; i++) total += silhouette_of(sums, sizes, x + (size_t)i * (size_t)d, group[i], d, groups);
  *mean = filled > 1 ? total / n : (double)NAN;
  free(sums);
  free(sizes);
  return BABEL_OK;
}
