#include "kernels/batch_choice.h"

babel_status babel_batch_choice_cpu(const babel_batch_choice_job *jobs, int n, const babel_step_state *before, babel_step_state *state,
                                    const babel_step_state *schedule, int schedule_size, babel_stream *s) {
  for (int i = 0; i < n; i++) BABEL_TRY(babel_batch_choice_check(&jobs[i], i));
  if (schedule) *state = schedule[(before->step + 1) % schedule_size];
  for (const babel_batch_choice_job *job = jobs; job < jobs + n; job++) {
    if (job->order && job->partners)
      babel_rng_permutation(job->seed, BABEL_RNG_CONTROL, (uint64_t)state->step * (uint64_t)job->batch, job->batch, job->partners);
    for (int i = 0; i < job->samples; i++) babel_batch_choice_sample(job, state->step, i);
  }
  return BABEL_OK;
}
