#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/npy.h"
#include "tests/core/containers.h"
#include "tests/support/paths.h"

/* A file of this version and header text; the data begin at a multiple of `align`. */
static const char *file_of(int version, const char *header, size_t align, const void *data, size_t size) {
  bytes b = {0};
  size_t fixed = version == 1 ? 10 : 12, length = strlen(header), pad = (align - (fixed + length + 1) % align) % align;
  put(&b, "\x93NUMPY", 6);
  put_u8(&b, (unsigned)version);
  put_u8(&b, 0);
  if (version == 1) put_u16(&b, (unsigned)(length + pad + 1));
  else put_u32(&b, (uint32_t)(length + pad + 1));
  put_text(&b, header);
  for (size_t i = 0; i < pad; i++) put_text(&b, " ");
  put_text(&b, "\n");
  put(&b, data, size);
  const char *path = scratch_file(&b, ".npy");
  bytes_free(&b);
  return path;
}

static void refuse(int version, const char *header, size_t size, babel_status status, const char *word) {
  static const char zeros[256];
  babel_npy npy;
  cr_assert_eq(babel_npy_open(&npy, file_of(version, header, 64, zeros, size)), status, "%s", header);
  cr_assert(strstr(babel_error_last()->sentence, "file.npy") && strstr(babel_error_last()->sentence, word), "%s", babel_error_last()->sentence);
  babel_npy_close(&npy);
}

/* 0, 1, ... 14 as (5, 3): element [i][j] = 3 i + j. */
static void expect_fifteen(const char *path, const char *label) {
  babel_npy npy;
  cr_assert_eq(babel_npy_open(&npy, path), BABEL_OK, "%s: %s", label, babel_error_last()->sentence);
  cr_assert(npy.tensor.rank == 2 && npy.tensor.shape[0] == 5 && npy.tensor.shape[1] == 3, "%s", label);
  for (int i = 0; i < 15; i++) cr_assert_eq(babel_tensor_get(&npy.tensor, i), i, "%s: element %d", label, i);
  babel_npy_close(&npy);
  cr_assert_null(npy.file.data);
}

#define C_ORDER "{'descr': '<f8', 'fortran_order': False, 'shape': (5, 3), }"
#define F_ORDER "{'descr': '<f8', 'fortran_order': True, 'shape': (5, 3), }"

Test(core_npy, versions_alignments_and_orders_give_the_same_numbers) {
  double rows[15], columns[15];
  unsigned char big[120];
  for (int i = 0; i < 15; i++) {
    rows[i] = i;
    columns[i % 3 * 5 + i / 3] = i;
    for (int k = 0; k < 8; k++) big[8 * i + k] = ((unsigned char *)&rows[i])[7 - k];
  }
  for (int version = 1; version <= 3; version++) {
    expect_fifteen(file_of(version, C_ORDER, 64, rows, sizeof rows), "version");
    expect_fifteen(file_of(version, F_ORDER, 64, columns, sizeof columns), "column order");
  }
  expect_fifteen(file_of(1, C_ORDER, 16, rows, sizeof rows), "aligned to 16");
  expect_fifteen(file_of(1, C_ORDER " ", 1, rows, sizeof rows), "unaligned");
  expect_fifteen(file_of(1, "{'descr': '>f8', 'fortran_order': False, 'shape': (5, 3), }", 64, big, sizeof big), "big-endian");
  expect_fifteen(file_of(1, "{'descr': '=f8', 'fortran_order': False, 'shape': (5, 3), }", 64, rows, sizeof rows), "native");
  expect_fifteen(file_of(1, "{'shape':(5L,3L),\"fortran_order\":False,'descr':\"<f8\"}", 64, rows, sizeof rows), "Python 2, other order");
  expect_fifteen(file_of(1, "{ 'descr' : '<f8' ,\n\t'shape' : ( 5 , 3 , ) , 'fortran_order' : False }", 64, rows, sizeof rows), "blanks");
}

Test(core_npy, big_endian_columns_are_swapped_and_transposed) {
  babel_npy npy;
  static const unsigned char data[12] = {0, 1, 0, 2, 0, 3, 0, 4, 1, 0, 0xFF, 0xFF};
  cr_assert_eq(babel_npy_open(&npy, file_of(1, "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }", 64, data, sizeof data)), BABEL_OK);
  static const double expected[6] = {1, 3, 256, 2, 4, -1};
  for (int i = 0; i < 6; i++) cr_assert_eq(babel_tensor_get(&npy.tensor, i), expected[i]);
  babel_npy_close(&npy);
}

Test(core_npy, three_axes_of_column_order_are_transposed) {
  babel_npy npy;
  unsigned char data[24];
  for (int i = 0; i < 2; i++)
    for (int j = 0; j < 3; j++)
      for (int k = 0; k < 4; k++) data[i + 2 * j + 6 * k] = (unsigned char)(100 * i + 10 * j + k);
  cr_assert_eq(babel_npy_open(&npy, file_of(1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4), }", 64, data, sizeof data)), BABEL_OK);
  for (int i = 0; i < 24; i++) cr_assert_eq(babel_tensor_get(&npy.tensor, i), 100 * (i / 12) + 10 * (i / 4 % 3) + i % 4);
  babel_npy_close(&npy);
}

Test(core_npy, every_number_type_is_known) {
  static const struct {
    const char *descr;
    babel_dtype dtype;
  } cases[] = {{"<f2", BABEL_F16}, {"<f4", BABEL_F32}, {"<f8", BABEL_F64}, {"<i2", BABEL_I16}, {"<i4", BABEL_I32}, {"<i8", BABEL_I64}, {"<u2", BABEL_U16},
               {"<u4", BABEL_U32}, {"<u8", BABEL_U64}, {"|i1", BABEL_I8},  {"|u1", BABEL_U8},  {"|b1", BABEL_BOOL}};
  static const char zeros[64];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    babel_npy npy;
    char header[100];
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (3,), }", cases[i].descr);
    cr_assert_eq(babel_npy_open(&npy, file_of(1, header, 64, zeros, 3 * babel_dtype_size(cases[i].dtype))), BABEL_OK, "%s", cases[i].descr);
    cr_assert_eq(npy.tensor.dtype, cases[i].dtype);
    cr_assert(npy.tensor.rank == 1 && npy.tensor.shape[0] == 3);
    babel_npy_close(&npy);
  }
}

Test(core_npy, scalars_and_empty_arrays_are_read) {
  babel_npy npy;
  float value = 3.5f;
  int64_t count;
  cr_assert_eq(babel_npy_open(&npy, file_of(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 64, &value, 4)), BABEL_OK);
  cr_assert(npy.tensor.rank == 0 && babel_tensor_get(&npy.tensor, 0) == 3.5);
  babel_npy_close(&npy);
  cr_assert_eq(babel_npy_open(&npy, file_of(1, "{'descr': '>f4', 'fortran_order': True, 'shape': (0, 6), }", 64, NULL, 0)), BABEL_OK);
  cr_assert(npy.tensor.rank == 2 && npy.tensor.shape[1] == 6 && babel_tensor_count(&npy.tensor, &count) == BABEL_OK && count == 0);
  babel_npy_close(&npy);
}

/* numpy 28330 and 23105: truncated data, two arrays in one file, a raw dump with the wrong name. */
Test(core_npy, truncated_data_says_both_sizes) {
  refuse(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 6), }", 76, BABEL_ERR_FORMAT, "96");
  cr_assert(strstr(babel_error_last()->sentence, "76") && strstr(babel_error_last()->sentence, "(4, 6)"));
}

Test(core_npy, trailing_bytes_are_warned_about_with_their_number) {
  babel_npy npy;
  float data[8] = {0, 1, 2, 3, 4, 5, 6, 7};
  babel_log_set_level(BABEL_LOG_QUIET);
  cr_assert_eq(babel_warn_count(), 0);
  cr_assert_eq(babel_npy_open(&npy, file_of(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 64, data, sizeof data)), BABEL_OK);
  cr_assert_eq(babel_warn_count(), 1);
  cr_assert_eq(babel_tensor_get(&npy.tensor, 5), 5);
  babel_npy_close(&npy);
}

Test(core_npy, foreign_files_are_recognised) {
  babel_npy npy;
  static const char *const starts[] = {"PK\3\4zip.....", "version https://git-lfs.github.com/spec/v1\n", "<html><body>", "\x93NUMPX\1.......", "1.0 2.0 3.0 4.0"};
  static const char *const words[] = {"zip", "Git-LFS", "HTML", "NUMPY", "NUMPY"};
  for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
    bytes b = {0};
    put_text(&b, starts[i]);
    cr_assert_eq(babel_npy_open(&npy, scratch_file(&b, ".npy")), BABEL_ERR_FORMAT);
    cr_assert(strstr(babel_error_last()->sentence, words[i]), "%s", babel_error_last()->sentence);
    bytes_free(&b);
  }
  cr_assert_eq(babel_npy_open(&npy, babel_fixture("none.npy")), BABEL_ERR_IO);
}

Test(core_npy, types_that_are_not_real_numbers_are_refused) {
  refuse(1, "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", 24, BABEL_ERR_UNSUPPORTED, "pickled");
  refuse(1, "{'descr': [('a', '<f4'), ('b', '<i4')], 'fortran_order': False, 'shape': (3,), }", 24, BABEL_ERR_UNSUPPORTED, "structured");
  refuse(1, "{'descr': '<c8', 'fortran_order': False, 'shape': (3,), }", 24, BABEL_ERR_UNSUPPORTED, "<c8");
  refuse(1, "{'descr': '<U5', 'fortran_order': False, 'shape': (3,), }", 60, BABEL_ERR_UNSUPPORTED, "<U5");
  refuse(1, "{'descr': '<f3', 'fortran_order': False, 'shape': (3,), }", 60, BABEL_ERR_UNSUPPORTED, "<f3");
  refuse(1, "{'descr': '', 'fortran_order': False, 'shape': (3,), }", 60, BABEL_ERR_UNSUPPORTED, "type");
  refuse(4, C_ORDER, 120, BABEL_ERR_UNSUPPORTED, "version 4.0");
  refuse(0, C_ORDER, 120, BABEL_ERR_UNSUPPORTED, "version 0.0");
}

Test(core_npy, damaged_headers_are_refused) {
  static const char *const headers[] = {
      "", "{", "{}", "{'descr': '<f4', 'fortran_order': False, }", "{'descr': '<f4', 'shape': (3,), }", "{'fortran_order': False, 'shape': (3,), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'more': 1}", "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)} x", "{'descr': '<f4', 'fortran_order': False, 'shape': (3,) 'x'}",
      "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (3,)}", "{'descr': '<f4', 'fortran_order': False, 'shape': 3}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3)}", "{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2}", "{'descr': '<f4', 'fortran_order': False, 'shape': (3 2)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", "{'descr': '<f4",
      "{'descr': <f4, 'fortran_order': False, 'shape': (3,)}", "{descr: '<f4', 'fortran_order': False, 'shape': (3,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}",
      "{'descr': '<f4', 'fortran_order': True, 'shape': (1000000, 1000000)}", "{'descr' '<f4', 'fortran_order': False, 'shape': (3,)}"};
  for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) refuse(1, headers[i], 64, BABEL_ERR_FORMAT, "");
  refuse(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", 4, BABEL_ERR_UNSUPPORTED, "8 axes");
}

Test(core_npy, file_cut_anywhere_is_refused) {
  babel_npy npy;
  for (int version = 1; version <= 2; version++) {
    bytes b = {0};
    size_t length = strlen(C_ORDER);
    put(&b, "\x93NUMPY", 6);
    put_u16(&b, (unsigned)version);
    if (version == 1) put_u16(&b, (unsigned)length);
    else put_u32(&b, (uint32_t)length);
    put_text(&b, C_ORDER);
    for (int i = 0; i < 120; i++) put_u8(&b, 0);
    cr_assert_eq(babel_npy_open(&npy, scratch_file(&b, ".npy")), BABEL_OK);
    babel_npy_close(&npy);
    for (size_t size = b.size - 1; size > 0; size--) {
      b.size = size;
      cr_assert_eq(babel_npy_open(&npy, scratch_file(&b, ".npy")), BABEL_ERR_FORMAT, "cut to %zu bytes", size);
    }
    bytes_free(&b);
  }
}

/* The 128 bytes that numpy.save writes in front of a float32 array (613, 144), known from its format. */
Test(core_npy, written_header_is_numpys_own) {
  static const char text[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (613, 144), }";
  float *data = calloc(613 * 144, sizeof *data);
  char path[1100];
  babel_file file;
  data[613 * 144 - 1] = 2.5f;
  snprintf(path, sizeof path, "%s/x.npy", babel_scratch());
  cr_assert_eq(babel_npy_write(path, &(babel_tensor){data, BABEL_F32, 2, {613, 144}}), BABEL_OK);
  cr_assert_eq(babel_file_open(&file, path), BABEL_OK);
  cr_assert_eq(file.size, 128 + 613 * 144 * 4);
  cr_assert_eq(memcmp(file.data, "\x93NUMPY\1\0\x76\0", 10), 0);
  cr_assert_eq(memcmp(file.data + 10, text, sizeof text - 1), 0);
  for (size_t i = 10 + sizeof text - 1; i < 127; i++) cr_assert_eq(file.data[i], ' ');
  cr_assert_eq(file.data[127], '\n');
  cr_assert_eq(memcmp(file.data + 128, data, 613 * 144 * 4), 0);
  babel_file_close(&file);
  free(data);
}

Test(core_npy, every_rank_and_type_is_written_and_read_back) {
  unsigned char data[256];
  char path[1100];
  for (int i = 0; i < 256; i++) data[i] = (unsigned char)(i * 37);
  snprintf(path, sizeof path, "%s/x.npy", babel_scratch());
  for (int dtype = 0; dtype < BABEL_DTYPE_COUNT; dtype++)
    for (int rank = 0; rank <= BABEL_MAX_RANK; rank++) {
      if (dtype != BABEL_F32 && rank != dtype % 3) continue; /* each file costs an fsync */
      babel_tensor tensor = {data, (babel_dtype)dtype, rank, {1, 2, 1, 3, 1, 1, 2, 1}};
      babel_npy npy;
      int64_t count;
      if (dtype == BABEL_BF16) {
        cr_assert_eq(babel_npy_write(path, &tensor), BABEL_ERR_UNSUPPORTED);
        continue;
      }
      cr_assert_eq(babel_npy_write(path, &tensor), BABEL_OK);
      cr_assert_eq(babel_npy_open(&npy, path), BABEL_OK, "%s", babel_error_last()->sentence);
      cr_assert_eq(npy.tensor.dtype, tensor.dtype);
      cr_assert_eq(npy.tensor.rank, rank);
      for (int i = 0; i < rank; i++) cr_assert_eq(npy.tensor.shape[i], tensor.shape[i]);
      cr_assert_eq((size_t)((const unsigned char *)npy.tensor.data - npy.file.data) % 64, 0);
      babel_tensor_count(&tensor, &count);
      cr_assert_eq(memcmp(npy.tensor.data, data, (size_t)count * babel_dtype_size(tensor.dtype)), 0);
      babel_npy_close(&npy);
    }
  cr_assert_eq(babel_npy_write(path, &(babel_tensor){data, BABEL_F32, 1, {-1}}), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_npy_write("/proc/none/x.npy", &(babel_tensor){data, BABEL_F32, 1, {1}}), BABEL_ERR_IO);
}
