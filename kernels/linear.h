/* Linear layer, with what stands next to it folded in. Jobs: babel_linear_*_job in ops.h. algorithm.md sections 2.1, 2.2.
 *
 * fwd         y[i][o]  = b[o] + sum_c x[i][c] w[o][c], "=", or "+=" when accumulate; then max(y, 0) when relu   y (n, out)
 * bwd_data    dx[i][c] = sum_o dy[i][o] w[o][c], then 0 where y_prev[i % mask_rows][c] <= 0   dx (n, in)
 * bwd_weight  dw[o][c] = sum_i dy[i][o] x[i][c];  db[o] = sum_i dy[i][o]; "=", or "+=" when accumulate
 *
 * y_prev is this layer's own input when a ReLU made it. Its rows repeat: the cotangents of several losses are stacked under
 * each other, (k mask_rows, out), and share one forward pass. db NULL: no bias. NaN passes through the ReLU.
 * bwd_weight with stacked cotangents is called once per loss, each with its own rows of dy and the same x.
 *
 * Aliasing: none between an output and an input. The result does not depend on the number of threads where babel's own
 * matrix product is used (kernels/cpu/gemm.h); it is bitwise repeatable at a fixed number of threads everywhere.
 * Errors: BABEL_ERR_SHAPE when a size is outside 1..2^30, or mask_rows is not in 1..n or does not divide n. */
#ifndef BABEL_KERNELS_LINEAR_H
#define BABEL_KERNELS_LINEAR_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

babel_status babel_linear_fwd_cpu(const babel_linear_fwd_job *jobs, int n, babel_stream *s);
babel_status babel_linear_bwd_data_cpu(const babel_linear_bwd_data_job *jobs, int n, babel_stream *s);
babel_status babel_linear_bwd_weight_cpu(const babel_linear_bwd_weight_job *jobs, int n, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
