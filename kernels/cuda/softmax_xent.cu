/* A block a job, one warp a row at a time: heads have a few hundred rows of a few dozen classes. */
#include "kernels/softmax_xent.h"

#include "kernels/cuda/block_list.cuh"
#include "kernels/cuda/row.cuh"

#define WARPS 8

typedef struct {
  babel_softmax_xent_job job[BABEL_LIST_JOBS];
} softmax_xent_list;

/* Loss of one row, share times its gradient into dz unless that is NULL: the same in all lanes. dz may be z. */
static __device__ double row_loss(float *dz, const float *z, int label, int c, float share) {
  const int lane = babel_row_lane();
  if (label < 0 || label >= c) return NAN;
  const float own = z[label];
  float top = -INFINITY, others = 0;
  for (int k = lane; k < c; k += 32) top = fmaxf(top, z[k]);
  top = babel_warp_max(top);
  if (top == -INFINITY) top = 0;
  for (int k = lane; k < c; k += 32) others += k == label ? 0 : expf(z[k] - top);
  others = babel_warp_sum(others);
  const float own_exp = expf(own - top);
  if (dz) {
    const float factor = share / (others + own_exp);
    for (int k = lane; k < c; k += 32) dz[k] = k == label ? -others * factor : expf(z[k] - top) * factor;
  }
  return ((double)top - (double)own) + log1p((double)others + (double)own_exp - 1);
}

__global__ void __launch_bounds__(32 * WARPS) babel_softmax_xent_kernel(const __grid_constant__ softmax_xent_list list) {
  BABEL_SHARED(double, part, WARPS);
  const babel_softmax_xent_job *job = &list.job[blockIdx.x];
  const int n = job->n, c = job->c;
  double sum = 0;
  for (int r = babel_row_warp(); r < n; r += WARPS) {
    const size_t at = (size_t)r * (size_t)c;
    sum += row_loss(job->dz ? job->dz + at : NULL, job->z + at, job->labels[r], c, 1.0f / (float)n);
  }
  if (babel_row_lane() == 0) part[babel_row_warp()] = sum;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int w = 1; w < WARPS; w++) sum += part[w];
  job->loss[0] = (float)(sum / n);
}

extern "C" babel_status babel_softmax_xent_cuda(const babel_softmax_xent_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_softmax_xent_check(jobs, n));
  for (int at = 0; at < n; at += BABEL_LIST_JOBS) {
    softmax_xent_list list = {};
    const int count = n - at < BABEL_LIST_JOBS ? n - at : BABEL_LIST_JOBS;
    for (int i = 0; i < count; i++) list.job[i] = jobs[at + i];
    BABEL_TRY(BABEL_LAUNCH(babel_softmax_xent_kernel, count, 32 * WARPS, 0, (cudaStream_t)s, list));
  }
  return BABEL_OK;
}
