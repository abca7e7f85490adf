/* Gradient norms of the two directions and their weights, Eq. (5)-(7). algorithm.md section 4.
 *
 * g_d = ||grad[d]||_2, or ||grad[d]|| / ||param[d]|| when both param are given (grad_norm=relative); d = 0: a, 1: b
 * on:       w_ab = (g_b + 1e-12) / (g_a + g_b + 2e-12),  w_ba = (g_a + 1e-12) / (g_a + g_b + 2e-12)
 * inverted: the two swapped;  off: 0.5, 0.5
 *
 * Squares are summed in double in a fixed order, the same for any number of threads; count may be 0: norm 0. norms = (g_a, g_b) as measured,
 * whatever the mode. When either is not finite the weights are 0.5, 0.5 and guarded[0] grows by 1.
 * Errors: BABEL_ERR_SHAPE when a count is negative; BABEL_ERR_ARG when mode is not 0, 1 or 2, or only one of param is given. */
#ifndef BABEL_KERNELS_ADAPTIVE_H
#define BABEL_KERNELS_ADAPTIVE_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What every backend refuses. */
static inline babel_status babel_adaptive_check(const babel_adaptive_job *job) {
  if (job->mode < 0 || job->mode > 2) return BABEL_FAIL(BABEL_ERR_ARG, "adaptive: mode %d is not 0, 1 or 2", job->mode);
  for (int d = 0; d < 2; d++)
    if (job->count[d] < 0) return BABEL_FAIL(BABEL_ERR_SHAPE, "adaptive, direction %d: %lld values", d, (long long)job->count[d]);
  if (!job->param[0] != !job->param[1]) return BABEL_FAIL(BABEL_ERR_ARG, "adaptive: the parameters of both directions must be given, or of none");
  return BABEL_OK;
}

babel_status babel_adaptive_cpu(const babel_adaptive_job *job, babel_stream *s);
babel_status babel_adaptive_cuda(const babel_adaptive_job *job, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
