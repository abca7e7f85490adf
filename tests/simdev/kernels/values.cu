/* What collectives and instructions compute, on inputs of which the answer is known. Results come back to the caller. */
#include "kernels/cuda/ptx/ldmatrix.cuh"
#include "tests/simdev/kernels/rig.cuh"

enum { VALUES = 16 };

/* x: 32 lanes by VALUES; what each of the warp's operations gives. */
static __global__ void warp_values_kernel(int *x) {
  const int lane = threadIdx.x;
  int *mine = x + VALUES * lane;
  mine[0] = __shfl_sync(0xffffffffu, 100 + lane, 7);
  mine[1] = __shfl_up_sync(0xffffffffu, 100 + lane, 3);
  mine[2] = __shfl_down_sync(0xffffffffu, 100 + lane, 3);
  mine[3] = __shfl_xor_sync(0xffffffffu, 100 + lane, 9);
  mine[4] = __shfl_sync(0xffffffffu, 100 + lane, 5, 8);
  mine[5] = __shfl_down_sync(0xffffffffu, 100 + lane, 2, 4);
  mine[6] = (int)__ballot_sync(0xffffffffu, lane % 3 == 0);
  mine[7] = __any_sync(0xffffffffu, lane == 31);
  mine[8] = __all_sync(0xffffffffu, lane < 31);
  mine[9] = lane < 16 ? (int)__ballot_sync(0x0000ffffu, 1) : (int)__ballot_sync(0xffff0000u, lane & 1);
  mine[10] = __syncthreads_count(lane % 4 == 1);
  mine[11] = __syncthreads_and(lane < 32);
  mine[12] = __syncthreads_or(lane > 31);
  const double wide = __shfl_xor_sync(0xffffffffu, 1.5 * lane, 1);
  mine[13] = wide == 1.5 * (lane ^ 1);
  mine[14] = (int)(__shfl_up_sync(0xffffffffu, (float)lane, 1, 16));
  mine[15] = 0;
}

static __global__ void atomic_values_kernel(int *x, unsigned long long *wide) {
  const int t = threadIdx.x;
  atomicAdd(x + 0, t);
  atomicMax(x + 1, t);
  atomicMin(x + 2, -t);
  atomicOr((unsigned *)x + 3, 1u << t % 32);
  atomicAdd((unsigned *)x + 4, 1u);
  if (atomicCAS(x + 5, 0, 1 + t) == 0) atomicExch(x + 6, 77);
  atomicMax((unsigned *)x + 7, (unsigned)t - 1u);
  atomicAdd(wide, 1ull << 33);
}

/* d (16, 8) = a b + c by one instruction; row-major, a (16, k), b (k, 8). */
static __global__ void mma_kernel(float *d, const float *a, const float *b, const float *c, int bf16) {
  const int g = threadIdx.x / 4, t = threadIdx.x % 4, k = bf16 ? 16 : 8;
  float acc[4] = {c[8 * g + 2 * t], c[8 * g + 2 * t + 1], c[8 * (g + 8) + 2 * t], c[8 * (g + 8) + 2 * t + 1]};
  uint32_t fa[4], fb[2];
  for (int i = 0; i < 4; i++) {
    const float *at = a + k * (g + 8 * (i % 2)) + (bf16 ? 2 * t + 8 * (i / 2) : t + 4 * (i / 2));
    fa[i] = bf16 ? babel_pack_bf16(at[0], at[1]) : babel_round_tf32(at[0]);
  }
  for (int i = 0; i < 2; i++) {
    const float *at = b + 8 * (bf16 ? 2 * t + 8 * i : t + 4 * i) + g;
    fb[i] = bf16 ? babel_pack_bf16(at[0], at[8]) : babel_round_tf32(at[0]);
  }
  if (bf16) babel_mma_bf16(acc, fa, fb, acc);
  else babel_mma_tf32(acc, fa, fb, acc);
  d[8 * g + 2 * t] = acc[0];
  d[8 * g + 2 * t + 1] = acc[1];
  d[8 * (g + 8) + 2 * t] = acc[2];
  d[8 * (g + 8) + 2 * t + 1] = acc[3];
}

/* Four 8 x 8 matrices of halves, numbered through; each lane's two halves of each matrix, plain and transposed. */
static __global__ void ldmatrix_kernel(uint32_t *out) {
  BABEL_SHARED(uint16_t, tile, 4 * 64);
  for (int i = threadIdx.x; i < 256; i += 32) tile[i] = (uint16_t)i;
  __syncwarp();
  uint32_t plain[4], turned[4];
  simdev_ldmatrix_x4(plain, tile + 8 * threadIdx.x, 0);
  simdev_ldmatrix_x4(turned, tile + 8 * threadIdx.x, 1);
  for (int i = 0; i < 4; i++) {
    out[8 * threadIdx.x + i] = plain[i];
    out[8 * threadIdx.x + 4 + i] = turned[i];
  }
}

/* The order of blocks: block i writes how many ran before it. */
static __global__ void order_kernel(int *order, int *count) {
  if (threadIdx.x == 0) order[blockIdx.x] = atomicAdd(count, 1);
}

/* Rows of 32 words that a warp reads by columns, with and without padding; one 128-byte row per warp and launch from global memory,
 * aligned or one word off; every second word. For the counters. */
static __global__ void counted_unpadded_kernel(float *x) {
  BABEL_SHARED(float, tile, 1024);
  for (int i = 0; i < 32; i++) tile[32 * i + threadIdx.x] = 1.0f;
  __syncwarp();
  float sum = 0.0f;
  for (int i = 0; i < 32; i++) sum += tile[32 * threadIdx.x + i];
  x[threadIdx.x] = sum;
}
static __global__ void counted_padded_kernel(float *x) {
  BABEL_SHARED(float, tile, 32 * 33);
  for (int i = 0; i < 32; i++) tile[33 * i + threadIdx.x] = 1.0f;
  __syncwarp();
  float sum = 0.0f;
  for (int i = 0; i < 32; i++) sum += tile[33 * threadIdx.x + i];
  x[2 * threadIdx.x] = fmaf(sum, 2.0f, 1.0f);
}
static __global__ void counted_vectors_kernel(float4 *y, const float *x) {
  if (threadIdx.x < 31) y[threadIdx.x] = make_float4(x[threadIdx.x + 1], 0.0f, 0.0f, 0.0f);
}

extern "C" {
void warp_values(int *out);
void atomic_values(int *out, unsigned long long *wide);
void mma_values(float *d, const float *a, const float *b, const float *c, int bf16);
void ldmatrix_values(uint32_t *out);
void block_order(int *out, int blocks);
void counted(void);
}

static void *to_device(const void *host, size_t bytes) {
  void *p = nullptr;
  if (cudaMalloc(&p, bytes) != cudaSuccess) return nullptr;
  if (host) cudaMemcpy(p, host, bytes, cudaMemcpyHostToDevice);
  else cudaMemset(p, 0, bytes);
  return p;
}

static void from_device(void *host, const void *p, size_t bytes) { cudaMemcpy(host, p, bytes, cudaMemcpyDeviceToHost); }

void warp_values(int *out) {
  int *x = (int *)to_device(nullptr, 32 * VALUES * sizeof(int));
  (void)BABEL_LAUNCH(warp_values_kernel, 1, 32, 0, (cudaStream_t)0, x);
  from_device(out, x, 32 * VALUES * sizeof(int));
  cudaDeviceReset();
}

void atomic_values(int *out, unsigned long long *wide) {
  int *x = (int *)to_device(nullptr, 8 * sizeof(int));
  unsigned long long *w = (unsigned long long *)to_device(nullptr, sizeof *w);
  (void)BABEL_LAUNCH(atomic_values_kernel, 3, 64, 0, (cudaStream_t)0, x, w);
  from_device(out, x, 8 * sizeof(int));
  from_device(wide, w, sizeof *w);
  cudaDeviceReset();
}

void mma_values(float *d, const float *a, const float *b, const float *c, int bf16) {
  const size_t k = bf16 ? 16 : 8;
  const float *da = (const float *)to_device(a, 16 * k * sizeof(float)), *db = (const float *)to_device(b, k * 8 * sizeof(float));
  const float *dc = (const float *)to_device(c, 128 * sizeof(float));
  float *dd = (float *)to_device(nullptr, 128 * sizeof(float));
  (void)BABEL_LAUNCH(mma_kernel, 1, 32, 0, (cudaStream_t)0, dd, da, db, dc, bf16);
  from_device(d, dd, 128 * sizeof(float));
  cudaDeviceReset();
}

void ldmatrix_values(uint32_t *out) {
  uint32_t *x = (uint32_t *)to_device(nullptr, 256 * sizeof(uint32_t));
  (void)BABEL_LAUNCH(ldmatrix_kernel, 1, 32, 0, (cudaStream_t)0, x);
  from_device(out, x, 256 * sizeof(uint32_t));
  cudaDeviceReset();
}

void block_order(int *out, int blocks) {
  int *order = (int *)to_device(nullptr, (size_t)blocks * sizeof(int)), *count = (int *)to_device(nullptr, sizeof(int));
  (void)BABEL_LAUNCH(order_kernel, blocks, 32, 0, (cudaStream_t)0, order, count);
  from_device(out, order, (size_t)blocks * sizeof(int));
  cudaDeviceReset();
}

void counted(void) {
  float *x = (float *)to_device(nullptr, 1024 * sizeof(float)), *y = (float *)to_device(nullptr, 1024 * sizeof(float));
  (void)BABEL_LAUNCH(counted_unpadded_kernel, 1, 32, 0, (cudaStream_t)0, x);
  (void)BABEL_LAUNCH(counted_padded_kernel, 1, 32, 0, (cudaStream_t)0, x);
  (void)BABEL_LAUNCH(counted_vectors_kernel, 1, 32, 0, (cudaStream_t)0, (float4 *)y, x);
  cudaDeviceSynchronize();
  cudaDeviceReset();
}
