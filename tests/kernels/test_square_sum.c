#include "kernels/ops.h"
#include "tests/kernels/buffers.h"
#include "tests/support/device_ops.h"

#include <math.h>

static double parts[BABEL_SQUARE_SUM_PARTS];

Test(kernels_square_sum, sum_matches_formula_at_odd_sizes) {
  static const size_t sizes[] = {0, 1, 15, 16, 31, 33, 1023, 1025, 65537, 700001};
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    size_t n = sizes[k];
    buffers b = {0};
    float *x = buffers_input(&b, "x", n, 3), *out = buffers_output(&b, 1);
    RUN_ANY_THREADS(&b, babel_test_ops()->square_sum(
                            &(babel_square_sum_job){.out = out, .parts = parts, .x = x, .n = (int64_t)n}, 1, NULL));
    double expected = 0;
    for (size_t i = 0; i < n; i++) expected += (double)x[i] * (double)x[i];
    cr_assert(fabs((double)out[0] - expected) <= 6e-8 * expected, "%zu: %g, expected %g", n, (double)out[0],
              expected);
    buffers_free(&b);
  }
}

/* 2^24 ones and small change: a float sum stops at 2^24. */
Test(kernels_square_sum, small_terms_count_beside_large_ones) {
  enum { N = 40000 };
  float x[N], out;
  for (int i = 0; i < N; i++) x[i] = 1e-3f;
  x[0] = 1000;
  cr_assert_eq(babel_test_ops()->square_sum(&(babel_square_sum_job){.out = &out, .parts = parts, .x = x, .n = N}, 1, NULL),
               BABEL_OK);
  cr_assert_float_eq(out, 1e6 + 0.04, 0.04);
  x[N - 1] = NAN;
  cr_assert_eq(babel_test_ops()->square_sum(&(babel_square_sum_job){.out = &out, .parts = parts, .x = x, .n = N}, 1, NULL),
               BABEL_OK);
  cr_assert(isnan(out));
}

Test(kernels_square_sum, bad_sizes_are_refused_before_any_pointer) {
  cr_assert_eq(babel_test_ops()->square_sum(&(babel_square_sum_job){.n = -1}, 1, NULL), BABEL_ERR_SHAPE);
}
