/* Which rows of the banks make up the batch of step t, chosen on the backend: the host numbers nothing. algorithm.md sections 2.1, 7 and 16.
 *
 * First, with a schedule: *state = schedule[(before->step + 1) % schedule_size]: the step begins (before may be state). Then t = state->step, and for
 * sample i of each job:
 *   with an order:  at = (t % steps_per_epoch) batch + first + i, or with partners (t % steps_per_epoch) batch + P[first + i],
 *                   P = babel_rng_permutation(seed, BABEL_RNG_CONTROL, t batch, batch) (control: partners permuted in the batch)
 *                   e = t / steps_per_epoch, pair = order[(e % 2) pair_count + at]
 *                   version = babel_rng_below(seed, BABEL_RNG_VARIANT, e pair_count + at, versions)
 *   without:        c = babel_rng_below(seed, BABEL_RNG_REHEARSAL, t draws + draw + i, pair_count versions), pair = c / versions, version = c % versions
 *   rows[i][k] = (pair versions + version) steps + k,  lengths[i] = known_lengths[pair][version] or steps,  pairs[i] = pair
 * Integers: every backend has the same.
 * BABEL_ERR_SHAPE when a size is below 1 or rows would exceed an int; BABEL_ERR_ARG when first, draw or the batches of an epoch do not fit. */
#ifndef BABEL_KERNELS_BATCH_CHOICE_H
#define BABEL_KERNELS_BATCH_CHOICE_H

#include <limits.h>
#include <stddef.h>

#include "core/rng.h"
#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What every backend refuses. */
static inline babel_status babel_batch_choice_check(const babel_batch_choice_job *job, int i) {
  if (job->samples < 1 || job->pair_count < 1 || job->versions < 1 || job->steps < 1)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "batch_choice, job %d: %d samples of %d pairs, %d versions, %d time steps; each must be at least 1", i, job->samples,
                      job->pair_count, job->versions, job->steps);
  if ((int64_t)job->pair_count * job->versions > INT_MAX / job->steps)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "batch_choice, job %d: %d pairs of %d versions of %d time steps are more rows than can be numbered", i,
                      job->pair_count, job->versions, job->steps);
  if (job->order && (job->steps_per_epoch < 1 || job->first < 0 || job->batch - job->first < job->samples ||
                     (int64_t)job->steps_per_epoch * job->batch > job->pair_count))
    return BABEL_FAIL(BABEL_ERR_ARG, "batch_choice, job %d: samples %d to %d of batches of %d, %d of them in an epoch of %d pairs", i, job->first,
                      job->first + job->samples - 1, job->batch, job->steps_per_epoch, job->pair_count);
  if (!job->order && (job->draw < 0 || job->draws - job->draw < job->samples))
    return BABEL_FAIL(BABEL_ERR_ARG, "batch_choice, job %d: draws %d to %d of %d", i, job->draw, job->draw + job->samples - 1, job->draws);
  return BABEL_OK;
}

/* Sample i of step t: rows, length and pair number. */
static inline BABEL_HOST_DEVICE void babel_batch_choice_sample(const babel_batch_choice_job *job, int64_t t, int i) {
  int chosen; /* pair versions + version */
  if (job->order) {
    const int64_t epoch = t / job->steps_per_epoch;
    const int at = (int)(t - epoch * job->steps_per_epoch) * job->batch + (job->partners ? job->partners[job->first + i] : job->first + i);
    const uint64_t visit = (uint64_t)epoch * (uint64_t)job->pair_count + (uint64_t)at;
    chosen = job->order[(epoch & 1) * job->pair_count + at] * job->versions +
             (int)babel_rng_below(job->seed, BABEL_RNG_VARIANT, visit, (uint32_t)job->versions);
  } else {
    const uint64_t draw = (uint64_t)t * (uint64_t)job->draws + (uint64_t)(job->draw + i);
    chosen = (int)babel_rng_below(job->seed, BABEL_RNG_REHEARSAL, draw, (uint32_t)job->pair_count * (uint32_t)job->versions);
  }
  for (int k = 0; k < job->steps; k++) job->rows[(int64_t)i * job->steps + k] = chosen * job->steps + k;
  if (job->lengths) job->lengths[i] = job->known_lengths ? job->known_lengths[chosen] : job->steps;
  if (job->pairs) job->pairs[i] = chosen / job->versions;
}

/* schedule may be NULL: state is what it is, before is not read. */
babel_status babel_batch_choice_cpu(const babel_batch_choice_job *jobs, int n, const babel_step_state *before, babel_step_state *state,
                                    const babel_step_state *schedule, int schedule_size, babel_stream *s);
babel_status babel_batch_choice_cuda(const babel_batch_choice_job *jobs, int n, const babel_step_state *before, babel_step_state *state,
                                     const babel_step_state *schedule, int schedule_size, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
