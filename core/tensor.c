#include "core/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct {
  size_t size;
  const char *name;
} dtypes[BABEL_DTYPE_COUNT] = {
    [BABEL_F32] = {4, "F32"}, [BABEL_F64] = {8, "F64"}, [BABEL_F16] = {2, "F16"}, [BABEL_BF16] = {2, "BF16"},
    [BABEL_I64] = {8, "I64"}, [BABEL_I32] = {4, "I32"}, [BABEL_I16] = {2, "I16"}, [BABEL_I8] = {1, "I8"},
    [BABEL_U64] = {8, "U64"}, [BABEL_U32] = {4, "U32"}, [BABEL_U16] = {2, "U16"}, [BABEL_U8] = {1, "U8"},
    [BABEL_BOOL] = {1, "BOOL"},
};

size_t babel_dtype_size(babel_dtype dtype) {
  return (unsigned)dtype < BABEL_DTYPE_COUNT ? dtypes[dtype].size : 0;
}

const char *babel_dtype_name(babel_dtype dtype) {
  return (unsigned)dtype < BABEL_DTYPE_COUNT ? dtypes[dtype].name : "?";
}

babel_status babel_tensor_count(const babel_tensor *tensor, int64_t *count) {
  int64_t product = 1, limit = (int64_t)1 << 62;
  char text[224];
  if ((unsigned)tensor->dtype >= BABEL_DTYPE_COUNT)
    return BABEL_FAIL(BABEL_ERR_ARG, "unknown element type %d", (int)tensor->dtype);
  if (tensor->rank < 0 || tensor->rank > BABEL_MAX_RANK)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "rank %d, expected 0 to %d", tensor->rank, BABEL_MAX_RANK);
  limit /= (int64_t)babel_dtype_size(tensor->dtype);
  for (int i = 0; i < tensor->rank; i++) {
    int64_t size = tensor->shape[i];
    if (size < 0 || (size && product > limit / size))
      return BABEL_FAIL(BABEL_ERR_SHAPE, "impossible shape %s", babel_tensor_shape_text(tensor, text, sizeof text));
    product *= size;
  }
  *count = product;
  return BABEL_OK;
}

const char *babel_tensor_shape_text(const babel_tensor *tensor, char *text, size_t size) {
  size_t used = 0;
  int rank = tensor->rank < 0 ? 0 : tensor->rank > BABEL_MAX_RANK ? BABEL_MAX_RANK : tensor->rank;
  if (size) text[0] = 0;
  for (int i = -1; i <= rank && used < size; i++) {
    int n = i < 0       ? snprintf(text + used, size - used, "(")
            : i == rank ? snprintf(text + used, size - used, ")")
                        : snprintf(text + used, size - used, i ? ", %lld" : "%lld", (long long)tensor->shape[i]);
    if (n > 0) used += (size_t)n;
  }
  return text;
}

static double half_to_double(uint16_t h) {
  int exponent = h >> 10 & 31, mantissa = h & 1023;
  double value = exponent == 31 ? (mantissa ? (double)NAN : (double)INFINITY)
                 : exponent     ? ldexp(1024 + mantissa, exponent - 25)
                                : ldexp(mantissa, -24);
  return h & 0x8000 ? -value : value;
}

double babel_tensor_get(const babel_tensor *tensor, int64_t i) {
  const unsigned char *at = (const unsigned char *)tensor->data + (size_t)i * babel_dtype_size(tensor->dtype);
#define BABEL_LOAD(type)                                                                                               \
  {                                                                                                                    \
    type value;                                                                                                        \
    memcpy(&value, at, sizeof value);                                                                                  \
    return (double)value;                                                                                              \
  }
  switch (tensor->dtype) {
  case BABEL_F32: BABEL_LOAD(float)
  case BABEL_F64: BABEL_LOAD(double)
  case BABEL_I64: BABEL_LOAD(int64_t)
  case BABEL_I32: BABEL_LOAD(int32_t)
  case BABEL_I16: BABEL_LOAD(int16_t)
  case BABEL_I8: BABEL_LOAD(int8_t)
  case BABEL_U64: BABEL_LOAD(uint64_t)
  case BABEL_U32: BABEL_LOAD(uint32_t)
  case BABEL_U16: BABEL_LOAD(uint16_t)
  case BABEL_U8: BABEL_LOAD(uint8_t)
  case BABEL_BOOL: return *at != 0;
  case BABEL_F16: {
    uint16_t half;
    memcpy(&half, at, sizeof half);
    return half_to_double(half);
  }
  case BABEL_BF16: {
    uint16_t half;
    memcpy(&half, at, sizeof half);
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
  }
  default: return (double)NAN;
  }
#undef BABEL_LOAD
}

babel_status babel_tensor_to_floats(const babel_tensor *tensor, float *out) {
  int64_t count;
  BABEL_TRY(babel_tensor_count(tensor, &count));
  if (tensor->dtype == BABEL_F32) {
    if (count) memcpy(out, tensor->data, (size_t)count * sizeof *out);
  } else {
    for (int64_t i = 0; i < count; i++) out[i] = (float)babel_tensor_get(tensor, i);
  }
  return BABEL_OK;
}

/* One row along the last axis; constant widths let the compiler use plain moves. */
static void gather_row(unsigned char *to, const unsigned char *from, size_t width, int64_t count, size_t step) {
#define BABEL_ROW(bytes)                                                                                               \
  for (int64_t i = 0; i < count; i++) memcpy(to + (size_t)i * (bytes), from + (size_t)i * step, (bytes));              \
  break;
  switch (width) {
  case 1: BABEL_ROW(1)
  case 2: BABEL_ROW(2)
  case 4: BABEL_ROW(4)
  case 8: BABEL_ROW(8)
  default: BABEL_ROW(width)
  }
#undef BABEL_ROW
}

void babel_tensor_gather(void *out, const void *data, size_t width, int rank, const int64_t *shape, const int64_t *stride) {
  int64_t index[BABEL_MAX_RANK] = {0}, inner = rank ? shape[rank - 1] : 1, at = 0;
  size_t step = rank ? (size_t)stride[rank - 1] * width : 0;
  unsigned char *to = out;
  for (int i = 0; i < rank; i++)
    if (!shape[i]) return;
  for (;;) {
    int axis = rank - 2;
    gather_row(to, (const unsigned char *)data + (size_t)at * width, width, inner, step);
    to += (size_t)inner * width;
    for (; axis >= 0; axis--) {
      if (++index[axis] < shape[axis]) break;
      at -= (shape[axis] - 1) * stride[axis];
      index[axis] = 0;
    }
    if (axis < 0) return;
    at += stride[axis];
  }
}
