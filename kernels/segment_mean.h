/* Mean over the valid time steps of each sequence (pooling after the tower, algorithm.md section 1).
 *   fwd: y[i] = (1 / len_i) sum_{t < len_i} x[i, t]        x (n, steps, d) -> y (n, d)
 *   bwd: dx[s, i, t] = dy[s, i] / len_i for t < len_i, 0 behind; dy (s n, d) -> dx (s n, steps, d), sequence i mod n.
 * lengths: (n) in 1..steps, NULL = all steps valid. No aliasing. Writes with "=". Sums in float, in step order.
 * On a device lengths[] cannot be looked at beforehand: a sequence whose length is outside becomes NaN.
 * Independent of the number of threads. Errors: BABEL_ERR_SHAPE when a size is below 1, BABEL_ERR_ARG when a length is outside 1..steps. */
#ifndef BABEL_KERNELS_SEGMENT_MEAN_H
#define BABEL_KERNELS_SEGMENT_MEAN_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What every backend refuses. */
static inline babel_status babel_segment_mean_check(const babel_segment_mean_job *job) {
  if (job->n < 1 || job->steps < 1 || job->d < 1 || job->stacked < 1)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "segment_mean: stacked = %d, n = %d, steps = %d, d = %d; each must be at least 1", job->stacked, job->n,
                      job->steps, job->d);
  return BABEL_OK;
}

babel_status babel_segment_mean_fwd_cpu(const babel_segment_mean_job *job, babel_stream *s);
babel_status babel_segment_mean_bwd_cpu(const babel_segment_mean_job *job, babel_stream *s);
babel_status babel_segment_mean_fwd_cuda(const babel_segment_mean_job *job, babel_stream *s);
babel_status babel_segment_mean_bwd_cuda(const babel_segment_mean_job *job, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
