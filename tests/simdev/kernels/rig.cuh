/* What the deliberately broken kernels and their correct neighbours share. Each entry allocates, launches and waits; findings are
 * collected by the caller. */
#ifndef BABEL_TESTS_SIMDEV_BROKEN_RIG_CUH
#define BABEL_TESTS_SIMDEV_BROKEN_RIG_CUH

#include "kernels/cuda/device.cuh"
#include "kernels/cuda/ptx/copy_async.cuh"
#include "kernels/cuda/ptx/mma.cuh"

#define ENTRY(name) extern "C" void name(void); extern "C" void name(void)

/* n floats on the device: 0, 1, 2, ...; `written` = false leaves them as they come. */
static inline float *device_floats(int n, bool written = true) {
  float *p = nullptr, host[4096];
  if (cudaMalloc(&p, sizeof(float) * (size_t)n) != cudaSuccess) return nullptr;
  for (int i = 0; i < n; i++) host[i] = (float)i;
  if (written) cudaMemcpy(p, host, sizeof(float) * (size_t)n, cudaMemcpyHostToDevice);
  return p;
}

/* Runs it; the arguments' memory goes with the device. */
#define RUN(kernel, grid, block, shared, ...)                                                     \
  do {                                                                                            \
    (void)BABEL_LAUNCH(kernel, grid, block, shared, (cudaStream_t)0, __VA_ARGS__);                \
    cudaDeviceSynchronize();                                                                      \
    cudaDeviceReset();                                                                            \
  } while (0)

#endif
