/* Weight files: cases PC01 to PC11 (README.md). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/cases/program.h"

TestSuite(cases_weights, .init = enter_scratch, .timeout = 100);

static pickled_tensor view(const char *key, int64_t count, int64_t offset, int rank, const int64_t *shape, const int64_t *stride) {
  pickled_tensor tensor = {.type = "FloatStorage", .key = key, .count = count, .offset = offset, .rank = rank};
  memcpy(tensor.shape, shape, (size_t)rank * sizeof *shape);
  memcpy(tensor.stride, stride, (size_t)rank * sizeof *stride);
  return tensor;
}

static void named(bytes *b, const char *name, pickled_tensor tensor) {
  pickle_text(b, name);
  pickle_tensor(b, &tensor);
}

static void save_checkpoint(const char *name, const char *root, bytes *object, const stored *storages, int count, zip_style style) {
  bytes file = {0};
  checkpoint_zip(&file, root, object, storages, count, style);
  save(name, &file);
  bytes_free(object);
}

Test(cases_weights, pc01_views_of_shared_storages) {
  float eighths[100], numbers[24];
  for (int i = 0; i < 100; i++) eighths[i] = (float)i / 8;
  for (int i = 0; i < 24; i++) numbers[i] = (float)i;
  stored storages[2] = {{"0", eighths, sizeof eighths, 4}, {"1", numbers, sizeof numbers, 4}};
  bytes object = {0};
  pickle_begin(&object);
  pickle_map(&object);
  named(&object, "head.weight", view("0", 100, 5, 1, (int64_t[]){95}, (int64_t[]){1}));
  named(&object, "tail.weight", view("0", 100, 80, 2, (int64_t[]){4, 5}, (int64_t[]){5, 1}));
  named(&object, "proj.weight", view("1", 24, 0, 2, (int64_t[]){6, 4}, (int64_t[]){1, 6}));
  named(&object, "every2.weight", view("1", 24, 1, 2, (int64_t[]){3, 2}, (int64_t[]){8, 2}));
  put_text(&object, "u.");
  save_checkpoint("views.pt", "archive", &object, storages, 2, ZIP_TORCH);
  cr_assert_eq(run("inspect views.pt"), 0, "%s", errors());
  shows("head.weight", "(95)", 617.5, 0.625, 12.375);
  shows("tail.weight", "(4, 5)", 223.75, 10, 12.375);
  shows("proj.weight", "(6, 4)", 276, 0, 23);
  shows("every2.weight", "(3, 2)", 60, 1, 19);
}

Test(cases_weights, pc03_the_rest_of_a_training_checkpoint_is_skipped_by_name) {
  float a[12];
  for (int i = 0; i < 12; i++) a[i] = (float)(2 * i - 11);
  stored storages[1] = {{"0", a, sizeof a, 4}};
  pickled_tensor weight = view("0", 12, 0, 2, (int64_t[]){3, 4}, (int64_t[]){4, 1});
  for (int evil = 0; evil < 2; evil++) {
    bytes object = {0};
    pickle_begin(&object);
    put_text(&object, "}(");
    pickle_text(&object, "epoch");
    pickle_int(&object, 12);
    pickle_text(&object, "seed");
    put(&object, "\x8A\x09\0\0\0\0\0\0\0\0\1", 11); /* 2^64 */
    pickle_text(&object, "best_acc");
    pickle_name(&object, "numpy._core.multiarray", "scalar");
    pickle_name(&object, "numpy", "dtype");
    pickle_text(&object, "f8");
    put_text(&object, "\x89\x88\x87R"); /* dtype("f8", False, True) */
    pickle_text(&object, "01234567");
    put_text(&object, "\x86R");
    pickle_text(&object, "args");
    pickle_name(&object, "argparse", "Namespace");
    put_text(&object, ")R}");
    pickle_text(&object, "lr");
    put_text(&object, "Nsb");
    pickle_text(&object, "state_dict");
    pickle_map(&object);
    named(&object, "module.fc.weight", weight);
    put_text(&object, "u");
    if (evil) {
      pickle_text(&object, "hook");
      pickle_name(&object, "os", "system");
      pickle_text(&object, "echo PWNED");
      put_text(&object, "\x85R");
    }
    put_text(&object, "u.");
    save_checkpoint("training.pt", "archive", &object, storages, 1, ZIP_TORCH);
    int code = run("inspect training.pt");
    cr_assert(!strstr(output(), "PWNED") && !strstr(errors(), "PWNED"));
    if (evil) {
      refused(1, code, "os.system");
      continue;
    }
    cr_assert_eq(code, 0, "%s", errors());
    shows("fc.weight", "(3, 4)", 0, -11, 11);
    static const char *const skipped[] = {"epoch: a whole number", "seed: a whole number beyond 64 bits", "best_acc: numpy._core.multiarray.scalar",
                                          "args: argparse.Namespace"};
    for (int i = 0; i < 4; i++) cr_assert(strstr(output(), skipped[i]), "%s\n%s", skipped[i], output());
  }
}

Test(cases_weights, pc05_prefixes_go_only_in_front_and_never_collide) {
  static const char *const names[2][2] = {{"_orig_mod.module.block.module.weight", "_orig_mod.module.block.weight"}, {"module.fc.weight", "fc.weight"}};
  float a[6] = {0, 1, 2, 3, 4, 5}, b[6] = {10, 11, 12, 13, 14, 15};
  stored storages[2] = {{"0", a, sizeof a, 4}, {"1", b, sizeof b, 4}};
  for (int collide = 0; collide < 2; collide++) {
    bytes object = {0};
    pickle_begin(&object);
    pickle_map(&object);
    named(&object, names[collide][0], view("0", 6, 0, 2, (int64_t[]){2, 3}, (int64_t[]){3, 1}));
    named(&object, names[collide][1], view("1", 6, 0, 2, (int64_t[]){2, 3}, (int64_t[]){3, 1}));
    put_text(&object, "u.");
    save_checkpoint("prefix.pt", "archive", &object, storages, 2, ZIP_TORCH);
    int code = run("inspect prefix.pt");
    if (collide) {
      refused(1, code, "fc.weight");
      continue;
    }
    cr_assert_eq(code, 0, "%s", errors());
    shows("block.module.weight", "(2, 3)", 15, 0, 5);
    shows("block.weight", "(2, 3)", 75, 10, 15);
  }
}

Test(cases_weights, pc07_archives_of_every_kind_and_a_cut_one) {
  static const zip_style styles[] = {ZIP_TORCH, ZIP_64, ZIP_DEFLATED};
  float a[20];
  for (int i = 0; i < 20; i++) a[i] = (float)(i - 7);
  stored storages[1] = {{"0", a, sizeof a, 4}};
  for (int i = 0; i < 4; i++) {
    bytes object = {0}, file = {0};
    pickle_begin(&object);
    pickle_map(&object);
    named(&object, "w", view("0", 20, 0, 2, (int64_t[]){4, 5}, (int64_t[]){5, 1}));
    put_text(&object, "u.");
    checkpoint_zip(&file, i == 2 ? "model" : "archive", &object, storages, 1, styles[i % 3]);
    bytes_free(&object);
    if (i == 3) file.size -= 30;
    save("archive.pt", &file);
    int code = run("inspect archive.pt");
    if (i == 3) {
      refused(1, code, "truncated");
      continue;
    }
    cr_assert_eq(code, 0, "%s", errors());
    shows("w", "(4, 5)", 50, -7, 12);
  }
}

Test(cases_weights, pc09_empty_and_single_tensors) {
  float one = 3.5f;
  int64_t number = 41;
  stored storages[3] = {{"0", &one, 4, 4}, {"1", "", 0, 4}, {"2", &number, 8, 8}};
  bytes object = {0}, file = {0};
  pickled_tensor scalar = {.type = "LongStorage", .key = "2", .count = 1};
  pickle_begin(&object);
  pickle_map(&object);
  named(&object, "empty", view("1", 0, 0, 1, (int64_t[]){0}, (int64_t[]){1}));
  named(&object, "empty2", view("1", 0, 0, 2, (int64_t[]){3, 0}, (int64_t[]){1, 1}));
  named(&object, "scalar", scalar);
  named(&object, "expanded", view("0", 1, 0, 2, (int64_t[]){4, 5}, (int64_t[]){0, 0}));
  put_text(&object, "u.");
  save_checkpoint("few.pt", "archive", &object, storages, 3, ZIP_TORCH);
  static const char header[] = "{\"empty\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},\"scalar\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
                               "\"empty2\":{\"dtype\":\"F32\",\"shape\":[3,0],\"data_offsets\":[8,8]}}";
  put_u64(&file, sizeof header - 1);
  put_text(&file, header);
  put_u64(&file, 41);
  save("few.safetensors", &file);
  for (int i = 0; i < 2; i++) {
    cr_assert_eq(run("inspect few.%s", i ? "safetensors" : "pt"), 0, "%s", errors());
    shows("scalar", "()", 41, 41, 41);
    cr_assert(strstr(output(), "(0)") && strstr(output(), "(3, 0)"), "%s", output());
    if (!i) shows("expanded", "(4, 5)", 70, 3.5, 3.5);
  }
}

Test(cases_weights, pc11_safetensors_that_promise_what_is_not_there) {
  static const struct {
    const char *header;
    size_t bytes;
    const char *word;
  } files[] = {
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]},\"b\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[8,24]}}", 24, "\"b\""},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[16,24]}}", 24, "\"b\""},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 12, "\"a\""},
      {"{\"t\":{\"dtype\":\"F32\",\"shape\":[1000,1000],\"data_offsets\":[0,4]}}", 4, "\"t\""},
      {"{\"t\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0, "\"t\""},
      {"{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, "\"t\""},
      {"{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "\"t\""},
      {"[1,2,3]", 0, "begins with {"},
      {"{\"t\":{\"dtype\":\"F32\",\"shape\":[64],\"data_offsets\":[0,256]}}", 160, "\"t\""},
  };
  static const char zeros[256];
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    bytes file = {0};
    put_u64(&file, strlen(files[i].header));
    put_text(&file, files[i].header);
    put(&file, zeros, files[i].bytes);
    save("t.safetensors", &file);
    refused(1, run("inspect t.safetensors"), files[i].word);
    cr_assert(strstr(errors(), "t.safetensors"));
  }
}
