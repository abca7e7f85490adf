#include "kernels/linear.h"
#include "tests/kernels/buffers.h"
#include "tests/support/device_ops.h"

#include <math.h>

/* n, in, out. */
static const int shapes[][3] = {{1, 1, 1},      {1, 512, 27},   {31, 60, 33},   {32, 257, 31}, {33, 72, 255},
                                {255, 31, 257}, {256, 144, 33}, {64, 256, 512}, {7, 1024, 65}, {6, 900, 16},
                                {2, 1892, 33},  {129, 78, 65},  {130, 397, 7},  {3, 513, 64},  {70, 316, 128}};
#define SHAPES (sizeof shapes / sizeof *shapes)

/* Largest error over max |expected|; the sums are over at most 1892 products. Measured 4.6e-7; on a device that rounds the operands their
 * rounding counts. */
#define LIMIT babel_test_limit(2e-6, 1e-3, 1e-2)

static void oracle_fwd(double *y, const double *x, const double *w, const double *b, int n, int in, int out,
                       int relu) {
  for (int i = 0; i < n; i++)
    for (int o = 0; o < out; o++) {
      double sum = b ? b[o] : 0;
      for (int c = 0; c < in; c++) sum += x[i * in + c] * w[o * in + c];
      y[i * out + o] = relu && sum < 0 ? 0 : sum;
    }
}

static void oracle_bwd(double *dx, double *dw, double *db, const double *dy, const double *x, const double *w,
                       int n, int in, int out) {
  for (int i = 0; i < n; i++)
    for (int o = 0; o < out; o++) {
      db[o] += dy[i * out + o];
      for (int c = 0; c < in; c++) {
        dx[i * in + c] += dy[i * out + o] * w[o * in + c];
        dw[o * in + c] += dy[i * out + o] * x[i * in + c];
      }
    }
}

Test(kernels_linear, fwd_matches_formula_with_and_without_bias_and_relu) {
  for (size_t k = 0; k < 4 * SHAPES; k++) {
    const int *shape = shapes[k / 4], n = shape[0], in = shape[1], out = shape[2], bias = k & 1,
              relu = (k >> 1) & 1;
    buffers b = {0};
    size_t size = (size_t)n * out;
    float *y = buffers_output(&b, size), *x = buffers_input(&b, "x", (size_t)n * in, 1);
    float *w = buffers_input(&b, "w", (size_t)out * in, 1), *bb = buffers_input(&b, "b", (size_t)out, 2);
    babel_linear_fwd_job job = {
        .y = y, .x = x, .w = w, .b = bias ? bb : NULL, .n = n, .in = in, .out = out, .relu = relu};
    RUN_TWICE(&b, babel_test_ops()->linear_fwd(&job, 1, NULL));
    double *expected = buffers_double(&b, size);
    oracle_fwd(expected, buffers_widen(&b, x, (size_t)n * in), buffers_widen(&b, w, (size_t)out * in),
               bias ? buffers_widen(&b, bb, (size_t)out) : NULL, n, in, out, relu);
    double error = relative_error(y, expected, size);
    cr_assert(error <= LIMIT, "(%d, %d) -> %d, bias %d, relu %d: %g", n, in, out, bias, relu, error);
    buffers_free(&b);
  }
}

Test(kernels_linear, fwd_adds_to_what_is_there_when_told_to) {
  for (size_t k = 0; k < 2 * SHAPES; k++) {
    const int *shape = shapes[k / 2], n = shape[0], in = shape[1], out = shape[2], relu = k & 1;
    buffers b = {0};
    size_t size = (size_t)n * out;
    float *y = buffers_state(&b, "y", size, 3), *x = buffers_input(&b, "x", (size_t)n * in, 1);
    float *w = buffers_input(&b, "w", (size_t)out * in, 1), *bb = buffers_input(&b, "b", (size_t)out, 2);
    double *expected = buffers_widen(&b, y, size), *product = buffers_double(&b, size);
    babel_linear_fwd_job job = {
        .y = y, .x = x, .w = w, .b = bb, .n = n, .in = in, .out = out, .relu = relu, .accumulate = 1};
    RUN_TWICE(&b, babel_test_ops()->linear_fwd(&job, 1, NULL));
    oracle_fwd(product, buffers_widen(&b, x, (size_t)n * in), buffers_widen(&b, w, (size_t)out * in),
               buffers_widen(&b, bb, (size_t)out), n, in, out, 0);
    for (size_t i = 0; i < size; i++) expected[i] = relu ? fmax(expected[i] + product[i], 0) : expected[i] + product[i];
    double error = relative_error(y, expected, size);
    cr_assert(error <= LIMIT, "(%d, %d) -> %d, relu %d: %g", n, in, out, relu, error);
    buffers_free(&b);
  }
}

Test(kernels_linear, fwd_lets_nan_through_the_relu) {
  float x[2] = {NAN, -1}, w[2] = {1, 1}, y[4];
  babel_linear_fwd_job job = {.y = y, .x = x, .w = w, .n = 2, .in = 1, .out = 2, .relu = 1};
  cr_assert_eq(babel_test_ops()->linear_fwd(&job, 1, NULL), BABEL_OK);
  cr_assert(isnan(y[0]) && isnan(y[1]));
  cr_assert_eq(y[2], 0);
  cr_assert_eq(y[3], 0);
}

Test(kernels_linear, bwd_data_matches_formula_with_the_mask_repeated) {
  for (size_t k = 0; k < 3 * SHAPES; k++) {
    const int *shape = shapes[k / 3], repeats = (int)(k % 3), in = shape[1], out = shape[2];
    const int rows = shape[0], n = rows * (repeats ? repeats : 1); /* 0: no mask */
    buffers b = {0};
    size_t size = (size_t)n * in;
    float *dx = buffers_output(&b, size), *dy = buffers_input(&b, "dy", (size_t)n * out, 1);
    float *w = buffers_input(&b, "w", (size_t)out * in, 1),
          *y_prev = buffers_input(&b, "y_prev", (size_t)rows * in, 1);
    for (int i = 0; i < rows * in; i += 3) y_prev[i] = 0;
    babel_linear_bwd_data_job job = {.dx = dx,
                                     .dy = dy,
                                     .w = w,
                                     .y_prev = repeats ? y_prev : NULL,
                                     .n = n,
                                     .in = in,
                                     .out = out,
                                     .mask_rows = rows};
    RUN_TWICE(&b, babel_test_ops()->linear_bwd_data(&job, 1, NULL));
    double *expected = buffers_double(&b, size), *unused = buffers_double(&b, (size_t)out * in);
    oracle_bwd(expected, unused, unused, buffers_widen(&b, dy, (size_t)n * out),
               buffers_double(&b, (size_t)n * in), buffers_widen(&b, w, (size_t)out * in), n, in, out);
    for (int i = 0; repeats && i < n; i++)
      for (int c = 0; c < in; c++)
        if (y_prev[i % rows * in + c] <= 0) {
          expected[i * in + c] = 0;
          cr_assert_eq(dx[i * in + c], 0);
        }
    double error = relative_error(dx, expected, size);
    cr_assert(error <= LIMIT, "(%d, %d) -> %d, mask %d: %g", n, in, out, repeats, error);
    buffers_free(&b);
  }
}

Test(kernels_linear, bwd_weight_matches_formula_and_accumulates) {
  for (size_t k = 0; k < 4 * SHAPES; k++) {
    const int *shape = shapes[k / 4], n = shape[0], in = shape[1], out = shape[2], accumulate = k & 1,
              bias = (k >> 1) & 1;
    buffers b = {0};
    size_t size = (size_t)out * in;
    float *dw = accumulate ? buffers_state(&b, "dw", size, 3) : buffers_output(&b, size);
    float *db = accumulate ? buffers_state(&b, "db", (size_t)out, 3) : buffers_output(&b, (size_t)out);
    float *dy = buffers_input(&b, "dy", (size_t)n * out, 1), *x = buffers_input(&b, "x", (size_t)n * in, 1);
    double *dw64 = accumulate ? buffers_widen(&b, dw, size) : buffers_double(&b, size);
    double *db64 = accumulate ? buffers_widen(&b, db, (size_t)out) : buffers_double(&b, (size_t)out);
    babel_linear_bwd_weight_job job = {.dw = dw,
                                       .db = bias ? db : NULL,
                                       .dy = dy,
                                       .x = x,
                                       .n = n,
                                       .in = in,
                                       .out = out,
                                       .accumulate = accumulate};
    RUN_TWICE(&b, babel_test_ops()->linear_bwd_weight(&job, 1, NULL));
    oracle_bwd(buffers_double(&b, (size_t)n * in), dw64, db64, buffers_widen(&b, dy, (size_t)n * out),
               buffers_widen(&b, x, (size_t)n * in), buffers_double(&b, size), n, in, out);
    double error = relative_error(dw, dw64, size);
    if (bias) error = fmax(error, relative_error(db, db64, (size_t)out));
    cr_assert(error <= LIMIT, "(%d, %d) -> %d, accumulate %d, bias %d: %g", n, in, out, accumulate, bias,
              error);
    buffers_free(&b);
  }
}

typedef struct {
  double *x, *w, *b, *dy, y[12];
} toy;

static double toy_loss(void *context) {
  toy *t = context;
  double sum = 0;
  oracle_fwd(t->y, t->x, t->w, t->b, 3, 5, 4, 0);
  for (int i = 0; i < 12; i++) sum += t->y[i] * t->dy[i];
  return sum;
}

Test(kernels_linear, oracle_backward_agrees_with_central_differences) {
  double x[15], w[20], b[4], dy[12], dx[15] = {0}, dw[20] = {0}, db[4] = {0};
  for (uint32_t i = 0; i < 20; i++) {
    w[i] = babel_fill("w", i);
    if (i < 15) x[i] = babel_fill("x", i);
    if (i < 12) dy[i] = babel_fill("dy", i);
    if (i < 4) b[i] = babel_fill("b", i);
  }
  toy t = {.x = x, .w = w, .b = b, .dy = dy};
  oracle_bwd(dx, dw, db, dy, x, w, 3, 5, 4);
  for (int i = 0; i < 15; i++) cr_assert_float_eq(central_difference(toy_loss, &t, x + i), dx[i], 1e-8);
  for (int i = 0; i < 20; i++) cr_assert_float_eq(central_difference(toy_loss, &t, w + i), dw[i], 1e-8);
  for (int i = 0; i < 4; i++) cr_assert_float_eq(central_difference(toy_loss, &t, b + i), db[i], 1e-8);
}

Test(kernels_linear, a_list_of_jobs_runs_every_one) {
  float x[2] = {2, 3}, w[2] = {5, 7}, y[2] = {0, 0};
  babel_linear_fwd_job jobs[2] = {{.y = y, .x = x, .w = w, .n = 1, .in = 1, .out = 1},
                                  {.y = y + 1, .x = x + 1, .w = w + 1, .n = 1, .in = 1, .out = 1}};
  cr_assert_eq(babel_test_ops()->linear_fwd(jobs, 2, NULL), BABEL_OK);
  cr_assert_eq(y[0], 10);
  cr_assert_eq(y[1], 21);
  cr_assert_eq(babel_test_ops()->linear_fwd(NULL, 0, NULL), BABEL_OK);
}

/* Sizes of job i of a long list, and where its pieces begin: at any float, not at a multiple of 16 bytes. */
typedef struct {
  int n, in, out;
  size_t rows, weights, results; /* starts in buffers of x, of w and of y; each is also the end of the job before */
} piece;

#define PIECES 41

static void cut(piece pieces[PIECES + 1]) {
  pieces[0] = (piece){0};
  for (int i = 0; i <= PIECES; i++) {
    piece *p = pieces + i;
    p->n = 1 + 7 * i % 71, p->in = 1 + 13 * i % 83, p->out = 1 + 11 * i % 69;
    if (i == PIECES) break;
    p[1].rows = p->rows + (size_t)p->n * p->in;
    p[1].weights = p->weights + (size_t)p->out * p->in;
    p[1].results = p->results + (size_t)p->n * p->out;
  }
}

Test(kernels_linear, a_long_list_of_ragged_jobs_gives_what_each_gives_alone) {
  piece pieces[PIECES + 1];
  cut(pieces);
  const piece *end = pieces + PIECES;
  buffers b = {0};
  float *x = buffers_input(&b, "x", end->rows, 1), *w = buffers_input(&b, "w", end->weights, 1);
  float *dy = buffers_input(&b, "dy", end->results, 1);
  float *y = buffers_output(&b, end->results), *dx = buffers_output(&b, end->rows), *dw = buffers_output(&b, end->weights);
  babel_linear_fwd_job fwd[PIECES];
  babel_linear_bwd_data_job data[PIECES];
  babel_linear_bwd_weight_job weight[PIECES];
  for (int i = 0; i < PIECES; i++) {
    const piece *p = pieces + i;
    fwd[i] = (babel_linear_fwd_job){.y = y + p->results, .x = x + p->rows, .w = w + p->weights, .n = p->n, .in = p->in, .out = p->out};
    data[i] = (babel_linear_bwd_data_job){.dx = dx + p->rows, .dy = dy + p->results, .w = w + p->weights, .n = p->n, .in = p->in, .out = p->out};
    weight[i] = (babel_linear_bwd_weight_job){.dw = dw + p->weights, .dy = dy + p->results, .x = x + p->rows, .n = p->n, .in = p->in, .out = p->out};
  }
  RUN_TWICE(&b, babel_test_ops()->linear_fwd(fwd, PIECES, NULL));
  RUN_TWICE(&b, babel_test_ops()->linear_bwd_data(data, PIECES, NULL));
  RUN_TWICE(&b, babel_test_ops()->linear_bwd_weight(weight, PIECES, NULL));
  double *y64 = buffers_double(&b, end->results), *dx64 = buffers_double(&b, end->rows), *dw64 = buffers_double(&b, end->weights);
  double *x64 = buffers_widen(&b, x, end->rows), *w64 = buffers_widen(&b, w, end->weights), *dy64 = buffers_widen(&b, dy, end->results);
  double *unused = buffers_double(&b, end->results);
  for (int i = 0; i < PIECES; i++) {
    const piece *p = pieces + i;
    oracle_fwd(y64 + p->results, x64 + p->rows, w64 + p->weights, NULL, p->n, p->in, p->out, 0);
    oracle_bwd(dx64 + p->rows, dw64 + p->weights, unused, dy64 + p->results, x64 + p->rows, w64 + p->weights, p->n, p->in, p->out);
    double error = relative_error(y + p->results, y64 + p->results, (size_t)p->n * p->out);
    error = fmax(error, relative_error(dx + p->rows, dx64 + p->rows, (size_t)p->n * p->in));
    error = fmax(error, relative_error(dw + p->weights, dw64 + p->weights, (size_t)p->out * p->in));
    cr_assert(error <= LIMIT, "job %d, (%d, %d) -> %d: %g", i, p->n, p->in, p->out, error);
  }
  buffers_free(&b);
}

Test(kernels_linear, bad_sizes_are_refused_before_any_pointer) {
  const babel_ops *ops = babel_test_ops();
  for (int bad = 0; bad < 3; bad++) {
    int n = bad == 0 ? 0 : 4, in = bad == 1 ? -1 : 4, out = bad == 2 ? 0 : 4;
    cr_assert_eq(ops->linear_fwd(&(babel_linear_fwd_job){.n = n, .in = in, .out = out}, 1, NULL),
                 BABEL_ERR_SHAPE);
    cr_assert_eq(ops->linear_bwd_data(&(babel_linear_bwd_data_job){.n = n, .in = in, .out = out}, 1, NULL),
                 BABEL_ERR_SHAPE);
    cr_assert_eq(
        ops->linear_bwd_weight(&(babel_linear_bwd_weight_job){.n = n, .in = in, .out = out}, 1, NULL),
        BABEL_ERR_SHAPE);
  }
  float y_prev[6] = {1};
  for (int rows = -1; rows < 6; rows++) {
    babel_linear_bwd_data_job job = {.n = 4, .in = 1, .out = 1, .mask_rows = rows, .y_prev = y_prev};
    if (rows != 1 && rows != 2 && rows != 4)
      cr_assert_eq(ops->linear_bwd_data(&job, 1, NULL), BABEL_ERR_SHAPE);
  }
}
