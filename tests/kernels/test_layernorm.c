#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "kernels/layernorm.h"
#include "tests/support/compare.h"

/* Oracle of one row, in double: z = x + r. */
static void oracle_row(double *y, const double *z, const double *gamma, const double *beta, int d,
                       double eps) {
  double mu = 0, var = 0;
  for (int j = 0; j < d; j++) mu += z[j] / d;
  for (int j = 0; j < d; j++) var += (z[j] - mu) * (z[j] - mu) / d;
  for (int j = 0; j < d; j++) y[j] = gamma[j] * (z[j] - mu) / sqrt(var + eps) + beta[j];
}

typedef struct {
  int n, d;
  float *x, *r, *gamma, *beta, *dy;
  double *z, *gamma64, *beta64;
} rows;

static rows make_rows(int n, int d, bool residual) {
  size_t size = (size_t)n * (size_t)d;
  rows a = {.n = n, .d = d};
  a.x = babel_guarded(size);
  a.r = residual ? babel_guarded(size) : NULL;
  a.dy = babel_guarded(size);
  a.gamma = babel_guarded((size_t)d);
  a.beta = babel_guarded((size_t)d);
  babel_fill_floats("x", a.x, size, 3);
  babel_fill_floats("dy", a.dy, size, 1);
  babel_fill_floats("gamma", a.gamma, (size_t)d, 1);
  babel_fill_floats("beta", a.beta, (size_t)d, 0.5);
  if (residual) babel_fill_floats("r", a.r, size, 2);
  a.z = malloc(size * sizeof *a.z);
  a.gamma64 = malloc((size_t)d * sizeof *a.gamma64);
  a.beta64 = malloc((size_t)d * sizeof *a.beta64);
  for (size_t i = 0; i < size; i++) a.z[i] = (double)a.x[i] + (residual ? (double)a.r[i] : 0);
  for (int j = 0; j < d; j++) {
    a.gamma64[j] = (double)a.gamma[j];
    a.beta64[j] = (double)a.beta[j];
  }
  return a;
}

static void free_rows(rows *a) {
  babel_guarded_free(a->x);
  babel_guarded_free(a->r);
  babel_guarded_free(a->dy);
  babel_guarded_free(a->gamma);
  babel_guarded_free(a->beta);
  free(a->z);
  free(a->gamma64);
  free(a->beta64);
}

static const int shapes[][2] = {{1, 2}, {3, 31}, {120, 72}, {5, 257}, {300, 900}};

Test(kernels_layernorm, fwd_matches_formula_with_and_without_residual) {
  for (size_t c = 0; c < 2 * sizeof shapes / sizeof *shapes; c++) {
    int n = shapes[c / 2][0], d = shapes[c / 2][1];
    size_t size = (size_t)n * (size_t)d;
    rows a = make_rows(n, d, c % 2);
    float *y = babel_guarded(size), *again = babel_guarded(size), *mean = babel_guarded((size_t)n),
          *inv = babel_guarded((size_t)n);
    double *want = malloc(size * sizeof *want);
    for (int i = 0; i < n; i++) oracle_row(want + i * d, a.z + i * d, a.gamma64, a.beta64, d, 1e-12);
    cr_assert_eq(babel_layernorm_fwd_cpu(y, mean, inv, a.x, a.r, a.gamma, a.beta, n, d, 1e-12f, NULL),
                 BABEL_OK);
    cr_assert_eq(babel_layernorm_fwd_cpu(again, NULL, NULL, a.x, a.r, a.gamma, a.beta, n, d, 1e-12f, NULL),
                 BABEL_OK);
    cr_assert(babel_close("layernorm", y, want, size, 2e-6, 1e-6));
    cr_assert_eq(memcmp(y, again, size * sizeof *y), 0);
    cr_assert(babel_guard_check(y, size) && babel_guard_check(mean, (size_t)n) &&
              babel_guard_check(inv, (size_t)n));
    cr_assert_eq(babel_layernorm_fwd_cpu(a.x, NULL, NULL, a.x, a.r, a.gamma, a.beta, n, d, 1e-12f, NULL),
                 BABEL_OK);
    cr_assert_eq(memcmp(y, a.x, size * sizeof *y), 0, "in place differs");
    babel_guarded_free(y);
    babel_guarded_free(again);
    babel_guarded_free(mean);
    babel_guarded_free(inv);
    free(want);
    free_rows(&a);
  }
}

/* E[x^2] - E[x]^2 in float would lose every digit of this variance. */
Test(kernels_layernorm, variance_comes_from_deviations) {
  enum { D = 72 };
  float x[D], gamma[D], beta[D], y[D];
  double z[D], one[D], zero[D], want[D];
  for (int j = 0; j < D; j++) {
    x[j] = 4096 + 0.25f * (float)(j % 5);
    z[j] = (double)x[j];
    gamma[j] = 1;
    one[j] = 1;
    beta[j] = 0;
    zero[j] = 0;
  }
  oracle_row(want, z, one, zero, D, 1e-12);
  cr_assert_eq(babel_layernorm_fwd_cpu(y, NULL, NULL, x, NULL, gamma, beta, 1, D, 1e-12f, NULL), BABEL_OK);
  cr_assert(babel_close("layernorm", y, want, D, 1e-3, 0));
}

Test(kernels_layernorm, eps_stands_inside_the_root_and_a_constant_row_gives_beta) {
  float x[4] = {1, -1, 1, -1}, gamma[4] = {1, 1, 1, 1}, beta[4] = {0.5f, 0.5f, 0.5f, 0.5f}, y[4],
        same[4] = {2, 2, 2, 2};
  cr_assert_eq(babel_layernorm_fwd_cpu(y, NULL, NULL, x, NULL, gamma, beta, 1, 4, 3, NULL), BABEL_OK);
  cr_assert_float_eq(y[0], 1.0f, 1e-6);
  cr_assert_eq(babel_layernorm_fwd_cpu(y, NULL, NULL, same, NULL, gamma, beta, 1, 4, 1e-12f, NULL), BABEL_OK);
  for (int j = 0; j < 4; j++) cr_assert_eq(y[j], 0.5f);
}

/* d sum(dy * y) / dz by central differences on the double oracle, as a check of the double backward below. */
static void oracle_backward(double *dx, double *dgamma, double *dbeta, const rows *a, double eps) {
  int d = a->d;
  for (int j = 0; j < d; j++) dgamma[j] = dbeta[j] = 0;
  for (int i = 0; i < a->n; i++) {
    const double *z = a->z + i * d;
    const float *dy = a->dy + i * d;
    double mu = 0, var = 0, sum = 0, product = 0;
    for (int j = 0; j < d; j++) mu += z[j] / d;
    for (int j = 0; j < d; j++) var += (z[j] - mu) * (z[j] - mu) / d;
    double inv = 1 / sqrt(var + eps);
    for (int j = 0; j < d; j++) {
      double h = (z[j] - mu) * inv, g = (double)dy[j] * a->gamma64[j];
      sum += g / d;
      product += g * h / d;
      dgamma[j] += (double)dy[j] * h;
      dbeta[j] += (double)dy[j];
    }
    for (int j = 0; j < d; j++) {
      double h = (z[j] - mu) * inv;
      dx[i * d + j] = inv * ((double)dy[j] * a->gamma64[j] - sum - h * product);
    }
  }
}

static double objective(const rows *a, double eps) {
  double sum = 0, y[64];
  for (int i = 0; i < a->n; i++) {
    oracle_row(y, a->z + i * a->d, a->gamma64, a->beta64, a->d, eps);
    for (int j = 0; j < a->d; j++) sum += y[j] * (double)a->dy[i * a->d + j];
  }
  return sum;
}

static double slope(double *at, const rows *a, double eps) {
  double kept = *at, h = 1e-5;
  *at = kept + h;
  double above = objective(a, eps);
  *at = kept - h;
  double below = objective(a, eps);
  *at = kept;
  return (above - below) / (2 * h);
}

Test(kernels_layernorm, oracle_backward_agrees_with_differences) {
  rows a = make_rows(3, 31, true);
  double dx[93], dgamma[31], dbeta[31];
  oracle_backward(dx, dgamma, dbeta, &a, 0.1);
  for (int i = 0; i < 93; i++) cr_assert_float_eq(dx[i], slope(&a.z[i], &a, 0.1), 1e-7);
  for (int j = 0; j < 31; j++) cr_assert_float_eq(dgamma[j], slope(&a.gamma64[j], &a, 0.1), 1e-7);
  for (int j = 0; j < 31; j++) cr_assert_float_eq(dbeta[j], slope(&a.beta64[j], &a, 0.1), 1e-7);
  free_rows(&a);
}

Test(kernels_layernorm, bwd_matches_oracle) {
  for (size_t c = 0; c < 2 * sizeof shapes / sizeof *shapes; c++) {
    int n = shapes[c / 2][0], d = shapes[c / 2][1];
    size_t size = (size_t)n * (size_t)d;
    rows a = make_rows(n, d, c % 2);
    float *y = babel_guarded(size), *mean = babel_guarded((size_t)n), *inv = babel_guarded((size_t)n),
          *dx = babel_guarded(size);
    float *dgamma = babel_guarded((size_t)d), *dbeta = babel_guarded((size_t)d);
    double *want = malloc(size * sizeof *want), *want_gamma = malloc((size_t)d * sizeof(double)),
           *want_beta = malloc((size_t)d * sizeof(double));
    oracle_backward(want, want_gamma, want_beta, &a, 1e-3);
    cr_assert_eq(babel_layernorm_fwd_cpu(y, mean, inv, a.x, a.r, a.gamma, a.beta, n, d, 1e-3f, NULL),
                 BABEL_OK);
    cr_assert_eq(babel_layernorm_bwd_cpu(dx, dgamma, dbeta, a.dy, a.x, a.r, mean, inv, a.gamma, n, d, NULL),
                 BABEL_OK);
    cr_assert(babel_close("dx", dx, want, size, 5e-6, 1e-5));
    cr_assert(babel_close("dgamma", dgamma, want_gamma, (size_t)d, 1e-4, 1e-5));
    cr_assert(babel_close("dbeta", dbeta, want_beta, (size_t)d, 1e-4, 1e-5));
    cr_assert(babel_guard_check(dx, size) && babel_guard_check(dgamma, (size_t)d) &&
              babel_guard_check(dbeta, (size_t)d));
    cr_assert_eq(babel_layernorm_bwd_cpu(a.dy, NULL, NULL, a.dy, a.x, a.r, mean, inv, a.gamma, n, d, NULL),
                 BABEL_OK);
    cr_assert_eq(memcmp(a.dy, dx, size * sizeof *dx), 0, "in place or frozen differs");
    float *all[] = {y, mean, inv, dx, dgamma, dbeta};
    for (size_t i = 0; i < 6; i++) babel_guarded_free(all[i]);
    free(want);
    free(want_gamma);
    free(want_beta);
    free_rows(&a);
  }
}

Test(kernels_layernorm, bad_sizes_are_refused) {
  cr_assert_eq(babel_layernorm_fwd_cpu(NULL, NULL, NULL, NULL, NULL, NULL, NULL, -1, 4, 1e-5f, NULL),
               BABEL_ERR_SHAPE);
  cr_assert_eq(babel_layernorm_fwd_cpu(NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, 0, 1e-5f, NULL),
               BABEL_ERR_SHAPE);
  cr_assert_eq(babel_layernorm_bwd_cpu(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, 0, NULL),
               BABEL_ERR_SHAPE);
  cr_assert_eq(babel_layernorm_fwd_cpu(NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 4, 1e-5f, NULL),
               BABEL_OK);
}
