#include "tests/kernels/ptx_kernels.h"

#include "kernels/cuda/launch_shape.cuh"
#include "kernels/cuda/ptx/acquire_release.cuh"
#include "kernels/cuda/ptx/cluster.cuh"
#include "kernels/cuda/ptx/copy_bulk.cuh"
#include "kernels/cuda/ptx/dependent_launch.cuh"
#include "kernels/cuda/ptx/named_barrier.cuh"

int ptx_supported(void) {
  int device = 0, yes = 0;
  if (cudaGetDevice(&device) || cudaDeviceGetAttribute(&yes, cudaDevAttrClusterLaunch, device)) return 0;
  return yes;
}

/* n zeros on the device. */
static babel_status zeros(float **x, int n) {
  BABEL_TRY(babel_cuda_check(cudaMalloc((void **)x, sizeof(float) * (size_t)n), "cudaMalloc", __FILE__, __LINE__));
  return babel_cuda_check(cudaMemset(*x, 0, sizeof(float) * (size_t)n), "cudaMemset", __FILE__, __LINE__);
}

/* Waits for the launch, copies what it left, frees. */
static babel_status finish(babel_status status, float *out, float *x, int n) {
  if (!status) status = babel_cuda_check(cudaMemcpy(out, x, sizeof(float) * (size_t)n, cudaMemcpyDeviceToHost), "cudaMemcpy", __FILE__, __LINE__);
  cudaFree(x);
  return status;
}

/* values, next: a value for each block. */
static __global__ void grid_barrier_kernel(float *values, float *next, unsigned *arrived) {
  BABEL_SHARED(float, part, 2);
  unsigned round = 0;
  if (threadIdx.x == 0) values[blockIdx.x] = (float)(blockIdx.x + 1);
  babel_grid_barrier(arrived, ++round);
  for (int i = 0; i < PTX_ROUNDS; i++) {
    const float sum = babel_warp_sum(threadIdx.x < gridDim.x ? __ldcg(values + threadIdx.x) : 0.0f);
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = sum;
    __syncthreads();
    if (threadIdx.x == 0) next[blockIdx.x] = fmodf(part[0] + part[1], 1000.0f);
    babel_grid_barrier(arrived, ++round);
    if (threadIdx.x == 0) values[blockIdx.x] = next[blockIdx.x];
    babel_grid_barrier(arrived, ++round);
  }
}

babel_status ptx_grid_barrier(float out[PTX_BLOCKS]) {
  float *x = NULL;
  babel_shaped_launch l = {};
  BABEL_TRY(zeros(&x, 2 * PTX_BLOCKS + 1));
  babel_shape_launch(&l, {0, true, false}, PTX_BLOCKS, 64, 0, (cudaStream_t)0);
  return finish(BABEL_LAUNCH_SHAPED(grid_barrier_kernel, &l, x, x + PTX_BLOCKS, (unsigned *)(x + 2 * PTX_BLOCKS)), out, x, PTX_BLOCKS);
}

/* Barrier 1: the tile is there; 2: it has been read. Warps 0 and 1 make it, warp 2 reads. */
static __global__ void named_barriers_kernel(float *out) {
  BABEL_SHARED(float, tile, 64);
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  if (warp < 2) {
    for (int i = 0; i < PTX_TILES; i++) {
      if (i) babel_named_sync(2, 96);
      tile[threadIdx.x] = (float)i * (float)(threadIdx.x + 1);
      babel_named_arrive(1, 96);
    }
  } else {
    float sum[2] = {0.0f, 0.0f};
    for (int i = 0; i < PTX_TILES; i++) {
      babel_named_sync(1, 96);
      sum[0] += tile[lane];
      sum[1] += tile[32 + lane];
      if (i + 1 < PTX_TILES) babel_named_arrive(2, 96);
    }
    out[lane] = sum[0];
    out[32 + lane] = sum[1];
  }
}

babel_status ptx_named_barriers(float out[64]) {
  float *x = NULL;
  BABEL_TRY(zeros(&x, 64));
  return finish(BABEL_LAUNCH(named_barriers_kernel, 1, 96, 0, (cudaStream_t)0, x), out, x, 64);
}

static __global__ void cluster_kernel(float *out) {
  BABEL_SHARED(float, mine, 32);
  const unsigned rank = babel_cluster_rank(), next = (rank + 1) % babel_cluster_blocks();
  mine[threadIdx.x] = 100.0f * (float)rank + (float)threadIdx.x;
  babel_cluster_barrier();
  out[32 * blockIdx.x + threadIdx.x] = ((const float *)babel_cluster_map(mine, next))[threadIdx.x];
  babel_cluster_barrier();
}

babel_status ptx_cluster(float out[32 * PTX_BLOCKS]) {
  float *x = NULL;
  babel_shaped_launch l = {};
  BABEL_TRY(zeros(&x, 32 * PTX_BLOCKS));
  babel_shape_launch(&l, {PTX_CLUSTER, false, false}, PTX_BLOCKS, 32, 0, (cudaStream_t)0);
  return finish(BABEL_LAUNCH_SHAPED(cluster_kernel, &l, x), out, x, 32 * PTX_BLOCKS);
}

/* Every block writes into the first one's array and says so at its mbarrier. */
static __global__ void remote_arrival_kernel(float *out) {
  BABEL_SHARED(float, box, 32 * PTX_CLUSTER);
  BABEL_SHARED(uint64_t, bar, 1);
  const unsigned rank = babel_cluster_rank();
  if (threadIdx.x == 0) {
    babel_mbarrier_init(bar, 32 * PTX_CLUSTER);
    babel_proxy_fence();
  }
  babel_cluster_barrier();
  ((float *)babel_cluster_map(box, 0))[32 * rank + threadIdx.x] = (float)(rank + 1);
  babel_mbarrier_arrive_at(bar, 0);
  if (rank == 0) {
    float sum = 0.0f;
    babel_mbarrier_wait(bar, 0);
    for (int i = 0; i < PTX_CLUSTER; i++) sum += box[32 * i + threadIdx.x];
    sum = babel_warp_sum(sum);
    if (threadIdx.x == 0) out[blockIdx.x / PTX_CLUSTER] = sum;
  }
}

babel_status ptx_remote_arrival(float out[PTX_BLOCKS / PTX_CLUSTER]) {
  float *x = NULL;
  babel_shaped_launch l = {};
  BABEL_TRY(zeros(&x, PTX_BLOCKS / PTX_CLUSTER));
  babel_shape_launch(&l, {PTX_CLUSTER, false, false}, PTX_BLOCKS, 32, 0, (cudaStream_t)0);
  return finish(BABEL_LAUNCH_SHAPED(remote_arrival_kernel, &l, x), out, x, PTX_BLOCKS / PTX_CLUSTER);
}

/* Warp 0 loads, warps 1..8 add up: full[s] is complete when the bytes of stage s are there, empty[s] when all have read it. */
enum { RING = 2, READERS = PTX_TILE };
static __global__ void bulk_ring_kernel(float *out, const float *in) {
  BABEL_SHARED(float, ring, RING * PTX_TILE);
  BABEL_SHARED(float, total, PTX_TILE);
  BABEL_SHARED(uint64_t, full, RING);
  BABEL_SHARED(uint64_t, empty, RING);
  if (threadIdx.x == 0) {
    for (int s = 0; s < RING; s++) {
      babel_mbarrier_init(full + s, 1);
      babel_mbarrier_init(empty + s, READERS);
    }
    babel_proxy_fence();
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int i = 0; i < PTX_TILES; i++) {
      const int s = i % RING, round = i / RING;
      if (round) babel_mbarrier_wait(empty + s, (uint32_t)(round - 1) % 2);
      babel_mbarrier_arrive_expect(full + s, PTX_TILE * 4);
      babel_bulk_load(ring + s * PTX_TILE, in + i * PTX_TILE, PTX_TILE * 4, full + s);
    }
  }
  if (threadIdx.x >= 32) {
    const int at = threadIdx.x - 32;
    float sum = 0.0f;
    for (int i = 0; i < PTX_TILES; i++) {
      const int s = i % RING, round = i / RING;
      babel_mbarrier_wait(full + s, (uint32_t)round % 2);
      sum += ring[s * PTX_TILE + at];
      babel_mbarrier_arrive(empty + s);
    }
    total[at] = 2.0f * sum;
    babel_proxy_fence();
  }
  __syncthreads();
  if (threadIdx.x == 32) {
    babel_bulk_store(out, total, PTX_TILE * 4);
    babel_bulk_commit();
    babel_bulk_wait<0>();
  }
}

babel_status ptx_bulk_ring(float out[PTX_TILE]) {
  float *x = NULL, host[PTX_TILES * PTX_TILE];
  for (int i = 0; i < PTX_TILES * PTX_TILE; i++) host[i] = (float)i;
  BABEL_TRY(zeros(&x, (1 + PTX_TILES) * PTX_TILE));
  babel_status status = babel_cuda_check(cudaMemcpy(x + PTX_TILE, host, sizeof host, cudaMemcpyHostToDevice), "cudaMemcpy", __FILE__, __LINE__);
  if (!status) status = BABEL_LAUNCH(bulk_ring_kernel, 1, 32 + READERS, 0, (cudaStream_t)0, x, x + PTX_TILE);
  return finish(status, out, x, PTX_TILE);
}

static __global__ void first_kernel(float *x) {
  babel_let_next_launch_begin();
  x[threadIdx.x] = (float)(threadIdx.x + 1);
}

static __global__ void second_kernel(float *x) {
  const float two = 2.0f; /* what needs nothing of the first launch comes before the wait */
  babel_wait_for_launch_before();
  x[threadIdx.x] += two;
}

babel_status ptx_early_launch(float out[64]) {
  float *x = NULL;
  babel_shaped_launch l = {};
  BABEL_TRY(zeros(&x, 64));
  babel_shape_launch(&l, {0, false, true}, 1, 64, 0, (cudaStream_t)0);
  babel_status status = BABEL_LAUNCH(first_kernel, 1, 64, 0, (cudaStream_t)0, x);
  if (!status) status = BABEL_LAUNCH_SHAPED(second_kernel, &l, x);
  return finish(status, out, x, 64);
}
