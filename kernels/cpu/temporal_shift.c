#include "kernels/temporal_shift.h"

#include <math.h>
#include <string.h>

/* Widest margin of zeros that any shift needs: beyond it both taps lie outside. */
static int widest(int frames) {
  return frames + 2;
}

size_t babel_temporal_shift_workspace(int joints, int frames) {
  if (joints < 1 || frames < 1) return 0;
  return (size_t)joints * ((size_t)frames + (size_t)widest(frames)) + (size_t)widest(frames);
}

static babel_status check(const babel_temporal_shift_job *job) {
  if (job->joints < 1 || job->stride < 1 || job->stride > 2 || job->frames < job->stride)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "temporal shift: %d joints, %d frames, stride %d", job->joints, job->frames, job->stride);
  if (!isfinite(job->position)) return BABEL_FAIL(BABEL_ERR_VALUE, "temporal shift: the position is not finite");
  return BABEL_OK;
}

/* Rows of x with `margin` zeros before, between and behind them, so that the loop below needs no bounds. */
static void spread(float *to, const float *x, int joints, int frames, int margin) {
  size_t gap = (size_t)margin * sizeof *to;
  memset(to, 0, gap);
  to += margin;
  for (int i = 0; i < joints; i++, to += frames + margin, x += frames) {
    memcpy(to, x, (size_t)frames * sizeof *x);
    memset(to + frames, 0, gap);
  }
}

static inline __attribute__((always_inline)) void row(float *y, const float *x, const float *residual, float first, float second,
                                                      float shift, int count, int stride, int relu) {
#pragma omp simd
  for (int t = 0; t < count; t++) {
    float value = first * x[t * stride] + second * x[t * stride + 1] + shift;
    if (residual) value += residual[t];
    if (relu) value = value < 0 ? 0 : value;
    y[t] = value;
  }
}

babel_status babel_temporal_shift_fwd_cpu(const babel_temporal_shift_job *job) {
  BABEL_TRY(check(job));
  int frames = job->frames, stride = job->stride, count = frames / stride, far = widest(frames);
  double position = (double)job->position + (stride == 2 ? 0.5 : 0.0), whole = floor(position), part = position - whole;
  if (whole < -far) whole = -far;       /* both taps in front of the first frame */
  if (whole > frames) whole = frames;   /* both taps behind the last frame */
  int start = (int)whole, margin = start + 1 > -start ? start + 1 : -start;
  float first = (float)((1 - part) * (double)job->scale), second = (float)(part * (double)job->scale);
  spread(job->workspace, job->x, job->joints, frames, margin);
  const float *x = job->workspace + margin + start;
  for (int i = 0; i < job->joints; i++, x += frames + margin) {
    float *y = job->y + (ptrdiff_t)i * count;
    const float *residual = job->residual ? job->residual + (ptrdiff_t)i * count : NULL;
    if (stride == 2)
      row(y, x, residual, first, second, job->shift, count, 2, job->relu);
    else if (!residual)
      row(y, x, NULL, first, second, job->shift, count, 1, job->relu);
    else
      row(y, x, residual, first, second, job->shift, count, 1, job->relu);
  }
  return BABEL_OK;
}
