#include <criterion/criterion.h>
#include <math.h>

#include "kernels/ops.h"
#include "tests/kernels/buffers.h"
#include "tests/support/device_ops.h"

typedef struct {
  float weights[2], norms[2];
  int guarded;
} result;

static double parts[BABEL_ADAPTIVE_PARTS];

static result run_on(const float *grad[2], const float *param[2], const int64_t count[2], int mode) {
  result r = {{NAN, NAN}, {NAN, NAN}, 5};
  babel_adaptive_job job = {.weights = r.weights, .norms = r.norms, .guarded = &r.guarded, .parts = parts, .mode = mode};
  for (int d = 0; d < 2; d++) {
    job.grad[d] = grad[d];
    job.param[d] = param ? param[d] : NULL;
    job.count[d] = count[d];
  }
  cr_assert_eq(babel_test_ops()->adaptive(&job, NULL), BABEL_OK);
  return r;
}

/* Gradients (and parameters) of one value each. */
static result run(float a, float b, const float *param_a, const float *param_b, int mode) {
  return run_on((const float *[]){&a, &b}, (const float *[]){param_a, param_b}, (const int64_t[]){1, 1}, mode);
}

Test(kernels_adaptive, norms_match_formula_at_odd_sizes) {
  static const size_t sizes[] = {0, 1, 15, 16, 31, 33, 1023, 1025, 65537, 700001};
  for (size_t k = 0; k + 1 < sizeof sizes / sizeof *sizes; k++) {
    buffers b = {0};
    float *grad[2], *param[2], *out = buffers_output(&b, 4);
    double expected[2] = {0}, size[2] = {0};
    for (int d = 0; d < 2; d++) {
      grad[d] = buffers_input(&b, d ? "gb" : "ga", sizes[k + (size_t)d], 3);
      param[d] = buffers_input(&b, d ? "pb" : "pa", sizes[k + (size_t)d], 2);
      for (size_t i = 0; i < sizes[k + (size_t)d]; i++) expected[d] += (double)grad[d][i] * (double)grad[d][i];
      for (size_t i = 0; i < sizes[k + (size_t)d]; i++) size[d] += (double)param[d][i] * (double)param[d][i];
    }
    for (int relative = 0; relative < 2; relative++) {
      babel_adaptive_job job = {.weights = out, .norms = out + 2, .parts = parts, .grad = {grad[0], grad[1]}, .mode = 1,
                                .count = {(int64_t)sizes[k], (int64_t)sizes[k + 1]}};
      for (int d = 0; d < 2 && relative; d++) job.param[d] = param[d];
      RUN_ANY_THREADS(&b, babel_test_ops()->adaptive(&job, NULL));
      for (int d = 0; d < 2; d++) {
        double norm = relative ? sqrt(expected[d]) / sqrt(size[d]) : sqrt(expected[d]);
        if (isfinite(norm)) cr_assert(fabs((double)out[2 + d] - norm) <= 1e-7 * norm, "%zu: %g, expected %g", sizes[k], (double)out[2 + d], norm);
      }
    }
    buffers_free(&b);
  }
}

/* 2^24 ones and small change: a float sum stops at 2^24. */
Test(kernels_adaptive, small_terms_count_beside_large_ones) {
  enum { N = 40000 };
  static float x[N];
  for (int i = 0; i < N; i++) x[i] = 1e-3f;
  x[0] = 1000;
  result r = run_on((const float *[]){x, x}, NULL, (const int64_t[]){N, N}, 1);
  cr_assert_float_eq(r.norms[0], sqrt(1e6 + 0.04), 3e-5);
  x[N - 1] = NAN;
  r = run_on((const float *[]){x, x}, NULL, (const int64_t[]){N, N}, 1);
  cr_assert(isnan(r.norms[1]));
  cr_assert_eq(r.guarded, 6);
}

/* Invariant 1 of algorithm.md section 13: w_ab = g_b / (g_a + g_b). */
Test(kernels_adaptive, weights_are_inverse_to_the_own_norm_and_swap_with_the_modalities) {
  static const float norms[][2] = {{2, 3}, {1, 1}, {1e-3f, 1.7f}, {1.4e10f, 1e-4f}, {0.55f, 0.84f}};
  for (size_t i = 0; i < sizeof norms / sizeof *norms; i++) {
    float a = norms[i][0], b = norms[i][1];
    double g_a = (double)a, g_b = (double)b;
    result r = run(a, b, NULL, NULL, 1), swapped = run(b, a, NULL, NULL, 1);
    cr_assert_float_eq(r.weights[0], g_b / (g_a + g_b), 1e-7 * g_b / (g_a + g_b) + 1e-12);
    cr_assert_float_eq(r.weights[1], g_a / (g_a + g_b), 1e-7 * g_a / (g_a + g_b) + 1e-12);
    cr_assert_float_eq(r.weights[0] + r.weights[1], 1, 1.2e-7);
    cr_assert_eq(r.weights[0], swapped.weights[1]);
    cr_assert_eq(r.weights[1], swapped.weights[0]);
    cr_assert_float_eq(r.norms[0], g_a, 1e-7 * g_a);
    cr_assert_float_eq(r.norms[1], g_b, 1e-7 * g_b);
    cr_assert_eq(r.guarded, 5);
  }
}

Test(kernels_adaptive, mode_off_gives_halves_and_inverted_the_other_way_round) {
  result off = run(2, 3, NULL, NULL, 0), inverted = run(2, 3, NULL, NULL, 2);
  cr_assert_eq(off.weights[0], 0.5f);
  cr_assert_eq(off.weights[1], 0.5f);
  cr_assert_eq(off.norms[1], 3);
  cr_assert_float_eq(inverted.weights[0], 0.4, 1e-7);
  cr_assert_float_eq(inverted.weights[1], 0.6, 1e-7);
}

Test(kernels_adaptive, relative_norms_are_divided_by_the_parameter_norm) {
  float param_a = 4, param_b = -0.5f;
  result r = run(2, 3, &param_a, &param_b, 1); /* 2/4 and 3/0.5 */
  cr_assert_float_eq(r.norms[0], 0.5, 1e-7);
  cr_assert_float_eq(r.norms[1], 6, 1e-6);
  cr_assert_float_eq(r.weights[0], 6 / 6.5, 1e-7);
}

Test(kernels_adaptive, norms_that_are_not_finite_or_vanish_give_halves) {
  static const float bad[] = {NAN, INFINITY};
  for (int i = 0; i < 2; i++)
    for (int side = 0; side < 2; side++) {
      result r = run(side ? 1 : bad[i], side ? bad[i] : 1, NULL, NULL, 1);
      cr_assert_eq(r.weights[0], 0.5f);
      cr_assert_eq(r.weights[1], 0.5f);
      cr_assert_eq(r.guarded, 6);
      cr_assert_not(isfinite(r.norms[side]));
    }
  result zero = run(0, 0, NULL, NULL, 1), one = run(0, 1, NULL, NULL, 1);
  cr_assert_eq(zero.weights[0], 0.5f);
  cr_assert_eq(zero.guarded, 5);
  cr_assert_eq(one.weights[0], 1);
  cr_assert(one.weights[1] >= 0 && one.weights[1] < 2e-12f);
}

Test(kernels_adaptive, bad_arguments_are_refused_before_any_pointer) {
  float one = 1;
  cr_assert_eq(babel_test_ops()->adaptive(&(babel_adaptive_job){.mode = 3}, NULL), BABEL_ERR_ARG);
  cr_assert_eq(babel_test_ops()->adaptive(&(babel_adaptive_job){.mode = -1}, NULL), BABEL_ERR_ARG);
  cr_assert_eq(babel_test_ops()->adaptive(&(babel_adaptive_job){.mode = 1, .param = {NULL, &one}}, NULL), BABEL_ERR_ARG);
  cr_assert_eq(babel_test_ops()->adaptive(&(babel_adaptive_job){.mode = 1, .count = {0, -1}}, NULL), BABEL_ERR_SHAPE);
}
