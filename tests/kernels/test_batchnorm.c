#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "kernels/batchnorm.h"
#include "tests/support/compare.h"

enum { N = 33, IN = 17, ROWS = 5 };

static float weight[N], bias[N], mean[N], var[N];

static void parameters(void) {
  babel_fill_floats("weight", weight, N, 2);
  babel_fill_floats("bias", bias, N, 1);
  babel_fill_floats("mean", mean, N, 1);
  babel_fill_floats("var", var, N, 1);
  for (int i = 0; i < N; i++) var[i] = fabsf(var[i]);
  var[0] = 0; /* eps alone remains */
}

static double oracle(int c, double x) {
  return (x - (double)mean[c]) / sqrt((double)var[c] + 1e-5) * (double)weight[c] + (double)bias[c];
}

Test(kernels_batchnorm, fwd_matches_the_formula) {
  parameters();
  float x[ROWS * N], *scale = babel_guarded(N), *shift = babel_guarded(N), *y = babel_guarded(ROWS * N);
  double expected[ROWS * N];
  babel_fill_floats("x", x, ROWS * N, 3);
  for (int i = 0; i < ROWS * N; i++) expected[i] = oracle(i % N, (double)x[i]);
  cr_assert_eq(babel_batchnorm_coefficients(scale, shift, weight, bias, mean, var, N), BABEL_OK);
  cr_assert_eq(babel_batchnorm_fwd_cpu(y, x, scale, shift, ROWS, N), BABEL_OK);
  cr_assert(babel_close("y", y, expected, ROWS * N, 2e-5, 1e-6)); /* channel 0 multiplies by 316 */
  cr_assert(babel_guard_check(y, ROWS * N) && babel_guard_check(scale, N) && babel_guard_check(shift, N));
  cr_assert_eq(babel_batchnorm_fwd_cpu(x, x, scale, shift, ROWS, N), BABEL_OK);
  cr_assert_eq(memcmp(x, y, sizeof x), 0);
  babel_guarded_free(scale), babel_guarded_free(shift), babel_guarded_free(y);
}

Test(kernels_batchnorm, folding_makes_one_linear_map) {
  parameters();
  var[0] = 0.5f;
  float scale[N], shift[N], x[IN], w[N * IN], b[N], original[N * IN], b_original[N], *y = babel_guarded(N);
  double expected[N];
  babel_fill_floats("x", x, IN, 1);
  babel_fill_floats("w", w, N * IN, 1);
  babel_fill_floats("b", b, N, 1);
  memcpy(original, w, sizeof w);
  memcpy(b_original, b, sizeof b);
  cr_assert_eq(babel_batchnorm_coefficients(scale, shift, weight, bias, mean, var, N), BABEL_OK);
  cr_assert_eq(babel_batchnorm_fold(w, b, scale, shift, N, IN), BABEL_OK);
  for (int m = 0; m < N; m++) {
    double sum = (double)b_original[m], folded = (double)b[m];
    for (int k = 0; k < IN; k++) {
      sum += (double)original[m * IN + k] * (double)x[k];
      folded += (double)w[m * IN + k] * (double)x[k];
    }
    expected[m] = oracle(m, sum);
    y[m] = (float)folded;
  }
  cr_assert(babel_close("folded", y, expected, N, 1e-5, 1e-6));
  babel_guarded_free(y);
}

Test(kernels_batchnorm, negative_variance_and_nan_are_refused) {
  parameters();
  float scale[N], shift[N];
  var[7] = -0.1f;
  cr_assert_eq(babel_batchnorm_coefficients(scale, shift, weight, bias, mean, var, N), BABEL_ERR_VALUE);
  var[7] = NAN;
  cr_assert_eq(babel_batchnorm_coefficients(scale, shift, weight, bias, mean, var, N), BABEL_ERR_VALUE);
  parameters();
  weight[3] = INFINITY;
  cr_assert_eq(babel_batchnorm_coefficients(scale, shift, weight, bias, mean, var, N), BABEL_ERR_VALUE);
}

Test(kernels_batchnorm, bad_sizes_are_refused) {
  float f[1] = {0};
  cr_assert_eq(babel_batchnorm_coefficients(f, f, f, f, f, f, 0), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_batchnorm_fold(f, f, f, f, 0, 1), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_batchnorm_fwd_cpu(f, f, f, f, 1, 0), BABEL_ERR_SHAPE);
}
