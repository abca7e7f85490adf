/* The device: found, checked, described. */
#include "kernels/cuda/describe.h"

#include <stdio.h>

#include "kernels/cuda/check.h"
#include "kernels/ops.h"

enum { OLDEST = 8 }; /* compute capability: mma.sync with TF32 and cp.async */

extern "C" babel_status babel_cuda_devices(int *count) {
  cudaError_t error = cudaGetDeviceCount(count);
  if (error == cudaErrorInsufficientDriver || error == cudaErrorNoDevice || (error == cudaSuccess && !*count)) {
    cudaGetLastError();
    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "no CUDA device: %s", error == cudaErrorInsufficientDriver ? "no NVIDIA driver, or one that is too old for this program" : "this machine has none, or hides it (CUDA_VISIBLE_DEVICES)");
  }
  return BABEL_CUDA(error);
}

extern "C" babel_status babel_cuda_open(int device) {
  struct cudaDeviceProp found;
  int count = 0;
  BABEL_TRY(babel_cuda_devices(&count));
  if (device < 0 || device >= count)
    return BABEL_FAIL(BABEL_ERR_ARG, "CUDA device %d: this machine has %d, counted from 0", device, count);
  BABEL_TRY(BABEL_CUDA(cudaGetDeviceProperties(&found, device)));
  if (found.major < OLDEST)
    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "CUDA device %d, %s, has compute capability %d.%d: at least %d.0 is needed", device, found.name, found.major,
                      found.minor, OLDEST);
  return BABEL_CUDA(cudaSetDevice(device));
}

extern "C" void babel_describe_cuda(char *text, size_t size) {
  struct cudaDeviceProp found;
  int device = 0, driver = 0, runtime = 0;
  if (cudaGetDevice(&device) != cudaSuccess || cudaGetDeviceProperties(&found, device) != cudaSuccess || cudaDriverGetVersion(&driver) != cudaSuccess ||
      cudaRuntimeGetVersion(&runtime) != cudaSuccess) {
    cudaGetLastError();
    snprintf(text, size, "no CUDA device");
    return;
  }
  snprintf(text, size, "%s, compute capability %d.%d, %d multiprocessors, %.1f GB, CUDA driver %d.%d, runtime %d.%d, compiler %s", found.name, found.major,
           found.minor, found.multiProcessorCount, (double)found.totalGlobalMem / 1e9, driver / 1000, driver % 1000 / 10, runtime / 1000,
           runtime % 1000 / 10, __VERSION__);
}
