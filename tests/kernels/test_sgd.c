#include "kernels/ops.h"
#include "tests/kernels/buffers.h"
#include "tests/support/device_ops.h"

/* Printed by PyTorch 2's SGD in double for these gradients. */
Test(kernels_sgd, three_steps_give_pytorchs_numbers) {
  static const float g[3][5] = {{0.1f, -2.0f, 0.003f, 1e-6f, 0.5f},
                                {-0.3f, -1.0f, 0.004f, 0.0f, 0.25f},
                                {0.2f, 4.0f, -0.001f, -1e-6f, -0.125f}};
  static const double expected[3][5] = {
      {0.4925, -1.14375, 2.98485, -5e-08, -0.03495},
      {0.4982875, -0.99240625, 2.95609075, -9.475e-08, -0.06973025},
      {0.4910048125, -1.051234844, 2.915476971, -8.455125e-08, -0.09443382375}};
  const float lr = 0.05f;
  float p[5] = {0.5f, -1.25f, 3.0f, 0.0f, -0.01f}, momentum[5] = {0};
  for (int step = 0; step < 3; step++) {
    babel_sgd_job job = {
        .p = p, .momentum = momentum, .g = g[step], .n = 5, .lr = &lr, .mu = 0.9f, .weight_decay = 0.1f};
    cr_assert_eq(babel_test_ops()->sgd(&job, 1, NULL), BABEL_OK);
    cr_assert(babel_close("p", p, expected[step], 5, 1e-14, 3e-7), "step %d", step);
  }
}

Test(kernels_sgd, update_matches_formula_at_odd_sizes) {
  static const size_t sizes[] = {1, 31, 33, 257, 100003};
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    size_t n = sizes[k];
    const float lr = 0.25f;
    buffers b = {0};
    float *p = buffers_state(&b, "p", n, 1), *momentum = buffers_state(&b, "momentum", n, 1),
          *g = buffers_input(&b, "g", n, 1);
    double *p64 = buffers_widen(&b, p, n), *m64 = buffers_widen(&b, momentum, n);
    babel_sgd_job job = {.p = p,
                         .momentum = momentum,
                         .g = g,
                         .n = (int64_t)n,
                         .lr = &lr,
                         .mu = 0.75f,
                         .weight_decay = 0.125f};
    RUN_ANY_THREADS(&b, babel_test_ops()->sgd(&job, 1, NULL));
    for (size_t i = 0; i < n; i++) {
      m64[i] = 0.75 * m64[i] + (double)g[i] + 0.125 * p64[i];
      p64[i] -= 0.25 * m64[i];
    }
    cr_assert_lt(relative_error(p, p64, n), 3e-7); /* measured 7.7e-8 */
    cr_assert_lt(relative_error(momentum, m64, n), 3e-7);
    buffers_free(&b);
  }
}

Test(kernels_sgd, bad_sizes_are_refused_before_any_pointer) {
  cr_assert_eq(babel_test_ops()->sgd(&(babel_sgd_job){.n = -1}, 1, NULL), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_test_ops()->sgd(&(babel_sgd_job){.n = 0}, 1, NULL), BABEL_OK);
}
