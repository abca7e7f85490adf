/* One warp an anchor: gathers its weights, adds them, gathers them again out of the first-level cache. */
#include "kernels/neighbour_targets.h"

#include "kernels/cuda/row.cuh"

static __device__ void target_row(const babel_neighbour_targets_job *job, int i) {
  const int m = job->m, lane = babel_row_lane();
  const float *graph = job->graph + (size_t)job->rows[i] * (size_t)job->n;
  float *target = job->targets + (size_t)i * (size_t)m;
  double sum = 0;
  for (int j = lane; j < m; j += 32) sum += (double)graph[job->rows[j]];
  sum = babel_row_sum(sum);
  const bool alone = !(sum > 0);
  const float share = alone ? 0 : (float)((double)job->weight / sum), own = alone ? 1 : 1 - job->weight;
  for (int j = lane; j < m; j += 32) {
    const float q = alone ? 0 : graph[job->rows[j]] * share;
    target[j] = j == i ? q + own : q;
  }
}

static __device__ void mask_row(const babel_neighbour_targets_job *job, int i) {
  const size_t n = (size_t)job->n, row = (size_t)job->rows[i];
  uint8_t *masked = job->masked + (size_t)i * (size_t)job->m;
  for (int j = babel_row_lane(); j < job->m; j += 32) {
    const size_t column = (size_t)job->rows[j];
    masked[j] = j != i && (job->graph[row * n + column] > 0 || job->graph[column * n + row] > 0);
  }
}

__global__ void __launch_bounds__(BABEL_ROW_THREADS) babel_neighbour_targets_kernel(const __grid_constant__ babel_neighbour_targets_job job) {
  const int64_t i = (int64_t)blockIdx.x * BABEL_ROW_WARPS + babel_row_warp();
  if (i >= job.m) return;
  if (job.targets) target_row(&job, (int)i);
  if (job.masked) mask_row(&job, (int)i);
}

extern "C" babel_status babel_neighbour_targets_cuda(const babel_neighbour_targets_job *job, babel_stream *s) {
  BABEL_TRY(babel_neighbour_targets_check(job));
  const int blocks = (int)(((int64_t)job->m + BABEL_ROW_WARPS - 1) / BABEL_ROW_WARPS);
  return BABEL_LAUNCH(babel_neighbour_targets_kernel, blocks, BABEL_ROW_THREADS, 0, (cudaStream_t)s, *job);
}
