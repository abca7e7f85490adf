#include <criterion/criterion.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "core/safetensors.h"
#include "tests/core/containers.h"
#include "tests/support/comma_locale.h"
#include "tests/support/paths.h"

/* A file of this JSON text and `size` bytes 0, 1, 2, ... */
static const char *file_of(const char *json, size_t size) {
  bytes b = {0};
  put_u64(&b, strlen(json));
  put_text(&b, json);
  for (size_t i = 0; i < size; i++) put_u8(&b, (unsigned)i & 255);
  const char *path = scratch_file(&b, ".safetensors");
  bytes_free(&b);
  return path;
}

static void refuse(const char *json, size_t size, babel_status status, const char *word) {
  babel_safetensors st;
  cr_assert_eq(babel_safetensors_open(&st, file_of(json, size)), status, "%.80s", json);
  cr_assert(strstr(babel_error_last()->sentence, "file.safetensors"), "%s", babel_error_last()->sentence);
  cr_assert(strstr(babel_error_last()->sentence, word), "%s", babel_error_last()->sentence);
  cr_assert_null(st.tensors);
  babel_safetensors_close(&st);
}

#define ENTRY(name, dtype, shape, begin, end) "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"

Test(core_safetensors, tensors_come_in_data_order_with_their_values) {
  babel_safetensors st;
  cr_assert_eq(babel_safetensors_open(&st, file_of("{" ENTRY("b", "I16", "[3]", "4", "10") ",\"__metadata__\":{\"k\":\"v\\n\",\"l\":\"\"},"
                                                   ENTRY("a", "U8", "[2,2]", "0", "4") "}  ", 10)), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(st.count, 2);
  cr_assert_str_eq(st.tensors[0].name, "a");
  cr_assert_str_eq(st.tensors[1].name, "b");
  const babel_tensor *b = babel_safetensors_find(&st, "b");
  cr_assert(b && b->dtype == BABEL_I16 && b->rank == 1 && b->shape[0] == 3);
  cr_assert_eq(babel_tensor_get(b, 0), 0x0504);
  cr_assert_eq(babel_tensor_get(b, 2), 0x0908);
  cr_assert_eq(babel_tensor_get(babel_safetensors_find(&st, "a"), 3), 3);
  cr_assert_null(babel_safetensors_find(&st, "c"));
  cr_assert_str_eq(babel_safetensors_metadata(&st, "k"), "v\n");
  cr_assert_str_eq(babel_safetensors_metadata(&st, "l"), "");
  cr_assert_null(babel_safetensors_metadata(&st, "m"));
  babel_safetensors_close(&st);
  babel_safetensors_close(&st);
}

/* safetensors 280 and 442: empty and zero-dimensional tensors are legal. */
Test(core_safetensors, empty_and_scalar_tensors_are_read) {
  babel_safetensors st;
  int64_t count;
  cr_assert_eq(babel_safetensors_open(&st, file_of("{" ENTRY("empty", "F32", "[0]", "0", "0") "," ENTRY("scalar", "I64", "[]", "0", "8") ","
                                                   ENTRY("empty2", "F32", "[3,0]", "8", "8") "}", 8)), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(st.count, 3);
  const babel_tensor *scalar = babel_safetensors_find(&st, "scalar"), *empty = babel_safetensors_find(&st, "empty2");
  cr_assert(scalar->rank == 0 && babel_tensor_get(scalar, 0) == (double)0x0706050403020100);
  cr_assert(empty->rank == 2 && empty->shape[0] == 3 && empty->shape[1] == 0);
  cr_assert(babel_tensor_count(empty, &count) == BABEL_OK && count == 0);
  babel_safetensors_close(&st);
  cr_assert_eq(babel_safetensors_open(&st, file_of("{}", 0)), BABEL_OK, "no tensor at all");
  cr_assert_eq(st.count, 0);
  babel_safetensors_close(&st);
}

/* mlx 3363, h3.c 48, ComfyUI 15602: what the header promises is held against the file before anything is read. */
Test(core_safetensors, damage_is_refused_with_the_name_of_the_tensor) {
  refuse("{" ENTRY("a", "F32", "[4]", "0", "16") "," ENTRY("b", "F32", "[4]", "8", "24") "}", 24, BABEL_ERR_FORMAT, "\"b\"");
  refuse("{" ENTRY("a", "F32", "[2]", "0", "8") "," ENTRY("b", "F32", "[2]", "16", "24") "}", 24, BABEL_ERR_FORMAT, "hole");
  refuse("{" ENTRY("a", "F32", "[2]", "4", "12") "}", 12, BABEL_ERR_FORMAT, "\"a\"");
  refuse("{" ENTRY("a", "F32", "[2]", "0", "8") "}", 12, BABEL_ERR_FORMAT, "4 bytes behind");
  refuse("{" ENTRY("t", "F32", "[1000,1000]", "0", "4") "}", 4, BABEL_ERR_FORMAT, "4000000");
  refuse("{" ENTRY("t", "F32", "[1000,1000]", "0", "4000000") "}", 4, BABEL_ERR_FORMAT, "truncated");
  refuse("{" ENTRY("t", "F32", "[4294967296,4294967296]", "0", "0") "}", 0, BABEL_ERR_FORMAT, "4294967296");
  refuse("{" ENTRY("t", "F32", "[9223372036854775807]", "0", "0") "}", 0, BABEL_ERR_FORMAT, "\"t\"");
  refuse("{" ENTRY("t", "F32", "[2]", "8", "0") "}", 8, BABEL_ERR_FORMAT, "\"t\"");
  refuse("{" ENTRY("t", "F32", "[2]", "-8", "0") "}", 8, BABEL_ERR_FORMAT, "\"t\"");
  refuse("{" ENTRY("t", "F32", "[-2]", "0", "8") "}", 8, BABEL_ERR_FORMAT, "\"t\"");
  refuse("{" ENTRY("t", "F32", "[2.0]", "0", "8") "}", 8, BABEL_ERR_FORMAT, "\"t\"");
  refuse("{" ENTRY("t", "F32", "2", "0", "8") "}", 8, BABEL_ERR_FORMAT, "\"t\"");
  refuse("{" ENTRY("t", "F32", "[1,1,1,1,1,1,1,1,1]", "0", "4") "}", 4, BABEL_ERR_FORMAT, "\"t\"");
  refuse("{" ENTRY("t", "F8_E4M3", "[2]", "0", "2") "}", 2, BABEL_ERR_UNSUPPORTED, "F8_E4M3");
  refuse("{\"t\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, BABEL_ERR_FORMAT, "\"t\"");
  refuse("{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,9]}}", 8, BABEL_ERR_FORMAT, "\"t\"");
  refuse("{\"t\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, BABEL_ERR_FORMAT, "\"t\"");
  refuse("{\"t\":7}", 8, BABEL_ERR_FORMAT, "\"t\"");
}

Test(core_safetensors, header_must_be_one_flat_object_with_names_of_its_own) {
  refuse("{" ENTRY("t", "F32", "[1]", "0", "4") "," ENTRY("t", "F32", "[1]", "4", "8") "}", 8, BABEL_ERR_FORMAT, "t");
  refuse("[1,2,3]", 0, BABEL_ERR_FORMAT, "{");
  refuse("{\"t\":", 0, BABEL_ERR_FORMAT, "header");
  refuse("{} x", 0, BABEL_ERR_FORMAT, "header");
  refuse("{\"\xff\":{}}", 0, BABEL_ERR_FORMAT, "header");
  refuse("{\"a\":{\"shape\":[[1]]}}", 0, BABEL_ERR_FORMAT, "nesting");
  refuse("{\"a\":[1]}", 0, BABEL_ERR_FORMAT, "nesting");
  refuse("{\"a\":{\"b\":{}}}", 0, BABEL_ERR_FORMAT, "nesting");
  refuse("{\"__metadata__\":{\"k\":1}}", 0, BABEL_ERR_FORMAT, "__metadata__");
  refuse("{\"__metadata__\":7}", 0, BABEL_ERR_FORMAT, "__metadata__");
}

Test(core_safetensors, brackets_inside_names_do_not_nest) {
  babel_safetensors st;
  cr_assert_eq(babel_safetensors_open(&st, file_of("{" ENTRY("{[\\\"{[", "U8", "[1]", "0", "1") "}", 1)), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_str_eq(st.tensors[0].name, "{[\"{[");
  babel_safetensors_close(&st);
}

Test(core_safetensors, length_of_the_header_is_checked) {
  static const uint64_t lengths[] = {0, 1, 3, 100, 100000001, UINT64_MAX, UINT64_MAX - 7};
  babel_safetensors st;
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    bytes b = {0};
    put_u64(&b, lengths[i]);
    put_text(&b, "{}");
    cr_assert_eq(babel_safetensors_open(&st, scratch_file(&b, ".st")), BABEL_ERR_FORMAT, "%llu", (unsigned long long)lengths[i]);
    bytes_free(&b);
  }
  bytes tiny = {0};
  put_text(&tiny, "1234567");
  cr_assert_eq(babel_safetensors_open(&st, scratch_file(&tiny, ".st")), BABEL_ERR_FORMAT);
  bytes_free(&tiny);
  cr_assert_eq(babel_safetensors_open(&st, babel_fixture("none.safetensors")), BABEL_ERR_IO);
}

Test(core_safetensors, require_names_what_was_expected_and_found) {
  babel_safetensors st;
  const babel_tensor *tensor = NULL;
  cr_assert_eq(babel_safetensors_open(&st, file_of("{" ENTRY("x", "F32", "[2,3]", "0", "24") "}", 24)), BABEL_OK);
  cr_assert_eq(babel_safetensors_require(&st, "x", BABEL_F32, 2, (int64_t[]){2, 3}, &tensor), BABEL_OK);
  cr_assert_eq(tensor, &st.tensors[0].tensor);
  cr_assert_eq(babel_safetensors_require(&st, "x", BABEL_F32, 2, (int64_t[]){-1, 3}, &tensor), BABEL_OK);
  tensor = NULL;
  cr_assert_eq(babel_safetensors_require(&st, "x", BABEL_F64, 2, (int64_t[]){2, 3}, &tensor), BABEL_ERR_FORMAT);
  cr_assert_eq(babel_safetensors_require(&st, "x", BABEL_F32, 1, (int64_t[]){6}, &tensor), BABEL_ERR_FORMAT);
  cr_assert_eq(babel_safetensors_require(&st, "y", BABEL_F32, 1, (int64_t[]){6}, &tensor), BABEL_ERR_FORMAT);
  cr_assert(strstr(babel_error_last()->sentence, "\"y\""));
  cr_assert_eq(babel_safetensors_require(&st, "x", BABEL_F32, 2, (int64_t[]){-1, 4}, &tensor), BABEL_ERR_FORMAT);
  cr_assert(strstr(babel_error_last()->sentence, "F32 (any, 4)") && strstr(babel_error_last()->sentence, "F32 (2, 3)"), "%s", babel_error_last()->sentence);
  cr_assert_null(tensor);
  babel_safetensors_close(&st);
}

/* ---- writing ---- */

static const float values[6] = {1, -2, 3.5f, 0, 1e30f, -0.0f};

static void write_one(const char *path) {
  babel_safetensors_writer *writer;
  static const double wide = 0.1;
  static const unsigned char flags[3] = {1, 0, 1};
  cr_assert_eq(babel_safetensors_writer_create(&writer), BABEL_OK);
  cr_assert_eq(babel_safetensors_writer_metadata(writer, "format", "test \"1\"\n"), BABEL_OK);
  cr_assert_eq(babel_safetensors_writer_add(writer, "flags", &(babel_tensor){flags, BABEL_BOOL, 1, {3}}), BABEL_OK);
  cr_assert_eq(babel_safetensors_writer_floats(writer, "m\xc3\xa4rz", values, 2, (int64_t[]){2, 3}), BABEL_OK);
  cr_assert_eq(babel_safetensors_writer_add(writer, "wide", &(babel_tensor){&wide, BABEL_F64, 0, {0}}), BABEL_OK);
  cr_assert_eq(babel_safetensors_writer_floats(writer, "none", NULL, 2, (int64_t[]){0, 4}), BABEL_OK);
  cr_assert_eq(babel_safetensors_writer_commit(writer, path), BABEL_OK, "%s", babel_error_last()->sentence);
  babel_safetensors_writer_destroy(writer);
}

Test(core_safetensors, written_files_are_read_back_with_the_same_bits) {
  babel_safetensors st;
  char path[1100], first[65], second[65];
  snprintf(path, sizeof path, "%s/x.safetensors", babel_scratch());
  write_one(path);
  cr_assert_eq(babel_file_sha256(path, first), BABEL_OK);
  cr_assert_eq(babel_safetensors_open(&st, path), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(st.count, 4);
  cr_assert_str_eq(babel_safetensors_metadata(&st, "format"), "test \"1\"\n");
  const babel_tensor *floats = babel_safetensors_find(&st, "m\xc3\xa4rz");
  cr_assert(floats && floats->rank == 2 && floats->shape[0] == 2 && floats->shape[1] == 3);
  cr_assert_eq(memcmp(floats->data, values, sizeof values), 0);
  cr_assert_eq(babel_tensor_get(babel_safetensors_find(&st, "wide"), 0), 0.1);
  cr_assert_eq(babel_safetensors_find(&st, "none")->shape[1], 4);
  cr_assert_eq(((const unsigned char *)babel_safetensors_find(&st, "flags")->data)[2], 1);
  const unsigned char *data = st.tensors[0].tensor.data;
  cr_assert_eq((size_t)(data - st.file.data) % 64, 0, "data at a multiple of 64");
  for (int i = 0; i < st.count; i++)
    cr_assert_eq((size_t)((const unsigned char *)st.tensors[i].tensor.data - st.file.data) % babel_dtype_size(st.tensors[i].tensor.dtype), 0);
  babel_safetensors_close(&st);
  write_one(path);
  cr_assert_eq(babel_file_sha256(path, second), BABEL_OK);
  cr_assert_str_eq(first, second, "the same content gives the same file");
}

Test(core_safetensors, comma_locale_changes_nothing) {
  babel_safetensors st;
  if (!babel_comma_locale()) cr_skip("no comma locale on this machine");
  cr_assert_eq(babel_safetensors_open(&st, file_of("{" ENTRY("x", "F32", "[2,3]", "0", "24") "}", 24)), BABEL_OK);
  babel_safetensors_close(&st);
}

Test(core_safetensors, writer_refuses_what_it_could_not_read_back) {
  babel_safetensors_writer *writer;
  char path[1100], folder[1000];
  snprintf(folder, sizeof folder, "%s", babel_scratch());
  snprintf(path, sizeof path, "%s/x.safetensors", folder);
  cr_assert_eq(babel_file_write_text(path, "old"), BABEL_OK);
  cr_assert_eq(babel_safetensors_writer_create(&writer), BABEL_OK);
  cr_assert_eq(babel_safetensors_writer_floats(writer, "a", values, 1, (int64_t[]){6}), BABEL_OK);
  cr_assert_eq(babel_safetensors_writer_floats(writer, "a", values, 1, (int64_t[]){6}), BABEL_ERR_ARG, "a name twice");
  cr_assert_eq(babel_safetensors_writer_floats(writer, "__metadata__", values, 1, (int64_t[]){6}), BABEL_ERR_ARG);
  cr_assert_eq(babel_safetensors_writer_floats(writer, "b", values, 1, (int64_t[]){-1}), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_safetensors_writer_floats(writer, "b", values, 9, (int64_t[]){1, 1, 1, 1, 1, 1, 1, 1, 1}), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_safetensors_writer_floats(writer, "b", NULL, 1, (int64_t[]){6}), BABEL_ERR_ARG);
  cr_assert_eq(babel_safetensors_writer_add(writer, "b", &(babel_tensor){values, BABEL_DTYPE_COUNT, 0, {0}}), BABEL_ERR_ARG);
  cr_assert_eq(babel_safetensors_writer_metadata(writer, "k", "v"), BABEL_OK);
  cr_assert_eq(babel_safetensors_writer_metadata(writer, "k", "w"), BABEL_ERR_ARG);
  cr_assert_eq(babel_safetensors_writer_metadata(writer, "l", "\xff"), BABEL_ERR_ARG, "not UTF-8");
  cr_assert_eq(babel_safetensors_writer_floats(writer, "\xff", values, 1, (int64_t[]){6}), BABEL_OK);
  cr_assert_eq(babel_safetensors_writer_commit(writer, path), BABEL_ERR_ARG, "a name that is not UTF-8");
  babel_safetensors_writer_destroy(writer);
  babel_file file;
  cr_assert_eq(babel_file_open(&file, path), BABEL_OK);
  cr_assert_eq(file.size, 3, "the old file is untouched");
  babel_file_close(&file);
  babel_safetensors_writer_destroy(NULL);
}

Test(core_safetensors, file_cut_anywhere_is_refused) {
  babel_safetensors st;
  bytes b = {0};
  put_u64(&b, 0);
  put_text(&b, "{" ENTRY("a", "F32", "[2]", "0", "8") "," ENTRY("b", "U8", "[3]", "8", "11") "}");
  uint64_t length = b.size - 8;
  memcpy(b.data, &length, 8);
  put_text(&b, "12345678901");
  cr_assert_eq(babel_safetensors_open(&st, scratch_file(&b, ".st")), BABEL_OK);
  babel_safetensors_close(&st);
  for (size_t size = b.size - 1; size > 0; size--) {
    b.size = size;
    cr_assert_eq(babel_safetensors_open(&st, scratch_file(&b, ".st")), BABEL_ERR_FORMAT, "cut to %zu bytes", size);
  }
  bytes_free(&b);
}
