/* Errors of the CUDA runtime as a babel_status: file, line and text of the call, what the runtime says, and where in babel to look. */
#ifndef BABEL_KERNELS_CUDA_CHECK_H
#define BABEL_KERNELS_CUDA_CHECK_H

#include <cuda_runtime.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `call` is what failed, as text. cudaErrorMemoryAllocation: BABEL_ERR_MEMORY; no device, no driver, no code for this device:
 * BABEL_ERR_UNSUPPORTED; anything else: BABEL_ERR_STATE. A failure inside a kernel is seen by a later call: the sentence says so. */
babel_status babel_cuda_check(cudaError_t error, const char *call, const char *file, int line);

/* Whether launches are waited for one by one: 1 with CUDA_LAUNCH_BLOCKING in the environment, unless it is 0. */
int babel_cuda_blocks(void);

#define BABEL_CUDA(call) babel_cuda_check((call), #call, __FILE__, __LINE__)

#ifdef __cplusplus
}
#endif
#endif
