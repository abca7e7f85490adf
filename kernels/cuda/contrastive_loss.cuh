/* The block of launch 2 that adds up the losses, the slopes of the temperature and the hits, in double. */
#ifndef BABEL_KERNELS_CUDA_CONTRASTIVE_LOSS_CUH
#define BABEL_KERNELS_CUDA_CONTRASTIVE_LOSS_CUH

#include "kernels/cuda/contrastive_anchor.cuh"

enum { CONTRASTIVE_LOSS, CONTRASTIVE_SLOPE, CONTRASTIVE_HITS, CONTRASTIVE_SUMS };

template <bool SOFT>
static __device__ void contrastive_add_anchor(double sums[CONTRASTIVE_SUMS], const contrastive_plan *plan, int way, int i) {
  const contrastive_anchor anchor = contrastive_merge<SOFT, true>(plan, way, i);
  sums[CONTRASTIVE_HITS] += anchor.own > anchor.rival;
  if (anchor.total == 0) return;
  double aim = SOFT ? 0 : (double)anchor.own;
  for (int t = 0; SOFT && t < plan->tiles; t++) aim += (double)plan->aim[way][(size_t)t * plan->pitch + i];
  const double ahead = (double)anchor.top - aim, rest = (double)anchor.own_exp + (anchor.peak >= 0 ? 1 : 0) - 1;
  const float own_lean = anchor.own_exp > 0 ? anchor.own_exp * (anchor.own - anchor.top) : 0;
  sums[CONTRASTIVE_LOSS] += ahead + (double)log1pf((float)((double)anchor.others + rest));
  sums[CONTRASTIVE_SLOPE] += ahead + (double)((anchor.lean + own_lean) / anchor.total);
}

/* `shared`: 2 x CONTRASTIVE_SUMS x warps doubles. */
template <bool SOFT>
static __device__ void contrastive_losses(double *shared, const contrastive_plan *plan) {
  const int m = plan->job.m, warp = threadIdx.x / 32;
  for (int way = 0; way < 2; way++) {
    double sums[CONTRASTIVE_SUMS] = {0, 0, 0};
    for (int i = threadIdx.x; i < m; i += THREADS) contrastive_add_anchor<SOFT>(sums, plan, way, i);
    BABEL_UNROLL
    for (int k = 0; k < CONTRASTIVE_SUMS; k++) {
      BABEL_UNROLL
      for (int lanes = 16; lanes > 0; lanes /= 2) sums[k] += __shfl_xor_sync(0xffffffffu, sums[k], lanes);
      if (threadIdx.x % 32 == 0) shared[(way * CONTRASTIVE_SUMS + k) * (THREADS / 32) + warp] = sums[k];
    }
  }
  __syncthreads();
  if (threadIdx.x >= 2 * CONTRASTIVE_SUMS) return;
  const int way = threadIdx.x / CONTRASTIVE_SUMS, k = threadIdx.x % CONTRASTIVE_SUMS;
  double sum = 0;
  for (int w = 0; w < THREADS / 32; w++) sum += shared[threadIdx.x * (THREADS / 32) + w];
  if (k == CONTRASTIVE_LOSS) plan->job.loss[way] = (float)(sum / m);
  if (k == CONTRASTIVE_SLOPE && plan->job.dlog_scale) plan->job.dlog_scale[way] = (float)(sum / m);
  if (k == CONTRASTIVE_HITS && plan->job.hits) plan->job.hits[way] = (int)sum;
}

#endif
