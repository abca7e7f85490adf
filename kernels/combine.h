/* The weighted gradient of Eq. (5), unhalved: algorithm.md sections 3 and 4.4.
 *
 * y[i] = weights[0] x0[i] + weights[1] x1[i] + x2[i]   (x2 NULL: without it)
 *
 * All (n); y may be any of the x. Written with "=". Errors: BABEL_ERR_SHAPE when n < 0. */
#ifndef BABEL_KERNELS_COMBINE_H
#define BABEL_KERNELS_COMBINE_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What every backend refuses. */
static inline babel_status babel_combine_check(const babel_combine_job *jobs, int n) {
  for (int i = 0; i < n; i++)
    if (jobs[i].n < 0) return BABEL_FAIL(BABEL_ERR_SHAPE, "combine, job %d: n = %lld", i, (long long)jobs[i].n);
  return BABEL_OK;
}

babel_status babel_combine_cpu(const babel_combine_job *jobs, int n, babel_stream *s);
babel_status babel_combine_cuda(const babel_combine_job *jobs, int n, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
