#include "kernels/adaptive.h"

#include "kernels/cuda/device.cuh"

static __device__ double norm_of(const float *square, const float *param_square) {
  return sqrt(param_square ? (double)*square / (double)*param_square : (double)*square);
}

/* Four numbers: one thread, in double as on the CPU. */
__global__ void babel_adaptive_kernel(const __grid_constant__ babel_adaptive_job job) {
  babel_grid_wait();
  const double g_a = norm_of(job.square_a, job.param_square_a), g_b = norm_of(job.square_b, job.param_square_b);
  const double a = g_a + 1e-12, b = g_b + 1e-12;
  double w_ab = 0.5, w_ba = 0.5;
  if (!isfinite(g_a) || !isfinite(g_b)) {
    if (job.guarded) job.guarded[0]++;
  } else if (job.mode) {
    w_ab = (job.mode == 1 ? b : a) / (a + b);
    w_ba = (job.mode == 1 ? a : b) / (a + b);
  }
  job.norms[0] = (float)g_a;
  job.norms[1] = (float)g_b;
  job.weights[0] = (float)w_ab;
  job.weights[1] = (float)w_ba;
}

extern "C" babel_status babel_adaptive_cuda(const babel_adaptive_job *job, babel_stream *s) {
  BABEL_TRY(babel_adaptive_check(job));
  return BABEL_LAUNCH(babel_adaptive_kernel, 1, 1, 0, (cudaStream_t)s, *job);
}
