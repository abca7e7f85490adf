#include "kernels/shuffle.h"

#include "core/rng.h"

babel_status babel_shuffle_cpu(const babel_shuffle_job *job, const babel_step_state *state, babel_stream *s) {
  BABEL_TRY(babel_shuffle_check(job));
  if (state->step % job->steps_per_epoch) return BABEL_OK;
  const int64_t next = state->step / job->steps_per_epoch + 1;
  babel_rng_permutation(job->seed, BABEL_RNG_SHUFFLE, (uint64_t)next * (uint64_t)job->n, job->n, job->order + (next & 1) * job->n);
  return BABEL_OK;
}
