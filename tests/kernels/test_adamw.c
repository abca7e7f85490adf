#include "kernels/adamw.h"
#include "tests/kernels/buffers.h"
#include "tests/support/device_ops.h"

#include <math.h>

static babel_step_state state_at(int step, double beta1, double beta2, double lr) {
  return (babel_step_state){.step = step,
                            .lr = (float)lr,
                            .trunk_lr = (float)(lr / 10),
                            .bias1 = (float)(1 - pow(beta1, step + 1)),
                            .bias2 = (float)(1 - pow(beta2, step + 1))};
}

typedef struct {
  double beta1, beta2, eps, lr, decay;
} settings;

static void oracle(double *p, double *m, double *v, const double *g, size_t n, int step, settings s) {
  for (size_t i = 0; i < n; i++) {
    p[i] -= s.lr * s.decay * p[i];
    m[i] = s.beta1 * m[i] + (1 - s.beta1) * g[i];
    v[i] = s.beta2 * v[i] + (1 - s.beta2) * g[i] * g[i];
    double m_hat = m[i] / (1 - pow(s.beta1, step + 1)), v_hat = v[i] / (1 - pow(s.beta2, step + 1));
    p[i] -= s.lr * m_hat / (sqrt(v_hat) + s.eps);
  }
}

/* Printed by PyTorch 2's AdamW in double for these gradients. */
Test(kernels_adamw, three_steps_give_pytorchs_numbers) {
  static const float g[3][5] = {{0.1f, -2.0f, 0.003f, 1e-6f, 0.5f},
                                {-0.3f, -1.0f, 0.004f, 0.0f, 0.25f},
                                {0.2f, 4.0f, -0.001f, -1e-6f, -0.125f}};
  static const double expected[3][5] = {
      {0.447500005, -1.19375, 2.935000167, -0.0495049505, -0.059949999},
      {0.4698776843, -1.141037401, 2.870526044, -0.08245060287, -0.1063940977},
      {0.4665908079, -1.14559366, 2.824550076, -0.07779705308, -0.1342401923}};
  float p[5] = {0.5f, -1.25f, 3.0f, 0.0f, -0.01f}, m[5] = {0}, v[5] = {0};
  for (int step = 0; step < 3; step++) {
    babel_step_state state = state_at(step, 0.9, 0.98, 0.05);
    babel_adamw_job job = {.p = p, .m = m, .v = v, .g = {g[step]}, .n = 5, .weight_decay = 0.1f};
    cr_assert_eq(babel_test_ops()->adamw(&job, 1, 0.9f, 0.98f, 1e-8f, &state, NULL), BABEL_OK);
    cr_assert(babel_close("p", p, expected[step], 5, 2e-7, 3e-7), "step %d", step);
  }
}

Test(kernels_adamw, update_matches_formula_at_odd_sizes_and_late_steps) {
  static const int sizes[] = {1, 31, 33, 257, 100003};
  for (size_t k = 0; k < 2 * sizeof sizes / sizeof *sizes; k++) {
    size_t n = (size_t)sizes[k / 2];
    int trunk = k & 1, step = trunk ? 999 : 0;
    settings s = {0.9, 0.98, 1e-8, trunk ? 3e-4 : 3e-3, 0.1};
    buffers b = {0};
    float *p = buffers_state(&b, "p", n, 1), *m = buffers_state(&b, "m", n, 1),
          *v = buffers_state(&b, "v", n, 1);
    float *g = buffers_input(&b, "g", n, 1);
    for (size_t i = 0; i < n; i++) v[i] = fabsf(v[i]);
    double *p64 = buffers_widen(&b, p, n), *m64 = buffers_widen(&b, m, n), *v64 = buffers_widen(&b, v, n);
    babel_step_state state = state_at(step, s.beta1, s.beta2, 3e-3);
    babel_adamw_job job = {
        .p = p, .m = m, .v = v, .g = {g}, .n = (int64_t)n, .weight_decay = (float)s.decay, .trunk = trunk};
    RUN_ANY_THREADS(&b, babel_test_ops()->adamw(&job, 1, 0.9f, 0.98f, 1e-8f, &state, NULL));
    oracle(p64, m64, v64, buffers_widen(&b, g, n), n, step, s);
    /* measured 6.0e-8, 9.1e-8, 1.2e-7 */
    cr_assert_lt(relative_error(p, p64, n), 3e-7);
    cr_assert_lt(relative_error(m, m64, n), 3e-7);
    cr_assert_lt(relative_error(v, v64, n), 3e-7);
    buffers_free(&b);
  }
}

/* Eq. (5) in the same pass: as one gradient that was summed up before. */
Test(kernels_adamw, directions_are_weighed_and_the_distillation_added) {
  static const size_t sizes[] = {1, 33, 100003};
  const float weights[2] = {0.3f, 0.7f};
  for (size_t k = 0; k < 2 * sizeof sizes / sizeof *sizes; k++) {
    size_t n = sizes[k / 2];
    bool distilled = k & 1;
    settings s = {0.9, 0.98, 1e-8, 3e-3, 0.1};
    buffers b = {0};
    float *p = buffers_state(&b, "p", n, 1), *m = buffers_state(&b, "m", n, 1), *v = buffers_state(&b, "v", n, 1);
    float *g[3] = {buffers_input(&b, "g0", n, 1), buffers_input(&b, "g1", n, 1), buffers_input(&b, "g2", n, 1)};
    for (size_t i = 0; i < n; i++) v[i] = fabsf(v[i]);
    double *p64 = buffers_widen(&b, p, n), *m64 = buffers_widen(&b, m, n), *v64 = buffers_widen(&b, v, n), *g64 = buffers_double(&b, n);
    for (size_t i = 0; i < n; i++)
      g64[i] = (double)weights[0] * (double)g[0][i] + (double)weights[1] * (double)g[1][i] + (distilled ? (double)g[2][i] : 0);
    babel_step_state state = state_at(7, s.beta1, s.beta2, 3e-3);
    babel_adamw_job job = {.p = p, .m = m, .v = v, .g = {g[0], g[1], distilled ? g[2] : NULL}, .weights = weights, .n = (int64_t)n, .weight_decay = 0.1f};
    RUN_ANY_THREADS(&b, babel_test_ops()->adamw(&job, 1, 0.9f, 0.98f, 1e-8f, &state, NULL));
    oracle(p64, m64, v64, g64, n, 7, s);
    cr_assert_lt(relative_error(p, p64, n), 3e-7);
    cr_assert_lt(relative_error(m, m64, n), 3e-7);
    cr_assert_lt(relative_error(v, v64, n), 4e-7);
    buffers_free(&b);
  }
}

Test(kernels_adamw, result_is_clamped_only_when_low_is_below_high) {
  for (int on = 0; on < 2; on++) {
    float p[4] = {-5, 0.5f, 4.7f, 9}, m[4] = {0}, v[4] = {0}, g[4] = {0};
    babel_step_state state = state_at(0, 0.9, 0.98, 1e-3);
    babel_adamw_job job = {.p = p, .m = m, .v = v, .g = {g}, .n = 4, .low = 0, .high = on ? 4.6f : 0};
    cr_assert_eq(babel_test_ops()->adamw(&job, 1, 0.9f, 0.98f, 1e-8f, &state, NULL), BABEL_OK);
    cr_assert_eq(p[0], on ? 0 : -5);
    cr_assert_eq(p[1], 0.5f);
    cr_assert_eq(p[2], on ? 4.6f : 4.7f);
    cr_assert_eq(p[3], on ? 4.6f : 9);
  }
}

Test(kernels_adamw, teacher_is_the_moving_average_of_what_was_updated) {
  static const size_t sizes[] = {1, 31, 33, 257, 100003};
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    size_t n = sizes[k];
    buffers b = {0};
    float *p = buffers_state(&b, "p", n, 1), *m = buffers_state(&b, "m", n, 1), *v = buffers_state(&b, "v", n, 1),
          *t = buffers_state(&b, "t", n, 1), *g = buffers_input(&b, "g", n, 1);
    for (size_t i = 0; i < n; i++) v[i] = fabsf(v[i]);
    double *t64 = buffers_widen(&b, t, n);
    babel_step_state state = state_at(5, 0.9, 0.98, 1e-3);
    state.ema_momentum = 0.996f;
    babel_adamw_job job = {.p = p, .m = m, .v = v, .g = {g}, .n = (int64_t)n, .teacher = t};
    RUN_ANY_THREADS(&b, babel_test_ops()->adamw(&job, 1, 0.9f, 0.98f, 1e-8f, &state, NULL));
    for (size_t i = 0; i < n; i++) t64[i] = (double)0.996f * t64[i] + (1 - (double)0.996f) * (double)p[i];
    cr_assert_lt(relative_error(t, t64, n), 3e-7); /* measured 6.0e-8 */
    buffers_free(&b);
  }
}

/* Invariant 6 of algorithm.md section 13. */
Test(kernels_adamw, momentum_1_leaves_the_teacher_and_0_makes_it_the_student) {
  for (int mu = 0; mu < 2; mu++) {
    float t[33], p[33], m[33] = {0}, v[33] = {0}, g[33], before[33];
    babel_fill_floats("t", t, 33, 1);
    babel_fill_floats("t", before, 33, 1);
    babel_fill_floats("p", p, 33, 1);
    babel_fill_floats("g", g, 33, 1);
    babel_step_state state = state_at(0, 0.9, 0.98, 1e-3);
    state.ema_momentum = (float)mu;
    babel_adamw_job job = {.p = p, .m = m, .v = v, .g = {g}, .n = 33, .teacher = t};
    cr_assert_eq(babel_test_ops()->adamw(&job, 1, 0.9f, 0.98f, 1e-8f, &state, NULL), BABEL_OK);
    for (int i = 0; i < 33; i++) cr_assert_eq(t[i], mu ? before[i] : p[i]);
  }
}

Test(kernels_adamw, bad_arguments_are_refused_before_any_pointer) {
  const babel_ops *ops = babel_test_ops();
  babel_step_state state = state_at(0, 0.9, 0.98, 1e-3), unset = {0};
  babel_adamw_job empty = {.n = 0}, negative = {.n = -1};
  cr_assert_eq(ops->adamw(&empty, 1, 0.9f, 0.98f, 1e-8f, &state, NULL), BABEL_OK);
  babel_adamw_job unweighed = {.n = 1, .g = {&state.lr, &state.lr}};
  cr_assert_eq(ops->adamw(&unweighed, 1, 0.9f, 0.98f, 1e-8f, &state, NULL), BABEL_ERR_ARG);
  cr_assert_eq(ops->adamw(&negative, 1, 0.9f, 0.98f, 1e-8f, &state, NULL), BABEL_ERR_SHAPE);
  cr_assert_eq(ops->adamw(&empty, 1, 1.0f, 0.98f, 1e-8f, &state, NULL), BABEL_ERR_ARG);
  cr_assert_eq(ops->adamw(&empty, 1, 0.9f, NAN, 1e-8f, &state, NULL), BABEL_ERR_ARG);
  if (babel_test_on_device()) return;
  cr_assert_eq(ops->adamw(&empty, 1, 0.9f, 0.98f, 1e-8f, &unset, NULL), BABEL_ERR_ARG);
  static const float bad[] = {-0.1f, 1.1f, NAN};
  for (int i = 0; i < 3; i++) {
    state.ema_momentum = bad[i];
    cr_assert_eq(ops->adamw(&empty, 1, 0.9f, 0.98f, 1e-8f, &state, NULL), BABEL_ERR_ARG);
  }
}
