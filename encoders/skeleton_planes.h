/* What the two skeleton networks share: activations of one person are channel planes (joints, frames), time
 * fastest, babel_plane_pitch(joints * frames) apart. */
#ifndef BABEL_ENCODERS_SKELETON_PLANES_H
#define BABEL_ENCODERS_SKELETON_PLANES_H

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sees the output of every unit: tests compare with reference values inside the network. */
typedef struct {
  void (*see)(void *user, int unit, const float *planes, int channels, int joints, int frames);
  void *user;
} babel_unit_observer;

/* Data normalisation: planes[c][v][t] = scale[v * 3 + c] * x[t][v][c] + shift[v * 3 + c]; workspace: frames *
 * joints * 3 floats. */
babel_status babel_skeleton_planes_in(float *planes, float *workspace, const float *x, const float *scale,
                                      const float *shift, int frames, int joints);

/* y[c][v][t] = planes[c][v][t * stride], t < count: what a 1x1 convolution with a stride sees. */
void babel_skeleton_planes_thin(float *y, const float *planes, int channels, int joints, int frames,
                                int stride, int count);

/* pooled[c] = mean of plane c. */
void babel_skeleton_planes_mean(float *pooled, const float *planes, int channels, int joints, int frames);

/* scores (classes) = w (classes, width) pooled + b, summed in double. */
void babel_skeleton_scores(float *scores, const float *pooled, const float *w, const float *b, int classes,
                           int width);

#ifdef __cplusplus
}
#endif
#endif
