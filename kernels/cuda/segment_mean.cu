/* A thread owns one column of one sequence: neighbouring threads read neighbouring floats, and the sum is in step order. */
#include "kernels/segment_mean.h"

#include "kernels/cuda/device.cuh"

enum { THREADS = 128 };

/* NaN for a length that the host could not look at and that is outside 1..steps. */
static __device__ float share_of(int length, int steps) {
  return length >= 1 && length <= steps ? 1.0f / (float)length : nanf("");
}

__global__ void __launch_bounds__(THREADS) babel_segment_mean_fwd_kernel(const __grid_constant__ babel_segment_mean_job job) {
  const int i = blockIdx.x, j = blockIdx.y * THREADS + threadIdx.x;
  if (j >= job.d) return;
  const int length = job.lengths ? job.lengths[i] : job.steps, end = length < job.steps ? length : job.steps;
  const float *x = job.sequence + (int64_t)i * job.steps * job.d + j;
  float sum = 0;
  for (int t = 0; t < end; t++) sum += x[(int64_t)t * job.d];
  job.pooled[(int64_t)i * job.d + j] = sum * share_of(length, job.steps);
}

__global__ void __launch_bounds__(THREADS) babel_segment_mean_bwd_kernel(const __grid_constant__ babel_segment_mean_job job) {
  const int i = blockIdx.x, j = blockIdx.y * THREADS + threadIdx.x;
  if (j >= job.d) return;
  const int length = job.lengths ? job.lengths[i % job.n] : job.steps;
  const float share = share_of(length, job.steps), dx = job.pooled[(int64_t)i * job.d + j] * share;
  const bool bad = !(share == share);
  float *to = job.sequence + (int64_t)i * job.steps * job.d + j;
  for (int t = 0; t < job.steps; t++) to[(int64_t)t * job.d] = bad || t < length ? dx : 0.0f;
}

static dim3 grid_of(const babel_segment_mean_job *job, int rows) {
  return dim3((unsigned)rows, (unsigned)((job->d + THREADS - 1) / THREADS));
}

extern "C" babel_status babel_segment_mean_fwd_cuda(const babel_segment_mean_job *job, babel_stream *s) {
  BABEL_TRY(babel_segment_mean_check(job));
  return BABEL_LAUNCH(babel_segment_mean_fwd_kernel, grid_of(job, job->n), THREADS, 0, (cudaStream_t)s, *job);
}

extern "C" babel_status babel_segment_mean_bwd_cuda(const babel_segment_mean_job *job, babel_stream *s) {
  BABEL_TRY(babel_segment_mean_check(job));
  return BABEL_LAUNCH(babel_segment_mean_bwd_kernel, grid_of(job, job->n * job->stacked), THREADS, 0, (cudaStream_t)s, *job);
}
