/* Memory of a backend, and the way in and out of it. On the CPU it is ordinary memory; what a CUDA device holds the host must not touch.
 *
 * alloc: zero-filled, aligned to BABEL_ALIGNMENT; 0 bytes give a valid pointer. free accepts NULL.
 * upload, download, copy: `bytes` bytes; the two ranges must not overlap; 0 bytes touch no pointer.
 * Errors: BABEL_ERR_MEMORY when there is not enough of it. */
#ifndef BABEL_KERNELS_MEMORY_H
#define BABEL_KERNELS_MEMORY_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

babel_status babel_memory_alloc_cpu(void **memory, size_t bytes);
void babel_memory_free_cpu(void *memory);
babel_status babel_memory_upload_cpu(void *to, const void *host, size_t bytes, babel_stream *s);
babel_status babel_memory_download_cpu(void *host, const void *from, size_t bytes, babel_stream *s);
babel_status babel_memory_copy_cpu(void *to, const void *from, size_t bytes, babel_stream *s);
babel_status babel_memory_synchronize_cpu(babel_stream *s);

babel_status babel_memory_alloc_cuda(void **memory, size_t bytes);
void babel_memory_free_cuda(void *memory);
babel_status babel_memory_upload_cuda(void *to, const void *host, size_t bytes, babel_stream *s);
babel_status babel_memory_download_cuda(void *host, const void *from, size_t bytes, babel_stream *s);
babel_status babel_memory_copy_cuda(void *to, const void *from, size_t bytes, babel_stream *s);
babel_status babel_memory_synchronize_cuda(babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
