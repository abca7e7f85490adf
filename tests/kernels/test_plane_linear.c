#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/plane_linear.h"
#include "tests/support/compare.h"

/* One case: random operands, rows of x at pitch `step` apart and overlapping when step is small. */
typedef struct {
  int out, in, columns, step, relu, with_bias;
} plane_case;

static const plane_case cases[] = {
    {1, 1, 1, 16, 0, 0},     {2, 3, 7, 16, 1, 1},      {5, 31, 8, 16, 0, 1},    {6, 32, 9, 16, 1, 1},
    {7, 33, 15, 16, 0, 1},   {8, 64, 16, 48, 1, 0},    {9, 255, 17, 48, 0, 1},  {11, 256, 25, 48, 1, 1},
    {12, 257, 31, 48, 0, 1}, {64, 64, 100, 112, 1, 1}, {13, 513, 33, 48, 1, 1}, {4, 90, 50, 5, 0, 1},
    {60, 256, 1, 16, 0, 1},
};

static void oracle(double *y, const float *w, const float *x, const float *bias, const plane_case *c) {
  for (int m = 0; m < c->out; m++)
    for (int n = 0; n < c->columns; n++) {
      double sum = bias ? (double)bias[m] : 0;
      for (int k = 0; k < c->in; k++) sum += (double)w[m * c->in + k] * (double)x[k * c->step + n];
      y[m * c->columns + n] = c->relu && sum < 0 ? 0 : sum;
    }
}

static void run_case(const plane_case *c) {
  size_t rounded = ((size_t)c->columns + 7) / 8 * 8, pitch = rounded + 8,
         x_count = (size_t)c->step * (size_t)c->in + rounded;
  size_t y_count = (size_t)(c->out - 1) * pitch + rounded,
         packed_count = babel_plane_linear_packed(c->out, c->in);
  float *w = malloc((size_t)c->out * (size_t)c->in * sizeof *w), *x = malloc(x_count * sizeof *x),
        *bias = malloc((size_t)c->out * sizeof *bias);
  float *packed = babel_guarded(packed_count), *y = babel_guarded(y_count), *again = babel_guarded(y_count);
  float *dense = malloc((size_t)c->out * (size_t)c->columns * sizeof *dense);
  double *expected = malloc((size_t)c->out * (size_t)c->columns * sizeof *expected);
  int *at = malloc((size_t)c->in * sizeof *at);
  babel_fill_floats("w", w, (size_t)c->out * (size_t)c->in, 1);
  babel_fill_floats("x", x, x_count, 1);
  babel_fill_floats("bias", bias, (size_t)c->out, 2);
  for (int k = 0; k < c->in; k++) at[k] = k * c->step;
  cr_assert_eq(babel_plane_linear_pack_cpu(packed, w, c->out, c->in, c->in, 1), BABEL_OK);
  babel_plane_linear_job job = {y,          x,     packed, c->with_bias ? bias : NULL, at, c->out, c->in,
                                c->columns, pitch, c->relu};
  cr_assert_eq(babel_plane_linear_fwd_cpu(&job), BABEL_OK);
  job.y = again;
  cr_assert_eq(babel_plane_linear_fwd_cpu(&job), BABEL_OK);
  oracle(expected, w, x, job.bias, c);
  for (int m = 0; m < c->out; m++) {
    memcpy(dense + m * c->columns, y + (size_t)m * pitch, (size_t)c->columns * sizeof *dense);
    cr_assert_eq(memcmp(y + (size_t)m * pitch, again + (size_t)m * pitch, (size_t)c->columns * sizeof *y), 0);
    if (m + 1 < c->out)
      cr_assert(isnan(y[(size_t)m * pitch + rounded]), "wrote behind the columns of plane %d", m);
  }
  /* Measured: 1.5e-6 at 513 inputs. */
  cr_assert(babel_close("y", dense, expected, (size_t)c->out * (size_t)c->columns,
                        1e-6 * (1 + sqrt((double)c->in)), 0));
  cr_assert(babel_global_error(dense, expected, (size_t)c->out * (size_t)c->columns) < 1e-12);
  cr_assert(babel_guard_check(packed, packed_count) && babel_guard_check(y, y_count));
  babel_guarded_free(packed), babel_guarded_free(y), babel_guarded_free(again);
  free(w), free(x), free(bias), free(dense), free(expected), free(at);
}

Test(kernels_plane_linear, fwd_matches_the_formula_at_odd_sizes_and_with_overlapping_rows) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) run_case(cases + i);
}

Test(kernels_plane_linear, pack_takes_transposed_weights) {
  float w[3 * 7], t[7 * 3], a[64], b[64];
  babel_fill_floats("w", w, 21, 1);
  for (int m = 0; m < 3; m++)
    for (int k = 0; k < 7; k++) t[k * 3 + m] = w[m * 7 + k];
  cr_assert_leq(babel_plane_linear_packed(3, 7), 64);
  cr_assert_eq(babel_plane_linear_pack_cpu(a, w, 3, 7, 7, 1), BABEL_OK);
  cr_assert_eq(babel_plane_linear_pack_cpu(b, t, 3, 7, 1, 3), BABEL_OK);
  cr_assert_eq(memcmp(a, b, babel_plane_linear_packed(3, 7) * sizeof *a), 0);
}

Test(kernels_plane_linear, nan_passes_through_relu) {
  float w[1] = {1}, packed[2], y[8], x[8] = {NAN, -1, 2, 0, 0, 0, 0, 0};
  int at[1] = {0};
  cr_assert_eq(babel_plane_linear_pack_cpu(packed, w, 1, 1, 1, 1), BABEL_OK);
  babel_plane_linear_job job = {y, x, packed, NULL, at, 1, 1, 3, 8, 1};
  cr_assert_eq(babel_plane_linear_fwd_cpu(&job), BABEL_OK);
  cr_assert(isnan(y[0]) && y[1] == 0 && y[2] == 2);
}

Test(kernels_plane_linear, pitch_holds_the_plane_in_an_odd_number_of_cache_lines) {
  for (int n = 1; n < 5000; n++) {
    size_t pitch = babel_plane_pitch(n);
    cr_assert(pitch % 32 == 16 && pitch >= ((size_t)n + 7) / 8 * 8 && pitch < (size_t)n + 32, "%d: %zu", n,
              pitch);
  }
}

Test(kernels_plane_linear, bad_sizes_are_refused) {
  float f[8] = {0};
  int at[1] = {0};
  cr_assert_eq(babel_plane_linear_pack_cpu(f, f, 0, 1, 1, 1), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_plane_linear_pack_cpu(f, f, 1, 0, 1, 1), BABEL_ERR_SHAPE);
  babel_plane_linear_job good = {f, f, f, NULL, at, 2, 1, 3, 8, 0}, bad = good;
  bad.columns = 0;
  cr_assert_eq(babel_plane_linear_fwd_cpu(&bad), BABEL_ERR_SHAPE);
  bad = good, bad.out = 0;
  cr_assert_eq(babel_plane_linear_fwd_cpu(&bad), BABEL_ERR_SHAPE);
  bad = good, bad.in = -1;
  cr_assert_eq(babel_plane_linear_fwd_cpu(&bad), BABEL_ERR_SHAPE);
  bad = good, bad.y_pitch = 7;
  cr_assert_eq(babel_plane_linear_fwd_cpu(&bad), BABEL_ERR_SHAPE);
}
