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

/* What every backend refuses. */
static inline babel_status babel_linear_check(const char *name, int job, int n, int in, int out) {
  const int most = 1 << 30; /* steps of a tile past the end stay in an int */
  if (n >= 1 && in >= 1 && out >= 1 && n <= most && in <= most && out <= most) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_SHAPE, "%s, job %d: n = %d, in = %d, out = %d; each must be in 1..2^30", name,
                    job, n, in, out);
}

static inline babel_status babel_linear_fwd_check(const babel_linear_fwd_job *jobs, int n) {
  for (int i = 0; i < n; i++) BABEL_TRY(babel_linear_check("linear_fwd", i, jobs[i].n, jobs[i].in, jobs[i].out));
  return BABEL_OK;
}

static inline babel_status babel_linear_bwd_data_check(const babel_linear_bwd_data_job *jobs, int n) {
  for (int i = 0; i < n; i++) {
    const babel_linear_bwd_data_job *j = jobs + i;
    BABEL_TRY(babel_linear_check("linear_bwd_data", i, j->n, j->in, j->out));
    if (j->y_prev && (j->mask_rows < 1 || j->n % j->mask_rows))
      return BABEL_FAIL(BABEL_ERR_SHAPE, "linear_bwd_data, job %d: %d rows do not repeat a mask of %d rows",
                        i, j->n, j->mask_rows);
  }
  return BABEL_OK;
}

static inline babel_status babel_linear_bwd_weight_check(const babel_linear_bwd_weight_job *jobs, int n) {
  for (int i = 0; i < n; i++) BABEL_TRY(babel_linear_check("linear_bwd_weight", i, jobs[i].n, jobs[i].in, jobs[i].out));
  return BABEL_OK;
}

babel_status babel_linear_fwd_cpu(const babel_linear_fwd_job *jobs, int n, babel_stream *s);
babel_status babel_linear_bwd_data_cpu(const babel_linear_bwd_data_job *jobs, int n, babel_stream *s);
babel_status babel_linear_bwd_weight_cpu(const babel_linear_bwd_weight_job *jobs, int n, babel_stream *s);

/* On tensor cores (kernels/cuda/linear_tile.cuh), one launch for up to BABEL_LINEAR_JOBS_CUDA jobs. Bitwise repeatable; relative error
 * tf32 1e-3 (operands rounded to 11 bits), fp32 1e-6 (two TF32 halves an operand), bf16 1e-2 (8 bits). Sums are fp32, db of unrounded dy. */
#define BABEL_LINEAR_JOBS_CUDA 32
babel_status babel_linear_fwd_cuda_tf32(const babel_linear_fwd_job *jobs, int n, babel_stream *s);
babel_status babel_linear_fwd_cuda_fp32(const babel_linear_fwd_job *jobs, int n, babel_stream *s);
babel_status babel_linear_fwd_cuda_bf16(const babel_linear_fwd_job *jobs, int n, babel_stream *s);
babel_status babel_linear_bwd_data_cuda_tf32(const babel_linear_bwd_data_job *jobs, int n, babel_stream *s);
babel_status babel_linear_bwd_data_cuda_fp32(const babel_linear_bwd_data_job *jobs, int n, babel_stream *s);
babel_status babel_linear_bwd_data_cuda_bf16(const babel_linear_bwd_data_job *jobs, int n, babel_stream *s);
babel_status babel_linear_bwd_weight_cuda_tf32(const babel_linear_bwd_weight_job *jobs, int n, babel_stream *s);
babel_status babel_linear_bwd_weight_cuda_fp32(const babel_linear_bwd_weight_job *jobs, int n, babel_stream *s);
babel_status babel_linear_bwd_weight_cuda_bf16(const babel_linear_bwd_weight_job *jobs, int n, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
