/* Writes small MAT files byte by byte for the tests, well-formed and otherwise. Independent of the reader: types and
 * classes are plain numbers of the format (types 1 int8, 2 uint8, 4 uint16, 7 single, 9 double; classes 6 double, ...). */
#ifndef BABEL_TESTS_DATA_MAT_BYTES_H
#define BABEL_TESTS_DATA_MAT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  unsigned char *bytes;
  size_t size;
} mat_bytes;

typedef struct {
  const char *name;
  uint32_t name_type; /* 0 = 1 (int8) */
  uint32_t flags;     /* class in the low byte; 0 = 6 (double) */
  uint32_t dims_type; /* 0 = 5 (int32) */
  int rank;
  uint32_t dims[10];
  uint32_t type; /* of the values as stored; 0 = 9 (double) */
  const void *values;
  size_t value_bytes;
} mat_spec;

mat_bytes mat_header(void);
/* A matrix element; small elements where they fit. */
mat_bytes mat_matrix(const mat_spec *spec);
/* Element 15 around packed bytes. claim >= 0 overwrites the size inside the inner tag before packing. */
mat_bytes mat_packed(mat_bytes inner, long claim);
/* a becomes a + b; b is freed. */
void mat_append(mat_bytes *a, mat_bytes b);
/* Appends an element (tag, data, padding) of any type. */
void mat_element(mat_bytes *a, uint32_t type, const void *data, size_t size);
void mat_save(const char *path, mat_bytes file);
void mat_free(mat_bytes *a);

/* One packed variable of doubles in one file: what MATLAB -v7 writes. */
void mat_write_doubles(const char *path, const char *name, int rank, const uint32_t *dims, const double *values);

#endif
