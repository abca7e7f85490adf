#include "tests/data/mat_bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void put(mat_bytes *a, const void *data, size_t size) {
  a->bytes = realloc(a->bytes, a->size + size + 1);
  if (!a->bytes) abort();
  if (size) memcpy(a->bytes + a->size, data, size);
  a->size += size;
}

static void put32(mat_bytes *a, uint32_t value) {
  put(a, &value, 4);
}

mat_bytes mat_header(void) {
  mat_bytes a = {NULL, 0};
  char text[128];
  memset(text, ' ', sizeof text);
  memcpy(text, "MATLAB 5.0 MAT-file, written by a test", 38);
  memset(text + 116, 0, 8);
  memcpy(text + 124, "\x00\x01IM", 4);
  put(&a, text, sizeof text);
  return a;
}

void mat_element(mat_bytes *a, uint32_t type, const void *data, size_t size) {
  static const char zeros[8];
  if (size >= 1 && size <= 4) {
    put32(a, (uint32_t)size << 16 | type);
    put(a, data, size);
    put(a, zeros, 4 - size);
    return;
  }
  put32(a, type);
  put32(a, (uint32_t)size);
  put(a, data, size);
  put(a, zeros, (8 - size % 8) % 8);
}

mat_bytes mat_matrix(const mat_spec *spec) {
  mat_bytes content = {NULL, 0}, out = {NULL, 0};
  uint32_t flags[2] = {spec->flags ? spec->flags : 6, 0};
  mat_element(&content, 6, flags, sizeof flags);
  mat_element(&content, spec->dims_type ? spec->dims_type : 5, spec->dims, 4 * (size_t)spec->rank);
  mat_element(&content, spec->name_type ? spec->name_type : 1, spec->name, strlen(spec->name));
  mat_element(&content, spec->type ? spec->type : 9, spec->values, spec->value_bytes);
  put32(&out, 14);
  put32(&out, (uint32_t)content.size);
  mat_append(&out, content);
  return out;
}

mat_bytes mat_packed(mat_bytes inner, long claim) {
  mat_bytes out = {NULL, 0};
  uLongf size = compressBound(inner.size);
  unsigned char *packed = malloc(size);
  if (!packed) abort();
  if (claim >= 0) {
    uint32_t value = (uint32_t)claim;
    memcpy(inner.bytes + 4, &value, 4);
  }
  if (compress(packed, &size, inner.bytes, inner.size) != Z_OK) abort();
  put32(&out, 15);
  put32(&out, (uint32_t)size);
  put(&out, packed, size);
  free(packed);
  free(inner.bytes);
  return out;
}

void mat_append(mat_bytes *a, mat_bytes b) {
  put(a, b.bytes, b.size);
  free(b.bytes);
}

void mat_save(const char *path, mat_bytes file) {
  FILE *stream = fopen(path, "wb");
  if (!stream || fwrite(file.bytes, 1, file.size, stream) != file.size || fclose(stream)) abort();
}

void mat_free(mat_bytes *a) {
  free(a->bytes);
  *a = (mat_bytes){NULL, 0};
}

void mat_write_doubles(const char *path, const char *name, int rank, const uint32_t *dims, const double *values) {
  mat_spec spec = {.name = name, .rank = rank, .values = values, .value_bytes = sizeof *values};
  for (int i = 0; i < rank; i++) {
    spec.dims[i] = dims[i];
    spec.value_bytes *= dims[i];
  }
  mat_bytes file = mat_header();
  mat_append(&file, mat_packed(mat_matrix(&spec), -1));
  mat_save(path, file);
  mat_free(&file);
}
