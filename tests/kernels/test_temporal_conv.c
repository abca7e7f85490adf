#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/plane_linear.h"
#include "kernels/temporal_conv.h"
#include "tests/support/compare.h"

typedef struct {
  int in, out, joints, frames, stride, relu, with_residual, with_bias;
} conv_case;

static const conv_case cases[] = {
    {1, 1, 1, 1, 1, 0, 0, 0},     {3, 5, 25, 2, 2, 1, 1, 1},   {16, 16, 33, 9, 1, 0, 0, 1},
    {31, 33, 25, 10, 2, 1, 1, 1}, {32, 16, 7, 17, 2, 0, 1, 1}, {64, 64, 25, 8, 1, 1, 1, 1},
    {5, 7, 3, 64, 1, 0, 0, 0},    {5, 7, 3, 63, 2, 1, 0, 1},
};

static void oracle(double *y, const float *w, const float *b, const float *x, const float *residual,
                   const conv_case *c, int count) {
  size_t x_pitch = babel_plane_pitch(c->joints * c->frames), y_pitch = babel_plane_pitch(c->joints * count);
  for (int m = 0; m < c->out; m++)
    for (int v = 0; v < c->joints; v++)
      for (int t = 0; t < count; t++) {
        double sum = b ? (double)b[m] : 0;
        for (int i = 0; i < c->in; i++)
          for (int j = 0; j < 9; j++) {
            int from = t * c->stride + j - 4;
            if (from >= 0 && from < c->frames)
              sum += (double)w[(m * c->in + i) * 9 + j] *
                     (double)x[(size_t)i * x_pitch + (size_t)(v * c->frames + from)];
          }
        if (residual) sum += (double)residual[(size_t)m * y_pitch + (size_t)(v * count + t)];
        y[(m * c->joints + v) * count + t] = c->relu && sum < 0 ? 0 : sum;
      }
}

static void run_case(const conv_case *c) {
  int count = babel_temporal_conv_frames(c->frames, c->stride), inputs = 9 * c->in;
  size_t x_pitch = babel_plane_pitch(c->joints * c->frames), y_pitch = babel_plane_pitch(c->joints * count),
         plane = (size_t)(c->joints * count);
  size_t x_count = (size_t)c->in * x_pitch, y_count = (size_t)c->out * y_pitch,
         w_count = (size_t)c->out * (size_t)inputs;
  size_t space = babel_temporal_conv_workspace(c->in, c->out, c->joints, c->frames, c->stride);
  float *x = malloc(x_count * sizeof *x), *w = malloc(w_count * sizeof *w),
        *b = malloc((size_t)c->out * sizeof *b), *residual = malloc(y_count * sizeof *residual);
  float *packed = malloc(babel_plane_linear_packed(c->out, inputs) * sizeof *packed),
        *y = babel_guarded(y_count), *again = babel_guarded(y_count);
  float *workspace = babel_guarded(space), *dense = malloc((size_t)c->out * plane * sizeof *dense);
  double *expected = malloc((size_t)c->out * plane * sizeof *expected);
  int *at = malloc((size_t)inputs * sizeof *at);
  babel_fill_floats("x", x, x_count, 1);
  babel_fill_floats("w", w, w_count, 1);
  babel_fill_floats("b", b, (size_t)c->out, 1);
  babel_fill_floats("residual", residual, y_count, 4);
  cr_assert_eq(babel_plane_linear_pack_cpu(packed, w, c->out, inputs, inputs, 1), BABEL_OK);
  babel_temporal_conv_job job = {y,
                                 x,
                                 c->with_residual ? residual : NULL,
                                 packed,
                                 c->with_bias ? b : NULL,
                                 workspace,
                                 at,
                                 c->in,
                                 c->out,
                                 c->joints,
                                 c->frames,
                                 c->stride,
                                 c->relu};
  cr_assert_eq(babel_temporal_conv_fwd_cpu(&job), BABEL_OK);
  oracle(expected, w, job.bias, x, job.residual, c, count);
  job.y = again;
  if (c->with_residual)
    memcpy(again, residual, y_count * sizeof *again), job.residual = again; /* y may be residual */
  cr_assert_eq(babel_temporal_conv_fwd_cpu(&job), BABEL_OK);
  for (int m = 0; m < c->out; m++) {
    memcpy(dense + (size_t)m * plane, y + (size_t)m * y_pitch, plane * sizeof *dense);
    cr_assert_eq(memcmp(y + (size_t)m * y_pitch, again + (size_t)m * y_pitch, plane * sizeof *y), 0);
  }
  cr_assert(babel_close("temporal conv", dense, expected, (size_t)c->out * plane, 3e-5, 1e-5),
            "%d frames, stride %d", c->frames, c->stride);
  cr_assert(babel_global_error(dense, expected, (size_t)c->out * plane) < 1e-11);
  cr_assert(babel_guard_check(y, y_count) && babel_guard_check(workspace, space));
  babel_guarded_free(y), babel_guarded_free(again), babel_guarded_free(workspace);
  free(x), free(w), free(b), free(residual), free(packed), free(dense), free(expected), free(at);
}

Test(kernels_temporal_conv, fwd_matches_the_formula_for_both_strides) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) run_case(cases + i);
}

Test(kernels_temporal_conv, output_length_is_that_of_a_padded_convolution) {
  static const int expected[][3] = {{300, 1, 300}, {300, 2, 150}, {150, 2, 75},
                                    {67, 2, 34},   {34, 2, 17},   {1, 2, 1}};
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
    cr_assert_eq(babel_temporal_conv_frames(expected[i][0], expected[i][1]), expected[i][2]);
}

Test(kernels_temporal_conv, bad_sizes_are_refused) {
  float f[256] = {0};
  int n[16];
  babel_temporal_conv_job good = {f, f + 64, NULL, f, NULL, f + 128, n, 1, 1, 1, 1, 1, 0}, bad = good;
  cr_assert_eq(babel_temporal_conv_fwd_cpu(&good), BABEL_OK);
  bad.in = 0;
  cr_assert_eq(babel_temporal_conv_fwd_cpu(&bad), BABEL_ERR_SHAPE);
  bad = good, bad.stride = 3;
  cr_assert_eq(babel_temporal_conv_fwd_cpu(&bad), BABEL_ERR_SHAPE);
  bad = good, bad.frames = 0;
  cr_assert_eq(babel_temporal_conv_fwd_cpu(&bad), BABEL_ERR_SHAPE);
  bad = good, bad.frames = 2000000000;
  cr_assert_eq(babel_temporal_conv_fwd_cpu(&bad), BABEL_ERR_SHAPE);
}
