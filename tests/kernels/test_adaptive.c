#include <criterion/criterion.h>
#include <math.h>

#include "kernels/ops.h"
#include "tests/support/device_ops.h"

typedef struct {
  float weights[2], norms[2];
  int guarded;
} result;

static result run(float square_a, float square_b, const float *param_a, const float *param_b, int mode) {
  result r = {{NAN, NAN}, {NAN, NAN}, 5};
  babel_adaptive_job job = {.weights = r.weights,
                            .norms = r.norms,
                            .guarded = &r.guarded,
                            .square_a = &square_a,
                            .square_b = &square_b,
                            .param_square_a = param_a,
                            .param_square_b = param_b,
                            .mode = mode};
  cr_assert_eq(babel_test_ops()->adaptive(&job, NULL), BABEL_OK);
  return r;
}

/* Invariant 1 of algorithm.md section 13: w_ab = g_b / (g_a + g_b). */
Test(kernels_adaptive, weights_are_inverse_to_the_own_norm_and_swap_with_the_modalities) {
  static const float squares[][2] = {{4, 9}, {1, 1}, {1e-6f, 3}, {2e20f, 1e-8f}, {0.3f, 0.7f}};
  for (size_t i = 0; i < sizeof squares / sizeof *squares; i++) {
    float a = squares[i][0], b = squares[i][1];
    double g_a = sqrt((double)a), g_b = sqrt((double)b);
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
  result off = run(4, 9, NULL, NULL, 0), inverted = run(4, 9, NULL, NULL, 2);
  cr_assert_eq(off.weights[0], 0.5f);
  cr_assert_eq(off.weights[1], 0.5f);
  cr_assert_eq(off.norms[1], 3);
  cr_assert_float_eq(inverted.weights[0], 0.4, 1e-7);
  cr_assert_float_eq(inverted.weights[1], 0.6, 1e-7);
}

Test(kernels_adaptive, relative_norms_are_divided_by_the_parameter_norm) {
  float param_a = 16, param_b = 0.25f;
  result r = run(4, 9, &param_a, &param_b, 1); /* 2/4 and 3/0.5 */
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
  cr_assert_eq(babel_test_ops()->adaptive(&(babel_adaptive_job){.mode = 1, .param_square_b = &one}, NULL),
               BABEL_ERR_ARG);
}
