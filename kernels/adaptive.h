/* The two direction weights, Eq. (5)-(7), from sums of squared gradients. algorithm.md section 4.
 *
 * g_a = sqrt(square_a), or sqrt(square_a / param_square_a) when both param_square_* are given (grad_norm=relative); g_b alike
 * on:       w_ab = (g_b + 1e-12) / (g_a + g_b + 2e-12),  w_ba = (g_a + 1e-12) / (g_a + g_b + 2e-12)
 * inverted: the two swapped;  off: 0.5, 0.5
 *
 * norms = (g_a, g_b) as measured, whatever the mode. When either is not finite the weights are 0.5, 0.5 and guarded[0] grows
 * by 1; guarded may be NULL.
 * Errors: BABEL_ERR_ARG when mode is not 0, 1 or 2, or only one of param_square_a and param_square_b is given. */
#ifndef BABEL_KERNELS_ADAPTIVE_H
#define BABEL_KERNELS_ADAPTIVE_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What every backend refuses. */
static inline babel_status babel_adaptive_check(const babel_adaptive_job *job) {
  if (job->mode < 0 || job->mode > 2) return BABEL_FAIL(BABEL_ERR_ARG, "adaptive: mode %d is not 0, 1 or 2", job->mode);
  if (!job->param_square_a != !job->param_square_b)
    return BABEL_FAIL(BABEL_ERR_ARG, "adaptive: param_square_a and param_square_b must be given both or not at all");
  return BABEL_OK;
}

babel_status babel_adaptive_cpu(const babel_adaptive_job *job, babel_stream *s);
babel_status babel_adaptive_cuda(const babel_adaptive_job *job, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
