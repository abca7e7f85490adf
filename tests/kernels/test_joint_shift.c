#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "kernels/joint_shift.h"
#include "tests/support/compare.h"

enum { MOST = 33 * 40 };

static const struct {
  int joints, frames, channel;
} cases[] = {{1, 1, 0},    {25, 1, 3},    {25, 7, 0},    {25, 8, 24},
             {25, 17, 25}, {25, 33, 255}, {33, 31, 100}, {2, 40, 63}};

/* The stored index tables: element i * C + j of the shifted (joint, channel) vector reads element (i * C + j
 * +- j * C) mod V * C. */
static int table_source(int joints, int channels, int i, int j, int sign) {
  long n = (long)joints * channels, at = ((long)i * channels + j + (long)sign * j * channels) % n;
  if (at < 0) at += n;
  cr_assert_eq(at % channels, j);
  return (int)(at / channels);
}

Test(kernels_joint_shift, in_reads_the_joint_that_the_index_table_names) {
  for (size_t q = 0; q < sizeof cases / sizeof *cases; q++) {
    int joints = cases[q].joints, frames = cases[q].frames, channel = cases[q].channel,
        channels = channel + 2;
    size_t n = (size_t)joints * (size_t)frames;
    float x[MOST], mask[33], *y = babel_guarded(n), *again = babel_guarded(n);
    double expected[MOST];
    babel_fill_floats("x", x, n, 1);
    babel_fill_floats("mask", mask, (size_t)joints, 2);
    for (int i = 0; i < joints; i++)
      for (int t = 0; t < frames; t++)
        expected[i * frames + t] =
            (double)x[table_source(joints, channels, i, channel, 1) * frames + t] * (double)mask[i];
    cr_assert_eq(babel_joint_shift_in_fwd_cpu(y, x, mask, joints, frames, channel), BABEL_OK);
    cr_assert_eq(babel_joint_shift_in_fwd_cpu(again, x, mask, joints, frames, channel), BABEL_OK);
    cr_assert(babel_close("shift in", y, expected, n, 0, 1e-7));
    cr_assert(babel_guard_check(y, n) && !memcmp(y, again, n * sizeof *y));
    babel_guarded_free(y), babel_guarded_free(again);
  }
}

Test(kernels_joint_shift, out_matches_the_formula) {
  for (size_t q = 0; q < sizeof cases / sizeof *cases; q++) {
    int joints = cases[q].joints, frames = cases[q].frames, channel = cases[q].channel,
        channels = channel + 2;
    size_t n = (size_t)joints * (size_t)frames;
    float x[MOST], residual[MOST], scale[33], shift[33], *y = babel_guarded(n);
    double expected[MOST];
    babel_fill_floats("x", x, n, 1);
    babel_fill_floats("residual", residual, n, 1);
    babel_fill_floats("scale", scale, (size_t)joints, 2);
    babel_fill_floats("shift", shift, (size_t)joints, 0.5);
    for (int i = 0; i < joints; i++)
      for (int t = 0; t < frames; t++) {
        double from = (double)x[table_source(joints, channels, i, channel, -1) * frames + t];
        double a = (double)scale[i] * from + (double)shift[i] + (double)residual[i * frames + t];
        expected[i * frames + t] = -1.25 * (a > 0 ? a : 0) + 0.5;
      }
    babel_joint_shift_out_job job = {y, x, residual, scale, shift, -1.25f, 0.5f, joints, frames, channel};
    cr_assert_eq(babel_joint_shift_out_fwd_cpu(&job), BABEL_OK);
    cr_assert(babel_close("shift out", y, expected, n, 1e-6, 1e-6));
    cr_assert(babel_guard_check(y, n));
    memcpy(y, residual, n * sizeof *y); /* y may be residual */
    job.residual = y;
    cr_assert_eq(babel_joint_shift_out_fwd_cpu(&job), BABEL_OK);
    cr_assert(babel_close("shift out in place", y, expected, n, 1e-6, 1e-6));
    babel_guarded_free(y);
  }
}

Test(kernels_joint_shift, bad_sizes_are_refused) {
  float f[4] = {0};
  cr_assert_eq(babel_joint_shift_in_fwd_cpu(f, f, f, 0, 1, 0), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_joint_shift_in_fwd_cpu(f, f, f, 1, 0, 0), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_joint_shift_in_fwd_cpu(f, f, f, 1, 1, -1), BABEL_ERR_SHAPE);
  babel_joint_shift_out_job job = {f, f, f, f, f, 1, 0, 1, 0, 0};
  cr_assert_eq(babel_joint_shift_out_fwd_cpu(&job), BABEL_ERR_SHAPE);
}
