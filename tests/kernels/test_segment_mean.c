#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/ops.h"
#include "tests/kernels/buffers.h"
#include "tests/support/device_ops.h"

/* Error over the largest value. Measured: 1.2e-7 after 120 steps. */
#define LIMIT 5e-7

static const int shapes[][3] = {{1, 1, 1}, {1, 7, 31}, {5, 1, 33}, {3, 4, 32}, {17, 120, 257}, {40, 8, 512}};

/* 1..steps, the shortest and the longest among them where there is room. */
static int *ragged(int n, int steps) {
  int *lengths = malloc((size_t)n * sizeof *lengths);
  cr_assert_not_null(lengths);
  for (int i = 0; i < n; i++) lengths[i] = i == 0 ? steps : 1 + (i - 1) * 3 % steps;
  return lengths;
}

Test(kernels_segment_mean, fwd_is_the_mean_over_valid_steps) {
  for (size_t k = 0; k < 2 * sizeof shapes / sizeof *shapes; k++) {
    int n = shapes[k / 2][0], steps = shapes[k / 2][1], d = shapes[k / 2][2], *lengths = k & 1 ? ragged(n, steps) : NULL;
    size_t out = (size_t)n * (size_t)d;
    buffers b = {0};
    float *x = buffers_input(&b, "x", out * (size_t)steps, 3), *y = buffers_output(&b, out);
    double *expected = buffers_double(&b, out);
    for (int i = 0; i < n; i++) {
      int length = lengths ? lengths[i] : steps;
      for (int t = 0; t < steps; t++)
        for (int c = 0; c < d; c++) {
          float *at = x + ((size_t)i * (size_t)steps + (size_t)t) * (size_t)d + c;
          if (t < length) expected[(size_t)i * (size_t)d + (size_t)c] += (double)*at / length;
          else *at = NAN; /* what lies behind the end is not looked at */
        }
    }
    babel_segment_mean_job job = {.pooled = y, .sequence = x, .lengths = lengths, .n = n, .steps = steps, .d = d, .stacked = 1};
    RUN_ANY_THREADS(&b, babel_test_ops()->segment_mean_fwd(&job, NULL));
    double error = relative_error(y, expected, out);
    cr_assert(error <= LIMIT, "(%d, %d, %d): %g", n, steps, d, error);
    buffers_free(&b);
    free(lengths);
  }
}

Test(kernels_segment_mean, bwd_spreads_stacked_cotangents_and_zeroes_the_rest) {
  for (size_t k = 0; k < 6 * sizeof shapes / sizeof *shapes; k++) {
    int n = shapes[k / 6][0], steps = shapes[k / 6][1], d = shapes[k / 6][2], stacked = 1 + (int)(k % 3), *lengths = k & 1 ? ragged(n, steps) : NULL;
    size_t in = (size_t)stacked * (size_t)n * (size_t)d;
    buffers b = {0};
    float *dy = buffers_input(&b, "dy", in, 2), *dx = buffers_output(&b, in * (size_t)steps);
    double *expected = buffers_double(&b, in * (size_t)steps);
    for (int i = 0; i < stacked * n; i++)
      for (int t = 0; t < (lengths ? lengths[i % n] : steps); t++)
        for (int c = 0; c < d; c++)
          expected[((size_t)i * (size_t)steps + (size_t)t) * (size_t)d + (size_t)c] =
              (double)dy[(size_t)i * (size_t)d + (size_t)c] / (lengths ? lengths[i % n] : steps);
    babel_segment_mean_job job = {.pooled = dy, .sequence = dx, .lengths = lengths, .n = n, .steps = steps, .d = d, .stacked = stacked};
    RUN_ANY_THREADS(&b, babel_test_ops()->segment_mean_bwd(&job, NULL));
    double error = relative_error(dx, expected, in * (size_t)steps);
    cr_assert(error <= LIMIT, "%d x (%d, %d, %d): %g", stacked, n, steps, d, error);
    for (size_t i = 0; i < in * (size_t)steps; i++) cr_assert(expected[i] != 0 || dx[i] == 0);
    buffers_free(&b);
    free(lengths);
  }
}

Test(kernels_segment_mean, bad_sizes_and_lengths_are_refused) {
  const babel_ops *ops = babel_test_ops();
  float x[24] = {0}, y[6] = {0};
  int lengths[2] = {1, 4};
  const babel_segment_mean_job good = {.pooled = y, .sequence = x, .lengths = lengths, .n = 2, .steps = 4, .d = 3, .stacked = 1};
  cr_assert_eq(ops->segment_mean_fwd(&good, NULL), BABEL_OK);
  for (int i = 0; i < 4; i++) {
    babel_segment_mean_job bad = good;
    *(int *[]){&bad.n, &bad.steps, &bad.d, &bad.stacked}[i] = 0;
    cr_assert_eq(ops->segment_mean_fwd(&bad, NULL), BABEL_ERR_SHAPE);
    cr_assert_eq(ops->segment_mean_bwd(&bad, NULL), BABEL_ERR_SHAPE);
  }
  for (int i = 0; i < 2; i++) {
    lengths[1] = i ? 5 : 0;
    if (babel_test_on_device()) { /* cannot be seen beforehand */
      cr_assert_eq(ops->segment_mean_fwd(&good, NULL), BABEL_OK);
      cr_assert(y[0] == 0 && y[2] == 0 && isnan(y[3]) && isnan(y[5]));
      continue;
    }
    cr_assert_eq(ops->segment_mean_fwd(&good, NULL), BABEL_ERR_ARG);
    cr_assert_eq(ops->segment_mean_bwd(&good, NULL), BABEL_ERR_ARG);
    cr_assert_not_null(strstr(babel_error_last()->sentence, "sequence 1"));
  }
}
