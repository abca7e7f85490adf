/* The block of launch 2 that adds up the losses, the slopes of the temperature and the hits. */
#ifndef BABEL_KERNELS_CUDA_CONTRASTIVE_LOSS_CUH
#define BABEL_KERNELS_CUDA_CONTRASTIVE_LOSS_CUH

#include "kernels/cuda/contrastive_anchor.cuh"

typedef struct {
  double loss, dlog_scale, hits;
} contrastive_sums;

static __device__ void contrastive_add_anchor(contrastive_sums *sums, const contrastive_plan *plan, int way, int i) {
  const contrastive_anchor anchor = contrastive_merge(plan, way, i);
  sums->hits += anchor.own > anchor.rival;
  if (anchor.total == 0) return;
  double aim = (double)anchor.own;
  if (plan->job.targets_a) {
    aim = 0;
    for (int t = 0; t < plan->tiles; t++) aim += (double)plan->aim[way][(size_t)t * plan->pitch + i];
  }
  const double ahead = (double)anchor.top - aim;
  const double own_lean = anchor.own_exp > 0 ? anchor.own_exp * ((double)anchor.own - (double)anchor.top) : 0;
  sums->loss += ahead + log1p(anchor.others + anchor.own_exp + anchor.peak_exp - 1);
  sums->dlog_scale += ahead + (anchor.lean + own_lean) / anchor.total;
}

/* Thread 0 gets the sum of the block. `shared`: THREADS doubles. */
static __device__ double contrastive_add_up(double *shared, double value) {
  shared[threadIdx.x] = value;
  __syncthreads();
  for (int half = THREADS / 2; half > 0; half /= 2) {
    if ((int)threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
    __syncthreads();
  }
  const double sum = shared[0];
  __syncthreads();
  return sum;
}

static __device__ void contrastive_losses(double *shared, const contrastive_plan *plan) {
  const int m = plan->job.m;
  for (int way = 0; way < 2; way++) {
    contrastive_sums sums = {0, 0, 0};
    for (int i = threadIdx.x; i < m; i += THREADS) contrastive_add_anchor(&sums, plan, way, i);
    sums.loss = contrastive_add_up(shared, sums.loss);
    sums.dlog_scale = contrastive_add_up(shared, sums.dlog_scale);
    sums.hits = contrastive_add_up(shared, sums.hits);
    if (threadIdx.x > 0) continue;
    plan->job.loss[way] = (float)(sums.loss / m);
    if (plan->job.dlog_scale) plan->job.dlog_scale[way] = (float)(sums.dlog_scale / m);
    if (plan->job.hits) plan->job.hits[way] = (int)sums.hits;
  }
}

#endif
