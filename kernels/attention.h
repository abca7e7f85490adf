/* Multi-head attention of one sequence, without mask:
 *   fwd, for each head: p = softmax over keys of (scale q k^T), y = p v
 *   bwd: dv = p^T dy; dp = dy v^T; ds = p (dp - sum_j p dp); dq = scale ds k; dk = scale ds^T q
 * q, k, v, dq, dk, dv: row t starts at t * stride (so that the three may be column blocks of one matrix); head h is columns
 * h * width .. (h + 1) * width - 1. y, dy: (steps, heads * width). p: (heads, steps, steps), kept for the backward; NULL in
 * fwd = not wanted. workspace: babel_attention_workspace(shape) floats, in fwd and bwd. No aliasing. Writes with "=".
 * The same result whatever the number of threads: one call is one thread's work; callers run sequences in parallel.
 * BABEL_ERR_SHAPE for sizes below 1, stride < heads * width. */
#ifndef BABEL_KERNELS_ATTENTION_H
#define BABEL_KERNELS_ATTENTION_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int steps, heads, width, stride;
  float scale;
  int y_stride;
} babel_attention_shape;

size_t babel_attention_workspace(const babel_attention_shape *shape);
babel_status babel_attention_fwd_cpu(float *y, float *p, float *workspace, const float *q, const float *k,
                                     const float *v, const babel_attention_shape *shape, babel_stream *s);
babel_status babel_attention_bwd_cpu(float *dq, float *dk, float *dv, float *workspace, const float *dy,
                                     const float *q, const float *k, const float *v, const float *p,
                                     const babel_attention_shape *shape, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
