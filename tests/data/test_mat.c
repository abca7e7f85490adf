#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/mat.h"
#include "tests/data/mat_bytes.h"
#include "tests/support/paths.h"

static const double grid[6] = {1.5, -2, 3e-9, 4, 5, 1e300}; /* 2 x 3, column-major */

static char *scratch_file(void) {
  static char path[1100];
  if (!*path) snprintf(path, sizeof path, "%s/x.mat", babel_scratch());
  return path;
}

static mat_bytes doubles(const char *name) {
  return mat_matrix(&(mat_spec){.name = name, .rank = 2, .dims = {2, 3}, .values = grid, .value_bytes = sizeof grid});
}

/* Opens the bytes as a file; the status, and the sentence must hold `words` when it fails. */
static babel_status open_bytes(babel_mat *mat, mat_bytes file, const char *words) {
  mat_save(scratch_file(), file);
  babel_status status = babel_mat_open(mat, scratch_file());
  if (status != BABEL_OK) {
    const char *sentence = babel_error_last()->sentence;
    cr_assert(strstr(sentence, scratch_file()), "the file is not named: %s", sentence);
    cr_assert(words && strstr(sentence, words), "expected \"%s\" in: %s", words ? words : "success", sentence);
  }
  return status;
}

static void refuse(mat_bytes file, babel_status expected, const char *words) {
  babel_mat mat;
  cr_assert_eq(open_bytes(&mat, file, words), expected);
  cr_assert_null(mat.variables);
  mat_free(&file);
}

static void assert_grid(const babel_mat *mat, const char *name) {
  const babel_mat_variable *v;
  cr_assert_eq(babel_mat_require(mat, name, &v), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert(v->rank == 2 && v->shape[0] == 2 && v->shape[1] == 3 && v->count == 6);
  babel_tensor view = babel_mat_view(v);
  cr_assert(view.rank == 2 && view.shape[0] == 3 && view.shape[1] == 2, "the view is the reversed shape");
  for (int i = 0; i < 6; i++) cr_assert_eq(babel_tensor_get(&view, i), grid[i]);
}

Test(data_mat, finds_a_variable_among_others_plain_and_packed) {
  for (int packed = 0; packed < 2; packed++) {
    babel_mat mat;
    double info[2] = {1, 2};
    mat_bytes file = mat_header();
    mat_bytes parts[3] = {
        mat_matrix(&(mat_spec){.name = "info", .rank = 2, .dims = {1, 2}, .values = info, .value_bytes = 16}),
        mat_matrix(&(mat_spec){.name = "d_iner", .name_type = 16, .dims_type = 6, .rank = 2, .dims = {2, 3}, .values = grid,
                               .value_bytes = sizeof grid}),
        mat_matrix(&(mat_spec){.name = "fs", .rank = 2, .dims = {1, 1}, .type = 2, .values = "\x32", .value_bytes = 1})};
    for (int i = 0; i < 3; i++) mat_append(&file, packed ? mat_packed(parts[i], -1) : parts[i]);
    cr_assert_eq(open_bytes(&mat, file, NULL), BABEL_OK);
    cr_assert_eq(mat.count, 3);
    assert_grid(&mat, "d_iner");
    const babel_mat_variable *fs;
    cr_assert_eq(babel_mat_require(&mat, "fs", &fs), BABEL_OK);
    babel_tensor view = babel_mat_view(fs);
    cr_assert(fs->stored == BABEL_U8 && babel_tensor_get(&view, 0) == 50, "a small element");
    cr_assert_eq(babel_mat_require(&mat, "d_skel", &fs), BABEL_ERR_FORMAT);
    cr_assert(strstr(babel_error_last()->sentence, "info, d_iner, fs"), "%s", babel_error_last()->sentence);
    babel_mat_close(&mat);
    babel_mat_close(&mat);
    mat_free(&file);
  }
}

Test(data_mat, every_stored_type_is_converted_from_its_own_width) {
  static const struct {
    uint32_t type;
    size_t size;
    const char *bytes;
    double value;
  } cases[] = {{1, 1, "\xfe", -2},
               {2, 1, "\xfe", 254},
               {3, 2, "\xfe\xff", -2},
               {4, 2, "\xfe\xff", 65534},
               {5, 4, "\xfe\xff\xff\xff", -2},
               {6, 4, "\xfe\xff\xff\xff", 4294967294.0},
               {7, 4, "\x00\x00\xc0\x3f", 1.5},
               {9, 8, "\x00\x00\x00\x00\x00\x00\xf8\x3f", 1.5},
               {12, 8, "\xfe\xff\xff\xff\xff\xff\xff\xff", -2},
               {13, 8, "\x00\x00\x00\x00\x01\x00\x00\x00", 4294967296.0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    unsigned char values[24];
    babel_mat mat;
    for (int k = 0; k < 3; k++) memcpy(values + k * (int)cases[i].size, cases[i].bytes, cases[i].size);
    mat_bytes file = mat_header();
    mat_append(&file, mat_matrix(&(mat_spec){.name = "x", .rank = 3, .dims = {1, 3, 1}, .type = cases[i].type, .values = values,
                                             .value_bytes = 3 * cases[i].size}));
    cr_assert_eq(open_bytes(&mat, file, NULL), BABEL_OK);
    babel_tensor view = babel_mat_view(&mat.variables[0]);
    cr_assert_str_eq(mat.variables[0].class_name, "double");
    cr_assert_eq(babel_dtype_size(mat.variables[0].stored), cases[i].size, "storage stays narrow");
    for (int k = 0; k < 3; k++) cr_assert_eq(babel_tensor_get(&view, k), cases[i].value, "type %u", cases[i].type);
    babel_mat_close(&mat);
    mat_free(&file);
  }
}

Test(data_mat, what_is_not_real_numbers_is_listed_and_refused_by_name_only) {
  static const struct {
    uint32_t flags;
    const char *words;
  } cases[] = {{1, "cell"}, {2, "struct"}, {3, "object"}, {4, "text"}, {5, "sparse"}, {16, "function"}, {0x806, "complex"}};
  babel_mat mat;
  mat_bytes file = mat_header();
  char name[2] = "a";
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++, name[0]++)
    mat_append(&file, mat_matrix(&(mat_spec){.name = name, .flags = cases[i].flags, .rank = 2, .dims = {1, 1}, .values = grid,
                                             .value_bytes = 8}));
  mat_append(&file, doubles("d_iner"));
  cr_assert_eq(open_bytes(&mat, file, NULL), BABEL_OK);
  assert_grid(&mat, "d_iner");
  name[0] = 'a';
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++, name[0]++) {
    const babel_mat_variable *v;
    cr_assert_eq(babel_mat_require(&mat, name, &v), BABEL_ERR_UNSUPPORTED);
    cr_assert(strstr(babel_error_last()->sentence, cases[i].words), "%s", babel_error_last()->sentence);
    cr_assert_null(mat.variables[i].data);
  }
  babel_mat_close(&mat);
  mat_free(&file);
}

Test(data_mat, opaque_variables_have_a_name_and_no_dimensions) {
  babel_mat mat;
  mat_bytes file = mat_header(), content = {NULL, 0};
  uint32_t flags[2] = {17, 0};
  mat_element(&content, 6, flags, 8);
  mat_element(&content, 1, "when", 4);
  mat_element(&content, 1, "MCOS", 4);
  mat_element(&file, 14, content.bytes, content.size);
  mat_free(&content);
  mat_append(&file, mat_packed(doubles("d_iner"), -1));
  cr_assert_eq(open_bytes(&mat, file, NULL), BABEL_OK);
  cr_assert(mat.variables[0].rank == 0 && !strcmp(mat.variables[0].name, "when") && mat.variables[0].obstacle);
  assert_grid(&mat, "d_iner");
  babel_mat_close(&mat);
  mat_free(&file);
}

Test(data_mat, empty_and_eight_dimensional_arrays_are_read) {
  babel_mat mat;
  mat_bytes file = mat_header();
  mat_append(&file, mat_packed(mat_matrix(&(mat_spec){.name = "none", .rank = 2, .dims = {0, 5}, .type = 2}), -1));
  mat_append(&file, mat_matrix(&(mat_spec){.name = "deep", .rank = 8, .dims = {1, 2, 1, 3, 1, 1, 1, 1}, .values = grid,
                                           .value_bytes = sizeof grid}));
  cr_assert_eq(open_bytes(&mat, file, NULL), BABEL_OK);
  char text[64];
  cr_assert_eq(mat.variables[0].count, 0);
  cr_assert_str_eq(babel_mat_shape_text(&mat.variables[0], text, sizeof text), "0 x 5");
  cr_assert_eq(mat.variables[1].count, 6);
  babel_mat_close(&mat);
  mat_free(&file);
}

Test(data_mat, every_shorter_and_every_longer_file_is_refused) {
  for (int packed = 0; packed < 2; packed++) {
    mat_bytes file = mat_header();
    mat_append(&file, packed ? mat_packed(doubles("d_iner"), -1) : doubles("d_iner"));
    size_t whole = file.size;
    for (file.size = 0; file.size < whole; file.size++) {
      babel_mat mat;
      cr_assert_neq(open_bytes(&mat, file, ""), BABEL_OK, "cut to %zu of %zu bytes", file.size, whole);
    }
    mat_append(&file, (mat_bytes){calloc(1, 5), 5});
    refuse(file, BABEL_ERR_FORMAT, "5 bytes left over");
  }
}

/* zlib's checksum, the walk and the header check. A few flips leave the unpacked bytes as they are (unused bits at the end,
 * another distance inside a run of zeros): those must give the very same values. */
Test(data_mat, a_flipped_bit_is_refused_or_changes_no_value) {
  mat_bytes file = mat_header();
  mat_append(&file, mat_packed(doubles("d_iner"), -1));
  size_t survivors = 0, from = 124 * 8;
  for (size_t bit = from; bit < file.size * 8; bit++) {
    babel_mat mat;
    file.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    if (open_bytes(&mat, file, "") == BABEL_OK) {
      survivors++;
      assert_grid(&mat, "d_iner");
      babel_mat_close(&mat);
    }
    file.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
  }
  cr_assert_lt(survivors * 20, file.size * 8 - from, "%zu survivors", survivors);
  mat_free(&file);
}

Test(data_mat, foreign_files_are_recognised) {
  static const struct {
    const char *bytes, *words;
  } cases[] = {{"MATLAB 7.3 MAT-file, Platform: GLNXA64", "7.3"},
               {"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git-LFS"},
               {"<!DOCTYPE html><html>404</html>", "HTML"},
               {"PK\003\004 and so on and so on", "zip"},
               {"no magic at all, but long enough to be read as something", "something else"},
               {"MATLAB 5.0 MAT-file, cut in its header", "cut short"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    mat_bytes file = {(unsigned char *)strdup(cases[i].bytes), strlen(cases[i].bytes)};
    refuse(file, BABEL_ERR_FORMAT, cases[i].words);
  }
  mat_bytes file = mat_header();
  refuse(file, BABEL_ERR_FORMAT, "no variable");
  file = mat_header();
  memcpy(file.bytes + 124, "\x01\x00MI", 4);
  mat_append(&file, doubles("d_iner"));
  refuse(file, BABEL_ERR_UNSUPPORTED, "big-endian");
}

Test(data_mat, impossible_claims_are_refused_before_memory_is_taken) {
  static const struct {
    mat_spec spec;
    const char *words;
  } cases[] = {
      {{.name = "x", .rank = 2, .dims = {65536, 65536}, .values = grid, .value_bytes = 8}, "2^31"},
      {{.name = "x", .rank = 2, .dims = {0x80000000u, 0}, .type = 2}, "2^31"},
      {{.name = "x", .rank = 9, .dims = {1, 1, 1, 1, 1, 1, 1, 1, 1}, .values = grid, .value_bytes = 8}, "dimensions"},
      {{.name = "x", .rank = 2, .dims = {2, 3}, .values = grid, .value_bytes = 40}, "needs 48 bytes"},
      {{.name = "x", .rank = 2, .dims = {1, 3}, .values = grid, .value_bytes = 48}, "needs 24 bytes"},
      {{.name = "x", .rank = 2, .dims = {2, 3}, .type = 10, .values = grid, .value_bytes = 48}, "unknown type 10"},
      {{.name = "x", .flags = 18, .rank = 2, .dims = {2, 3}, .values = grid, .value_bytes = 48}, "unknown class 18"},
      {{.name = "x", .dims_type = 9, .rank = 2, .dims = {2, 3}, .values = grid, .value_bytes = 48}, "dimensions of type 9"},
      {{.name = "x", .name_type = 9, .rank = 2, .dims = {2, 3}, .values = grid, .value_bytes = 48}, "name of type 9"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (int packed = 0; packed < 2; packed++) {
      mat_bytes file = mat_header();
      mat_append(&file, packed ? mat_packed(mat_matrix(&cases[i].spec), -1) : mat_matrix(&cases[i].spec));
      refuse(file, BABEL_ERR_FORMAT, cases[i].words);
    }
  static const struct {
    long claim;
    const char *words;
  } claims[] = {{3L << 30, "limit"}, {1 << 20, "limit"}, {200, "unpacks to 104,"}, {96, "more than 96"}, {8, "more than 8"}};
  for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) { /* the matrix has 104 bytes */
    mat_bytes file = mat_header();
    mat_append(&file, mat_packed(doubles("d_iner"), claims[i].claim));
    refuse(file, BABEL_ERR_FORMAT, claims[i].words);
  }
}

Test(data_mat, an_element_with_too_many_or_too_few_bytes_is_refused) {
  mat_bytes file = mat_header(), inner = doubles("d_iner");
  uint32_t size = (uint32_t)inner.size; /* the content with 8 more bytes */
  mat_append(&inner, (mat_bytes){calloc(1, 8), 8});
  memcpy(inner.bytes + 4, &size, 4);
  mat_append(&file, inner);
  refuse(file, BABEL_ERR_FORMAT, "left over behind its values");
  file = mat_header();
  mat_bytes packed = mat_packed(doubles("d_iner"), -1);
  mat_append(&packed, (mat_bytes){calloc(1, 3), 3});
  size = (uint32_t)packed.size - 8;
  memcpy(packed.bytes + 4, &size, 4);
  mat_append(&file, packed);
  refuse(file, BABEL_ERR_FORMAT, "3 packed bytes left over");
  file = mat_header();
  packed = mat_packed(doubles("d_iner"), -1);
  packed.size -= 6; /* the checksum and the last bits */
  size = (uint32_t)packed.size - 8;
  memcpy(packed.bytes + 4, &size, 4);
  mat_append(&file, packed);
  refuse(file, BABEL_ERR_FORMAT, "too early");
  file = mat_header();
  inner = doubles("iner");
  inner.bytes[8 + 16 + 16 + 2] = 6; /* the name's small form: 6 bytes where 4 have room */
  mat_append(&file, inner);
  refuse(file, BABEL_ERR_FORMAT, "without a name");
  file = mat_header();
  mat_element(&file, 9, grid, sizeof grid);
  refuse(file, BABEL_ERR_FORMAT, "type 9");
}
