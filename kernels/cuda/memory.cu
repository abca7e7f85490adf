#include "kernels/memory.h"

#include "kernels/cuda/check.h"

static cudaStream_t stream_of(babel_stream *s) {
  return (cudaStream_t)s;
}

/* Any two streams see the zeros: the fill is awaited. */
extern "C" babel_status babel_memory_alloc_cuda(void **memory, size_t bytes) {
  size_t free_bytes = 0, all_bytes = 0;
  *memory = NULL;
  cudaError_t error = cudaMalloc(memory, bytes ? bytes : 1);
  if (error == cudaErrorMemoryAllocation) {
    *memory = NULL;
    cudaGetLastError(); /* seen: no later call is to report it again */
    BABEL_TRY(BABEL_CUDA(cudaMemGetInfo(&free_bytes, &all_bytes)));
    return BABEL_FAIL(BABEL_ERR_MEMORY, "the device has no memory for %.1f MB: %.1f of its %.1f MB are free; lower batch or variants",
                      (double)bytes / 1e6, (double)free_bytes / 1e6, (double)all_bytes / 1e6);
  }
  BABEL_TRY(BABEL_CUDA(error));
  babel_status status = BABEL_CUDA(cudaMemset(*memory, 0, bytes ? bytes : 1));
  if (status == BABEL_OK) status = BABEL_CUDA(cudaDeviceSynchronize());
  if (status == BABEL_OK) return BABEL_OK;
  cudaFree(*memory);
  *memory = NULL;
  return status;
}

extern "C" void babel_memory_free_cuda(void *memory) {
  cudaFree(memory); /* what fails here failed before and was reported there */
}

/* The source is ordinary memory: the runtime has copied it when the call returns, so that the caller may change it at once, and the stream
 * goes on without being awaited. */
extern "C" babel_status babel_memory_upload_cuda(void *to, const void *host, size_t bytes, babel_stream *s) {
  return bytes ? BABEL_CUDA(cudaMemcpyAsync(to, host, bytes, cudaMemcpyHostToDevice, stream_of(s))) : BABEL_OK;
}

extern "C" babel_status babel_memory_download_cuda(void *host, const void *from, size_t bytes, babel_stream *s) {
  if (!bytes) return BABEL_OK;
  BABEL_TRY(BABEL_CUDA(cudaMemcpyAsync(host, from, bytes, cudaMemcpyDeviceToHost, stream_of(s))));
  return BABEL_CUDA(cudaStreamSynchronize(stream_of(s)));
}

extern "C" babel_status babel_memory_copy_cuda(void *to, const void *from, size_t bytes, babel_stream *s) {
  return bytes ? BABEL_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_of(s))) : BABEL_OK;
}

extern "C" babel_status babel_memory_synchronize_cuda(babel_stream *s) {
  return BABEL_CUDA(cudaStreamSynchronize(stream_of(s)));
}
