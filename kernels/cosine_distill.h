/* Cosine distillation, algorithm.md section 5.2.
 *
 * u(x) = x / max(||x||_2, BABEL_L2NORM_EPS)
 * loss = (1/n) sum_i (1 - u(e[i]) . u(t[i]))
 * de[i] = weight dloss/de[i] = -(weight / n) (u(t) - cos u(e)) / ||e||;   where ||e|| <= eps: -(weight / n) u(t) / eps
 *
 * The loss is unweighted. e equal to t gives exactly 0 for both. Sums in double.
 * de may be e. Written with "=". Independent of the number of threads.
 * Errors: BABEL_ERR_SHAPE when n or d is below 1. */
#ifndef BABEL_KERNELS_COSINE_DISTILL_H
#define BABEL_KERNELS_COSINE_DISTILL_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What every backend refuses. */
static inline babel_status babel_cosine_distill_check(const babel_cosine_distill_job *jobs, int n) {
  for (int i = 0; i < n; i++)
    if (jobs[i].n < 1 || jobs[i].d < 1)
      return BABEL_FAIL(BABEL_ERR_SHAPE, "cosine_distill, job %d: n = %d, d = %d; each must be at least 1", i,
                        jobs[i].n, jobs[i].d);
  return BABEL_OK;
}

babel_status babel_cosine_distill_cpu(const babel_cosine_distill_job *jobs, int n, babel_stream *s);
babel_status babel_cosine_distill_cuda(const babel_cosine_distill_job *jobs, int n, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
