/* Bank files that are not what they should be. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "data/bank.h"
#include "tests/support/paths.h"

static const char *path_of_file(void) {
  static char path[1200];
  if (!*path) snprintf(path, sizeof path, "%s/bank.safetensors", babel_scratch());
  return path;
}

/* What the file below holds; one field is changed at a time. */
typedef struct {
  const char *format, *keys, *recordings, *modality, *dataset, *split, *provenance; /* NULL: leave it out */
  int64_t features[3];
  int features_rank;
  babel_dtype features_dtype;
  int64_t label_count, id_count, variant_width; /* -1: leave the tensor out */
  int variant_rank;
  int64_t length_rows; /* -1: none */
  float value;
} content;

static const content sound = {.format = "babel-bank 1",
                              .keys = "a\nb",
                              .recordings = "a\nb",
                              .modality = "imu",
                              .dataset = "mine",
                              .split = "all",
                              .provenance = "{}",
                              .features = {2, 3},
                              .features_rank = 2,
                              .features_dtype = BABEL_F32,
                              .label_count = 2,
                              .id_count = 2,
                              .variant_width = 3,
                              .variant_rank = 3,
                              .length_rows = -1};

static void add(babel_safetensors_writer *w, const char *name, const void *data, babel_dtype dtype, int rank, const int64_t *shape) {
  babel_tensor tensor = {.data = data, .dtype = dtype, .rank = rank};
  for (int i = 0; i < rank; i++) tensor.shape[i] = shape[i];
  cr_assert_eq(babel_safetensors_writer_add(w, name, &tensor), BABEL_OK);
}

static void write_file(const content *c) {
  static const int zeros[64], ids[64] = {0, 300};
  static float floats[256];
  babel_safetensors_writer *w;
  const char *metadata[][2] = {{"format", c->format},   {"keys", c->keys},   {"recordings", c->recordings}, {"modality", c->modality},
                               {"dataset", c->dataset}, {"split", c->split}, {"provenance", c->provenance}};
  floats[1] = c->value;
  int64_t rows = c->features[0];
  int ones[64];
  for (int i = 0; i < 64; i++) ones[i] = 1;
  cr_assert_eq(babel_safetensors_writer_create(&w), BABEL_OK);
  for (size_t i = 0; i < 7; i++)
    if (metadata[i][1]) cr_assert_eq(babel_safetensors_writer_metadata(w, metadata[i][0], metadata[i][1]), BABEL_OK);
  if (c->features_rank) add(w, "features", floats, c->features_dtype, c->features_rank, c->features);
  if (c->label_count >= 0) add(w, "labels", zeros, BABEL_I32, 1, &c->label_count);
  add(w, "subjects", zeros, BABEL_I32, 1, &rows);
  add(w, "first", zeros, BABEL_I32, 1, &rows);
  add(w, "last", zeros, BABEL_I32, 1, &rows);
  if (c->id_count >= 0) add(w, "variant_ids", ids, BABEL_I32, 1, &c->id_count);
  if (c->variant_width >= 0) add(w, "variants", floats, BABEL_F32, c->variant_rank, (int64_t[]){rows, 2, c->variant_width, 1});
  if (c->length_rows >= 0) add(w, "lengths", ones, BABEL_I32, 2, (int64_t[]){c->length_rows, 3});
  cr_assert_eq(babel_safetensors_writer_commit(w, path_of_file()), BABEL_OK);
  babel_safetensors_writer_destroy(w);
}

static void assert_refused(content c, const char *words) {
  babel_bank bank;
  write_file(&c);
  cr_assert_neq(babel_bank_read(&bank, path_of_file()), BABEL_OK, "%s", words);
  const char *sentence = babel_error_last()->sentence;
  cr_assert(strstr(sentence, path_of_file()) && strstr(sentence, words), "expected \"%s\" in: %s", words, sentence);
  cr_assert(!bank.keys && !bank.features);
}

#define CHANGED(...)                                                                                                   \
  ({                                                                                                                   \
    content c = sound;                                                                                                 \
    __VA_ARGS__;                                                                                                       \
    c;                                                                                                                 \
  })

Test(data_bank_file, the_file_that_the_other_cases_change_is_sound) {
  babel_bank bank;
  write_file(&sound);
  cr_assert_eq(babel_bank_read(&bank, path_of_file()), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert(bank.rows == 2 && bank.variants == 2 && bank.steps == 1 && bank.width == 3 && bank.variant_ids[1] == 300);
  cr_assert(babel_bank_row(&bank, "b") == 1 && babel_bank_row(&bank, "c") == -1);
  babel_bank_destroy(&bank);
  content timed = CHANGED(c.features[1] = 1; c.features[2] = 3; c.features_rank = 3; c.id_count = c.variant_width = -1);
  timed.length_rows = -1;
  write_file(&timed);
  cr_assert_neq(babel_bank_read(&bank, path_of_file()), BABEL_OK, "time steps without lengths");
  cr_assert(strstr(babel_error_last()->sentence, "lengths"));
}

Test(data_bank_file, metadata_that_is_missing_or_foreign_is_refused) {
  assert_refused(CHANGED(c.format = NULL), "\"format\"");
  assert_refused(CHANGED(c.format = "babel-bank 2"), "expected the format \"babel-bank 1\", found \"babel-bank 2\"");
  assert_refused(CHANGED(c.keys = NULL), "\"keys\"");
  assert_refused(CHANGED(c.keys = "a\nb\nc"), "expected 2 keys, one a row of its features, found 3");
  assert_refused(CHANGED(c.keys = "a"), "found 1");
  assert_refused(CHANGED(c.keys = "a\n"), "row 1");
  assert_refused(CHANGED(c.keys = "a\na"), "rows 0 and 1");
  assert_refused(CHANGED(c.recordings = NULL), "\"recordings\"");
  assert_refused(CHANGED(c.recordings = "a"), "expected 2 recordings");
  assert_refused(CHANGED(c.modality = NULL), "\"modality\"");
  assert_refused(CHANGED(c.modality = "I M U"), "I M U");
  assert_refused(CHANGED(c.modality = "a_name_of_more_than_thirty_one_characters"), "modality has 41 characters");
  assert_refused(CHANGED(c.dataset = NULL), "\"dataset\"");
  assert_refused(CHANGED(c.split = NULL), "\"split\"");
  assert_refused(CHANGED(c.provenance = NULL), "\"provenance\"");
  assert_refused(CHANGED(c.provenance = "{\"a\": 1, \"a\": 2}"), "provenance");
}

Test(data_bank_file, tensors_of_another_shape_or_type_are_refused) {
  assert_refused(CHANGED(c.features_rank = 0), "features");
  assert_refused(CHANGED(c.features_rank = 1), "features");
  assert_refused(CHANGED(c.features_dtype = BABEL_I32), "I32");
  assert_refused(CHANGED(c.label_count = -1), "labels");
  assert_refused(CHANGED(c.label_count = 3), "labels");
  assert_refused(CHANGED(c.id_count = -1), "variant_ids");
  assert_refused(CHANGED(c.id_count = 3), "variants");
  assert_refused(CHANGED(c.variant_width = -1), "variants");
  assert_refused(CHANGED(c.variant_width = 4), "variants");
  assert_refused(CHANGED(c.variant_rank = 4), "variants");
  assert_refused(CHANGED(c.features[1] = 0), "width 0");
  assert_refused(CHANGED(c.value = (float)(0.0 / 0.0)), "key a), time step 0, column 1");
  assert_refused(CHANGED(c.features[1] = 2; c.features[2] = 3; c.features_rank = 3; c.length_rows = 3; c.id_count = -1;
                         c.variant_width = -1),
                 "lengths");
}

Test(data_bank_file, files_that_are_no_banks_are_refused) {
  babel_bank bank;
  cr_assert_eq(babel_bank_read(&bank, "/nowhere/bank"), BABEL_ERR_IO);
  cr_assert_eq(babel_file_write_text(path_of_file(), "key,part\n"), BABEL_OK);
  cr_assert_neq(babel_bank_read(&bank, path_of_file()), BABEL_OK);
  cr_assert(strstr(babel_error_last()->sentence, path_of_file()));
}
