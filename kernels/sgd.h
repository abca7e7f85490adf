/* Stochastic gradient descent with momentum and coupled weight decay, as PyTorch's SGD. algorithm.md section 9.1.
 *
 * momentum = mu momentum + g + weight_decay p;   p = p - lr momentum
 *
 * A momentum of zeros before the first step gives PyTorch's first step. All (n), in place; lr (1) in backend memory; g must not alias them.
 * Errors: BABEL_ERR_SHAPE when n < 0. */
#ifndef BABEL_KERNELS_SGD_H
#define BABEL_KERNELS_SGD_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What every backend refuses. */
static inline babel_status babel_sgd_check(const babel_sgd_job *jobs, int n) {
  for (int i = 0; i < n; i++)
    if (jobs[i].n < 0) return BABEL_FAIL(BABEL_ERR_SHAPE, "sgd, job %d: n = %lld", i, (long long)jobs[i].n);
  return BABEL_OK;
}

babel_status babel_sgd_cpu(const babel_sgd_job *jobs, int n, babel_stream *s);
babel_status babel_sgd_cuda(const babel_sgd_job *jobs, int n, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
