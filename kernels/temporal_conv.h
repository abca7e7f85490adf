/* ST-GCN's 9x1 convolution along time (skeleton_st_gcn.md section 4), for one sample:
 *
 *   y[c][v][t] = act(bias[c] + sum_i sum_j W[c][i][j] x[i][v][t * stride + j - 4] + residual[c][v][t]),   x =
 * 0 outside 0 .. frames - 1
 *
 * t < babel_temporal_conv_frames(frames, stride) = (frames - 1) / stride + 1; act: ReLU or nothing. Planes
 * are (joints, frames), time fastest, babel_plane_pitch(joints * frames of that plane) apart. Inside, planes
 * are turned to (frames, joints) with four empty frames at each end: then all windows of all joints are
 * shifted views of one array, and the convolution is a single product with 9 * in inputs that copies no
 * windows. Stride 2: even and odd frames lie apart. */
#ifndef BABEL_KERNELS_TEMPORAL_CONV_H
#define BABEL_KERNELS_TEMPORAL_CONV_H

#include <stddef.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_TEMPORAL_TAPS 9

int babel_temporal_conv_frames(int frames, int stride);

/* packed (babel_plane_linear_packed(out, 9 * in) floats) from w (out, in, 9) with
 * babel_plane_linear_pack_cpu. */
typedef struct {
  float *y;                   /* (out planes); may be residual itself; "=" */
  const float *x, *residual;  /* (in planes), (out planes) or NULL */
  const float *packed, *bias; /* bias: (out) or NULL */
  float *workspace;           /* babel_temporal_conv_workspace(...) floats */
  int *at;                    /* (9 * in) */
  int in, out, joints, frames, stride, relu;
} babel_temporal_conv_job;

size_t babel_temporal_conv_workspace(int in, int out, int joints, int frames, int stride);
/* BABEL_ERR_SHAPE for sizes below 1, a stride other than 1 or 2, planes that int offsets cannot reach. */
babel_status babel_temporal_conv_fwd_cpu(const babel_temporal_conv_job *job);

#ifdef __cplusplus
}
#endif
#endif
