/* The order in which an epoch visits its pairs, made one epoch ahead, so that no step waits for it. algorithm.md section 7.
 *
 * Where state->step begins an epoch, that is state->step % steps_per_epoch = 0 and e = state->step / steps_per_epoch:
 *   order[((e + 1) % 2) n + ..] = babel_rng_permutation(seed, BABEL_RNG_SHUFFLE, index0 = (e + 1) n, n);   in all other steps nothing is done.
 * Whoever starts in the middle of an epoch fills both halves beforehand. Integers: every backend has the same.
 *
 * Fisher-Yates is a chain of n exchanges. A device does those at once that no earlier one touches (deterministic reservations, Shun, Gu, Blelloch,
 * Fineman, Gibbons, "Sequential random permutation, list contraction and tree contraction are highly parallel", SODA 2015): O(log n) rounds.
 * BABEL_ERR_SHAPE when n or steps_per_epoch is below 1. */
#ifndef BABEL_KERNELS_SHUFFLE_H
#define BABEL_KERNELS_SHUFFLE_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What every backend refuses. */
static inline babel_status babel_shuffle_check(const babel_shuffle_job *job) {
  if (job->n < 1 || job->steps_per_epoch < 1)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "shuffle: %d pairs, %d steps an epoch; each must be at least 1", job->n, job->steps_per_epoch);
  return BABEL_OK;
}

babel_status babel_shuffle_cpu(const babel_shuffle_job *job, const babel_step_state *state, babel_stream *s);
babel_status babel_shuffle_cuda(const babel_shuffle_job *job, const babel_step_state *state, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
