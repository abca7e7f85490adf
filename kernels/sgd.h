/* Stochastic gradient descent with momentum and coupled weight decay, as PyTorch's SGD. algorithm.md section 9.1.
 *
 * momentum = mu momentum + g + weight_decay p;   p = p - lr momentum
 *
 * A momentum of zeros before the first step gives PyTorch's first step. All (n), in place; g must not alias them.
 * Errors: BABEL_ERR_SHAPE when n < 0. */
#ifndef BABEL_KERNELS_SGD_H
#define BABEL_KERNELS_SGD_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

babel_status babel_sgd_cpu(const babel_sgd_job *jobs, int n, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
