/* babel_ops.describe of the CUDA backend: name, compute capability and memory of the device in use, driver and runtime versions. */
#ifndef BABEL_KERNELS_CUDA_DESCRIBE_H
#define BABEL_KERNELS_CUDA_DESCRIBE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

void babel_describe_cuda(char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
