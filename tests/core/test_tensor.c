#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "core/tensor.h"
#include "tests/support/compare.h"

static double half(uint16_t bits, babel_dtype dtype) {
  babel_tensor tensor = {.data = &bits, .dtype = dtype, .rank = 0};
  return babel_tensor_get(&tensor, 0);
}

/* IEEE 754 binary16 from its definition: (-1)^s 2^(e-15) (1 + m/1024), or 2^-14 (m/1024) for e = 0. */
Test(core_tensor, half_matches_its_definition_for_all_bit_patterns) {
  for (unsigned bits = 0; bits < 0x10000; bits++) {
    int exponent = (int)(bits >> 10 & 31), mantissa = (int)(bits & 1023);
    double expected = exponent ? pow(2, exponent - 15) * (1 + mantissa / 1024.0) : pow(2, -14) * (mantissa / 1024.0);
    if (exponent == 31) expected = mantissa ? (double)NAN : (double)INFINITY;
    if (bits >> 15) expected = -expected;
    double found = half((uint16_t)bits, BABEL_F16);
    cr_assert(isnan(expected) ? isnan(found) : found == expected && signbit(found) == signbit(expected), "0x%04x: %g", bits, found);
  }
  cr_assert_eq(half(0x3C00, BABEL_F16), 1);
  cr_assert_eq(half(0x7BFF, BABEL_F16), 65504);
}

/* bfloat16: 8 bits of exponent, 7 of mantissa. */
Test(core_tensor, bfloat_matches_its_definition_for_all_bit_patterns) {
  for (unsigned bits = 0; bits < 0x10000; bits++) {
    int exponent = (int)(bits >> 7 & 255), mantissa = (int)(bits & 127);
    double expected = exponent ? ldexp(1 + mantissa / 128.0, exponent - 127) : ldexp(mantissa / 128.0, -126);
    if (exponent == 255) expected = mantissa ? (double)NAN : (double)INFINITY;
    if (bits >> 15) expected = -expected;
    double found = half((uint16_t)bits, BABEL_BF16);
    cr_assert(isnan(expected) ? isnan(found) : found == expected && signbit(found) == signbit(expected), "0x%04x: %g", bits, found);
  }
  cr_assert_eq(half(0x3FC0, BABEL_BF16), 1.5);
}

Test(core_tensor, every_type_is_read_at_any_address) {
  static const struct {
    babel_dtype dtype;
    size_t size;
    const char *name;
    unsigned char bytes[8];
    double value;
  } cases[] = {
      {BABEL_F32, 4, "F32", {0, 0, 0xC0, 0xBF}, -1.5},
      {BABEL_F64, 8, "F64", {0, 0, 0, 0, 0, 0, 0xF8, 0x3F}, 1.5},
      {BABEL_F16, 2, "F16", {0, 0xC0}, -2},
      {BABEL_BF16, 2, "BF16", {0, 0xC0}, -2},
      {BABEL_I64, 8, "I64", {0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, -2},
      {BABEL_I32, 4, "I32", {0, 0, 0, 0x80}, -2147483648.0},
      {BABEL_I16, 2, "I16", {0xFF, 0x7F}, 32767},
      {BABEL_I8, 1, "I8", {0x80}, -128},
      {BABEL_U64, 8, "U64", {0, 0, 0, 0, 0, 0, 0, 0x80}, 9223372036854775808.0},
      {BABEL_U32, 4, "U32", {0xFF, 0xFF, 0xFF, 0xFF}, 4294967295.0},
      {BABEL_U16, 2, "U16", {0, 0x80}, 32768},
      {BABEL_U8, 1, "U8", {0xFF}, 255},
      {BABEL_BOOL, 1, "BOOL", {7}, 1},
  };
  cr_assert_eq(sizeof cases / sizeof *cases, BABEL_DTYPE_COUNT);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    unsigned char unaligned[24];
    cr_assert_eq(babel_dtype_size(cases[i].dtype), cases[i].size);
    cr_assert_str_eq(babel_dtype_name(cases[i].dtype), cases[i].name);
    memset(unaligned, 0x55, sizeof unaligned);
    memcpy(unaligned + 1 + cases[i].size, cases[i].bytes, cases[i].size);
    babel_tensor tensor = {.data = unaligned + 1, .dtype = cases[i].dtype, .rank = 1, .shape = {2}};
    cr_assert_eq(babel_tensor_get(&tensor, 1), cases[i].value, "%s", cases[i].name);
  }
  cr_assert_eq(babel_dtype_size(BABEL_DTYPE_COUNT), 0);
  cr_assert_str_eq(babel_dtype_name(BABEL_DTYPE_COUNT), "?");
}

Test(core_tensor, floats_come_out_of_any_type_and_stay_in_their_buffer) {
  double doubles[4] = {1.1, -2, 1e-300, 3e38};
  int64_t integers[4] = {1, -2, 16777217, 0};
  float plain[4] = {-0.0f, NAN, FLT_MAX, 1}, *out = babel_guarded(4);
  babel_tensor tensor = {.data = doubles, .dtype = BABEL_F64, .rank = 2, .shape = {2, 2}};
  cr_assert_eq(babel_tensor_to_floats(&tensor, out), BABEL_OK);
  for (int i = 0; i < 4; i++) cr_assert_eq(out[i], (float)doubles[i]);
  tensor.data = integers;
  tensor.dtype = BABEL_I64;
  cr_assert_eq(babel_tensor_to_floats(&tensor, out), BABEL_OK);
  for (int i = 0; i < 4; i++) cr_assert_eq(out[i], (float)integers[i]);
  tensor.data = plain;
  tensor.dtype = BABEL_F32;
  cr_assert_eq(babel_tensor_to_floats(&tensor, out), BABEL_OK);
  cr_assert_eq(memcmp(out, plain, sizeof plain), 0, "same bits");
  tensor.shape[1] = 0;
  tensor.data = NULL;
  cr_assert_eq(babel_tensor_to_floats(&tensor, out), BABEL_OK);
  cr_assert(babel_guard_check(out, 4));
  babel_guarded_free(out);
}

Test(core_tensor, count_is_the_product_and_refuses_what_overflows) {
  int64_t count = -1;
  babel_tensor tensor = {.dtype = BABEL_F32};
  cr_assert_eq(babel_tensor_count(&tensor, &count), BABEL_OK);
  cr_assert_eq(count, 1, "a scalar");
  static const struct {
    int rank;
    int64_t shape[4], count; /* -1: refused */
  } cases[] = {{2, {613, 144}, 88272}, {2, {3, 0}, 0}, {3, {0, (int64_t)1 << 60, 5}, 0}, {1, {(int64_t)1 << 60}, (int64_t)1 << 60},
               {1, {((int64_t)1 << 60) + 1}, -1}, {2, {(int64_t)1 << 32, (int64_t)1 << 32}, -1}, {2, {(int64_t)1 << 31, (int64_t)1 << 31}, -1},
               {1, {-1}, -1}, {2, {0, -1}, -1}, {4, {65536, 65536, 65536, 65536}, -1}, {1, {INT64_MAX}, -1}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tensor.rank = cases[i].rank;
    memcpy(tensor.shape, cases[i].shape, sizeof cases[i].shape);
    babel_status status = babel_tensor_count(&tensor, &count);
    cr_assert_eq(status, cases[i].count < 0 ? BABEL_ERR_SHAPE : BABEL_OK, "case %zu", i);
    if (status == BABEL_OK) cr_assert_eq(count, cases[i].count, "case %zu: %lld", i, (long long)count);
  }
  tensor.rank = BABEL_MAX_RANK + 1;
  cr_assert_eq(babel_tensor_count(&tensor, &count), BABEL_ERR_SHAPE);
  tensor.rank = -1;
  cr_assert_eq(babel_tensor_count(&tensor, &count), BABEL_ERR_SHAPE);
  tensor.rank = 0;
  tensor.dtype = BABEL_DTYPE_COUNT;
  cr_assert_eq(babel_tensor_count(&tensor, &count), BABEL_ERR_ARG);
}

Test(core_tensor, shape_text_is_terminated_at_every_size) {
  char text[64], whole[] = "(613, 144)";
  babel_tensor tensor = {.rank = 2, .shape = {613, 144}};
  for (size_t size = 1; size <= sizeof whole; size++) {
    memset(text, 'x', sizeof text);
    cr_assert_eq(babel_tensor_shape_text(&tensor, text, size), text);
    cr_assert_eq(strlen(text), size - 1);
    cr_assert_eq(strncmp(text, whole, size - 1), 0);
    cr_assert_eq(text[size], 'x');
  }
  tensor.rank = 0;
  cr_assert_str_eq(babel_tensor_shape_text(&tensor, text, sizeof text), "()");
  tensor.rank = 1000;
  babel_tensor_shape_text(&tensor, text, sizeof text); /* a rank that no tensor has: nothing outside the shape is read */
}

/* out[i][j][k] = data[i s0 + j s1 + k s2]. */
Test(core_tensor, gather_follows_the_strides) {
  static const int64_t shapes[][3] = {{2, 3, 4}, {1, 5, 1}, {4, 1, 3}, {2, 2, 0}, {3, 4, 2}}, strides[][3] = {
      {1, 2, 6}, {0, 7, 3}, {2, 100, 9}, {1, 1, 1}, {8, 2, 1}};
  static const size_t widths[] = {1, 2, 3, 4, 8};
  unsigned char data[800], out[400];
  for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)(i * 7 + i / 256);
  for (size_t c = 0; c < sizeof shapes / sizeof *shapes; c++)
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
      size_t width = widths[w], at = 0;
      memset(out, 0xEE, sizeof out);
      babel_tensor_gather(out, data, width, 3, shapes[c], strides[c]);
      for (int64_t i = 0; i < shapes[c][0]; i++)
        for (int64_t j = 0; j < shapes[c][1]; j++)
          for (int64_t k = 0; k < shapes[c][2]; k++, at++) {
            size_t from = (size_t)(i * strides[c][0] + j * strides[c][1] + k * strides[c][2]);
            cr_assert_eq(memcmp(out + at * width, data + from * width, width), 0, "case %zu width %zu element %zu", c, width, at);
          }
      for (size_t i = at * width; i < sizeof out; i++) cr_assert_eq(out[i], 0xEE);
    }
  babel_tensor_gather(out, data + 16, 8, 0, NULL, NULL);
  cr_assert_eq(memcmp(out, data + 16, 8), 0, "a scalar");
}
