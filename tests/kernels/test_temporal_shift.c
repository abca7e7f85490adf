#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/temporal_shift.h"
#include "tests/support/compare.h"

static const int frame_counts[] = {2, 3, 8, 17, 31, 33, 64};
static const float positions[] = {0,      0.25f, 1,       -1, -0.75f, 2.5f, -9.56f, 6.82f, 7.99f, -17.5f,
                                  16.25f, 63.5f, -64.25f, 64, -66.5f, 1e9f, -1e9f,  3e38f, 1e-8f, -1e-8f};

static void oracle(double *y, const float *x, const float *residual, const babel_temporal_shift_job *job) {
  int count = job->frames / job->stride;
  double p = (double)job->position + (job->stride == 2 ? 0.5 : 0), f = floor(p), e = p - f;
  for (int i = 0; i < job->joints; i++)
    for (int t = 0; t < count; t++) {
      double a = (double)t * job->stride + f, sum = 0;
      if (a >= 0 && a < job->frames) sum += (1 - e) * (double)x[i * job->frames + (int)a];
      if (a + 1 >= 0 && a + 1 < job->frames) sum += e * (double)x[i * job->frames + (int)a + 1];
      sum = (double)job->scale * sum + (double)job->shift + (residual ? (double)residual[i * count + t] : 0);
      y[i * count + t] = job->relu && sum < 0 ? 0 : sum;
    }
}

static void run_case(int joints, int frames, int stride, float position, int relu, int with_residual) {
  size_t x_count = (size_t)joints * (size_t)frames, y_count = (size_t)joints * (size_t)(frames / stride);
  float *x = malloc(x_count * sizeof *x), *residual = malloc(y_count * sizeof *residual);
  float *y = babel_guarded(y_count), *again = babel_guarded(y_count);
  double *expected = malloc(y_count * sizeof *expected);
  babel_fill_floats("x", x, x_count, 1);
  babel_fill_floats("residual", residual, y_count, 1);
  babel_temporal_shift_job job = {
      y, x, with_residual ? residual : NULL, position, 1.5f, 0.125f, joints, frames, stride, relu};
  oracle(expected, x, job.residual, &job);
  cr_assert_eq(babel_temporal_shift_fwd_cpu(&job), BABEL_OK);
  cr_assert(babel_close("shift", y, expected, y_count, 1e-6, 1e-6), "%d frames, stride %d, position %g",
            frames, stride, (double)position);
  cr_assert(babel_guard_check(y, y_count));
  job.y = again;
  cr_assert_eq(babel_temporal_shift_fwd_cpu(&job), BABEL_OK);
  cr_assert_eq(memcmp(y, again, y_count * sizeof *y), 0);
  free(x), free(residual), free(expected);
  babel_guarded_free(y), babel_guarded_free(again);
}

Test(kernels_temporal_shift, fwd_interpolates_and_is_zero_outside) {
  for (size_t f = 0; f < sizeof frame_counts / sizeof *frame_counts; f++)
    for (size_t p = 0; p < sizeof positions / sizeof *positions; p++)
      for (int stride = 1; stride <= 2; stride++)
        for (int form = 0; form < 4; form++)
          run_case(form == 3 ? 25 : 3, frame_counts[f], stride, positions[p], form & 1, form >> 1);
}

Test(kernels_temporal_shift, stride_two_drops_the_odd_last_frame_and_reads_half_way) {
  float x[5] = {0, 10, 20, 30, 40}, y[2];
  babel_temporal_shift_job job = {y, x, NULL, 0, 1, 0, 1, 5, 2, 0};
  cr_assert_eq(babel_temporal_shift_fwd_cpu(&job), BABEL_OK);
  cr_assert(y[0] == 5 && y[1] == 25);
}

Test(kernels_temporal_shift, bad_sizes_and_positions_are_refused) {
  float f[64] = {0};
  babel_temporal_shift_job good = {f, f + 8, NULL, 0, 1, 0, 1, 4, 1, 0}, bad = good;
  cr_assert_eq(babel_temporal_shift_fwd_cpu(&good), BABEL_OK);
  bad.joints = 0;
  cr_assert_eq(babel_temporal_shift_fwd_cpu(&bad), BABEL_ERR_SHAPE);
  bad = good, bad.stride = 3;
  cr_assert_eq(babel_temporal_shift_fwd_cpu(&bad), BABEL_ERR_SHAPE);
  bad = good, bad.frames = 1, bad.stride = 2;
  cr_assert_eq(babel_temporal_shift_fwd_cpu(&bad), BABEL_ERR_SHAPE);
  bad = good, bad.position = NAN;
  cr_assert_eq(babel_temporal_shift_fwd_cpu(&bad), BABEL_ERR_VALUE);
}
