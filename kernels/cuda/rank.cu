/* One warp a row: its lanes take 32 neighbours at a time, so that a vote gives each of them its place in the list. */
#include "kernels/rank.h"

#include "kernels/cuda/row.cuh"

enum { AHEAD = 8 }; /* loads of a lane in flight */

static __device__ float largest(const float *y, int n) {
  float most = __int_as_float((int)0xff800000);
  for (int base = babel_row_lane(); base < n; base += 32 * AHEAD) {
    float next[AHEAD];
    BABEL_UNROLL
    for (int k = 0; k < AHEAD; k++) next[k] = base + 32 * k < n ? y[base + 32 * k] : most;
    BABEL_UNROLL
    for (int k = 0; k < AHEAD; k++) most = fmaxf(most, next[k]);
  }
  return babel_warp_max(most);
}

__global__ void __launch_bounds__(BABEL_ROW_THREADS) babel_rank_kernel(const __grid_constant__ babel_rank_job job) {
  const int64_t i = (int64_t)blockIdx.x * BABEL_ROW_WARPS + babel_row_warp();
  if (i >= job.n) return;
  const float *y = job.y + i * job.columns;
  const int lane = babel_row_lane(), own = job.own < 0 ? -1 : job.own + (int)i;
  const float reference = own < 0 ? largest(y, job.columns) : y[own], high = reference + job.margin, low = reference - job.margin;
  int above = 0, found = 0, *which = job.which + i * job.most;
  for (int base = 0; base < job.columns; base += 32 * AHEAD) {
    float next[AHEAD];
    BABEL_UNROLL
    for (int k = 0; k < AHEAD; k++) {
      const int j = base + 32 * k + lane;
      next[k] = j < job.columns ? y[j] : low - 1;
    }
    BABEL_UNROLL
    for (int k = 0; k < AHEAD; k++) {
      const int j = base + 32 * k + lane;
      const bool taken = j < job.columns && j != own && !(next[k] < low) && !(next[k] > high);
      const unsigned votes = __ballot_sync(0xffffffffu, taken);
      const int place = found + __popc(votes & ((1u << lane) - 1));
      above += __popc(__ballot_sync(0xffffffffu, j < job.columns && next[k] > high));
      if (taken && place < job.most) which[place] = j;
      found += __popc(votes);
    }
  }
  if (lane == 0) {
    job.above[i] = above;
    job.close[i] = found;
  }
}

extern "C" babel_status babel_rank_cuda(const babel_rank_job *job, babel_stream *s) {
  BABEL_TRY(babel_rank_check(job));
  const int blocks = (int)(((int64_t)job->n + BABEL_ROW_WARPS - 1) / BABEL_ROW_WARPS);
  return BABEL_LAUNCH(babel_rank_kernel, blocks, BABEL_ROW_THREADS, 0, (cudaStream_t)s, *job);
}
