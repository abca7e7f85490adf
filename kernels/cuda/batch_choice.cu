/* One block, so that nobody asks for the step's number while it changes; a thread chooses a sample. */
#include "kernels/batch_choice.h"

#include "kernels/cuda/permutation.cuh"

enum { THREADS = 512, MOST_JOBS = 32 };

typedef struct {
  babel_batch_choice_job job[MOST_JOBS];
  int n, first[MOST_JOBS + 1]; /* samples of the jobs before */
} choice_list;

__global__ void __launch_bounds__(THREADS) babel_batch_choice_kernel(const __grid_constant__ choice_list list, const babel_step_state *before,
                                                                     babel_step_state *state, const babel_step_state *schedule,
                                                                     int schedule_size) {
  BABEL_SHARED(int64_t, step, 1);
  if (threadIdx.x == 0) {
    if (schedule) *state = schedule[(before->step + 1) % schedule_size];
    step[0] = state->step;
  }
  __syncthreads();
  const int64_t t = step[0];
  for (int j = 0; j < list.n; j++) {
    const babel_batch_choice_job *job = &list.job[j];
    if (!job->order || !job->partners) continue;
    babel_permute(job->partners, job->partners + job->batch, job->batch, job->seed, BABEL_RNG_CONTROL, (uint64_t)t * (uint64_t)job->batch);
  }
  for (int at = threadIdx.x, j = 0; at < list.first[list.n]; at += THREADS) {
    while (at >= list.first[j + 1]) j++;
    babel_batch_choice_sample(&list.job[j], t, at - list.first[j]);
  }
}

extern "C" babel_status babel_batch_choice_cuda(const babel_batch_choice_job *jobs, int n, const babel_step_state *before, babel_step_state *state,
                                                const babel_step_state *schedule, int schedule_size, babel_stream *s) {
  for (int i = 0; i < n; i++) BABEL_TRY(babel_batch_choice_check(&jobs[i], i));
  for (int at = 0; at < n; schedule = NULL) {
    choice_list list = {};
    for (; at < n && list.n < MOST_JOBS; at++, list.n++) {
      list.job[list.n] = jobs[at];
      list.first[list.n + 1] = list.first[list.n] + jobs[at].samples;
    }
    BABEL_TRY(BABEL_LAUNCH(babel_batch_choice_kernel, 1, THREADS, 0, (cudaStream_t)s, list, before, state, schedule, schedule_size));
  }
  return BABEL_OK;
}
