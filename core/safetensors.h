/* safetensors, read by mapping and written atomically (formats.md section 9).
 *
 * Layout: uint64 N, N bytes of JSON, data. Accepted: every dtype of babel_dtype, rank 0 to 8, sizes of 0, one
 * `__metadata__` object of strings. Refused with a sentence that names file and tensor: N over 100,000,000 or past the end
 * of the file, JSON that is not an object or has a name twice, end - begin other than product x width, overlaps, holes,
 * trailing bytes. Written with the data at a multiple of 64 bytes. */
#ifndef BABEL_CORE_SAFETENSORS_H
#define BABEL_CORE_SAFETENSORS_H

#include "core/file.h"
#include "core/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  char *name;
  babel_tensor tensor; /* data points into the mapped file */
} babel_named_tensor;

typedef struct {
  babel_file file;
  int count;
  babel_named_tensor *tensors; /* in file (data) order */
  int metadata_count;
  char **metadata_keys, **metadata_values;
} babel_safetensors;

babel_status babel_safetensors_open(babel_safetensors *st, const char *path);
void babel_safetensors_close(babel_safetensors *st); /* accepts a zeroed one */

/* NULL when absent. */
const babel_tensor *babel_safetensors_find(const babel_safetensors *st, const char *name);
const char *babel_safetensors_metadata(const babel_safetensors *st, const char *key);

/* The tensor with exactly this dtype and shape (-1 = any size), or BABEL_ERR_FORMAT with file, name, expected and found. */
babel_status babel_safetensors_require(const babel_safetensors *st, const char *name, babel_dtype dtype, int rank,
                                       const int64_t *shape, const babel_tensor **tensor);

/* Writer. add copies names and metadata and borrows data until commit; names must be unique. */
typedef struct babel_safetensors_writer babel_safetensors_writer;
babel_status babel_safetensors_writer_create(babel_safetensors_writer **writer);
void babel_safetensors_writer_destroy(babel_safetensors_writer *writer);
babel_status babel_safetensors_writer_metadata(babel_safetensors_writer *writer, const char *key, const char *value);
babel_status babel_safetensors_writer_add(babel_safetensors_writer *writer, const char *name, const babel_tensor *tensor);
/* Convenience: float data of the given rank and shape. */
babel_status babel_safetensors_writer_floats(babel_safetensors_writer *writer, const char *name, const float *data, int rank,
                                             const int64_t *shape);
babel_status babel_safetensors_writer_commit(babel_safetensors_writer *writer, const char *path);

#ifdef __cplusplus
}
#endif
#endif
