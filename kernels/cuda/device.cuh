/* What every kernel source includes: launches, shared memory, and reductions in a fixed order.
 *
 * The same source runs on a device (nvcc) and on the simulated device (a host compiler, -DBABEL_SIMDEV): what the two spell
 * differently stands here and in ptx/, nowhere else. Blocks have a multiple of 32 threads. */
#ifndef BABEL_KERNELS_CUDA_DEVICE_CUH
#define BABEL_KERNELS_CUDA_DEVICE_CUH

#include <cuda_runtime.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/cuda/check.h"

#define BABEL_DEVICE static __device__ __forceinline__

/* BABEL_SHARED(float, sum, 32): `sum`, an array of 32 floats that the threads of a block share, 16-byte aligned.
 * BABEL_DYNAMIC_SHARED(float, tile): `tile`, the bytes that the launch asked for, 16-byte aligned; one such array per kernel.
 * BABEL_LAUNCH(kernel, grid, block, shared_bytes, stream, arguments ...): launches and evaluates to a babel_status; `stream` is a
 * cudaStream_t; more than 48 KiB of shared memory are asked for first. BABEL_LAUNCH_AS: a kernel that is a template, in parentheses, and
 * the text that stands for it in messages, a constant.
 * BABEL_NOT_AHEAD(x): what follows from `x`, a 32-bit number, is computed where it stands, not kept in registers from before a loop. */
#ifdef BABEL_SIMDEV
#define BABEL_UNROLL
#define BABEL_NO_UNROLL
#define BABEL_NOT_AHEAD(x) (void)0
#define BABEL_SHARED(type, name, count) type *name = (type *)simdev_shared(__COUNTER__, sizeof(type) * (count))
#define BABEL_DYNAMIC_SHARED(type, name) type *name = (type *)simdev_dynamic_shared()
#define BABEL_LAUNCH_AS(name, kernel, grid, block, shared_bytes, stream, ...)      \
  (babel_cuda_allow_shared((const void *)(kernel), name, (shared_bytes))           \
       ?: babel_cuda_check(simdev_launch(name, (kernel), (grid), (block), (shared_bytes), (stream), __VA_ARGS__), name, __FILE__, __LINE__))
#else
#define BABEL_UNROLL _Pragma("unroll")
#define BABEL_NO_UNROLL _Pragma("unroll 1")
#define BABEL_NOT_AHEAD(x) asm volatile("" : "+r"(x))
#define BABEL_SHARED(type, name, count) __shared__ __align__(16) type name[count]
#define BABEL_DYNAMIC_SHARED(type, name)                                      \
  extern __shared__ __align__(16) unsigned char babel_dynamic_shared[];       \
  type *name = (type *)babel_dynamic_shared
#define BABEL_LAUNCH_AS(name, kernel, grid, block, shared_bytes, stream, ...)        \
  (babel_cuda_allow_shared((const void *)(kernel), name, (shared_bytes))             \
       ?: ((kernel)<<<(grid), (block), (shared_bytes), (stream)>>>(__VA_ARGS__),     \
           babel_cuda_check(cudaGetLastError(), name, __FILE__, __LINE__)))
#endif
#define BABEL_LAUNCH(kernel, ...) BABEL_LAUNCH_AS(#kernel, kernel, __VA_ARGS__)

/* Host side of BABEL_LAUNCH. */
static inline babel_status babel_cuda_allow_shared(const void *kernel, const char *name, size_t bytes) {
  if (bytes <= 48 * 1024) return BABEL_OK;
  return babel_cuda_check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes), name, __FILE__, __LINE__);
}

/* Sums and maxima of 32 lanes, all of which must call; every lane gets the same bits. */
BABEL_DEVICE float babel_warp_sum(float value) {
  BABEL_UNROLL
  for (int lanes = 16; lanes > 0; lanes /= 2) value += __shfl_xor_sync(0xffffffffu, value, lanes);
  return value;
}

BABEL_DEVICE float babel_warp_max(float value) {
  BABEL_UNROLL
  for (int lanes = 16; lanes > 0; lanes /= 2) value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, lanes));
  return value;
}

#endif
