/* Linear map over channel planes: a 1x1 convolution, or a convolution along one axis without copying windows.
 *
 *   y[m][n] = act(bias[m] + sum_k w[m][k] x[at[k] + n]),   m < out, n < columns,   act = ReLU or nothing
 *
 * A plane holds one channel of one sample; planes follow each other at a pitch that babel_plane_pitch gives.
 * Row k of the product starts anywhere in x: at[k] = k * pitch is a 1x1 convolution; at[(c, tap)] = c * pitch
 * + tap * step is a convolution over overlapping windows (ST-GCN's 9x1, skeleton_st_gcn.md section 4).
 * Weights are packed once: frozen encoders run them thousands of times.
 *
 * y: (out, y_pitch); the columns up to the next multiple of 8 are written too (with whatever follows in x),
 * so y_pitch, and what x holds behind at[k] + columns, must reach that far. No aliasing. "=". Every element
 * is summed over k in order, alone in its vector lane: the result does not depend on threads or on `columns`.
 * BABEL_ERR_SHAPE for sizes below 1 or a short pitch. */
#ifndef BABEL_KERNELS_PLANE_LINEAR_H
#define BABEL_KERNELS_PLANE_LINEAR_H

#include <stddef.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Floats from one plane of n values to the next: a multiple of 16, an odd number of cache lines (planes that
 * are a power of two apart would fight for the same cache sets), at least n rounded up to 8. */
size_t babel_plane_pitch(int n);

/* Floats of packed weights. */
size_t babel_plane_linear_packed(int out, int in);
/* packed from w: element (m, k) is w[m * out_step + k * in_step], so that transposed weights need no copy. */
babel_status babel_plane_linear_pack_cpu(float *packed, const float *w, int out, int in, int out_step,
                                         int in_step);

typedef struct {
  float *y;
  const float *x, *packed, *bias; /* bias: (out) or NULL */
  const int *at;                  /* (in) offsets into x */
  int out, in, columns;
  size_t y_pitch;
  int relu;
} babel_plane_linear_job;

/* Uses OpenMP threads over the columns, unless the caller is already in a parallel region. */
babel_status babel_plane_linear_fwd_cpu(const babel_plane_linear_job *job);

#ifdef __cplusplus
}
#endif
#endif
