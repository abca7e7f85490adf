/* Accesses that nothing orders. */
#include "tests/simdev/kernels/rig.cuh"

static __global__ void shared_without_barrier_kernel(float *x) {
  BABEL_SHARED(float, tile, 64);
  tile[threadIdx.x] = x[threadIdx.x];
  x[threadIdx.x] = tile[threadIdx.x ^ 32];
}
ENTRY(shared_without_barrier) { RUN(shared_without_barrier_kernel, 1, 64, 0, device_floats(64)); }

static __global__ void warp_without_syncwarp_kernel(float *x) {
  BABEL_SHARED(float, tile, 32);
  tile[threadIdx.x] = x[threadIdx.x];
  x[threadIdx.x] = tile[threadIdx.x ^ 1];
}
ENTRY(warp_without_syncwarp) { RUN(warp_without_syncwarp_kernel, 1, 32, 0, device_floats(32)); }

/* The tile is filled again while slower warps still read it. */
static __global__ void refilled_too_early_kernel(float *y, const float *x) {
  BABEL_SHARED(float, tile, 64);
  float sum = 0.0f;
  for (int i = 0; i < 3; i++) {
    tile[threadIdx.x] = x[64 * i + threadIdx.x];
    __syncthreads();
    for (int j = 0; j < 64; j++) sum += tile[j];
  }
  y[threadIdx.x] = sum;
}
ENTRY(refilled_too_early) { RUN(refilled_too_early_kernel, 1, 64, 0, device_floats(64), device_floats(192)); }

/* Each thread waits for its own copies; those of others need a barrier. */
static __global__ void async_copy_without_barrier_kernel(float *y, const float *x) {
  BABEL_SHARED(float, tile, 64);
  babel_copy_async<4>(tile + threadIdx.x, x + threadIdx.x, true);
  babel_copy_async_commit();
  babel_copy_async_wait<0>();
  y[threadIdx.x] = tile[63 - threadIdx.x];
}
ENTRY(async_copy_without_barrier) { RUN(async_copy_without_barrier_kernel, 1, 64, 0, device_floats(64), device_floats(64)); }

/* A copy starts into a buffer that other warps still read. */
static __global__ void async_copy_into_a_read_buffer_kernel(float *y, const float *x) {
  BABEL_SHARED(float, tile, 64);
  float sum = 0.0f;
  for (int i = 0; i < 2; i++) {
    babel_copy_async<4>(tile + threadIdx.x, x + 64 * i + threadIdx.x, true);
    babel_copy_async_commit();
    babel_copy_async_wait<0>();
    __syncthreads();
    sum += tile[63 - threadIdx.x];
  }
  y[threadIdx.x] = sum;
}
ENTRY(async_copy_into_a_read_buffer) { RUN(async_copy_into_a_read_buffer_kernel, 1, 64, 0, device_floats(64), device_floats(128)); }

static __global__ void blocks_write_the_same_kernel(float *x) {
  if (threadIdx.x == 0) x[0] = 1.0f;
}
ENTRY(blocks_write_the_same) { RUN(blocks_write_the_same_kernel, 2, 32, 0, device_floats(1)); }

static __global__ void block_reads_its_neighbour_kernel(float *x) {
  x[blockIdx.x * 32 + threadIdx.x] += 1.0f;
  if (blockIdx.x == 1) x[32 + threadIdx.x] += x[threadIdx.x];
}
ENTRY(block_reads_its_neighbour) { RUN(block_reads_its_neighbour_kernel, 2, 32, 0, device_floats(64)); }

static __global__ void global_without_barrier_kernel(float *x) {
  x[threadIdx.x] = 2.0f;
  x[64 + threadIdx.x] = x[63 - threadIdx.x];
}
ENTRY(global_without_barrier) { RUN(global_without_barrier_kernel, 1, 64, 0, device_floats(128)); }

static __global__ void plain_beside_atomic_kernel(int *x) {
  if (threadIdx.x < 32) {
    atomicAdd(x, 1);
  } else if (threadIdx.x == 32) {
    *x = 0;
  }
}
ENTRY(plain_beside_atomic) { RUN(plain_beside_atomic_kernel, 1, 64, 0, (int *)device_floats(1)); }

/* The last block adds the partial results up, but nobody fenced them. */
static __global__ void last_block_kernel(float *parts, int *done, bool fence, bool barrier) {
  BABEL_SHARED(int, last, 1);
  if (threadIdx.x < 32) parts[blockIdx.x * 32 + threadIdx.x] = 1.0f;
  if (fence) __threadfence();
  __syncthreads();
  if (fence && threadIdx.x == 0) __threadfence();
  if (threadIdx.x == 0) *last = atomicAdd(done, 1) == (int)gridDim.x - 1;
  if (barrier) __syncthreads();
  else __syncwarp();
  if (threadIdx.x == blockDim.x - 1 && *last) {
    float sum = 0.0f;
    for (unsigned i = 0; i < 32 * gridDim.x; i++) sum += parts[i];
    parts[0] = sum;
  }
}
ENTRY(last_block_without_fence) {
  int *done = (int *)device_floats(1);
  RUN(last_block_kernel, 3, 32, 0, device_floats(96), done, false, true);
}
/* Every thread fences what it wrote, then a barrier, then the atomic; or the barrier first and one fence for all. */
static __global__ void last_block_of_many_writers_kernel(float *parts, int *done, bool fence_first) {
  BABEL_SHARED(int, last, 1);
  parts[blockIdx.x * 64 + threadIdx.x] = 1.0f;
  if (fence_first) __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    if (!fence_first) __threadfence();
    *last = atomicAdd(done, 1) == (int)gridDim.x - 1;
  }
  __syncthreads();
  __threadfence();
  if (*last && threadIdx.x < 3) parts[64 * threadIdx.x] = parts[64 * threadIdx.x + 63 - threadIdx.x];
}
ENTRY(last_block_each_thread_fences) {
  int *done = (int *)device_floats(1);
  RUN(last_block_of_many_writers_kernel, 3, 64, 0, device_floats(192), done, true);
}
ENTRY(last_block_one_thread_fences) {
  int *done = (int *)device_floats(1);
  RUN(last_block_of_many_writers_kernel, 3, 64, 0, device_floats(192), done, false);
}
/* The last block's other threads go on without a barrier. */
ENTRY(last_block_without_barrier) {
  int *done = (int *)device_floats(1);
  RUN(last_block_kernel, 3, 64, 0, device_floats(96), done, true, false);
}
ENTRY(last_block_with_fence) {
  int *done = (int *)device_floats(1);
  RUN(last_block_kernel, 3, 32, 0, device_floats(96), done, true, true);
}

static __global__ void add_kernel(float *x) { x[threadIdx.x] += 1.0f; }
static void two_streams(bool ordered) {
  cudaStream_t a, b;
  cudaEvent_t event;
  float *x = device_floats(32);
  cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking);
  cudaStreamCreateWithFlags(&b, cudaStreamNonBlocking);
  cudaEventCreate(&event);
  (void)BABEL_LAUNCH(add_kernel, 1, 32, 0, a, x);
  cudaEventRecord(event, a);
  if (ordered) cudaStreamWaitEvent(b, event, 0);
  (void)BABEL_LAUNCH(add_kernel, 1, 32, 0, b, x);
  cudaDeviceSynchronize();
  cudaEventDestroy(event);
  cudaDeviceReset();
}
ENTRY(streams_not_ordered) { two_streams(false); }
ENTRY(streams_ordered) { two_streams(true); }

/* A kernel in one stream, a memset or copy of its array in another. */
static void copy_beside_kernel(bool copy_first, bool ordered) {
  cudaStream_t a, b;
  float *x = device_floats(32);
  cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking);
  cudaStreamCreateWithFlags(&b, cudaStreamNonBlocking);
  if (copy_first) cudaMemsetAsync(x, 0, 4, a);
  else (void)BABEL_LAUNCH(add_kernel, 1, 32, 0, a, x);
  if (ordered) cudaStreamSynchronize(a);
  if (copy_first) (void)BABEL_LAUNCH(add_kernel, 1, 32, 0, b, x);
  else cudaMemsetAsync(x, 0, 4, b);
  cudaDeviceSynchronize();
  cudaDeviceReset();
}
ENTRY(memset_beside_kernel) { copy_beside_kernel(true, false); }
ENTRY(kernel_beside_memset) { copy_beside_kernel(false, false); }
ENTRY(memset_before_kernel) { copy_beside_kernel(true, true); }
ENTRY(kernel_before_memset) { copy_beside_kernel(false, true); }
