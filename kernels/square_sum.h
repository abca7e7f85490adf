/* Sum of squares of a contiguous piece, for the gradient norms of Eq. (6).
 *
 * out[0] = sum_i x[i]^2, summed in double in a fixed order that does not depend on the number of threads; x (n).
 * parts: workspace, whose contents mean nothing to the caller. n may be 0. Errors: BABEL_ERR_SHAPE when n < 0. */
#ifndef BABEL_KERNELS_SQUARE_SUM_H
#define BABEL_KERNELS_SQUARE_SUM_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What every backend refuses. */
static inline babel_status babel_square_sum_check(const babel_square_sum_job *jobs, int n) {
  for (int i = 0; i < n; i++)
    if (jobs[i].n < 0) return BABEL_FAIL(BABEL_ERR_SHAPE, "square_sum, job %d: n = %lld", i, (long long)jobs[i].n);
  return BABEL_OK;
}

babel_status babel_square_sum_cpu(const babel_square_sum_job *jobs, int n, babel_stream *s);
babel_status babel_square_sum_cuda(const babel_square_sum_job *jobs, int n, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
