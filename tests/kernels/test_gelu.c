#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "kernels/cpu/simd_math.h"
#include "kernels/gelu.h"
#include "tests/support/compare.h"

static double gelu(double x) {
  return 0.5 * x * (1 + erf(x / sqrt(2)));
}

static double gelu_slope(double x) {
  return 0.5 * (1 + erf(x / sqrt(2))) + x * exp(-0.5 * x * x) / sqrt(2 * M_PI);
}

/* One value through a vector; the other lanes hold something else. */
static float in_lane(void (*function)(babel_vector *), float x, int lane) {
  babel_vector v = {0.1f, -0.2f, 0.3f, -0.4f, 0.5f, -0.6f, 0.7f, -0.8f};
  v[lane] = x;
  function(&v);
  return v[lane];
}

static float erf32(float x) {
  return in_lane(babel_simd_erf, x, 3);
}

static float exp32(float x) {
  return in_lane(babel_simd_exp, x, 5);
}

/* Measured over these grids: erf 3.4e-7, without fused multiply-add 4.1e-7; exp 1.3e-7.  */
Test(kernels_gelu, erf_and_exp_are_accurate_over_their_range) {
  double worst_erf = 0, worst_exp = 0;
  for (int i = -600000; i <= 600000; i++) {
    float x = (float)i * 1e-5f;
    double gap = fabs((double)erf32(x) - erf((double)x));
    worst_erf = gap > worst_erf ? gap : worst_erf;
  }
  for (int i = -870000; i <= 880000; i++) {
    float x = (float)i * 1e-4f;
    double gap = fabs((double)exp32(x) / exp((double)x) - 1);
    worst_exp = gap > worst_exp ? gap : worst_exp;
  }
  cr_assert(worst_erf < 5e-7, "%g", worst_erf);
  cr_assert(worst_exp < 2e-7, "%g", worst_exp);
}

Test(kernels_gelu, erf_and_exp_saturate_and_keep_nan_in_every_lane) {
  cr_assert_eq(erf32(4), 1);
  cr_assert_eq(erf32(-1e30f), -1);
  cr_assert_eq(erf32(INFINITY), 1);
  cr_assert_eq(exp32(0), 1);
  cr_assert(exp32(-INFINITY) < 2e-38f);
  cr_assert(isfinite(exp32(INFINITY)));
  for (int lane = 0; lane < BABEL_LANES; lane++) {
    cr_assert(isnan(in_lane(babel_simd_erf, NAN, lane)));
    cr_assert(isnan(in_lane(babel_simd_exp, NAN, lane)));
    cr_assert_float_eq(in_lane(babel_simd_exp, 1, lane), M_E, 1e-6);
    cr_assert_float_eq(in_lane(babel_simd_erf, -0.5f, lane), erf(-0.5), 4e-7);
  }
}

Test(kernels_gelu, fwd_matches_formula_and_is_bitwise_repeatable) {
  static const int sizes[] = {1, 7, 8, 31, 33, 257, 120 * 144, 70001};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    size_t n = (size_t)sizes[i];
    float *x = babel_guarded(n), *y = babel_guarded(n), *again = babel_guarded(n);
    double *want = malloc(n * sizeof *want);
    babel_fill_floats("gelu", x, n, 7);
    for (size_t j = 0; j < n; j++) want[j] = gelu((double)x[j]);
    cr_assert_eq(babel_gelu_fwd_cpu(y, x, (int64_t)n, NULL), BABEL_OK);
    cr_assert_eq(babel_gelu_fwd_cpu(again, x, (int64_t)n, NULL), BABEL_OK);
    cr_assert(babel_close("gelu", y, want, n, 1e-6, 2e-7));
    cr_assert_eq(memcmp(y, again, n * sizeof *y), 0);
    cr_assert(babel_guard_check(y, n));
    cr_assert_eq(babel_gelu_fwd_cpu(x, x, (int64_t)n, NULL), BABEL_OK);
    cr_assert_eq(memcmp(y, x, n * sizeof *y), 0, "in place differs");
    babel_guarded_free(x);
    babel_guarded_free(y);
    babel_guarded_free(again);
    free(want);
  }
}

Test(kernels_gelu, far_arguments_give_the_line_and_zero) {
  float x[4] = {1000, -1000, 3e38f, -3e38f}, y[4];
  cr_assert_eq(babel_gelu_fwd_cpu(y, x, 4, NULL), BABEL_OK);
  cr_assert_eq(y[0], 1000);
  cr_assert_eq(y[1], 0);
  cr_assert_eq(y[2], 3e38f);
  cr_assert_eq(y[3], 0);
}

Test(kernels_gelu, bwd_matches_formula_and_differences) {
  enum { N = 1001 };
  float *x = babel_guarded(N), *dy = babel_guarded(N), *dx = babel_guarded(N);
  double want[N];
  babel_fill_floats("gelu", x, N, 7);
  babel_fill_floats("dgelu", dy, N, 2);
  for (int i = 0; i < N; i++) {
    double at = (double)x[i], h = 1e-5;
    cr_assert_float_eq(gelu_slope(at), (gelu(at + h) - gelu(at - h)) / (2 * h), 1e-9);
    want[i] = (double)dy[i] * gelu_slope(at);
  }
  cr_assert_eq(babel_gelu_bwd_cpu(dx, dy, x, N, NULL), BABEL_OK);
  cr_assert(babel_close("gelu bwd", dx, want, N, 2e-6, 1e-6));
  cr_assert(babel_guard_check(dx, N));
  cr_assert_eq(babel_gelu_bwd_cpu(dy, dy, x, N, NULL), BABEL_OK);
  cr_assert_eq(memcmp(dy, dx, N * sizeof *dx), 0, "in place differs");
  babel_guarded_free(x);
  babel_guarded_free(dy);
  babel_guarded_free(dx);
}

Test(kernels_gelu, negative_count_is_refused_and_none_is_fine) {
  cr_assert_eq(babel_gelu_fwd_cpu(NULL, NULL, -1, NULL), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_gelu_bwd_cpu(NULL, NULL, NULL, -1, NULL), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_gelu_fwd_cpu(NULL, NULL, 0, NULL), BABEL_OK);
}
