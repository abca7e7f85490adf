/* Barriers and warp collectives that not all reach who must. */
#include "tests/simdev/kernels/rig.cuh"

static __global__ void exit_before_barrier_kernel(float *x, int n) {
  if ((int)threadIdx.x >= n) return;
  x[threadIdx.x] = 1.0f;
  __syncthreads();
}
ENTRY(exit_before_barrier) { RUN(exit_before_barrier_kernel, 1, 64, 0, device_floats(64), 40); }

static __global__ void two_barriers_kernel(float *x) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    x[threadIdx.x] = 1.0f;
    __syncthreads();
  }
}
ENTRY(two_barriers) { RUN(two_barriers_kernel, 2, 64, 0, device_floats(64)); }

static __global__ void barrier_in_a_short_loop_kernel(float *x) {
  for (unsigned i = 0; i < 1 + threadIdx.x / 32; i++) {
    x[threadIdx.x] += 1.0f;
    __syncthreads();
  }
}
ENTRY(barrier_in_a_short_loop) { RUN(barrier_in_a_short_loop_kernel, 1, 64, 0, device_floats(64)); }

static __global__ void shuffle_in_a_branch_kernel(float *x) {
  float v = x[threadIdx.x];
  if (threadIdx.x < 20) v += __shfl_xor_sync(0xffffffffu, v, 1);
  x[threadIdx.x] = v;
}
ENTRY(shuffle_in_a_branch) { RUN(shuffle_in_a_branch_kernel, 1, 32, 0, device_floats(32)); }

static __global__ void mask_without_itself_kernel(float *x) {
  float v = x[threadIdx.x];
  v += __shfl_xor_sync(0x0000ffffu, v, 1);
  x[threadIdx.x] = v;
}
ENTRY(mask_without_itself) { RUN(mask_without_itself_kernel, 1, 32, 0, device_floats(32)); }

static __global__ void vote_against_shuffle_kernel(float *x) {
  if (threadIdx.x % 2) {
    x[threadIdx.x] = (float)__ballot_sync(0xffffffffu, 1);
  } else {
    x[threadIdx.x] = __shfl_sync(0xffffffffu, 1.0f, 0);
  }
}
ENTRY(vote_against_shuffle) { RUN(vote_against_shuffle_kernel, 1, 32, 0, device_floats(32)); }

static __global__ void barrier_against_syncwarp_kernel(float *x) {
  x[threadIdx.x] = 1.0f;
  if (threadIdx.x == 7) {
    __syncthreads();
  } else {
    __syncwarp();
  }
}
ENTRY(barrier_against_syncwarp) { RUN(barrier_against_syncwarp_kernel, 1, 32, 0, device_floats(32)); }

static __global__ void product_after_exit_kernel(float *x) {
  if (threadIdx.x == 31) return;
  float d[4] = {0, 0, 0, 0};
  const uint32_t a[4] = {0, 0, 0, 0}, b[2] = {0, 0};
  babel_mma_tf32(d, a, b, d);
  x[threadIdx.x] = d[0];
}
ENTRY(product_after_exit) { RUN(product_after_exit_kernel, 1, 32, 0, device_floats(32)); }

static __global__ void product_in_a_short_warp_kernel(float *x) {
  float d[4] = {0, 0, 0, 0};
  const uint32_t a[4] = {0, 0, 0, 0}, b[2] = {0, 0};
  babel_mma_tf32(d, a, b, d);
  x[threadIdx.x] = d[0];
}
ENTRY(product_in_a_short_warp) { RUN(product_in_a_short_warp_kernel, 1, 48, 0, device_floats(64)); }
