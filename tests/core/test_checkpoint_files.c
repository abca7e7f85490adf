#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/checkpoint.h"
#include "tests/core/containers.h"
#include "tests/support/compare.h"
#include "tests/support/paths.h"

static const float weights[6] = {-7, 0.5f, 3, 1e-3f, 2, 8};
static const int64_t counts[2] = {41, 42};
static const stored storages[2] = {{"0", weights, 24, 4}, {"1", counts, 16, 8}};

/* {"w": (2, 3) of storage 0, "n": scalar of storage 1} */
static void small_object(bytes *b, bool legacy) {
  pickle_begin(b);
  pickle_map(b);
  pickle_text(b, "w");
  pickle_tensor(b, &(pickled_tensor){.type = "FloatStorage", .key = "0", .count = 6, .rank = 2, .shape = {2, 3}, .stride = {3, 1}, .legacy = legacy});
  pickle_text(b, "n");
  pickle_tensor(b, &(pickled_tensor){.type = "LongStorage", .key = "1", .count = 2, .offset = 1, .rank = 0, .legacy = legacy});
  put_text(b, "u.");
}

static void small_zip(bytes *b, zip_style style) {
  bytes object = {0};
  small_object(&object, false);
  checkpoint_zip(b, "archive", &object, storages, 2, style);
  bytes_free(&object);
}

static void small_legacy(bytes *b) {
  static const stored order[2] = {{"1", counts, 16, 8}, {"0", weights, 24, 4}}; /* not the order of use */
  bytes object = {0};
  small_object(&object, true);
  checkpoint_legacy(b, &object, order, 2);
  bytes_free(&object);
}

static void small_safetensors(bytes *b) {
  static const char json[] = "{\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[8,32]},\"module.n\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]}}";
  put_u64(b, sizeof json - 1);
  put_text(b, json);
  put(b, &counts[1], 8);
  put(b, weights, 24);
}

static babel_status open_bytes(babel_checkpoint *checkpoint, const bytes *b) {
  return babel_checkpoint_open(checkpoint, scratch_file(b, ".pt"));
}

static void expect_small(const bytes *b, const char *layout) {
  babel_checkpoint checkpoint;
  char hex[65];
  float out[6];
  cr_assert_eq(open_bytes(&checkpoint, b), BABEL_OK, "%s: %s", layout, babel_error_last()->sentence);
  cr_assert_str_eq(checkpoint.layout, layout);
  babel_sha256(b->data, b->size, hex);
  cr_assert_str_eq(checkpoint.sha256, hex);
  cr_assert_eq(checkpoint.count, 2);
  cr_assert_eq(checkpoint.skipped_count, 0);
  cr_assert_eq(babel_checkpoint_take(&checkpoint, "w", 2, (int64_t[]){2, 3}, out), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(memcmp(out, weights, sizeof out), 0);
  const babel_tensor *n = babel_checkpoint_find(&checkpoint, "n");
  cr_assert(n && n->dtype == BABEL_I64 && n->rank == 0 && babel_tensor_get(n, 0) == 42);
  cr_assert_null(babel_checkpoint_find(&checkpoint, "m"));
  babel_checkpoint_close(&checkpoint);
}

/* modelaudit 1655, anemoi-training 57: zip64 with short local fields, and archives packed again by a zip tool. */
Test(core_checkpoint_files, five_layouts_hold_the_same_tensors) {
  bytes b = {0};
  static const zip_style styles[] = {ZIP_TORCH, ZIP_DEFLATED, ZIP_64};
  for (int s = 0; s < 3; s++) {
    small_zip(&b, styles[s]);
    expect_small(&b, "pytorch zip");
    bytes_free(&b);
  }
  small_legacy(&b);
  expect_small(&b, "pytorch legacy");
  bytes_free(&b);
  small_safetensors(&b);
  expect_small(&b, "safetensors");
  bytes_free(&b);
}

static void cut_everywhere(bytes *b, const char *word) {
  babel_checkpoint checkpoint;
  while (--b->size) {
    cr_assert_eq(open_bytes(&checkpoint, b), BABEL_ERR_FORMAT, "cut to %zu bytes", b->size);
    if (b->size > 60 && word) cr_assert(strstr(babel_error_last()->sentence, word), "cut to %zu bytes: %s", b->size, babel_error_last()->sentence);
  }
  bytes_free(b);
}

Test(core_checkpoint_files, files_cut_anywhere_are_refused) {
  bytes b = {0};
  small_zip(&b, ZIP_TORCH);
  cut_everywhere(&b, "truncated");
  small_legacy(&b);
  cut_everywhere(&b, "truncated");
  small_safetensors(&b);
  cut_everywhere(&b, NULL);
}

/* One random byte changed, 600 times for each layout: refused, or read; a zip's checksums let no changed weight pass. */
Test(core_checkpoint_files, changed_bytes_do_no_harm, .timeout = 100) {
  for (int layout = 0; layout < 4; layout++) {
    bytes b = {0};
    uint32_t state = 99;
    if (layout == 0) small_zip(&b, ZIP_TORCH);
    if (layout == 1) small_zip(&b, ZIP_DEFLATED);
    if (layout == 2) small_legacy(&b);
    if (layout == 3) small_safetensors(&b);
    for (int round = 0; round < 600; round++) {
      babel_checkpoint checkpoint;
      float out[6];
      state = state * 1664525u + 1013904223u;
      size_t at = (state >> 8) % b.size;
      unsigned char before = b.data[at], change = (unsigned char)(1 + (state >> 3) % 255);
      b.data[at] ^= change;
      if (open_bytes(&checkpoint, &b) == BABEL_OK) {
        if (layout < 2 && babel_checkpoint_take(&checkpoint, "w", 2, (int64_t[]){2, 3}, out) == BABEL_OK)
          cr_assert_eq(memcmp(out, weights, sizeof out), 0, "layout %d byte %zu", layout, at);
        babel_checkpoint_close(&checkpoint);
      }
      b.data[at] = before;
    }
    bytes_free(&b);
  }
}

static void refuse(bytes *b, babel_status status, const char *word) {
  babel_checkpoint checkpoint;
  cr_assert_eq(open_bytes(&checkpoint, b), status, "%s: %s", word, babel_error_last()->sentence);
  cr_assert(strstr(babel_error_last()->sentence, "file.pt") && strstr(babel_error_last()->sentence, word), "%s", babel_error_last()->sentence);
  bytes_free(b);
}

Test(core_checkpoint_files, foreign_files_are_recognised) {
  bytes b = {0};
  babel_checkpoint checkpoint;
  put_text(&b, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n");
  refuse(&b, BABEL_ERR_FORMAT, "Git-LFS");
  put_text(&b, "<!DOCTYPE html><html>");
  refuse(&b, BABEL_ERR_FORMAT, "HTML");
  put_text(&b, "\x80\2}q");
  refuse(&b, BABEL_ERR_FORMAT, "pickle");
  put_text(&b, "0.1 0.2 0.3\n");
  refuse(&b, BABEL_ERR_FORMAT, "expected a PyTorch checkpoint");
  zip_write(&b, &(zip_item){"x.npy", "\x93NUMPY", 6}, 1, ZIP_DEFLATED);
  refuse(&b, BABEL_ERR_FORMAT, "data.pkl");
  static const zip_item two[] = {{"a/data.pkl", ".", 1}, {"b/data.pkl", ".", 1}};
  zip_write(&b, two, 2, ZIP_TORCH);
  refuse(&b, BABEL_ERR_FORMAT, "one data.pkl");
  cr_assert_eq(babel_checkpoint_open(&checkpoint, babel_fixture("none.pt")), BABEL_ERR_IO);
  babel_checkpoint_close(&checkpoint);
}

Test(core_checkpoint_files, zip_layout_is_checked) {
  bytes b = {0}, object = {0};
  small_object(&object, false);
  zip_item items[] = {{"a/data.pkl", object.data, object.size}, {"a/byteorder", "big", 3}, {"a/data/0", weights, 24}, {"a/data/1", counts, 16}};
  zip_write(&b, items, 4, ZIP_TORCH);
  refuse(&b, BABEL_ERR_UNSUPPORTED, "little-endian");
  items[1].data = "little";
  items[1].size = 6;
  zip_write(&b, items, 3, ZIP_TORCH);
  refuse(&b, BABEL_ERR_FORMAT, "a/data/1");
  items[3].size = 15;
  zip_write(&b, items, 4, ZIP_TORCH);
  refuse(&b, BABEL_ERR_FORMAT, "needs 16 bytes");
  items[3].size = 16;
  put_text(&object, ".");
  items[0] = (zip_item){"a/data.pkl", object.data, object.size};
  zip_write(&b, items, 4, ZIP_TORCH);
  refuse(&b, BABEL_ERR_FORMAT, "its pickle ends");
  bytes_free(&object);
}

Test(core_checkpoint_files, deflated_bombs_are_refused_by_their_promise) {
  bytes b = {0}, object = {0};
  size_t size = (size_t)40 << 20;
  char *zeros = calloc(size, 1);
  small_object(&object, false);
  zip_item items[] = {{"a/data.pkl", object.data, object.size}, {"a/data/0", weights, 24}, {"a/data/1", counts, 16}, {"a/more", zeros, size}};
  zip_write(&b, items, 4, ZIP_DEFLATED);
  expect_small(&b, "pytorch zip"); /* nobody asks for the entry */
  bytes_free(&b);
  zip_write(&b, &(zip_item){"a/data.pkl", zeros, size}, 1, ZIP_DEFLATED);
  refuse(&b, BABEL_ERR_FORMAT, "would unpack to 41943040 bytes");
  free(zeros);
  bytes_free(&object);
}

/* ---- the legacy layout ---- */

/* A legacy file whose one tensor has this persistent id behind its five usual members, and `more` behind its end. */
static void legacy_with_view(bytes *b, const char *view, size_t view_size, int64_t elements, const char *more) {
  bytes object = {0};
  pickle_begin(&object);
  pickle_map(&object);
  pickle_text(&object, "w");
  pickle_name(&object, "torch._utils", "_rebuild_tensor_v2");
  put_text(&object, "((");
  pickle_text(&object, "storage");
  pickle_name(&object, "torch", "FloatStorage");
  pickle_text(&object, "0");
  pickle_text(&object, "cpu");
  pickle_int(&object, elements);
  put(&object, view, view_size);
  put_text(&object, "tQK\1K\2\x85K\1\x85\x89NtRu.");
  checkpoint_legacy(b, &object, storages, 1);
  put_text(b, more);
  bytes_free(&object);
}

Test(core_checkpoint_files, legacy_storage_views_are_followed) {
  bytes b = {0};
  babel_checkpoint checkpoint;
  float out[2];
  legacy_with_view(&b, "(X\1\0\0\0vK\3K\3t", 12, 6, "");
  cr_assert_eq(open_bytes(&checkpoint, &b), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(babel_checkpoint_take(&checkpoint, "w", 1, (int64_t[]){2}, out), BABEL_OK);
  cr_assert(out[0] == weights[4] && out[1] == weights[5]);
  babel_checkpoint_close(&checkpoint);
  bytes_free(&b);
  legacy_with_view(&b, "(X\1\0\0\0vK\3K\2t", 12, 6, "");
  refuse(&b, BABEL_ERR_FORMAT, "\"w\"");
  legacy_with_view(&b, "(X\1\0\0\0vK\3K\4t", 12, 6, "");
  refuse(&b, BABEL_ERR_FORMAT, "outside");
  legacy_with_view(&b, "K\1", 2, 6, "");
  refuse(&b, BABEL_ERR_FORMAT, "outside");
}

Test(core_checkpoint_files, legacy_layout_is_checked_to_the_last_byte) {
  bytes b = {0};
  legacy_with_view(&b, "N", 1, 6, "x");
  refuse(&b, BABEL_ERR_FORMAT, "1 bytes behind");
  legacy_with_view(&b, "N", 1, 5, "");
  refuse(&b, BABEL_ERR_FORMAT, "6 elements, expected 5");
  static const stored other[1] = {{"7", weights, 24, 4}}, twice[3] = {{"0", weights, 24, 4}, {"1", counts, 16, 8}, {"0", weights, 24, 4}};
  bytes object = {0};
  small_object(&object, true);
  checkpoint_legacy(&b, &object, other, 1);
  refuse(&b, BABEL_ERR_FORMAT, "list of storages");
  checkpoint_legacy(&b, &object, twice, 3);
  refuse(&b, BABEL_ERR_FORMAT, "list of storages");
  checkpoint_legacy(&b, &object, storages, 1);
  refuse(&b, BABEL_ERR_FORMAT, "list of storages");
  checkpoint_legacy(&b, &object, storages, 2);
  b.data[18] = 0xE8; /* protocol 1000 */
  refuse(&b, BABEL_ERR_UNSUPPORTED, "1001");
  checkpoint_legacy(&b, &object, storages, 2);
  unsigned char *little = memchr(b.data + 30, 0x88, 60);
  *little = 0x89;
  refuse(&b, BABEL_ERR_UNSUPPORTED, "little-endian");
  bytes_free(&object);
}

/* ---- files that PyTorch wrote (scripts/golden/torch_files.py), values from the fill rule ---- */

static void expect_torch_file(const char *fixture, const char *layout) {
  static const struct {
    const char *name;
    babel_dtype dtype;
  } types[] = {{"f32", BABEL_F32}, {"f64", BABEL_F64}, {"f16", BABEL_F16}, {"bf16", BABEL_BF16}, {"i64", BABEL_I64}, {"i32", BABEL_I32},
               {"i16", BABEL_I16}, {"i8", BABEL_I8},   {"u8", BABEL_U8},   {"bool", BABEL_BOOL}};
  babel_checkpoint checkpoint;
  cr_assert_eq(babel_checkpoint_open(&checkpoint, babel_fixture(fixture)), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_str_eq(checkpoint.layout, layout);
  for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
    char name[32];
    snprintf(name, sizeof name, "whole.%s", types[t].name);
    const babel_tensor *whole = babel_checkpoint_find(&checkpoint, name);
    snprintf(name, sizeof name, "part.%s", types[t].name);
    const babel_tensor *part = babel_checkpoint_find(&checkpoint, name);
    cr_assert(whole && part && whole->dtype == types[t].dtype && part->dtype == types[t].dtype, "%s", name);
    cr_assert(whole->rank == 3 && whole->shape[0] == 2 && whole->shape[1] == 3 && whole->shape[2] == 4);
    cr_assert(part->rank == 3 && part->shape[0] == 4 && part->shape[1] == 1 && part->shape[2] == 2);
    /* value k = round(64 u) / 4 as a real number, round(64 u) mod 100 as a whole one; part[a][b][c] = whole[1][b + 1... step 2][a] */
    for (int k = 0; k < 24; k++) {
      double u = babel_fill("torch", (uint32_t)k), expected = types[t].dtype <= BABEL_BF16 ? (int)(64 * u) / 4.0 : types[t].dtype == BABEL_BOOL ? ((int)(64 * u) & 1) : abs((int)(64 * u));
      cr_assert_eq(babel_tensor_get(whole, k), expected, "%s[%d] = %g, expected %g", types[t].name, k, babel_tensor_get(whole, k), expected);
    }
    for (int a = 0; a < 4; a++)
      for (int c = 0; c < 2; c++) cr_assert_eq(babel_tensor_get(part, 2 * a + c), babel_tensor_get(whole, 12 + 8 * c + a), "%s", name);
  }
  cr_assert_eq(babel_checkpoint_find(&checkpoint, "expanded")->shape[0], 5);
  for (int k = 0; k < 15; k++) cr_assert_eq(babel_tensor_get(babel_checkpoint_find(&checkpoint, "expanded"), k), k % 3);
  cr_assert_eq(babel_checkpoint_find(&checkpoint, "empty")->shape[0], 0);
  cr_assert_eq(babel_checkpoint_find(&checkpoint, "parameter")->rank, 1);
  cr_assert_eq(checkpoint.count, 2 * 10 + 3);
  cr_assert_eq(checkpoint.skipped_count, 3);
  cr_assert_str_eq(checkpoint.skipped[1], "args: argparse.Namespace");
  babel_checkpoint_close(&checkpoint);
}

Test(core_checkpoint_files, files_written_by_pytorch_are_read) {
  expect_torch_file("torch_zip.pt", "pytorch zip");
  expect_torch_file("torch_legacy.pt", "pytorch legacy");
  expect_torch_file("torch_zip_protocol_4.pt", "pytorch zip");
}
