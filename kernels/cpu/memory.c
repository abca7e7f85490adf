#include "kernels/memory.h"

#include <stdlib.h>
#include <string.h>

#include "core/arena.h"

babel_status babel_memory_alloc_cpu(void **memory, size_t bytes) {
  return babel_alloc(memory, bytes, 1);
}

void babel_memory_free_cpu(void *memory) {
  free(memory);
}

static babel_status move(void *to, const void *from, size_t bytes) {
  if (bytes) memcpy(to, from, bytes);
  return BABEL_OK;
}

babel_status babel_memory_upload_cpu(void *to, const void *host, size_t bytes, babel_stream *s) {
  return move(to, host, bytes);
}

babel_status babel_memory_download_cpu(void *host, const void *from, size_t bytes, babel_stream *s) {
  return move(host, from, bytes);
}

babel_status babel_memory_copy_cpu(void *to, const void *from, size_t bytes, babel_stream *s) {
  return move(to, from, bytes);
}

babel_status babel_memory_synchronize_cpu(babel_stream *s) {
  return BABEL_OK;
}
