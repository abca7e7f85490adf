#include "encoders/skeleton_planes.h"

#include <stddef.h>

#include "kernels/batchnorm.h"
#include "kernels/plane_linear.h"

babel_status babel_skeleton_planes_in(float *planes, float *workspace, const float *x, const float *scale,
                                      const float *shift, int frames, int joints) {
  size_t pitch = babel_plane_pitch(joints * frames);
  BABEL_TRY(babel_batchnorm_fwd_cpu(workspace, x, scale, shift, frames, joints * 3));
  for (int t = 0; t < frames; t++)
    for (int v = 0; v < joints; v++)
      for (int c = 0; c < 3; c++) planes[(size_t)c * pitch + (size_t)(v * frames + t)] = *workspace++;
  return BABEL_OK;
}

void babel_skeleton_planes_thin(float *y, const float *planes, int channels, int joints, int frames,
                                int stride, int count) {
  size_t pitch = babel_plane_pitch(joints * frames), y_pitch = babel_plane_pitch(joints * count);
  for (int c = 0; c < channels; c++)
    for (int v = 0; v < joints; v++) {
      const float *from = planes + (size_t)c * pitch + (size_t)(v * frames);
      float *row = y + (size_t)c * y_pitch + (size_t)(v * count);
      for (int t = 0; t < count; t++) row[t] = from[t * stride];
    }
}

void babel_skeleton_planes_mean(float *pooled, const float *planes, int channels, int joints, int frames) {
  int n = joints * frames;
  size_t pitch = babel_plane_pitch(n);
  for (int c = 0; c < channels; c++, planes += pitch) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)planes[i];
    pooled[c] = (float)(sum / n);
  }
}

void babel_skeleton_scores(float *scores, const float *pooled, const float *w, const float *b, int classes,
                           int width) {
  for (int k = 0; k < classes; k++, w += width) {
    double sum = (double)b[k];
    for (int c = 0; c < width; c++) sum += (double)w[c] * (double)pooled[c];
    scores[k] = (float)sum;
  }
}
