#include "kernels/ops.h"
#include "tests/kernels/buffers.h"
#include "tests/support/device_ops.h"

Test(kernels_combine, sum_matches_formula_with_every_alias) {
  static const size_t sizes[] = {1, 31, 33, 257, 100003};
  for (size_t k = 0; k < 8 * sizeof sizes / sizeof *sizes; k++) {
    size_t n = sizes[k / 8];
    int alias = (int)(k % 4), third = k % 8 >= 4; /* alias 1, 2, 3: y is x0, x1, x2 */
    if (alias == 3 && !third) continue;
    static const char *const keys[3] = {"x0", "x1", "x2"};
    buffers b = {0};
    float *x[3], *y = alias ? NULL : buffers_output(&b, n);
    double *wide[3];
    for (int i = 0; i < 3; i++) {
      x[i] = alias == i + 1 ? (y = buffers_state(&b, keys[i], n, 1)) : buffers_input(&b, keys[i], n, 1);
      wide[i] = buffers_widen(&b, x[i], n);
    }
    float weights[2] = {0.7f, 0.3f};
    babel_combine_job job = {
        .y = y, .weights = weights, .x0 = x[0], .x1 = x[1], .x2 = third ? x[2] : NULL, .n = (int64_t)n};
    RUN_ANY_THREADS(&b, babel_test_ops()->combine(&job, 1, NULL));
    double *expected = buffers_double(&b, n);
    for (size_t i = 0; i < n; i++)
      expected[i] =
          (double)weights[0] * wide[0][i] + (double)weights[1] * wide[1][i] + (third ? wide[2][i] : 0);
    cr_assert_lt(relative_error(y, expected, n), 3e-7); /* measured 8.6e-8 */
    buffers_free(&b);
  }
}

Test(kernels_combine, bad_sizes_are_refused_before_any_pointer) {
  float weights[2] = {1, 1};
  cr_assert_eq(babel_test_ops()->combine(&(babel_combine_job){.n = -1, .weights = weights}, 1, NULL),
               BABEL_ERR_SHAPE);
  cr_assert_eq(babel_test_ops()->combine(&(babel_combine_job){.n = 0, .weights = weights}, 1, NULL), BABEL_OK);
}

/* Each of the arrays in turn at another distance from a 16-byte boundary than the rest. */
Test(kernels_combine, arrays_that_begin_anywhere) {
  enum { N = 1001 };
  for (int odd = -1; odd < 4; odd++) {
    buffers b = {0};
    float *x[4], weights[2] = {0.7f, 0.3f};
    double *wide[3];
    for (int i = 0; i < 4; i++) x[i] = (i == 3 ? buffers_output(&b, N + 2) : buffers_input(&b, (const char *[]){"x0", "x1", "x2"}[i], N + 2, 1)) + (i == odd ? 2 : 1);
    for (int i = 0; i < 3; i++) wide[i] = buffers_widen(&b, x[i], N);
    babel_combine_job job = {.y = x[3], .weights = weights, .x0 = x[0], .x1 = x[1], .x2 = x[2], .n = N};
    RUN_ANY_THREADS(&b, babel_test_ops()->combine(&job, 1, NULL));
    double *expected = buffers_double(&b, N);
    for (size_t i = 0; i < N; i++) expected[i] = (double)weights[0] * wide[0][i] + (double)weights[1] * wide[1][i] + wide[2][i];
    cr_assert_lt(relative_error(x[3], expected, N), 3e-7);
    buffers_free(&b);
  }
}
