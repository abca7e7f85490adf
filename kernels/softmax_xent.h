/* Softmax cross-entropy with labels, for the classifier heads. algorithm.md section 9.1.
 *
 * loss = (1/n) sum_i ( log sum_k exp(z[i][k]) - z[i][labels[i]] )
 * dz[i][k] = (p[i][k] - (k == labels[i])) / n; the label's entry is minus the sum of the other probabilities.
 *
 * The true maximum is subtracted, the loss summed in double. dz may be z. Written with "=". Independent of the
 * number of threads.
 * Errors: BABEL_ERR_SHAPE when n or c is below 1. A label outside 0..c-1: BABEL_ERR_ARG on the CPU; a device cannot be asked
 * without waiting for it, there the loss becomes NaN. */
#ifndef BABEL_KERNELS_SOFTMAX_XENT_H
#define BABEL_KERNELS_SOFTMAX_XENT_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What every backend refuses. */
static inline babel_status babel_softmax_xent_check(const babel_softmax_xent_job *jobs, int n) {
  for (int i = 0; i < n; i++)
    if (jobs[i].n < 1 || jobs[i].c < 1)
      return BABEL_FAIL(BABEL_ERR_SHAPE, "softmax_xent, job %d: n = %d, c = %d; each must be at least 1", i,
                        jobs[i].n, jobs[i].c);
  return BABEL_OK;
}

babel_status babel_softmax_xent_cpu(const babel_softmax_xent_job *jobs, int n, babel_stream *s);
babel_status babel_softmax_xent_cuda(const babel_softmax_xent_job *jobs, int n, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
