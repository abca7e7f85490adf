#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/checkpoint.h"
#include "tests/core/containers.h"
#include "tests/support/compare.h"
#include "tests/support/paths.h"

/* One storage of 100 floats, k / 8, that most cases view. */
static const float *eighths(void) {
  static float values[100];
  for (int k = 0; k < 100; k++) values[k] = (float)k / 8;
  return values;
}

static const pickled_tensor plain = {.type = "FloatStorage", .key = "0", .count = 100, .rank = 2, .shape = {2, 3}, .stride = {3, 1}};

static void named_tensor(bytes *b, const char *name, pickled_tensor tensor) {
  pickle_text(b, name);
  pickle_tensor(b, &tensor);
}

/* Writes the object as a zip checkpoint over the one storage and opens it. */
static babel_status open_object(babel_checkpoint *checkpoint, const bytes *object) {
  bytes file = {0};
  stored storage = {"0", eighths(), 400, 4};
  checkpoint_zip(&file, "archive", object, &storage, 1, ZIP_TORCH);
  babel_status status = babel_checkpoint_open(checkpoint, scratch_file(&file, ".pt"));
  bytes_free(&file);
  if (status != BABEL_OK) {
    cr_assert(strstr(babel_error_last()->sentence, "file.pt"), "%s", babel_error_last()->sentence);
    cr_assert_null(checkpoint->tensors);
    cr_assert_null(checkpoint->memory);
  }
  return status;
}

static double value_at(const babel_checkpoint *checkpoint, const char *name, int64_t i) {
  const babel_tensor *tensor = babel_checkpoint_find(checkpoint, name);
  cr_assert_not_null(tensor, "%s", name);
  return babel_tensor_get(tensor, i);
}

/* tinygrad 14771: slices of a larger storage came out with the wrong size. */
Test(core_checkpoint, views_of_a_shared_storage_are_exact) {
  static const struct {
    const char *name;
    int64_t offset;
    int rank;
    int64_t shape[3], stride[3];
  } views[] = {{"head", 5, 1, {95}, {1}}, {"tail", 80, 2, {4, 5}, {5, 1}}, {"transposed", 0, 2, {6, 4}, {1, 6}}, {"every_second", 1, 2, {3, 2}, {8, 2}},
               {"expanded", 7, 2, {4, 5}, {0, 0}}, {"empty", 100, 1, {0}, {1}}, {"empty_rows", 0, 2, {3, 0}, {1, 1}}, {"scalar", 99, 0, {0}, {0}},
               {"one_row", 2, 2, {1, 3}, {77, 1}}, {"cube", 1, 3, {2, 3, 4}, {40, 1, 5}}, {"column", 3, 2, {5, 1}, {1, 9}}};
  size_t count = sizeof views / sizeof *views;
  bytes object = {0};
  babel_checkpoint checkpoint;
  pickle_begin(&object);
  pickle_map(&object);
  for (size_t v = 0; v < count; v++) {
    pickled_tensor tensor = plain;
    tensor.offset = views[v].offset;
    tensor.rank = views[v].rank;
    memcpy(tensor.shape, views[v].shape, sizeof views[v].shape);
    memcpy(tensor.stride, views[v].stride, sizeof views[v].stride);
    named_tensor(&object, views[v].name, tensor);
  }
  put_text(&object, "u.");
  cr_assert_eq(open_object(&checkpoint, &object), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq((size_t)checkpoint.count, count);
  for (size_t v = 0; v < count; v++) {
    const babel_tensor *tensor = &checkpoint.tensors[v].tensor;
    int64_t index[3] = {0}, items;
    cr_assert_str_eq(checkpoint.tensors[v].name, views[v].name);
    cr_assert_eq(tensor->dtype, BABEL_F32);
    cr_assert_eq(tensor->rank, views[v].rank);
    for (int i = 0; i < tensor->rank; i++) cr_assert_eq(tensor->shape[i], views[v].shape[i]);
    babel_tensor_count(tensor, &items);
    for (int64_t k = 0; k < items; k++) {
      int64_t rest = k, at = views[v].offset;
      for (int i = tensor->rank - 1; i >= 0; rest /= views[v].shape[i], i--) index[i] = rest % views[v].shape[i];
      for (int i = 0; i < tensor->rank; i++) at += index[i] * views[v].stride[i];
      cr_assert_eq(babel_tensor_get(tensor, k), (double)at / 8, "%s element %lld", views[v].name, (long long)k);
    }
  }
  babel_checkpoint_close(&checkpoint);
  bytes_free(&object);
}

/* deepmd-kit 4147, nerfstudio 3702, burn 5593: a namespace, a NumPy scalar, an integer beyond 64 bits beside the weights. */
Test(core_checkpoint, training_checkpoint_is_unwrapped_and_the_rest_is_named) {
  static const char *const expected[] = {"epoch: a whole number", "seed: a whole number beyond 64 bits", "best: numpy._core.multiarray.scalar",
                                         "args: argparse.Namespace", "optimizer: a dictionary of 1", "7: None"};
  bytes object = {0};
  babel_checkpoint checkpoint;
  pickle_begin(&object);
  put_text(&object, "}(");
  pickle_text(&object, "epoch");
  pickle_int(&object, 12);
  pickle_text(&object, "seed");
  put(&object, "\x8A\x09\0\0\0\0\0\0\0\0\1", 11);
  pickle_text(&object, "best");
  pickle_name(&object, "numpy._core.multiarray", "scalar");
  put_text(&object, ")R");
  pickle_text(&object, "args");
  pickle_name(&object, "argparse", "Namespace");
  put_text(&object, ")R}");
  pickle_text(&object, "lr");
  put(&object, "G\x3f\xf0\0\0\0\0\0\0sb", 11);
  pickle_text(&object, "optimizer");
  put_text(&object, "}");
  pickle_text(&object, "exp_avg");
  pickle_tensor(&object, &plain);
  put_text(&object, "s");
  pickle_int(&object, 7);
  put_text(&object, "N");
  pickle_text(&object, "state_dict");
  pickle_map(&object);
  named_tensor(&object, "module.fc.weight", plain);
  pickle_text(&object, "version");
  pickle_int(&object, 2);
  put_text(&object, "uu.");
  cr_assert_eq(open_object(&checkpoint, &object), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(checkpoint.count, 1);
  cr_assert_eq(value_at(&checkpoint, "fc.weight", 5), 5.0 / 8);
  cr_assert_eq(checkpoint.skipped_count, 7);
  for (int i = 0; i < 6; i++) cr_assert_str_eq(checkpoint.skipped[i], expected[i]);
  cr_assert_str_eq(checkpoint.skipped[6], "version: a whole number");
  cr_assert_str_eq(checkpoint.layout, "pytorch zip");
  babel_checkpoint_close(&checkpoint);
  bytes_free(&object);
}

Test(core_checkpoint, wrapped_maps_are_found_by_name_or_as_the_only_one) {
  static const char *const names[] = {"state_dict", "model_state_dict", "model", "anything"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    bytes object = {0};
    babel_checkpoint checkpoint;
    pickle_begin(&object);
    put_text(&object, "}(");
    pickle_text(&object, names[i]);
    pickle_map(&object);
    named_tensor(&object, "w", plain);
    put_text(&object, "u");
    if (i < 3) { /* another map of tensors, which only a usual name can tell apart */
      pickle_text(&object, "ema");
      pickle_map(&object);
      named_tensor(&object, "v", plain);
      put_text(&object, "u");
    }
    put_text(&object, "u.");
    cr_assert_eq(open_object(&checkpoint, &object), BABEL_OK, "%s", names[i]);
    cr_assert_eq(checkpoint.count, 1);
    cr_assert_str_eq(checkpoint.tensors[0].name, "w");
    babel_checkpoint_close(&checkpoint);
    bytes_free(&object);
  }
}

Test(core_checkpoint, what_is_not_a_map_of_tensors_is_refused_with_its_names) {
  babel_checkpoint checkpoint;
  bytes object = {0};
  pickle_begin(&object);
  pickle_name(&object, "torch.nn.modules.linear", "Linear");
  put_text(&object, ")R.");
  cr_assert_eq(open_object(&checkpoint, &object), BABEL_ERR_UNSUPPORTED);
  cr_assert(strstr(babel_error_last()->sentence, "torch.nn.modules.linear.Linear"));
  bytes_free(&object);
  pickle_begin(&object);
  put_text(&object, "].");
  cr_assert_eq(open_object(&checkpoint, &object), BABEL_ERR_UNSUPPORTED);
  cr_assert(strstr(babel_error_last()->sentence, "a list of 0"));
  bytes_free(&object);
  pickle_begin(&object);
  put_text(&object, "}.");
  cr_assert_eq(open_object(&checkpoint, &object), BABEL_ERR_FORMAT);
  cr_assert(strstr(babel_error_last()->sentence, "no tensors"));
  bytes_free(&object);
  pickle_begin(&object);
  put_text(&object, "}(");
  for (int i = 0; i < 2; i++) {
    pickle_text(&object, i ? "generator" : "critic");
    pickle_map(&object);
    named_tensor(&object, "w", plain);
    put_text(&object, "u");
  }
  put_text(&object, "u.");
  cr_assert_eq(open_object(&checkpoint, &object), BABEL_ERR_FORMAT);
  cr_assert(strstr(babel_error_last()->sentence, "several"));
  bytes_free(&object);
}

Test(core_checkpoint, pickle_that_runs_a_program_is_refused) {
  babel_checkpoint checkpoint;
  bytes object = {0};
  pickle_begin(&object);
  put_text(&object, "}(");
  pickle_text(&object, "state_dict");
  pickle_map(&object);
  named_tensor(&object, "w", plain);
  put_text(&object, "u");
  pickle_text(&object, "hook");
  pickle_name(&object, "os", "system");
  pickle_text(&object, "echo PWNED");
  put_text(&object, "\x85Ru.");
  cr_assert_eq(open_object(&checkpoint, &object), BABEL_ERR_FORMAT);
  cr_assert(strstr(babel_error_last()->sentence, "os.system"));
  bytes_free(&object);
}

/* nanoGPT 19, pytorch 123510: stripped repeatedly, only in front; names that fall together are refused. */
Test(core_checkpoint, prefixes_are_stripped_only_in_front) {
  static const struct {
    const char *from, *to;
  } names[] = {{"_orig_mod.module.block.module.weight", "block.module.weight"}, {"_orig_mod.module.block.weight", "block.weight"},
               {"module.module._orig_mod.module.a", "a"}, {"modules.b", "modules.b"}, {"module", "module"}, {"x.module.c", "x.module.c"}, {"module.", "module."}};
  size_t count = sizeof names / sizeof *names;
  babel_checkpoint checkpoint;
  bytes object = {0};
  pickle_begin(&object);
  pickle_map(&object);
  for (size_t i = 0; i < count; i++) named_tensor(&object, names[i].from, plain);
  put_text(&object, "u.");
  cr_assert_eq(open_object(&checkpoint, &object), BABEL_OK, "%s", babel_error_last()->sentence);
  for (size_t i = 0; i < count; i++) cr_assert_str_eq(checkpoint.tensors[i].name, names[i].to);
  babel_checkpoint_close(&checkpoint);
  object.size -= 2;
  named_tensor(&object, "block.weight", plain);
  put_text(&object, "u.");
  cr_assert_eq(open_object(&checkpoint, &object), BABEL_ERR_FORMAT);
  cr_assert(strstr(babel_error_last()->sentence, "\"block.weight\""));
  bytes_free(&object);
}

Test(core_checkpoint, names_that_are_not_plain_text_are_refused) {
  static const char *const names[] = {"", "a\nb", "a\x1b[31m"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    babel_checkpoint checkpoint;
    bytes object = {0};
    pickle_begin(&object);
    pickle_map(&object);
    named_tensor(&object, names[i], plain);
    put_text(&object, "u.");
    cr_assert_eq(open_object(&checkpoint, &object), BABEL_ERR_FORMAT, "case %zu", i);
    bytes_free(&object);
  }
}

Test(core_checkpoint, views_that_leave_their_storage_are_refused) {
  static const pickled_tensor bad[] = {
      {.type = "FloatStorage", .key = "0", .count = 100, .offset = 95, .rank = 2, .shape = {2, 3}, .stride = {3, 1}},
      {.type = "FloatStorage", .key = "0", .count = 100, .offset = -1, .rank = 1, .shape = {2}, .stride = {1}},
      {.type = "FloatStorage", .key = "0", .count = 100, .offset = 101, .rank = 1, .shape = {0}, .stride = {1}},
      {.type = "FloatStorage", .key = "0", .count = 100, .offset = 100, .rank = 0},
      {.type = "FloatStorage", .key = "0", .count = 100, .offset = INT64_MAX, .rank = 1, .shape = {2}, .stride = {1}},
      {.type = "FloatStorage", .key = "0", .count = 100, .rank = 1, .shape = {2}, .stride = {-1}},
      {.type = "FloatStorage", .key = "0", .count = 100, .rank = 1, .shape = {-2}, .stride = {1}},
      {.type = "FloatStorage", .key = "0", .count = 100, .rank = 1, .shape = {2}, .stride = {100}},
      {.type = "FloatStorage", .key = "0", .count = 100, .rank = 1, .shape = {3}, .stride = {INT64_MAX}},
      {.type = "FloatStorage", .key = "0", .count = 100, .rank = 2, .shape = {(int64_t)1 << 32, (int64_t)1 << 32}, .stride = {0, 0}},
      {.type = "FloatStorage", .key = "0", .count = 100, .rank = 1, .shape = {(int64_t)1 << 40}, .stride = {0}},
      {.type = "FloatStorage", .key = "0", .count = 100, .rank = 9, .shape = {1, 1, 1, 1, 1, 1, 1, 1, 1}},
      {.type = "FloatStorage", .key = "0", .count = 99, .rank = 1, .shape = {2}, .stride = {1}},
      {.type = "FloatStorage", .key = "0", .count = 101, .rank = 1, .shape = {2}, .stride = {1}},
      {.type = "FloatStorage", .key = "0", .count = -1, .rank = 1, .shape = {2}, .stride = {1}},
      {.type = "FloatStorage", .key = "0", .count = INT64_MAX, .rank = 1, .shape = {2}, .stride = {1}},
      {.type = "DoubleStorage", .key = "0", .count = 100, .rank = 1, .shape = {2}, .stride = {1}},
      {.type = "FloatStorage", .key = "1", .count = 100, .rank = 1, .shape = {2}, .stride = {1}},
      {.type = "FloatStorage", .key = "", .count = 100, .rank = 1, .shape = {2}, .stride = {1}},
      {.type = "FloatStorage", .key = "../0", .count = 100, .rank = 1, .shape = {2}, .stride = {1}},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    babel_checkpoint checkpoint;
    bytes object = {0};
    pickle_begin(&object);
    pickle_map(&object);
    named_tensor(&object, "w", bad[i]);
    put_text(&object, "u.");
    cr_assert_eq(open_object(&checkpoint, &object), BABEL_ERR_FORMAT, "case %zu", i);
    bytes_free(&object);
  }
}

/* The file's storage has 100 elements; a second id of the same key must not stretch or shrink it. */
Test(core_checkpoint, storage_with_two_sizes_is_refused) {
  static const int64_t sizes[4][2] = {{100, 101}, {101, 100}, {100, 50}, {50, 100}};
  for (int i = 0; i < 4; i++) {
    babel_checkpoint checkpoint;
    bytes object = {0};
    pickle_begin(&object);
    pickle_map(&object);
    for (int k = 0; k < 2; k++)
      named_tensor(&object, k ? "b" : "a", (pickled_tensor){.type = "FloatStorage", .key = "0", .count = sizes[i][k], .offset = sizes[i][k] - 1, .rank = 0});
    put_text(&object, "u.");
    cr_assert_eq(open_object(&checkpoint, &object), BABEL_ERR_FORMAT);
    cr_assert(strstr(babel_error_last()->sentence, "two sizes"), "%s", babel_error_last()->sentence);
    bytes_free(&object);
  }
}

/* 1,000 transposed views of one storage: the views are gathered only as far as the budget goes. */
Test(core_checkpoint, gathered_views_stay_within_the_budget) {
  babel_checkpoint checkpoint;
  bytes object = {0};
  pickle_begin(&object);
  pickle_map(&object);
  for (int i = 0; i < 1000; i++) {
    char name[16];
    snprintf(name, sizeof name, "w%d", i);
    named_tensor(&object, name, (pickled_tensor){.type = "FloatStorage", .key = "0", .count = 100, .rank = 2, .shape = {50, 2000}, .stride = {1, 0}});
  }
  put_text(&object, "u.");
  cr_assert_eq(open_object(&checkpoint, &object), BABEL_ERR_FORMAT);
  cr_assert(strstr(babel_error_last()->sentence, "memory"), "%s", babel_error_last()->sentence);
  bytes_free(&object);
}

Test(core_checkpoint, every_storage_type_and_parameters_are_read) {
  static const struct {
    const char *type;
    babel_dtype dtype;
    size_t width;
    unsigned char bytes[16];
    double value; /* of element 1 */
  } cases[] = {{"DoubleStorage", BABEL_F64, 8, {[14] = 0xF8, [15] = 0x3F}, 1.5}, {"HalfStorage", BABEL_F16, 2, {[3] = 0xC0}, -2}, {"BFloat16Storage", BABEL_BF16, 2, {[2] = 0xC0, [3] = 0x3F}, 1.5},
               {"LongStorage", BABEL_I64, 8, {[8] = 41}, 41}, {"IntStorage", BABEL_I32, 4, {[4] = 7}, 7}, {"ShortStorage", BABEL_I16, 2, {[2] = 0xFF, [3] = 0xFF}, -1},
               {"CharStorage", BABEL_I8, 1, {0, 0xFE}, -2}, {"ByteStorage", BABEL_U8, 1, {0, 0xFE}, 254}, {"BoolStorage", BABEL_BOOL, 1, {0, 1}, 1}, {"FloatStorage", BABEL_F32, 4, {[6] = 0xC0, [7] = 0x3F}, 1.5}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    babel_checkpoint checkpoint;
    bytes object = {0}, file = {0};
    stored storage = {"94225376", cases[i].bytes, 2 * cases[i].width, cases[i].width};
    pickle_begin(&object);
    put_text(&object, "}(");
    named_tensor(&object, "w", (pickled_tensor){.type = cases[i].type, .key = "94225376", .count = 2, .rank = 1, .shape = {2}, .stride = {1}, .parameter = i % 2});
    put_text(&object, "u.");
    checkpoint_zip(&file, "best_model", &object, &storage, 1, ZIP_TORCH);
    cr_assert_eq(babel_checkpoint_open(&checkpoint, scratch_file(&file, ".pt")), BABEL_OK, "%s: %s", cases[i].type, babel_error_last()->sentence);
    cr_assert_eq(checkpoint.tensors[0].tensor.dtype, cases[i].dtype);
    cr_assert_eq(value_at(&checkpoint, "w", 1), cases[i].value, "%s", cases[i].type);
    babel_checkpoint_close(&checkpoint);
    bytes_free(&object);
    bytes_free(&file);
  }
}

Test(core_checkpoint, tensors_of_unknown_types_are_skipped_by_name) {
  babel_checkpoint checkpoint;
  bytes object = {0};
  pickle_begin(&object);
  pickle_map(&object);
  named_tensor(&object, "w", plain);
  named_tensor(&object, "q", (pickled_tensor){.type = "QUInt8Storage", .key = "0", .count = 100, .rank = 1, .shape = {2}, .stride = {1}});
  put_text(&object, "u.");
  cr_assert_eq(open_object(&checkpoint, &object), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(checkpoint.count, 1);
  cr_assert_str_eq(checkpoint.skipped[0], "q: a tensor of type QUInt8Storage");
  float out[2];
  cr_assert_eq(babel_checkpoint_take(&checkpoint, "q", 1, (int64_t[]){2}, out), BABEL_ERR_FORMAT, "wanted after all");
  cr_assert(strstr(babel_error_last()->sentence, "QUInt8Storage"));
  babel_checkpoint_close(&checkpoint);
  bytes_free(&object);
}

Test(core_checkpoint, endless_lists_of_skipped_entries_are_counted) {
  babel_checkpoint checkpoint;
  bytes object = {0};
  pickle_begin(&object);
  pickle_map(&object);
  named_tensor(&object, "w", plain);
  for (int i = 0; i < 1000; i++) put_text(&object, "NN");
  put_text(&object, "u.");
  cr_assert_eq(open_object(&checkpoint, &object), BABEL_OK);
  cr_assert_eq(checkpoint.skipped_count, 65);
  cr_assert_str_eq(checkpoint.skipped[64], "... and 936 more");
  babel_checkpoint_close(&checkpoint);
  bytes_free(&object);
}

/* ---- taking tensors ---- */

static babel_status open_small(babel_checkpoint *checkpoint) {
  bytes object = {0};
  pickle_begin(&object);
  pickle_map(&object);
  named_tensor(&object, "encoder.weight", plain);
  named_tensor(&object, "encoder.bias", (pickled_tensor){.type = "FloatStorage", .key = "0", .count = 100, .offset = 8, .rank = 1, .shape = {3}, .stride = {2}});
  named_tensor(&object, "decoder.bias", plain);
  put_text(&object, "u.");
  babel_status status = open_object(checkpoint, &object);
  bytes_free(&object);
  return status;
}

Test(core_checkpoint, take_copies_marks_and_stays_in_its_buffer) {
  babel_checkpoint checkpoint;
  float *out = babel_guarded(6);
  cr_assert_eq(open_small(&checkpoint), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(babel_checkpoint_take(&checkpoint, "encoder.weight", 2, (int64_t[]){2, 3}, out), BABEL_OK);
  for (int i = 0; i < 6; i++) cr_assert_eq(out[i], (float)i / 8);
  cr_assert_eq(babel_checkpoint_take(&checkpoint, "encoder.bias", 1, (int64_t[]){3}, out), BABEL_OK);
  for (int i = 0; i < 3; i++) cr_assert_eq(out[i], (float)(8 + 2 * i) / 8);
  cr_assert(babel_guard_check(out, 6));
  cr_assert_eq(babel_checkpoint_all_used(&checkpoint), BABEL_ERR_FORMAT);
  cr_assert(strstr(babel_error_last()->sentence, "1 of 3") && strstr(babel_error_last()->sentence, "decoder.bias"), "%s", babel_error_last()->sentence);
  babel_checkpoint_ignore(&checkpoint, "not there");
  babel_checkpoint_ignore(&checkpoint, "decoder.bias");
  cr_assert_eq(babel_checkpoint_all_used(&checkpoint), BABEL_OK);
  babel_checkpoint_close(&checkpoint);
  babel_checkpoint_close(&checkpoint);
  babel_checkpoint_close(NULL);
  babel_guarded_free(out);
}

Test(core_checkpoint, take_refuses_absent_names_and_other_shapes) {
  babel_checkpoint checkpoint;
  float out[8] = {7};
  cr_assert_eq(open_small(&checkpoint), BABEL_OK);
  cr_assert_eq(babel_checkpoint_take(&checkpoint, "encoder.wieght", 2, (int64_t[]){2, 3}, out), BABEL_ERR_FORMAT);
  const char *nearest = strstr(babel_error_last()->sentence, "nearest: encoder.weight");
  cr_assert_not_null(nearest, "%s", babel_error_last()->sentence);
  cr_assert_eq(babel_checkpoint_take(&checkpoint, "encoder.weight", 2, (int64_t[]){3, 2}, out), BABEL_ERR_FORMAT);
  cr_assert(strstr(babel_error_last()->sentence, "(3, 2)") && strstr(babel_error_last()->sentence, "(2, 3)"));
  cr_assert_eq(babel_checkpoint_take(&checkpoint, "encoder.weight", 1, (int64_t[]){6}, out), BABEL_ERR_FORMAT);
  cr_assert_eq(babel_checkpoint_take(&checkpoint, "encoder.weight", 0, NULL, out), BABEL_ERR_FORMAT);
  cr_assert_eq(out[0], 7);
  for (int i = 0; i < 3; i++) cr_assert_not(checkpoint.used[i]);
  babel_checkpoint_close(&checkpoint);
}

Test(core_checkpoint, take_refuses_what_is_not_a_finite_real_number) {
  static const float wrong[4] = {1, 2, NAN, INFINITY};
  static const double large[2] = {1, 1e300};
  static const int64_t whole[1] = {3};
  static const stored storages[] = {{"0", wrong, 16, 4}, {"1", large, 16, 8}, {"2", whole, 8, 8}};
  babel_checkpoint checkpoint;
  bytes object = {0}, file = {0};
  float out[4];
  pickle_begin(&object);
  pickle_map(&object);
  for (int i = 0; i < 4; i++) {
    char name[] = "f0";
    name[1] = (char)('0' + i);
    named_tensor(&object, name, (pickled_tensor){.type = "FloatStorage", .key = "0", .count = 4, .offset = i, .rank = 1, .shape = {1}, .stride = {1}});
  }
  named_tensor(&object, "large", (pickled_tensor){.type = "DoubleStorage", .key = "1", .count = 2, .rank = 1, .shape = {2}, .stride = {1}});
  named_tensor(&object, "whole", (pickled_tensor){.type = "LongStorage", .key = "2", .count = 1, .rank = 0});
  put_text(&object, "u.");
  checkpoint_zip(&file, "archive", &object, storages, 3, ZIP_TORCH);
  cr_assert_eq(babel_checkpoint_open(&checkpoint, scratch_file(&file, ".pt")), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(babel_checkpoint_take(&checkpoint, "f1", 1, (int64_t[]){1}, out), BABEL_OK);
  cr_assert_eq(babel_checkpoint_take(&checkpoint, "f2", 1, (int64_t[]){1}, out), BABEL_ERR_FORMAT);
  cr_assert_eq(babel_checkpoint_take(&checkpoint, "f3", 1, (int64_t[]){1}, out), BABEL_ERR_FORMAT);
  cr_assert(strstr(babel_error_last()->sentence, "\"f3\"") && strstr(babel_error_last()->sentence, "finite"));
  cr_assert_eq(babel_checkpoint_take(&checkpoint, "large", 1, (int64_t[]){2}, out), BABEL_ERR_FORMAT, "no float holds it");
  cr_assert_eq(babel_checkpoint_take(&checkpoint, "whole", 0, NULL, out), BABEL_ERR_FORMAT);
  cr_assert(strstr(babel_error_last()->sentence, "I64"));
  babel_checkpoint_close(&checkpoint);
  bytes_free(&object);
  bytes_free(&file);
}
