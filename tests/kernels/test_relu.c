#include "kernels/relu.h"
#include "tests/kernels/buffers.h"

#include <math.h>

Test(kernels_relu, fwd_and_bwd_match_formula_in_place_too) {
  static const size_t sizes[] = {1, 31, 33, 257, 100001};
  for (size_t k = 0; k < 2 * sizeof sizes / sizeof *sizes; k++) {
    size_t n = sizes[k / 2], alias = k & 1;
    buffers b = {0};
    float *x = buffers_input(&b, "x", n, 1),
          *y = alias ? buffers_state(&b, "x", n, 1) : buffers_output(&b, n);
    x[0] = 0;
    if (alias) y[0] = 0;
    RUN_ANY_THREADS(&b, babel_relu_fwd_cpu(y, alias ? y : x, (int64_t)n, NULL));
    for (size_t i = 0; i < n; i++) cr_assert_eq(y[i], x[i] > 0 ? x[i] : 0);
    float *dy = buffers_input(&b, "dy", n, 1),
          *dx = alias ? buffers_state(&b, "dy", n, 1) : buffers_output(&b, n);
    RUN_ANY_THREADS(&b, babel_relu_bwd_cpu(dx, alias ? dx : dy, x, (int64_t)n, NULL));
    for (size_t i = 0; i < n; i++) cr_assert_eq(dx[i], x[i] > 0 ? dy[i] : 0);
    buffers_free(&b);
  }
}

Test(kernels_relu, nan_stays_and_bad_sizes_are_refused) {
  float x[9], y[9];
  for (int i = 0; i < 9; i++) x[i] = NAN;
  cr_assert_eq(babel_relu_fwd_cpu(y, x, 9, NULL), BABEL_OK);
  for (int i = 0; i < 9; i++) cr_assert(isnan(y[i]));
  cr_assert_eq(babel_relu_fwd_cpu(NULL, NULL, 0, NULL), BABEL_OK);
  cr_assert_eq(babel_relu_fwd_cpu(NULL, NULL, -1, NULL), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_relu_bwd_cpu(NULL, NULL, NULL, -1, NULL), BABEL_ERR_SHAPE);
}
