/* One block, beside the step that begins the epoch before. */
#include "kernels/shuffle.h"

#include "kernels/cuda/permutation.cuh"

enum { THREADS = 1024 };

__global__ void __launch_bounds__(THREADS) babel_shuffle_kernel(const __grid_constant__ babel_shuffle_job job, const babel_step_state *state) {
  const int64_t step = state->step, next = step / job.steps_per_epoch + 1;
  if (step % job.steps_per_epoch) return; /* the whole block */
  babel_permute(job.order + (next & 1) * job.n, job.workspace, job.n, job.seed, BABEL_RNG_SHUFFLE, (uint64_t)next * (uint64_t)job.n);
}

extern "C" babel_status babel_shuffle_cuda(const babel_shuffle_job *job, const babel_step_state *state, babel_stream *s) {
  BABEL_TRY(babel_shuffle_check(job));
  return BABEL_LAUNCH(babel_shuffle_kernel, 1, THREADS, 0, (cudaStream_t)s, *job, state);
}
