#include "kernels/l2norm.h"
#include "tests/kernels/buffers.h"
#include "tests/support/device_ops.h"

#include <math.h>

/* Largest error over max |expected|. Measured: forward 1.0e-7, backward 1.6e-7. */
#define LIMIT 5e-7

static const double eps = 1e-12;

static void oracle_fwd(double *y, double *inv, const double *x, int n, int d) {
  for (int i = 0; i < n; i++) {
    double sum = 0;
    for (int c = 0; c < d; c++) sum += x[i * d + c] * x[i * d + c];
    inv[i] = 1 / fmax(sqrt(sum), eps);
    for (int c = 0; c < d; c++) y[i * d + c] = x[i * d + c] * inv[i];
  }
}

/* From x itself: d(x_c / ||x||)/dx_k = (delta_ck - y_c y_k) / ||x||. */
static void oracle_bwd(double *dx, const double *dy, const double *x, int n, int d, int rows) {
  for (int i = 0; i < n; i++) {
    const double *row = x + (size_t)(i % rows) * d, *g = dy + (size_t)i * d;
    double square = 0, dot = 0;
    for (int c = 0; c < d; c++) square += row[c] * row[c];
    for (int c = 0; c < d; c++) dot += row[c] * g[c];
    double norm = sqrt(square);
    for (int c = 0; c < d; c++)
      dx[(size_t)i * d + c] = norm > eps ? g[c] / norm - dot * row[c] / (norm * norm * norm) : g[c] / eps;
  }
}

static const int shapes[][2] = {{1, 1},   {1, 31},    {2, 7},     {31, 33}, {32, 257},
                                {33, 60}, {256, 512}, {257, 255}, {3, 1024}};
#define SHAPES (sizeof shapes / sizeof *shapes)

Test(kernels_l2norm, fwd_matches_formula_in_place_too) {
  for (size_t k = 0; k < 2 * SHAPES; k++) {
    int n = shapes[k / 2][0], d = shapes[k / 2][1], alias = k & 1;
    size_t size = (size_t)n * d;
    buffers b = {0};
    float *x = buffers_input(&b, "x", size, 30),
          *y = alias ? buffers_state(&b, "x", size, 30) : buffers_output(&b, size);
    float *inv = buffers_output(&b, (size_t)n);
    babel_l2norm_fwd_job job = {.y = y, .inv = inv, .x = alias ? y : x, .n = n, .d = d};
    RUN_ANY_THREADS(&b, babel_test_ops()->l2norm_fwd(&job, 1, NULL));
    double *y64 = buffers_double(&b, size), *inv64 = buffers_double(&b, (size_t)n);
    oracle_fwd(y64, inv64, buffers_widen(&b, x, size), n, d);
    double error = fmax(relative_error(y, y64, size), relative_error(inv, inv64, (size_t)n));
    cr_assert(error <= LIMIT, "(%d, %d): %g", n, d, error);
    buffers_free(&b);
  }
}

Test(kernels_l2norm, bwd_matches_formula_for_stacked_cotangents_in_place_too) {
  for (size_t k = 0; k < 4 * SHAPES; k++) {
    int rows = shapes[k / 4][0], d = shapes[k / 4][1], alias = k & 1, n = k & 2 ? 2 * rows : rows;
    size_t size = (size_t)n * d, once = (size_t)rows * d;
    buffers b = {0};
    float *x = buffers_input(&b, "x", once, 3), *y = buffers_output(&b, once),
          *inv = buffers_output(&b, (size_t)rows);
    float *dy = buffers_input(&b, "dy", size, 1),
          *dx = alias ? buffers_state(&b, "dy", size, 1) : buffers_output(&b, size);
    cr_assert_eq(babel_test_ops()->l2norm_fwd(
                     &(babel_l2norm_fwd_job){.y = y, .inv = inv, .x = x, .n = rows, .d = d}, 1, NULL),
                 BABEL_OK);
    babel_l2norm_bwd_job job = {
        .dx = dx, .dy = alias ? dx : dy, .y = y, .inv = inv, .n = n, .d = d, .rows = rows};
    RUN_ANY_THREADS(&b, babel_test_ops()->l2norm_bwd(&job, 1, NULL));
    double *expected = buffers_double(&b, size);
    oracle_bwd(expected, buffers_widen(&b, dy, size), buffers_widen(&b, x, once), n, d, rows);
    /* one column: the gradient is 0 up to the rounding of 1/x */
    double error = d == 1 ? 0 : relative_error(dx, expected, size);
    if (d == 1) cr_assert_lt(fabsf(dx[0]), 1e-6f);
    cr_assert(error <= LIMIT, "(%d, %d) from %d: %g", n, d, rows, error);
    buffers_free(&b);
  }
}

Test(kernels_l2norm, tiny_huge_and_zero_rows_stay_finite_and_right) {
  enum { ROWS = 6, D = 33 };
  static const float sizes[ROWS] = {0, 1e-30f, 1e-15f, 1e-20f, 1e-11f, 1e30f};
  buffers b = {0};
  float *x = buffers_input(&b, "x", ROWS * D, 1), *y = buffers_output(&b, ROWS * D),
        *inv = buffers_output(&b, ROWS);
  float *dy = buffers_input(&b, "dy", ROWS * D, 1), *dx = buffers_output(&b, ROWS * D);
  for (int i = 0; i < ROWS * D; i++) x[i] *= sizes[i / D];
  RUN_ANY_THREADS(&b, babel_test_ops()->l2norm_fwd(
                          &(babel_l2norm_fwd_job){.y = y, .inv = inv, .x = x, .n = ROWS, .d = D}, 1, NULL));
  babel_l2norm_bwd_job job = {.dx = dx, .dy = dy, .y = y, .inv = inv, .n = ROWS, .d = D, .rows = ROWS};
  RUN_ANY_THREADS(&b, babel_test_ops()->l2norm_bwd(&job, 1, NULL));
  double *y64 = buffers_double(&b, ROWS * D), *inv64 = buffers_double(&b, ROWS),
         *dx64 = buffers_double(&b, ROWS * D);
  double *wide = buffers_widen(&b, x, ROWS * D);
  oracle_fwd(y64, inv64, wide, ROWS, D);
  oracle_bwd(dx64, buffers_widen(&b, dy, ROWS * D), wide, ROWS, D, ROWS);
  for (int r = 0; r < ROWS; r++) { /* row by row: the rows differ by 60 orders of magnitude */
    double error =
        fmax(relative_error(y + r * D, y64 + r * D, D), relative_error(dx + r * D, dx64 + r * D, D));
    cr_assert(error <= LIMIT, "row %d: %g", r, error);
  }
  for (int c = 0; c < D; c++) cr_assert_eq(y[c], 0);
  buffers_free(&b);
}

typedef struct {
  double *x, *dy;
} toy;

static double toy_loss(void *context) {
  toy *t = context;
  double y[21], inv[3], sum = 0;
  oracle_fwd(y, inv, t->x, 3, 7);
  for (int i = 0; i < 21; i++) sum += y[i] * t->dy[i];
  return sum;
}

Test(kernels_l2norm, oracle_backward_agrees_with_central_differences) {
  double x[21], dy[21], dx[21];
  for (uint32_t i = 0; i < 21; i++) {
    x[i] = babel_fill("x", i);
    dy[i] = babel_fill("dy", i);
  }
  toy t = {x, dy};
  oracle_bwd(dx, dy, x, 3, 7, 3);
  for (int i = 0; i < 21; i++) cr_assert_float_eq(central_difference(toy_loss, &t, x + i), dx[i], 1e-8);
}

Test(kernels_l2norm, bad_sizes_are_refused_before_any_pointer) {
  const babel_ops *ops = babel_test_ops();
  cr_assert_eq(ops->l2norm_fwd(&(babel_l2norm_fwd_job){.n = 0, .d = 4}, 1, NULL), BABEL_ERR_SHAPE);
  cr_assert_eq(ops->l2norm_fwd(&(babel_l2norm_fwd_job){.n = 4, .d = 0}, 1, NULL), BABEL_ERR_SHAPE);
  static const int bad[][3] = {{0, 4, 1}, {4, 0, 1}, {4, 4, 0}, {4, 4, 3}, {4, 4, 8}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    babel_l2norm_bwd_job job = {.n = bad[i][0], .d = bad[i][1], .rows = bad[i][2]};
    cr_assert_eq(ops->l2norm_bwd(&job, 1, NULL), BABEL_ERR_SHAPE);
  }
}
