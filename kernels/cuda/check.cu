#include "kernels/cuda/check.h"

#include <stdlib.h>
#include <string.h>

/* Errors that a kernel leaves behind and that the next call that looks returns. */
static bool from_a_kernel(cudaError_t error) {
  return error == cudaErrorIllegalAddress || error == cudaErrorMisalignedAddress || error == cudaErrorLaunchFailure;
}

static babel_status status_of(cudaError_t error) {
  switch (error) {
  case cudaErrorMemoryAllocation: return BABEL_ERR_MEMORY;
  case cudaErrorNoDevice:
  case cudaErrorInsufficientDriver:
  case cudaErrorNoKernelImageForDevice: return BABEL_ERR_UNSUPPORTED;
  default: return BABEL_ERR_STATE;
  }
}

extern "C" int babel_cuda_blocks(void) {
  const char *given = getenv("CUDA_LAUNCH_BLOCKING");
  return given && *given && strcmp(given, "0");
}

extern "C" babel_status babel_cuda_check(cudaError_t error, const char *call, const char *file, int line) {
  if (error == cudaSuccess) return BABEL_OK;
  const char *whose = ", left by a kernel that was launched before; with CUDA_LAUNCH_BLOCKING=1 in the environment it is named";
  if (!from_a_kernel(error) || babel_cuda_blocks()) whose = "";
  return babel_fail(status_of(error), file, line, "CUDA: %s (%s)%s", cudaGetErrorString(error), call, whose);
}
