/* Two levels, both in a fixed order: BABEL_SQUARE_SUM_PARTS blocks a job leave a part each, one block adds the parts. */
#include "kernels/square_sum.h"

#include "kernels/cuda/block_list.cuh"
#include "kernels/cuda/quad.cuh"

typedef struct {
  babel_square_sum_job job[BABEL_LIST_JOBS];
  int n;
} square_sum_list;

/* The threads' values by halving; the result is thread 0's. `count` is a power of two. */
static __device__ double add_up(double *shared, double value, int count) {
  shared[threadIdx.x] = value;
  __syncthreads();
  for (int half = count / 2; half > 0; half /= 2) {
    if ((int)threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
    __syncthreads();
  }
  return shared[0];
}

__global__ void __launch_bounds__(BABEL_QUAD_THREADS) babel_square_sum_kernel(const __grid_constant__ square_sum_list list) {
  babel_grid_wait();
  BABEL_SHARED(double, shared, BABEL_QUAD_THREADS);
  const babel_square_sum_job *job = &list.job[blockIdx.y];
  const int64_t quads = (job->n + 3 + 3) / 4;
  double sum = 0;
  for (int64_t quad = (int64_t)blockIdx.x * BABEL_QUAD_THREADS + threadIdx.x; quad < quads; quad += (int64_t)BABEL_SQUARE_SUM_PARTS * BABEL_QUAD_THREADS) {
    const babel_quad x = babel_quad_load(job->x, babel_quad_find(job->x, true, quad, job->n));
    BABEL_UNROLL
    for (int k = 0; k < 4; k++) sum += (double)x.v[k] * (double)x.v[k];
  }
  sum = add_up(shared, sum, BABEL_QUAD_THREADS);
  if (threadIdx.x == 0) job->parts[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(BABEL_SQUARE_SUM_PARTS) babel_square_sum_total_kernel(const __grid_constant__ square_sum_list list) {
  babel_grid_wait();
  BABEL_SHARED(double, shared, BABEL_SQUARE_SUM_PARTS);
  const babel_square_sum_job *job = &list.job[blockIdx.x];
  const double sum = add_up(shared, job->parts[threadIdx.x], BABEL_SQUARE_SUM_PARTS);
  if (threadIdx.x == 0) job->out[0] = (float)sum;
}

extern "C" babel_status babel_square_sum_cuda(const babel_square_sum_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_square_sum_check(jobs, n));
  for (int at = 0; at < n; at += BABEL_LIST_JOBS) {
    square_sum_list list = {};
    for (list.n = 0; list.n < BABEL_LIST_JOBS && at + list.n < n; list.n++) list.job[list.n] = jobs[at + list.n];
    BABEL_TRY(BABEL_LAUNCH(babel_square_sum_kernel, dim3(BABEL_SQUARE_SUM_PARTS, (unsigned)list.n), BABEL_QUAD_THREADS, 0, (cudaStream_t)s, list));
    BABEL_TRY(BABEL_LAUNCH(babel_square_sum_total_kernel, list.n, BABEL_SQUARE_SUM_PARTS, 0, (cudaStream_t)s, list));
  }
  return BABEL_OK;
}
