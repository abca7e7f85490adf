#include <math.h>
#include <stdlib.h>

#include "core/arena.h"
#include "eval/heads.h"

/* In place: the lower triangle of the symmetric positive definite a (n, n) becomes its Cholesky factor. */
static babel_status factorise(double *a, int n) {
  for (int j = 0; j < n; j++) {
    double *row = a + (size_t)j * (size_t)n;
    for (int i = 0; i < j; i++) {
      const double *other = a + (size_t)i * (size_t)n;
      for (int k = 0; k < i; k++) row[i] -= row[k] * other[k];
      row[i] /= other[i];
      row[j] -= row[i] * row[i];
    }
    if (!(row[j] > 0)) return BABEL_FAIL(BABEL_ERR_VALUE, "ridge head: the Gram matrix of %d support rows is not positive definite", n);
    row[j] = sqrt(row[j]);
  }
  return BABEL_OK;
}

/* b (n, c) = (L L^T)^-1 b. */
static void solve(const double *l, int n, double *b, int c) {
  for (int i = 0; i < n; i++) {
    const double *factor = l + (size_t)i * (size_t)n;
    double *row = b + (size_t)i * (size_t)c;
    for (int j = 0; j < i; j++)
      for (int k = 0; k < c; k++) row[k] -= factor[j] * b[(size_t)j * (size_t)c + (size_t)k];
    for (int k = 0; k < c; k++) row[k] /= factor[i];
  }
  for (int i = n - 1; i >= 0; i--) {
    const double *factor = l + (size_t)i * (size_t)n;
    double *row = b + (size_t)i * (size_t)c;
    for (int k = 0; k < c; k++) row[k] /= factor[i];
    for (int j = 0; j < i; j++)
      for (int k = 0; k < c; k++) b[(size_t)j * (size_t)c + (size_t)k] -= factor[j] * row[k];
  }
}

/* The Gram matrix seen from the support mean: <x - m, x_s - m>. centre[s] = <m, x_s>, total = <m, m>. */
static double centred(const double *products, const double *centre, double own, double total, int s) {
  return products[s] - own - centre[s] + total;
}

static double mean(const double *x, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += x[i];
  return sum / n;
}

/* alpha (n, classes) = (K + lambda I)^-1 (Y - mean target). Zeros when the support rows are all the same: nothing can be learnt. */
static babel_status fit(const babel_head_problem *problem, const double *centre, double total, const double *share, double *k,
                        double *alpha) {
  int n = problem->n, classes = problem->classes;
  double trace = 0, size = 0;
  for (int i = 0; i < n; i++) {
    const double *products = problem->gram + (size_t)i * (size_t)n;
    for (int j = 0; j < n; j++) k[(size_t)i * (size_t)n + (size_t)j] = centred(products, centre, centre[i], total, j);
    trace += k[(size_t)i * (size_t)n + (size_t)i];
    size += products[i];
  }
  if (!(trace > 1e-12 * size)) return BABEL_OK;
  for (int i = 0; i < n; i++) {
    k[(size_t)i * (size_t)n + (size_t)i] += 0.1 * trace / n;
    for (int c = 0; c < classes; c++) alpha[(size_t)i * (size_t)classes + (size_t)c] = (problem->target[i] == c) - share[c];
  }
  BABEL_TRY(factorise(k, n));
  solve(k, n, alpha, classes);
  return BABEL_OK;
}

babel_status babel_head_ridge(double *scores, const babel_head_problem *problem) {
  int n = problem->n, classes = problem->classes;
  size_t square = (size_t)n * (size_t)n, block = (size_t)n * (size_t)classes;
  void *memory;
  BABEL_TRY(babel_alloc(&memory, square + block + (size_t)n + (size_t)classes, sizeof(double)));
  double *k = memory, *alpha = k + square, *centre = alpha + block, *share = centre + n;
  for (int i = 0; i < n; i++) {
    centre[i] = mean(problem->gram + (size_t)i * (size_t)n, n);
    share[problem->target[i]] += 1.0 / n;
  }
  double total = mean(centre, n);
  babel_status status = fit(problem, centre, total, share, k, alpha);
  for (int q = 0; q < problem->q && status == BABEL_OK; q++) {
    const double *products = problem->gram + (size_t)(n + q) * (size_t)n;
    double *score = scores + (size_t)q * (size_t)classes, own = mean(products, n);
    for (int c = 0; c < classes; c++) score[c] = share[c];
    for (int s = 0; s < n; s++) {
      double weight = centred(products, centre, own, total, s);
      for (int c = 0; c < classes; c++) score[c] += weight * alpha[(size_t)s * (size_t)classes + (size_t)c];
    }
  }
  free(memory);
  return status;
}
