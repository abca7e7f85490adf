/* One warp an anchor. Its lanes hold the anchor's list, 32 neighbours at a time, and pass it round while each compares its own samples of the batch.
 * For a mask of neighbours each lane also looks through the lists of its own samples: the block's warps read them into shared memory together. */
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

/* Floats between the lists of two samples in shared memory: an odd number, so that 32 lanes with a list each ask 32 banks. */
static __host__ __device__ int list_pitch(int k) {
  return k | 1;
}

/* The neighbours of samples first .. first + 31 of the batch, -1 for none; by all threads of the block. */
static __device__ void share_lists(const babel_neighbour_targets_job *job, int first, int *lists) {
  const int k = job->k, pitch = list_pitch(k);
  for (int e = threadIdx.x; e < 32 * k; e += BABEL_ROW_THREADS) {
    const int t = e / k, a = e % k, j = first + t;
    const int64_t at = j < job->m ? (int64_t)job->rows[j] * k + a : 0;
    lists[t * pitch + a] = j < job->m && job->weights[at] > 0 ? job->neighbours[at] : -1;
  }
}

static __device__ bool overlap(const babel_neighbour_targets_job *job, int r, int who) {
  const int *a = job->windows + 3 * (int64_t)r, *b = job->windows + 3 * (int64_t)who;
  return a[0] == b[0] && a[1] < b[2] && b[1] < a[2];
}

/* All warps of the block must call, also one without an anchor (i >= m): the lists are read together. */
static __device__ void mask_row(const babel_neighbour_targets_job *job, int i, int *lists) {
  const int m = job->m, r = i < m ? job->rows[i] : -1, lane = babel_row_lane();
  const int *mine = lists + lane * list_pitch(job->k);
  const bool neighbours = !job->targets;
  for (int first = 0; first < m; first += 32) {
    const int j = first + lane;
    if (neighbours) {
      __syncthreads();
      share_lists(job, first, lists);
      __syncthreads();
    }
    if (i >= m) continue;
    const int who = j < m ? job->rows[j] : -1;
    bool out = job->windows && who >= 0 && overlap(job, r, who);
    if (neighbours) {
      if (weight_of(job, r, who) > 0) out = true;
      for (int a = 0; a < job->k; a++) out = out || mine[a] == r;
    }
    if (j < m) job->masked[(size_t)i * (size_t)m + (size_t)j] = j != i && out;
  }
}

__global__ void __launch_bounds__(BABEL_ROW_THREADS) babel_neighbour_targets_kernel(const __grid_constant__ babel_neighbour_targets_job job) {
  const int i = (int)blockIdx.x * BABEL_ROW_WARPS + babel_row_warp();
  if (i < job.m) target_row(&job, i);
}

__global__ void __launch_bounds__(BABEL_ROW_THREADS) babel_neighbour_mask_kernel(const __grid_constant__ babel_neighbour_targets_job job) {
  BABEL_DYNAMIC_SHARED(int, lists);
  mask_row(&job, (int)blockIdx.x * BABEL_ROW_WARPS + babel_row_warp(), lists);
}

extern "C" babel_status babel_neighbour_targets_cuda(const babel_neighbour_targets_job *job, babel_stream *s) {
  BABEL_TRY(babel_neighbour_targets_check(job));
  const int blocks = (int)(((int64_t)job->m + BABEL_ROW_WARPS - 1) / BABEL_ROW_WARPS);
  if (job->targets) BABEL_TRY(BABEL_LAUNCH(babel_neighbour_targets_kernel, blocks, BABEL_ROW_THREADS, 0, (cudaStream_t)s, *job));
  if (!job->masked) return BABEL_OK;
  const size_t bytes = job->targets ? 0 : 32 * (size_t)list_pitch(job->k) * sizeof(int);
  return BABEL_LAUNCH(babel_neighbour_mask_kernel, blocks, BABEL_ROW_THREADS, bytes, (cudaStream_t)s, *job);
}
