#include "kernels/cuda/check.h"

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

extern "C" babel_status babel_cuda_check(cudaError_t error, const char *call, const char *file, int line) {
  if (error == cudaSuccess) return BABEL_OK;
  return babel_fail(status_of(error), file, line, "CUDA: %s (%s)%s", cudaGetErrorString(error), call,
                    from_a_kernel(error) ? ", left by a kernel that was launched before" : "");
}
