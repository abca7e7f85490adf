/* Correct kernels that a careless checker would flag. */
#include "tests/simdev/kernels/rig.cuh"

/* Warp-synchronous staging: write, meet, read, without a barrier. */
static __global__ void warp_staging_kernel(float *x) {
  BABEL_SHARED(float, tile, 64);
  const int first = threadIdx.x / 32 * 32, lane = threadIdx.x % 32;
  float v = x[threadIdx.x];
  for (int i = 0; i < 3; i++) {
    tile[threadIdx.x] = v;
    __syncwarp();
    v += tile[first + (lane ^ 5)];
    v += __shfl_xor_sync(0xffffffffu, v, 1); /* orders the reads before the next writes */
  }
  x[threadIdx.x] = v;
}
ENTRY(warp_staging) { RUN(warp_staging_kernel, 1, 64, 0, device_floats(64)); }

/* Halves of a warp that meet apart, then all together. */
static __global__ void half_warps_kernel(float *x) {
  BABEL_SHARED(float, tile, 32);
  const int lane = threadIdx.x, half = lane / 16;
  const unsigned mask = half ? 0xffff0000u : 0x0000ffffu;
  tile[lane] = x[lane];
  __syncwarp(mask);
  float v = tile[16 * half + 15 - lane % 16];
  if (half) v += __shfl_xor_sync(mask, v, 8);
  else v += __shfl_down_sync(mask, v, 3);
  tile[16 * half + 15 - lane % 16] = v;
  __syncwarp();
  x[lane] = tile[31 - lane];
}
ENTRY(half_warps) { RUN(half_warps_kernel, 1, 32, 0, device_floats(32)); }

/* A padded transpose, 32 x 33. */
static __global__ void transpose_kernel(float *y, const float *x) {
  BABEL_SHARED(float, tile, 32 * 33);
  for (int i = threadIdx.y; i < 32; i += blockDim.y) tile[33 * i + threadIdx.x] = x[32 * i + threadIdx.x];
  __syncthreads();
  for (int i = threadIdx.y; i < 32; i += blockDim.y) y[32 * i + threadIdx.x] = tile[33 * threadIdx.x + i];
}
ENTRY(transpose) { RUN(transpose_kernel, 1, dim3(32, 8), 0, device_floats(1024), device_floats(1024)); }

/* Two buffers: one is copied into while the other is read. */
static __global__ void double_buffer_kernel(float *y, const float *x, int n) {
  BABEL_DYNAMIC_SHARED(float, tile);
  float sum = 0.0f;
  babel_copy_async<4>(tile + threadIdx.x, x + threadIdx.x, true);
  babel_copy_async_commit();
  for (int i = 0; i < n; i++) {
    if (i + 1 < n) babel_copy_async<4>(tile + 64 * ((i + 1) & 1) + threadIdx.x, x + 64 * (i + 1) + threadIdx.x, true);
    babel_copy_async_commit();
    babel_copy_async_wait<1>();
    __syncthreads();
    sum += tile[64 * (i & 1) + 63 - threadIdx.x];
    __syncthreads();
  }
  y[threadIdx.x] = sum;
}
ENTRY(double_buffer) { RUN(double_buffer_kernel, 1, 64, 128 * sizeof(float), device_floats(64), device_floats(64 * 5), 5); }

/* Bytes and halves of one word belong to different threads. */
static __global__ void bytes_kernel(unsigned char *bytes, unsigned short *halves) {
  bytes[threadIdx.x] = (unsigned char)threadIdx.x;
  halves[threadIdx.x] = (unsigned short)threadIdx.x;
  __syncthreads();
  if (threadIdx.x < 16) ((unsigned *)bytes)[threadIdx.x] += ((unsigned *)halves)[threadIdx.x];
}
ENTRY(bytes_of_a_word) { RUN(bytes_kernel, 1, 64, 0, (unsigned char *)device_floats(16, false), (unsigned short *)device_floats(32, false)); }

static __global__ void counting_kernel(int *total, int *flag) {
  BABEL_SHARED(int, count, 1);
  if (threadIdx.x == 0) *count = 0;
  __syncthreads();
  atomicAdd(count, 1);
  __syncthreads();
  if (threadIdx.x == 0) atomicAdd(total, *count);
  if (__syncthreads_or(threadIdx.x == 77)) atomicMax(flag, (int)blockIdx.x);
}
ENTRY(atomics) { RUN(counting_kernel, 4, 96, 0, (int *)device_floats(1), (int *)device_floats(1)); }

/* All threads call; `partial` is free again on return. */
static __device__ float block_sum(float value, float *partial) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  value = babel_warp_sum(value);
  if (lane == 0) partial[warp] = value;
  __syncthreads();
  value = babel_warp_sum(lane < warps ? partial[lane] : 0.0f);
  __syncthreads();
  return value;
}

/* Vectors, a ragged end, a sum over the block, all blocks reading the same. */
static __global__ void row_sum_kernel(float *y, const float *x, int n) {
  BABEL_SHARED(float, partial, 32);
  float sum = 0.0f;
  for (int i = threadIdx.x; i < n / 4; i += blockDim.x) {
    const float4 v = ((const float4 *)x)[i];
    sum += v.x + v.y + v.z + v.w;
  }
  for (int i = n / 4 * 4 + threadIdx.x; i < n; i += blockDim.x) sum += x[i];
  sum = block_sum(sum, partial);
  if (threadIdx.x == 0) y[blockIdx.x] = sum;
}
ENTRY(row_sums) { RUN(row_sum_kernel, 3, 64, 0, device_floats(3), device_floats(1001), 1001); }

/* One launch after another in a stream may read what the first wrote; so may a copy. */
static __global__ void shift_kernel(float *y, const float *x) { y[threadIdx.x] = x[threadIdx.x ^ 33]; }
ENTRY(one_stream) {
  float *x = device_floats(64), *y = device_floats(64, false);
  (void)BABEL_LAUNCH(shift_kernel, 1, 64, 0, (cudaStream_t)0, y, x);
  RUN(shift_kernel, 1, 64, 0, x, y);
}

/* What of the host a kernel may read: its arguments, constants, pinned memory; and arrays of its own. */
typedef struct { const float *x; int index[8]; } arguments;
static const float weights[4] = {1.0f, 2.0f, 3.0f, 4.0f};
static __global__ void own_memory_kernel(float *y, const __grid_constant__ arguments a, int n) {
  float mine[8];
  for (int i = 0; i < n; i++) mine[i] = a.x[a.index[i]] * weights[i % 4];
  float sum = 0.0f;
  for (int i = 0; i < n; i++) sum += mine[(i + threadIdx.x) % 8];
  y[threadIdx.x] = sum;
}
ENTRY(own_memory) {
  arguments a = {nullptr, {7, 6, 5, 4, 3, 2, 1, 0}};
  float *pinned;
  if (cudaMallocHost((void **)&pinned, 32 * sizeof *pinned) != cudaSuccess) return;
  for (int i = 0; i < 32; i++) pinned[i] = 1.0f;
  a.x = pinned;
  (void)BABEL_LAUNCH(own_memory_kernel, 1, 32, 0, (cudaStream_t)0, device_floats(32), a, 8);
  cudaDeviceSynchronize();
  cudaFreeHost(pinned);
  cudaDeviceReset();
}
