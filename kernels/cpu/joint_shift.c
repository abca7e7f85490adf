#include "kernels/joint_shift.h"

#include <stddef.h>

static babel_status check(int joints, int frames, int channel) {
  if (joints < 1 || frames < 1 || channel < 0)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "joint shift: %d joints, %d frames, channel %d", joints, frames,
                      channel);
  return BABEL_OK;
}

babel_status babel_joint_shift_in_fwd_cpu(float *y, const float *x, const float *mask, int joints, int frames,
                                          int channel) {
  BABEL_TRY(check(joints, frames, channel));
  int from = channel % joints;
  for (int i = 0; i < joints; i++) {
    float *restrict out = y + (ptrdiff_t)i * frames;
    const float *restrict in = x + (ptrdiff_t)from * frames;
    float factor = mask[i];
    for (int t = 0; t < frames; t++) out[t] = in[t] * factor;
    if (++from == joints) from = 0;
  }
  return BABEL_OK;
}

babel_status babel_joint_shift_out_fwd_cpu(const babel_joint_shift_out_job *job) {
  BABEL_TRY(check(job->joints, job->frames, job->channel));
  int frames = job->frames, from = (job->joints - job->channel % job->joints) % job->joints;
  float after_scale = job->after_scale, after_shift = job->after_shift;
  for (int i = 0; i < job->joints; i++) {
    float *out = job->y + (ptrdiff_t)i * frames;
    const float *in = job->x + (ptrdiff_t)from * frames, *residual = job->residual + (ptrdiff_t)i * frames;
    float scale = job->scale[i], shift = job->shift[i];
#pragma omp simd
    for (int t = 0; t < frames; t++) {
      float a = scale * in[t] + shift + residual[t];
      out[t] = after_scale * (a < 0 ? 0 : a) + after_shift;
    }
    if (++from == job->joints) from = 0;
  }
  return BABEL_OK;
}
