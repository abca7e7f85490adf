/* Linear layer whose weights were rearranged once: y = x w^T + b, for the narrow layers of frozen encoders that run one
 * sample a thread. Same product as kernels/linear.h, which calls a library that wants bigger matrices and its own threads.
 * Packed form: for every 24 outputs their biases, then for every input the 24 weights; the last panel is filled with zeros.
 *   pack: packed (babel_linear_panel_size(in, out) floats) from w (out, in), b (out) or NULL
 *   fwd:  y (n, out) from x (n, in); no aliasing; "="; sums over inputs in their order, whatever n is
 * BABEL_ERR_SHAPE for n < 0, in < 1 or out < 1. */
#ifndef BABEL_KERNELS_LINEAR_PANEL_H
#define BABEL_KERNELS_LINEAR_PANEL_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

size_t babel_linear_panel_size(int in, int out);
babel_status babel_linear_panel_pack_cpu(float *packed, const float *w, const float *b, int in, int out);
babel_status babel_linear_panel_fwd_cpu(float *y, const float *x, const float *packed, int n, int in, int out,
                                        babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
