/* A view of an array that somebody else owns: type, shape, row-major data. */
#ifndef BABEL_CORE_TENSOR_H
#define BABEL_CORE_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_MAX_RANK 8

typedef enum {
  BABEL_F32, BABEL_F64, BABEL_F16, BABEL_BF16,
  BABEL_I64, BABEL_I32, BABEL_I16, BABEL_I8,
  BABEL_U64, BABEL_U32, BABEL_U16, BABEL_U8, BABEL_BOOL,
  BABEL_DTYPE_COUNT
} babel_dtype;

typedef struct {
  const void *data; /* row-major, contiguous; may be unaligned when it points into a mapped file */
  babel_dtype dtype;
  int rank; /* 0 = scalar */
  int64_t shape[BABEL_MAX_RANK];
} babel_tensor;

size_t babel_dtype_size(babel_dtype dtype);
const char *babel_dtype_name(babel_dtype dtype); /* safetensors' names: F32, I64, ... */

/* Product of the shape; BABEL_ERR_SHAPE on a negative size or when the product times the item size passes 2^62. */
babel_status babel_tensor_count(const babel_tensor *tensor, int64_t *count);

/* "(613, 144)"; always terminated. Returns text. */
const char *babel_tensor_shape_text(const babel_tensor *tensor, char *text, size_t size);

/* Element i of the flattened tensor as double (integers above 2^53 are rounded). */
double babel_tensor_get(const babel_tensor *tensor, int64_t i);

/* All elements as floats into out[count]; any dtype. */
babel_status babel_tensor_to_floats(const babel_tensor *tensor, float *out);

/* Copies a strided array of items of `width` bytes into row-major order. stride counts items and is not negative; `out` has
 * room for the product of the shape. The caller has checked that every element lies inside `data`. rank 0 copies one item. */
void babel_tensor_gather(void *out, const void *data, size_t width, int rank, const int64_t *shape, const int64_t *stride);

#ifdef __cplusplus
}
#endif
#endif
