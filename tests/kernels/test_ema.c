#include "kernels/ops.h"
#include "tests/kernels/buffers.h"
#include "tests/support/device_ops.h"

#include <math.h>

Test(kernels_ema, average_matches_formula_at_odd_sizes) {
  static const size_t sizes[] = {1, 31, 33, 257, 100003};
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    size_t n = sizes[k];
    buffers b = {0};
    float *t = buffers_state(&b, "t", n, 1), *p = buffers_input(&b, "p", n, 1);
    double *t64 = buffers_widen(&b, t, n);
    babel_step_state state = {.ema_momentum = 0.996f};
    RUN_ANY_THREADS(&b,
                    babel_test_ops()->ema(&(babel_ema_job){.t = t, .p = p, .n = (int64_t)n}, 1, &state, NULL));
    for (size_t i = 0; i < n; i++) t64[i] = (double)0.996f * t64[i] + (1 - (double)0.996f) * (double)p[i];
    cr_assert_lt(relative_error(t, t64, n), 3e-7); /* measured 6.0e-8 */
    buffers_free(&b);
  }
}

/* Invariant 6 of algorithm.md section 13. */
Test(kernels_ema, momentum_1_leaves_the_teacher_and_0_makes_it_the_student) {
  for (int mu = 0; mu < 2; mu++) {
    float t[33], p[33], before[33];
    babel_fill_floats("t", t, 33, 1);
    babel_fill_floats("t", before, 33, 1);
    babel_fill_floats("p", p, 33, 1);
    babel_step_state state = {.ema_momentum = (float)mu};
    cr_assert_eq(babel_test_ops()->ema(&(babel_ema_job){.t = t, .p = p, .n = 33}, 1, &state, NULL), BABEL_OK);
    for (int i = 0; i < 33; i++) cr_assert_eq(t[i], mu ? before[i] : p[i]);
  }
}

Test(kernels_ema, bad_arguments_are_refused_before_any_pointer) {
  babel_step_state state = {.ema_momentum = 0.5f};
  babel_ema_job empty = {.n = 0}, negative = {.n = -1};
  cr_assert_eq(babel_test_ops()->ema(&empty, 1, &state, NULL), BABEL_OK);
  cr_assert_eq(babel_test_ops()->ema(&negative, 1, &state, NULL), BABEL_ERR_SHAPE);
  static const float bad[] = {-0.1f, 1.1f, NAN};
  for (int i = 0; i < 3 && !babel_test_on_device(); i++) {
    state.ema_momentum = bad[i];
    cr_assert_eq(babel_test_ops()->ema(&empty, 1, &state, NULL), BABEL_ERR_ARG);
  }
}
