#include "kernels/temporal_shift.h"

#include <math.h>
#include <stddef.h>

/* Taps of one channel: output t reads first * x[t * stride + start] + second * x[t * stride + start + 1].
 * Outputs begin .. end - 1 of a row find both taps inside it. */
typedef struct {
  float first, second, shift;
  int start, begin, end;
} taps;

static babel_status check(const babel_temporal_shift_job *job) {
  if (job->joints < 1 || job->stride < 1 || job->stride > 2 || job->frames < job->stride)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "temporal shift: %d joints, %d frames, stride %d", job->joints,
                      job->frames, job->stride);
  if (!isfinite(job->position))
    return BABEL_FAIL(BABEL_ERR_VALUE, "temporal shift: the position is not finite");
  return BABEL_OK;
}

static int clamp(int value, int low, int high) {
  return value < low ? low : value > high ? high : value;
}

static taps plan(const babel_temporal_shift_job *job) {
  int frames = job->frames, stride = job->stride, count = frames / stride;
  double position = (double)job->position + (stride == 2 ? 0.5 : 0.0), whole = floor(position),
         part = position - whole;
  if (whole < -frames - 2) whole = -frames - 2;      /* both taps in front of the first frame, wherever */
  if (whole > frames) whole = frames;                /* both behind the last one */
  int start = (int)whole, last = frames - 2 - start; /* the last frame that t * stride may name */
  taps p = {
      (float)((1 - part) * (double)job->scale), (float)(part * (double)job->scale), job->shift, start, 0, 0};
  p.begin = start < 0 ? clamp((-start + stride - 1) / stride, 0, count) : 0;
  p.end = clamp(last < 0 ? 0 : last / stride + 1, p.begin, count);
  return p;
}

static inline __attribute__((always_inline)) float finish(float value, const float *residual, ptrdiff_t at,
                                                          int relu) {
  if (residual) value += residual[at];
  return relu && value < 0 ? 0 : value;
}

/* `count` outputs whose taps all lie in x; stride and relu are constants after inlining, residual is NULL or
 * not. */
static inline __attribute__((always_inline)) void inside(float *restrict y, const float *restrict x,
                                                         const float *restrict residual, const taps *p,
                                                         ptrdiff_t count, int stride, int relu) {
  float first = p->first, second = p->second, shift = p->shift;
  for (ptrdiff_t t = 0; t < count; t++)
    y[t] = finish(first * x[t * stride] + second * x[t * stride + 1] + shift, residual, t, relu);
}

static void inside_any(float *y, const float *x, const float *residual, const taps *p, ptrdiff_t count,
                       int stride, int relu) {
  if (stride == 2)
    inside(y, x, residual, p, count, 2, relu);
  else if (residual)
    inside(y, x, residual, p, count, 1, relu);
  else
    inside(y, x, NULL, p, count, 1, relu);
}

/* Outputs from .. to - 1 of one row, some tap outside. */
static void edge(float *y, const float *x, const float *residual, const taps *p, int from, int to,
                 const babel_temporal_shift_job *job) {
  for (int t = from; t < to; t++) {
    int at = t * job->stride + p->start;
    float value = p->shift;
    if (at >= 0 && at < job->frames) value += p->first * x[at];
    if (at + 1 >= 0 && at + 1 < job->frames) value += p->second * x[at + 1];
    y[t] = finish(value, residual, t, job->relu);
  }
}

babel_status babel_temporal_shift_fwd_cpu(const babel_temporal_shift_job *job) {
  BABEL_TRY(check(job));
  taps p = plan(job);
  int count = job->frames / job->stride;
  if (job->stride == 1) { /* all rows in one sweep, across their borders: the edges are written again below */
    ptrdiff_t all = (ptrdiff_t)job->joints * count, begin = p.start < 0 ? -p.start : 0,
              end = all - p.start - 1;
    if (end > all) end = all;
    if (end > begin)
      inside_any(job->y + begin, job->x + begin + p.start, job->residual ? job->residual + begin : NULL, &p,
                 end - begin, 1, job->relu);
  }
  for (int i = 0; i < job->joints; i++) {
    float *y = job->y + (ptrdiff_t)i * count;
    const float *x = job->x + (ptrdiff_t)i * job->frames,
                *residual = job->residual ? job->residual + (ptrdiff_t)i * count : NULL;
    if (job->stride == 2 && p.end > p.begin)
      inside_any(y + p.begin, x + (ptrdiff_t)p.begin * 2 + p.start, residual ? residual + p.begin : NULL, &p,
                 p.end - p.begin, 2, job->relu);
    edge(y, x, residual, &p, 0, p.begin, job);
    edge(y, x, residual, &p, p.end, count, job);
  }
  return BABEL_OK;
}
