#include "sim/mat_write.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { MI_INT8 = 1, MI_INT32 = 5, MI_UINT32 = 6, MI_DOUBLE = 9, MI_MATRIX = 14, MI_COMPRESSED = 15 };
enum { CLASS_DOUBLE = 6, MAX_RANK = 8, HEADER = 128 };

static unsigned char *put_u32(unsigned char *at, uint32_t value) {
  for (int i = 0; i < 4; i++) at[i] = (unsigned char)(value >> (8 * i));
  return at + 4;
}

static size_t padded(size_t size) {
  return (size + 7) & ~(size_t)7;
}

/* Tag, bytes, zeros up to a multiple of 8 (the buffer starts zeroed). */
static unsigned char *put_element(unsigned char *at, uint32_t type, const void *bytes, size_t size) {
  at = put_u32(put_u32(at, type), (uint32_t)size);
  memcpy(at, bytes, size);
  return at + padded(size);
}

static babel_status check(const char *path, const char *name, int rank, const int *dims, size_t *count) {
  size_t total = 1;
  if (rank < 2 || rank > MAX_RANK) return BABEL_FAIL(BABEL_ERR_ARG, "%s: a matrix has 2 to 8 dimensions, not %d", path, rank);
  if (!*name || strlen(name) > 31) return BABEL_FAIL(BABEL_ERR_ARG, "%s: a variable name has 1 to 31 characters", path);
  for (int i = 0; i < rank; i++) {
    if (dims[i] < 1 || total > (size_t)(INT32_MAX / 16) / (size_t)dims[i])
      return BABEL_FAIL(BABEL_ERR_ARG, "%s: dimension %d of size %d does not fit a file of 1 GiB", path, i + 1, dims[i]);
    total *= (size_t)dims[i];
  }
  *count = total;
  return BABEL_OK;
}

/* The matrix element, malloced. */
static unsigned char *matrix_create(const char *name, int rank, const int *dims, const double *data, size_t count, size_t *size) {
  size_t names = strlen(name), body = 16 + 8 + padded(4 * (size_t)rank) + 8 + padded(names) + 8 + 8 * count;
  unsigned char *matrix = calloc(1, 8 + body), flags[8] = {CLASS_DOUBLE}, shape[4 * MAX_RANK], *at;
  if (!matrix) return NULL;
  for (int i = 0; i < rank; i++) put_u32(shape + 4 * i, (uint32_t)dims[i]);
  at = put_u32(put_u32(matrix, MI_MATRIX), (uint32_t)body);
  at = put_element(at, MI_UINT32, flags, 8);
  at = put_element(at, MI_INT32, shape, 4 * (size_t)rank);
  at = put_element(at, MI_INT8, name, names);
  put_element(at, MI_DOUBLE, data, 8 * count);
  *size = 8 + body;
  return matrix;
}

static babel_status write_all(const char *path, const unsigned char *bytes, size_t size) {
  FILE *stream = fopen(path, "wbe");
  if (!stream) return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
  int bad = fwrite(bytes, 1, size, stream) != size, reason = errno;
  if (fclose(stream) && !bad) {
    bad = 1;
    reason = errno;
  }
  if (!bad) return BABEL_OK;
  unlink(path);
  return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be written: %s", path, strerror(reason));
}

babel_status babel_mat_write(const char *path, const char *name, int rank, const int *dims, const double *data) {
  static const char text[] = "MATLAB 5.0 MAT-file, written by the babel simulator";
  babel_status status = BABEL_OK;
  size_t count, size;
  BABEL_TRY(check(path, name, rank, dims, &count));
  unsigned char *matrix = matrix_create(name, rank, dims, data, count, &size), *file = NULL;
  if (matrix) file = malloc(HEADER + 8 + compressBound(size));
  uLongf packed = matrix ? compressBound(size) : 0;
  if (!matrix || !file || compress2(file + HEADER + 8, &packed, matrix, size, 6) != Z_OK) {
    status = BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory to write %zu numbers", path, count);
    goto fail;
  }
  memset(file, ' ', HEADER);
  memcpy(file, text, sizeof text - 1);
  memset(file + 116, 0, 8);
  memcpy(file + 124, "\0\1IM", 4);
  put_u32(put_u32(file + HEADER, MI_COMPRESSED), (uint32_t)packed);
  status = write_all(path, file, HEADER + 8 + packed);
fail:
  free(matrix);
  free(file);
  return status;
}
