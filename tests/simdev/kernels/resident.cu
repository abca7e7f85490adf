/* Blocks that are resident together, and threads that meet in parts of a block: broken, and the correct ones of tests/kernels/ptx_kernels.cu. */
#include "kernels/cuda/launch_shape.cuh"
#include "kernels/cuda/ptx/acquire_release.cuh"
#include "kernels/cuda/ptx/cluster.cuh"
#include "kernels/cuda/ptx/copy_bulk.cuh"
#include "kernels/cuda/ptx/dependent_launch.cuh"
#include "kernels/cuda/ptx/named_barrier.cuh"
#include "tests/kernels/ptx_kernels.h"
#include "tests/simdev/kernels/rig.cuh"

extern "C" unsigned wide_grid(int blocks, unsigned thread);
#define RUN_SHAPED(kernel, cluster, cooperative, grid, block, ...)                                 \
  do {                                                                                             \
    babel_shaped_launch shaped = {};                                                               \
    babel_shape_launch(&shaped, {cluster, cooperative, false}, grid, block, 0, (cudaStream_t)0);   \
    (void)BABEL_LAUNCH_SHAPED(kernel, &shaped, __VA_ARGS__);                                       \
    cudaDeviceSynchronize();                                                                       \
    cudaDeviceReset();                                                                             \
  } while (0)

static inline unsigned *device_zero(void) {
  unsigned *p = NULL;
  cudaMalloc((void **)&p, sizeof *p);
  cudaMemset(p, 0, sizeof *p);
  return p;
}

/* ---- the grid ---- */

static __global__ void neighbours_kernel(float *x, unsigned *arrived, int how) {
  x[32 * blockIdx.x + threadIdx.x] = (float)blockIdx.x;
  if (how == 1) {
    if (threadIdx.x == 0) atomicAdd(arrived, 1u); /* released by nothing */
    if (threadIdx.x == 0) babel_spin_at_least(arrived, gridDim.x);
    __syncthreads();
  } else if (!(how == 2 && blockIdx.x == 3)) {
    babel_grid_barrier(arrived, 1);
  }
  const float y = x[32 * ((blockIdx.x + 1) % gridDim.x) + threadIdx.x];
  if (how != 3) babel_grid_barrier(arrived, 2);
  x[32 * blockIdx.x + threadIdx.x] = y;
}
ENTRY(grid_barrier_not_resident) { RUN(neighbours_kernel, 4, 32, 0, device_floats(128), device_zero(), 0); }
ENTRY(grid_word_not_released) { RUN_SHAPED(neighbours_kernel, 0, true, 4, 32, device_floats(128), device_zero(), 1); }
ENTRY(grid_barrier_one_block_short) { RUN_SHAPED(neighbours_kernel, 0, true, 4, 32, device_floats(128), device_zero(), 2); }
ENTRY(grid_barrier_left_out) { RUN_SHAPED(neighbours_kernel, 0, true, 4, 32, device_floats(128), device_zero(), 3); }
ENTRY(grid_barrier) { RUN_SHAPED(neighbours_kernel, 0, true, 4, 32, device_floats(128), device_zero(), 0); }

/* As many threads as an H100 holds at 256 a multiprocessor. */
static __global__ void wide_kernel(unsigned *x, unsigned *arrived) {
  unsigned sum = 0;
  for (unsigned round = 1; round <= 13; round++) {
    x[blockIdx.x * blockDim.x + threadIdx.x] = round * threadIdx.x;
    babel_grid_barrier(arrived, 2 * round - 1);
    sum += x[(blockIdx.x + round) % gridDim.x * blockDim.x + threadIdx.x];
    babel_grid_barrier(arrived, 2 * round);
  }
  x[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}
unsigned wide_grid(int blocks, unsigned thread) {
  unsigned *x = NULL, sum = 0;
  babel_shaped_launch l = {};
  babel_shape_launch(&l, {0, true, false}, (unsigned)blocks, 256, 0, (cudaStream_t)0);
  cudaMalloc((void **)&x, (size_t)blocks * 1024);
  if (!BABEL_LAUNCH_SHAPED(wide_kernel, &l, x, device_zero())) cudaMemcpy(&sum, x + thread, sizeof sum, cudaMemcpyDeviceToHost);
  cudaDeviceReset();
  return sum;
}

/* ---- named barriers ---- */

static __global__ void handed_over_kernel(float *x, int how) {
  BABEL_SHARED(float, tile, 32);
  if (threadIdx.x < 32) {
    tile[threadIdx.x] = x[threadIdx.x];
    if (how == 1) __threadfence_block();
    else babel_named_arrive(1, how == 2 ? 96 : 64);
    if (how == 4) tile[threadIdx.x] = 0.0f;
  } else if (threadIdx.x < 64) {
    if (how != 1) babel_named_sync(how == 3 ? 2 : 1, 64);
    x[threadIdx.x] = tile[threadIdx.x - 32];
  }
}
ENTRY(named_barrier_left_out) { RUN(handed_over_kernel, 1, 64, 0, device_floats(64), 1); }
ENTRY(named_barrier_of_two_sizes) { RUN(handed_over_kernel, 1, 96, 0, device_floats(96), 2); }
ENTRY(named_barrier_of_another_name) { RUN(handed_over_kernel, 1, 64, 0, device_floats(64), 3); }
ENTRY(named_barrier_arrived_too_early) { RUN(handed_over_kernel, 1, 64, 0, device_floats(64), 4); }
ENTRY(named_barrier) { RUN(handed_over_kernel, 1, 64, 0, device_floats(64), 0); }

/* ---- clusters ---- */

static __global__ void cluster_neighbours_kernel(float *x, int how) {
  BABEL_SHARED(float, mine, 32);
  const unsigned rank = babel_cluster_rank();
  mine[threadIdx.x] = (float)rank;
  if (how == 4) babel_cluster_wait();
  if (how == 5) babel_cluster_arrive(), babel_cluster_arrive();
  if (how != 1) babel_cluster_barrier();
  const float *other = (const float *)babel_cluster_map(mine, how == 3 ? 2 : (rank + 1) % 2);
  if (how == 2 && rank == 1) return;
  if (how == 2) babel_cluster_barrier(); /* the threads of the other block have exited: that is enough for the barrier */
  x[32 * blockIdx.x + threadIdx.x] = other[threadIdx.x];
  babel_cluster_barrier();
}
ENTRY(cluster_barrier_left_out) { RUN_SHAPED(cluster_neighbours_kernel, 2, false, 6, 32, device_floats(192), 1); }
ENTRY(cluster_block_exits_early) { RUN_SHAPED(cluster_neighbours_kernel, 2, false, 6, 32, device_floats(192), 2); }
ENTRY(cluster_rank_too_large) { RUN_SHAPED(cluster_neighbours_kernel, 2, false, 6, 32, device_floats(192), 3); }
ENTRY(cluster_wait_without_arrival) { RUN_SHAPED(cluster_neighbours_kernel, 2, false, 6, 32, device_floats(192), 4); }
ENTRY(cluster_arrival_twice) { RUN_SHAPED(cluster_neighbours_kernel, 2, false, 6, 32, device_floats(192), 5); }
ENTRY(cluster_neighbours) { RUN_SHAPED(cluster_neighbours_kernel, 2, false, 6, 32, device_floats(192), 0); }
ENTRY(clusters_of_a_resident_grid) { RUN_SHAPED(cluster_neighbours_kernel, 2, true, 6, 32, device_floats(192), 0); }

/* ---- mbarriers and bulk copies ---- */

enum loaded_how { RIGHT, NOT_INITIALISED, NO_BARRIER, NO_FENCE, MORE_BYTES, FEWER_BYTES, OTHER_PARITY, NO_WAIT, TWO_ARRIVALS, ODD_BYTES, INVALID };
static __global__ void loaded_kernel(float *y, const float *x, int how) {
  BABEL_SHARED(float, tile, 64);
  BABEL_SHARED(uint64_t, bar, 1);
  if (threadIdx.x == 0) {
    if (how != NOT_INITIALISED) babel_mbarrier_init(bar, 1);
    if (how == INVALID) babel_mbarrier_invalidate(bar);
    if (how != NO_FENCE) babel_proxy_fence();
  }
  if (how != NO_BARRIER) __syncthreads();
  if (threadIdx.x == 32) {
    babel_mbarrier_arrive_expect(bar, how == MORE_BYTES ? 272 : how == FEWER_BYTES ? 240 : 256);
    if (how == TWO_ARRIVALS) babel_mbarrier_arrive(bar);
    babel_bulk_load(tile, x, how == ODD_BYTES ? 250 : 256, bar);
  }
  if (how != NO_WAIT) babel_mbarrier_wait(bar, how == OTHER_PARITY);
  y[threadIdx.x] = tile[threadIdx.x ^ 63];
}
#define LOADED(name, how) ENTRY(name) { RUN(loaded_kernel, 1, 64, 0, device_floats(64), device_floats(64), how); }
LOADED(mbarrier_not_initialised, NOT_INITIALISED)
LOADED(mbarrier_invalidated, INVALID)
LOADED(mbarrier_before_it_is_seen, NO_BARRIER)
LOADED(mbarrier_without_proxy_fence, NO_FENCE)
LOADED(mbarrier_expects_more_bytes, MORE_BYTES)
LOADED(mbarrier_expects_fewer_bytes, FEWER_BYTES)
LOADED(mbarrier_of_the_other_parity, OTHER_PARITY)
LOADED(bulk_load_not_waited_for, NO_WAIT)
LOADED(mbarrier_arrived_twice, TWO_ARRIVALS)
LOADED(bulk_load_of_odd_bytes, ODD_BYTES)
LOADED(bulk_load, RIGHT)

/* The tile is loaded again while it may still be read. */
static __global__ void reloaded_kernel(float *y, const float *x, bool wait) {
  BABEL_SHARED(float, tile, 64);
  BABEL_SHARED(uint64_t, bar, 2);
  float sum = 0.0f;
  if (threadIdx.x == 0) {
    babel_mbarrier_init(bar, 1);
    babel_mbarrier_init(bar + 1, 64);
    babel_proxy_fence();
  }
  __syncthreads();
  for (int i = 0; i < 3; i++) {
    if (threadIdx.x == 64) {
      if (wait && i) babel_mbarrier_wait(bar + 1, (uint32_t)(i - 1) % 2);
      babel_mbarrier_arrive_expect(bar, 256);
      babel_bulk_load(tile, x, 256, bar);
    }
    if (threadIdx.x >= 64) continue;
    babel_mbarrier_wait(bar, (uint32_t)i % 2);
    sum += tile[threadIdx.x];
    babel_mbarrier_arrive(bar + 1);
  }
  if (threadIdx.x < 64) y[threadIdx.x] = sum;
}
ENTRY(bulk_load_into_a_read_buffer) { RUN(reloaded_kernel, 1, 96, 0, device_floats(64), device_floats(64), false); }
ENTRY(bulk_load_again) { RUN(reloaded_kernel, 1, 96, 0, device_floats(64), device_floats(64), true); }

enum stored_how { WELL, NO_PROXY_FENCE, NO_WAIT_AT_END, OVERWRITTEN, READ_TOO_EARLY };
static __global__ void stored_kernel(float *y, const float *x, int how) {
  BABEL_SHARED(float, tile, 64);
  tile[threadIdx.x] = x[threadIdx.x];
  if (how != NO_PROXY_FENCE) babel_proxy_fence();
  __syncthreads();
  if (threadIdx.x == 0) {
    babel_bulk_store(y, tile, 256);
    babel_bulk_commit();
    if (how == OVERWRITTEN) tile[5] = -1.0f;
    if (how == READ_TOO_EARLY) tile[6] = y[6];
    if (how != NO_WAIT_AT_END) babel_bulk_wait<0>();
    tile[7] = y[7];
  }
}
#define STORED(name, how) ENTRY(name) { RUN(stored_kernel, 1, 64, 0, device_floats(64), device_floats(64), how); }
STORED(bulk_store_without_proxy_fence, NO_PROXY_FENCE)
STORED(bulk_store_of_what_is_overwritten, OVERWRITTEN)
STORED(bulk_store_read_too_early, READ_TOO_EARLY)
STORED(bulk_store, WELL)

static __global__ void left_behind_kernel(float *y) {
  BABEL_SHARED(float, tile, 32);
  tile[threadIdx.x] = 1.0f;
  babel_proxy_fence();
  __syncthreads();
  if (threadIdx.x) return;
  babel_bulk_store(y, tile, 128);
  babel_bulk_commit();
}
ENTRY(bulk_store_left_behind) { RUN(left_behind_kernel, 1, 32, 0, device_floats(32)); }

/* ---- launches that overlap ---- */

static __global__ void one_kernel(float *x) { x[threadIdx.x] = 1.0f; }
static __global__ void early_kernel(float *x, bool wait) {
  if (wait) babel_wait_for_launch_before();
  x[threadIdx.x] += 1.0f;
}
static void overlap(bool wait) {
  float *x = device_floats(32);
  babel_shaped_launch l = {};
  babel_shape_launch(&l, {0, false, true}, 1, 32, 0, (cudaStream_t)0);
  (void)BABEL_LAUNCH(one_kernel, 1, 32, 0, (cudaStream_t)0, x);
  (void)BABEL_LAUNCH_SHAPED(early_kernel, &l, x, wait);
  cudaDeviceSynchronize();
  cudaDeviceReset();
}
ENTRY(early_launch_does_not_wait) { overlap(false); }
ENTRY(early_launch_waits) { overlap(true); }

/* ---- correct ones that run on a device too ---- */

ENTRY(ptx_kernels) {
  float out[32 * PTX_BLOCKS];
  (void)(ptx_grid_barrier(out) || ptx_named_barriers(out) || ptx_cluster(out) || ptx_remote_arrival(out) || ptx_bulk_ring(out) || ptx_early_launch(out));
}
