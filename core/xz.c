#include "core/xz.h"

#include <errno.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FIRST_SIZE = 1 << 20 };
#define DECODER_MEMORY ((uint64_t)256 << 20) /* the strongest preset needs 65 MiB */

/* Unpacked bytes in an anonymous mapping, so that babel_file_close gives them back as it does a file's. */
typedef struct {
  unsigned char *data;
  size_t size, used;
} growing;

static babel_status grow(growing *to, size_t size, const char *path) {
  void *data = to->data ? mremap(to->data, to->size, size, MREMAP_MAYMOVE)
                        : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %zu unpacked bytes", path, size);
  to->data = data;
  to->size = size;
  return BABEL_OK;
}

static babel_status refuse(const char *path, lzma_ret code, const babel_file *packed) {
  const char *kind = babel_file_kind(packed->data, packed->size);
  if (code == LZMA_FORMAT_ERROR)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected a file packed by xz%s%s", path, *kind ? ", found " : "", kind);
  if (code == LZMA_MEM_ERROR || code == LZMA_MEMLIMIT_ERROR) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory to unpack it", path);
  return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: the xz file is %s", path, code == LZMA_BUF_ERROR ? "cut short" : "damaged");
}

static babel_status unpack(growing *to, const babel_file *packed) {
  lzma_stream stream = LZMA_STREAM_INIT;
  lzma_ret code = lzma_stream_decoder(&stream, DECODER_MEMORY, LZMA_CONCATENATED);
  babel_status status = BABEL_OK;
  stream.next_in = packed->data;
  stream.avail_in = packed->size;
  while (status == BABEL_OK && code == LZMA_OK) {
    if (to->used == to->size) {
      if (to->size >= BABEL_XZ_MOST) status = BABEL_FAIL(BABEL_ERR_FORMAT, "%s: holds more than %zu bytes", packed->path, BABEL_XZ_MOST);
      else status = grow(to, to->size ? 2 * to->size : FIRST_SIZE, packed->path);
      if (status != BABEL_OK) break;
    }
    stream.next_out = to->data + to->used;
    stream.avail_out = to->size - to->used;
    code = lzma_code(&stream, LZMA_FINISH);
    to->used = to->size - stream.avail_out;
  }
  lzma_end(&stream);
  if (status != BABEL_OK) return status;
  if (code != LZMA_STREAM_END) return refuse(packed->path, code, packed);
  if (!to->used) return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: nothing is packed in it", packed->path);
  return grow(to, to->used, packed->path); /* as long as its content, like a file's mapping */
}

babel_status babel_file_open_packed(babel_file *file, const char *path) {
  char name[sizeof file->path];
  babel_file packed;
  growing to = {0};
  if (babel_file_exists(path)) return babel_file_open(file, path);
  memset(file, 0, sizeof *file);
  if (strlen(path) + 3 >= sizeof name) return BABEL_FAIL(BABEL_ERR_ARG, "%.60s...: the path is too long", path);
  strcpy(name, path);
  strcat(name, ".xz");
  if (!babel_file_exists(name)) return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be opened: neither it nor a .xz of it is there", path);
  BABEL_TRY(babel_file_open(&packed, name));
  babel_status status = unpack(&to, &packed);
  babel_file_close(&packed);
  if (status != BABEL_OK) {
    if (to.data) munmap(to.data, to.size);
    return status;
  }
  file->data = to.data;
  file->size = to.used;
  strcpy(file->path, name);
  return BABEL_OK;
}

bool babel_file_exists_packed(const char *path) {
  char name[1024];
  if (babel_file_exists(path)) return true;
  if (strlen(path) + 3 >= sizeof name) return false;
  strcpy(name, path);
  strcat(name, ".xz");
  return babel_file_exists(name);
}
