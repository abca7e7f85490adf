/* One warp an anchor. Its lanes hold the anchor's list, 32 neighbours at a time, and pass it round while each compares its own samples of the batch. */
#include "kernels/neighbour_targets.h"

#include "kernels/cuda/row.cuh"

#define BABEL_ALL_LANES 0xffffffffu

/* The weight of sample `who` among the neighbours of sample r, 0 when it is none. All lanes must call. */
static __device__ float weight_of(const babel_neighbour_targets_job *job, int r, int who) {
  float found = 0;
  for (int base = 0; base < job->k; base += 32) {
    const int a = base + babel_row_lane(), count = job->k - base < 32 ? job->k - base : 32;
    const int64_t at = (int64_t)r * job->k + a;
    const int neighbour = a < job->k ? job->neighbours[at] : -1;
    const float weight = a < job->k ? job->weights[at] : 0;
    for (int t = 0; t < count; t++) {
      const int id = __shfl_sync(BABEL_ALL_LANES, neighbour, t);
      const float its = __shfl_sync(BABEL_ALL_LANES, weight, t);
      if (id == who && id >= 0) found = its;
    }
  }
  return found;
}

static __device__ void target_row(const babel_neighbour_targets_job *job, int i) {
  const int m = job->m, lane = babel_row_lane(), r = job->rows[i];
  float *target = job->targets + (size_t)i * (size_t)m;
  double sum = 0;
  for (int first = 0; first < m; first += 32) {
    const int j = first + lane;
    const float q = weight_of(job, r, j < m ? job->rows[j] : -1);
    sum += (double)q;
    if (j < m) target[j] = q;
  }
  sum = babel_row_sum(sum);
  const bool alone = !(sum > 0);
  const float share = alone ? 0 : (float)((double)job->weight / sum), own = alone ? 1 : 1 - job->weight;
  for (int j = lane; j < m; j += 32) { /* each lane's own values */
    const float q = target[j] * share;
    target[j] = j == i ? q + own : q;
  }
}

/* Whether sample r is among the neighbours of sample `of`: the lanes look at 32 of its list at once. */
static __device__ bool is_neighbour(const babel_neighbour_targets_job *job, int of, int r) {
  bool mine = false;
  for (int a = babel_row_lane(); a < job->k; a += 32) {
    const int64_t at = (int64_t)of * job->k + a;
    mine = mine || (job->neighbours[at] == r && job->weights[at] > 0);
  }
  return __any_sync(BABEL_ALL_LANES, mine);
}

static __device__ void mask_row(const babel_neighbour_targets_job *job, int i) {
  const int r = job->rows[i], lane = babel_row_lane();
  uint8_t *masked = job->masked + (size_t)i * (size_t)job->m;
  for (int first = 0; first < job->m; first += 32) {
    const int j = first + lane, count = job->m - first < 32 ? job->m - first : 32;
    bool out = weight_of(job, r, j < job->m ? job->rows[j] : -1) > 0;
    for (int t = 0; t < count; t++) {
      const bool back = is_neighbour(job, job->rows[first + t], r);
      out = out || (back && t == lane);
    }
    if (j < job->m) masked[j] = j != i && out;
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
