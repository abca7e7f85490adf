/* Accesses that go where they must not, or read what nothing wrote. */
#include <stdlib.h>

#include "tests/simdev/kernels/rig.cuh"

static __global__ void read_past_the_end_kernel(float *y, const float *x, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i <= n) y[i] = x[i];
}
ENTRY(read_past_the_end) { RUN(read_past_the_end_kernel, 2, 64, 0, device_floats(128), device_floats(99), 99); }

static __global__ void write_before_the_start_kernel(float *x) { x[(int)threadIdx.x - 1] = 0.0f; }
ENTRY(write_before_the_start) { RUN(write_before_the_start_kernel, 1, 32, 0, device_floats(32)); }

static __global__ void atomic_past_the_end_kernel(int *x) { atomicAdd(x + threadIdx.x, 1); }
ENTRY(atomic_past_the_end) { RUN(atomic_past_the_end_kernel, 1, 32, 0, (int *)device_floats(31)); }

static __global__ void static_shared_past_the_end_kernel(float *x) {
  BABEL_SHARED(float, tile, 40);
  BABEL_SHARED(float, other, 40);
  other[threadIdx.x] = 1.0f;
  tile[threadIdx.x + 9] = x[threadIdx.x];
  x[threadIdx.x] = other[threadIdx.x];
}
ENTRY(static_shared_past_the_end) { RUN(static_shared_past_the_end_kernel, 1, 32, 0, device_floats(32)); }

static __global__ void dynamic_shared_past_the_end_kernel(float *x) {
  BABEL_DYNAMIC_SHARED(float, tile);
  tile[threadIdx.x] = x[threadIdx.x];
}
ENTRY(dynamic_shared_past_the_end) { RUN(dynamic_shared_past_the_end_kernel, 1, 64, 63 * sizeof(float), device_floats(64)); }

static __global__ void async_copy_past_the_end_kernel(const float *x) {
  BABEL_SHARED(float, tile, 128);
  babel_copy_async<16>(tile + 4 * threadIdx.x, x + 4 * threadIdx.x, true);
  babel_copy_async_commit();
  babel_copy_async_wait<0>();
}
ENTRY(async_copy_past_the_end) { RUN(async_copy_past_the_end_kernel, 1, 32, 0, device_floats(126)); }

static __global__ void touch_kernel(float *x) { x[threadIdx.x] += 1.0f; }
ENTRY(freed_array) {
  float *x = device_floats(64);
  cudaFree(x);
  RUN(touch_kernel, 1, 32, 0, x);
}

static __global__ void misaligned_vector_kernel(float *y, const float *x, int pitch) {
  const float4 v = *(const float4 *)(x + pitch * threadIdx.x);
  y[threadIdx.x] = v.x + v.y + v.z + v.w;
}
ENTRY(misaligned_vector) { RUN(misaligned_vector_kernel, 1, 32, 0, device_floats(32), device_floats(78 * 32), 78); }

static __global__ void misaligned_async_copy_kernel(const float *x, int pitch) {
  BABEL_SHARED(float, tile, 128);
  babel_copy_async<16>(tile + 4 * threadIdx.x, x + pitch * threadIdx.x, true);
  babel_copy_async_commit();
  babel_copy_async_wait<0>();
}
ENTRY(misaligned_async_copy) { RUN(misaligned_async_copy_kernel, 1, 32, 0, device_floats(78 * 32), 78); }

static __global__ void copy_kernel(float *y, const float *x) { y[threadIdx.x] = x[threadIdx.x]; }
ENTRY(global_never_written) { RUN(copy_kernel, 1, 32, 0, device_floats(32), device_floats(32, false)); }

static __global__ void half_written_kernel(float *x) {
  if (threadIdx.x % 2) x[threadIdx.x] = 1.0f;
  __syncthreads();
  x[threadIdx.x] += 1.0f;
}
ENTRY(global_half_written) { RUN(half_written_kernel, 1, 64, 0, device_floats(64, false)); }

static __global__ void shared_never_written_kernel(float *y, const float *x, int n) {
  BABEL_SHARED(float, tile, 64);
  if ((int)threadIdx.x < n) tile[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = tile[63 - threadIdx.x];
}
ENTRY(shared_never_written) { RUN(shared_never_written_kernel, 1, 64, 0, device_floats(64), device_floats(64), 63); }

/* The second block finds nothing of the first one's shared memory. */
static __global__ void shared_of_the_block_before_kernel(float *x) {
  BABEL_SHARED(float, kept, 1);
  if (blockIdx.x == 0 && threadIdx.x == 0) *kept = 1.0f;
  __syncthreads();
  if (threadIdx.x == 0) x[blockIdx.x] = *kept;
}
ENTRY(shared_of_the_block_before) { RUN(shared_of_the_block_before_kernel, 2, 32, 0, device_floats(2)); }

static __global__ void too_much_static_shared_kernel(float *x) {
  BABEL_SHARED(float, tile, 12289);
  tile[threadIdx.x] = x[threadIdx.x];
}
ENTRY(too_much_static_shared) { RUN(too_much_static_shared_kernel, 1, 32, 0, device_floats(32)); }

static __global__ void async_copy_not_waited_for_kernel(float *y, const float *x) {
  BABEL_SHARED(float, tile, 32);
  babel_copy_async<4>(tile + threadIdx.x, x + threadIdx.x, true);
  babel_copy_async_commit();
  __syncthreads();
  y[threadIdx.x] = tile[threadIdx.x];
}
ENTRY(async_copy_not_waited_for) { RUN(async_copy_not_waited_for_kernel, 1, 32, 0, device_floats(32), device_floats(32)); }

/* Two groups are under way and the newer one is read. */
static __global__ void async_copy_one_group_short_kernel(float *y, const float *x) {
  BABEL_SHARED(float, tile, 64);
  for (int i = 0; i < 2; i++) {
    babel_copy_async<4>(tile + 32 * i + threadIdx.x, x + 32 * i + threadIdx.x, true);
    babel_copy_async_commit();
  }
  babel_copy_async_wait<1>();
  __syncthreads();
  y[threadIdx.x] = tile[32 + threadIdx.x];
}
ENTRY(async_copy_one_group_short) { RUN(async_copy_one_group_short_kernel, 1, 32, 0, device_floats(32), device_floats(64)); }

/* The buffer is used for something else while a copy into it is under way. */
static __global__ void async_copy_overtaken_kernel(float *y, const float *x) {
  BABEL_SHARED(float, tile, 32);
  babel_copy_async<4>(tile + threadIdx.x, x + threadIdx.x, true);
  babel_copy_async_commit();
  __syncthreads();
  tile[31 - threadIdx.x] = 1.0f;
  __syncthreads();
  y[threadIdx.x] = tile[threadIdx.x];
}
ENTRY(async_copy_overtaken) { RUN(async_copy_overtaken_kernel, 1, 32, 0, device_floats(32), device_floats(32)); }

static __global__ void load_kernel(float *y, const float *x) { y[threadIdx.x] = x[threadIdx.x]; }
ENTRY(host_pointer) {
  float *host = (float *)calloc(32, sizeof *host);
  RUN(load_kernel, 1, 32, 0, device_floats(32), host);
  free(host);
}

/* A pointer to a local variable, given to the other lanes. */
static __global__ void local_of_another_thread_kernel(float *y) {
  volatile float mine = (float)threadIdx.x;
  const float *theirs = (const float *)(uintptr_t)__shfl_sync(0xffffffffu, (unsigned long long)(uintptr_t)&mine, 0);
  y[threadIdx.x] = *theirs;
}
ENTRY(local_of_another_thread) { RUN(local_of_another_thread_kernel, 1, 32, 0, device_floats(32)); }
