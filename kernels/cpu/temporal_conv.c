#include "kernels/temporal_conv.h"

#include <limits.h>
#include <omp.h>
#include <string.h>

#include "kernels/plane_linear.h"

#define TAPS BABEL_TEMPORAL_TAPS
#define MARGIN (TAPS / 2)

int babel_temporal_conv_frames(int frames, int stride) {
  return (frames - 1) / stride + 1;
}

/* Frames of one turned plane: the padded sequence, rounded up to whole strides. */
static int padded_frames(int frames, int stride) {
  return (frames + 2 * MARGIN + stride - 1) / stride * stride;
}

static size_t turned_pitch(int joints, int frames, int stride) {
  return babel_plane_pitch(joints * padded_frames(frames, stride));
}

size_t babel_temporal_conv_workspace(int in, int out, int joints, int frames, int stride) {
  size_t y_pitch = babel_plane_pitch(joints * babel_temporal_conv_frames(frames, stride));
  return (size_t)in * turned_pitch(joints, frames, stride) + 16 + (size_t)out * y_pitch;
}

static babel_status check(const babel_temporal_conv_job *job) {
  if (job->in < 1 || job->out < 1 || job->joints < 1 || job->frames < 1 || job->stride < 1 || job->stride > 2)
    return BABEL_FAIL(BABEL_ERR_SHAPE,
                      "temporal convolution: %d inputs, %d outputs, %d joints, %d frames, stride %d", job->in,
                      job->out, job->joints, job->frames, job->stride);
  if (job->frames > INT_MAX / job->in / job->joints / 2 - 64)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "temporal convolution: %d frames are too many", job->frames);
  return BABEL_OK;
}

/* (joints, frames) to (frames, joints) behind four empty frames; with stride 2 the even frames come first,
 * then the odd ones. */
static void turn_in(float *to, const float *x, const babel_temporal_conv_job *job) {
  int joints = job->joints, frames = job->frames, padded = padded_frames(frames, job->stride),
      phase_frames = padded / job->stride;
  memset(to, 0, (size_t)padded * (size_t)joints * sizeof *to);
  for (int t = 0; t < frames; t++) {
    int at = t + MARGIN;
    float *row = to + ((ptrdiff_t)(at % job->stride) * phase_frames + at / job->stride) * joints;
    for (int v = 0; v < joints; v++) row[v] = x[(ptrdiff_t)v * frames + t];
  }
}

/* (frames, joints) back to (joints, frames), with shortcut and ReLU. */
static void turn_out(float *y, const float *from, const float *residual, int joints, int frames, int relu) {
  for (int v = 0; v < joints; v++)
    for (int t = 0; t < frames; t++) {
      ptrdiff_t at = (ptrdiff_t)v * frames + t;
      float value = from[(ptrdiff_t)t * joints + v];
      if (residual) value += residual[at];
      y[at] = relu && value < 0 ? 0 : value;
    }
}

babel_status babel_temporal_conv_fwd_cpu(const babel_temporal_conv_job *job) {
  BABEL_TRY(check(job));
  int joints = job->joints, stride = job->stride, count = babel_temporal_conv_frames(job->frames, stride),
      columns = joints * count;
  size_t x_pitch = babel_plane_pitch(joints * job->frames), y_pitch = babel_plane_pitch(columns);
  size_t pitch = turned_pitch(joints, job->frames, stride);
  int phase = padded_frames(job->frames, stride) / stride * joints;
  float *turned = job->workspace, *sums = turned + (size_t)job->in * pitch + 16;
#pragma omp parallel for schedule(static) if (!omp_in_parallel())
  for (int i = 0; i < job->in; i++) {
    turn_in(turned + (size_t)i * pitch, job->x + (size_t)i * x_pitch, job);
    for (int j = 0; j < TAPS; j++)
      job->at[i * TAPS + j] = (int)((size_t)i * pitch) + j % stride * phase + j / stride * joints;
  }
  babel_plane_linear_job product = {.y = sums,
                                    .x = turned,
                                    .packed = job->packed,
                                    .bias = job->bias,
                                    .at = job->at,
                                    .out = job->out,
                                    .in = job->in * TAPS,
                                    .columns = columns,
                                    .y_pitch = y_pitch};
  BABEL_TRY(babel_plane_linear_fwd_cpu(&product));
#pragma omp parallel for schedule(static) if (!omp_in_parallel())
  for (int c = 0; c < job->out; c++) {
    size_t at = (size_t)c * y_pitch;
    turn_out(job->y + at, sums + at, job->residual ? job->residual + at : NULL, joints, count, job->relu);
  }
  return BABEL_OK;
}
