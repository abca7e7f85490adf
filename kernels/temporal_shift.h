/* Shift-GCN's shift along time (skeleton_st_gcn.md section 9), for one channel of one sample.
 *
 *   S(x)[t] = (1 - e) x[t * stride + f] + e x[t * stride + f + 1],   p = position (+ 0.5 when stride = 2), f
 * = floor(p), e = p - f, x = 0 outside 0 .. frames - 1 y[i][t] = act(scale * S(x[i])[t] + shift +
 * residual[i][t]),      act = ReLU or nothing
 *
 * x: (joints, frames), y and residual (or NULL): (joints, frames / stride), time fastest. No aliasing. "=".
 * Any finite position is allowed. BABEL_ERR_SHAPE for joints below 1, a stride other than 1 or 2, frames
 * below the stride; BABEL_ERR_VALUE for a position that is not finite. */
#ifndef BABEL_KERNELS_TEMPORAL_SHIFT_H
#define BABEL_KERNELS_TEMPORAL_SHIFT_H

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  float *y;
  const float *x, *residual;
  float position, scale, shift;
  int joints, frames, stride, relu;
} babel_temporal_shift_job;

babel_status babel_temporal_shift_fwd_cpu(const babel_temporal_shift_job *job);

#ifdef __cplusplus
}
#endif
#endif
