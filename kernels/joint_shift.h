/* Shift-GCN's spatial shift and what surrounds it (skeleton_st_gcn.md section 9), for one channel of one
 * sample. A plane is (joints, frames), time fastest; `channel` is the channel's number. Shifting by joints is
 * index arithmetic:
 *
 *   in:  y[i][t] = x[(i + channel) mod joints][t] * mask[i]                              `gcn1.shift_in`, 1 +
 * tanh(Feature_Mask) out: y[i][t] = after_scale * ReLU(scale[i] * x[(i - channel) mod joints][t] + shift[i] +
 * residual[i][t]) + after_shift `gcn1.shift_out`, its BatchNorm per joint, the shortcut, `tcn1.bn`
 *
 * x, y, residual: (joints, frames); mask, scale, shift: (joints). y must not overlap x; it may be residual
 * itself. "=". BABEL_ERR_SHAPE for joints or frames below 1, or a negative channel. */
#ifndef BABEL_KERNELS_JOINT_SHIFT_H
#define BABEL_KERNELS_JOINT_SHIFT_H

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

babel_status babel_joint_shift_in_fwd_cpu(float *y, const float *x, const float *mask, int joints, int frames,
                                          int channel);

typedef struct {
  float *y;
  const float *x, *residual, *scale, *shift;
  float after_scale, after_shift;
  int joints, frames, channel;
} babel_joint_shift_out_job;

babel_status babel_joint_shift_out_fwd_cpu(const babel_joint_shift_out_job *job);

#ifdef __cplusplus
}
#endif
#endif
