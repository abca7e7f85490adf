/* The feature bank's file: safetensors with the tensors and metadata of data/bank.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/augment.h"
#include "data/bank.h"
#include "data/bank_parts.h"

#define FORMAT "babel-bank 1"

static babel_status join_lines(char *const *lines, int count, char **text) {
  size_t size = 1;
  for (int i = 0; i < count; i++) size += strlen(lines[i]) + 1;
  char *at = *text = malloc(size);
  if (!at) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for %zu bytes of keys", size);
  for (int i = 0; i < count; i++) at = stpcpy(stpcpy(at, i ? "\n" : ""), lines[i]);
  *at = 0;
  return BABEL_OK;
}

static babel_status split_lines(const babel_bank *bank, const char *what, const char *text, char **lines) {
  int found = 1;
  for (const char *at = text; (at = strchr(at, '\n')); at++) found++;
  if (found != bank->rows)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected %d %s, one a row of its features, found %d", bank->path,
                      bank->rows, what, found);
  for (int i = 0; i < bank->rows; i++) {
    size_t length = strcspn(text, "\n");
    lines[i] = strndup(text, length);
    if (!lines[i]) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for its %s", bank->path, what);
    text += length + 1;
  }
  return BABEL_OK;
}

static babel_status add_ints(babel_safetensors_writer *writer, const char *name, const int *data, int rank,
                             int64_t rows, int64_t columns) {
  babel_tensor tensor = {.data = data, .dtype = BABEL_I32, .rank = rank, .shape = {rows, columns}};
  return babel_safetensors_writer_add(writer, name, &tensor);
}

/* With or without the axis of time. */
static babel_status add_features(babel_safetensors_writer *writer, const babel_bank *bank) {
  int64_t rows = bank->rows, variants = bank->variants, steps = bank->steps, width = bank->width;
  bool timed = steps > 1;
  BABEL_TRY(
      babel_safetensors_writer_floats(writer, "features", bank->features, timed ? 3 : 2,
                                      timed ? (int64_t[]){rows, steps, width} : (int64_t[]){rows, width}));
  if (timed) BABEL_TRY(add_ints(writer, "lengths", bank->lengths, 2, rows, 1 + variants));
  if (!variants) return BABEL_OK;
  BABEL_TRY(add_ints(writer, "variant_ids", bank->variant_ids, 1, variants, 0));
  return babel_safetensors_writer_floats(writer, "variants", bank->augmented, timed ? 4 : 3,
                                         timed ? (int64_t[]){rows, variants, steps, width}
                                               : (int64_t[]){rows, variants, width});
}

static babel_status fill_writer(babel_safetensors_writer *writer, const babel_bank *bank, const char *keys,
                                const char *recordings) {
  const char *metadata[][2] = {{"format", FORMAT},
                               {"keys", keys},
                               {"recordings", recordings},
                               {"modality", bank->modality},
                               {"dataset", bank->dataset},
                               {"split", bank->split},
                               {"provenance", bank->provenance}};
  for (size_t i = 0; i < sizeof metadata / sizeof *metadata; i++)
    BABEL_TRY(babel_safetensors_writer_metadata(writer, metadata[i][0], metadata[i][1]));
  BABEL_TRY(add_features(writer, bank));
  BABEL_TRY(add_ints(writer, "labels", bank->labels, 1, bank->rows, 0));
  BABEL_TRY(add_ints(writer, "subjects", bank->subjects, 1, bank->rows, 0));
  BABEL_TRY(add_ints(writer, "first", bank->first, 1, bank->rows, 0));
  return add_ints(writer, "last", bank->last, 1, bank->rows, 0);
}

babel_status babel_bank_write(babel_bank *bank, const char *path) {
  babel_safetensors_writer *writer = NULL;
  char *keys = NULL, *recordings = NULL, sha256[65];
  babel_status status;
  if (strlen(path) >= sizeof bank->path)
    return BABEL_FAIL(BABEL_ERR_ARG, "%.60s...: the path is too long", path);
  BABEL_TRY(babel_bank_validate(bank));
  BABEL_TRY_OR(join_lines(bank->keys, bank->rows, &keys), fail);
  BABEL_TRY_OR(join_lines(bank->recordings, bank->rows, &recordings), fail);
  BABEL_TRY_OR(babel_safetensors_writer_create(&writer), fail);
  BABEL_TRY_OR(fill_writer(writer, bank, keys, recordings), fail);
  BABEL_TRY_OR(babel_safetensors_writer_commit(writer, path), fail);
  BABEL_TRY_OR(babel_file_sha256(path, sha256), fail);
  strcpy(bank->sha256, sha256);
  strcpy(bank->path, path);
fail:
  babel_safetensors_writer_destroy(writer);
  free(keys);
  free(recordings);
  return status;
}

static babel_status require_text(const babel_safetensors *st, const char *key, const char **text) {
  *text = babel_safetensors_metadata(st, key);
  if (!*text)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: not a feature bank: its metadata has no \"%s\"", st->file.path,
                      key);
  return BABEL_OK;
}

static babel_status copy_text(const babel_safetensors *st, const char *key, char *out, size_t size) {
  const char *text;
  BABEL_TRY(require_text(st, key, &text));
  if (strlen(text) >= size)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: its %s has %zu characters, expected fewer than %zu",
                      st->file.path, key, strlen(text), size);
  strcpy(out, text);
  return BABEL_OK;
}

/* Sizes from the features' shape and the number of variants; a fresh bank of these sizes. */
static babel_status create_like(babel_bank *bank, const babel_safetensors *st, const char *modality) {
  const babel_tensor *features = babel_safetensors_find(st, "features"),
                     *ids = babel_safetensors_find(st, "variant_ids");
  char text[160];
  int64_t variants = ids && ids->rank == 1 ? ids->shape[0] : 0;
  if (!features || features->dtype != BABEL_F32 || features->rank < 2 || features->rank > 3)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected \"features\" as F32 (N, D) or (N, T, D), found %s %s",
                      st->file.path, features ? babel_dtype_name(features->dtype) : "none",
                      features ? babel_tensor_shape_text(features, text, sizeof text) : "");
  int64_t rows = features->shape[0], width = features->shape[features->rank - 1],
          steps = features->rank == 3 ? features->shape[1] : 1;
  if (rows > INT32_MAX || width > INT32_MAX || steps > INT32_MAX || variants > BABEL_VARIANTS)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "%s: %lld variants of features %s are too many", st->file.path,
                      (long long)variants, babel_tensor_shape_text(features, text, sizeof text));
  babel_status status = babel_bank_create(bank, modality, (int)rows, (int)variants, (int)steps, (int)width);
  if (status != BABEL_OK) babel_fail_context("%s: ", st->file.path);
  return status;
}

static babel_status load(const babel_safetensors *st, const char *name, babel_dtype dtype, int rank,
                         const int64_t *shape, void *out) {
  const babel_tensor *tensor;
  int64_t count;
  BABEL_TRY(babel_safetensors_require(st, name, dtype, rank, shape, &tensor));
  BABEL_TRY(babel_tensor_count(tensor, &count));
  if (out && count) memcpy(out, tensor->data, (size_t)count * babel_dtype_size(dtype));
  return BABEL_OK;
}

static babel_status load_tensors(babel_bank *bank, const babel_safetensors *st) {
  int64_t rows = bank->rows, variants = bank->variants, steps = bank->steps, width = bank->width;
  bool timed = babel_safetensors_find(st, "features")->rank == 3;
  BABEL_TRY(load(st, "features", BABEL_F32, timed ? 3 : 2,
                 timed ? (int64_t[]){rows, steps, width} : (int64_t[]){rows, width}, bank->features));
  if (timed) BABEL_TRY(load(st, "lengths", BABEL_I32, 2, (int64_t[]){rows, 1 + variants}, bank->lengths));
  if (variants || babel_safetensors_find(st, "variants") || babel_safetensors_find(st, "variant_ids")) {
    BABEL_TRY(load(st, "variant_ids", BABEL_I32, 1, &variants, bank->variant_ids));
    BABEL_TRY(load(st, "variants", BABEL_F32, timed ? 4 : 3,
                   timed ? (int64_t[]){rows, variants, steps, width} : (int64_t[]){rows, variants, width},
                   bank->augmented));
  }
  BABEL_TRY(load(st, "labels", BABEL_I32, 1, &rows, bank->labels));
  BABEL_TRY(load(st, "subjects", BABEL_I32, 1, &rows, bank->subjects));
  BABEL_TRY(load(st, "first", BABEL_I32, 1, &rows, bank->first));
  return load(st, "last", BABEL_I32, 1, &rows, bank->last);
}

static babel_status load_bank(babel_bank *bank, const babel_safetensors *st) {
  const char *text;
  char modality[sizeof bank->modality];
  BABEL_TRY(require_text(st, "format", &text));
  if (strcmp(text, FORMAT))
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected the format \"%s\", found \"%.60s\"", st->file.path,
                      FORMAT, text);
  BABEL_TRY(copy_text(st, "modality", modality, sizeof modality));
  BABEL_TRY(create_like(bank, st, modality));
  strcpy(bank->path, st->file.path);
  BABEL_TRY(copy_text(st, "dataset", bank->dataset, sizeof bank->dataset));
  BABEL_TRY(copy_text(st, "split", bank->split, sizeof bank->split));
  BABEL_TRY(load_tensors(bank, st));
  BABEL_TRY(require_text(st, "keys", &text));
  BABEL_TRY(split_lines(bank, "keys", text, bank->keys));
  BABEL_TRY(require_text(st, "recordings", &text));
  BABEL_TRY(split_lines(bank, "recordings", text, bank->recordings));
  BABEL_TRY(require_text(st, "provenance", &text));
  free(bank->provenance);
  bank->provenance = strdup(text);
  if (!bank->provenance) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for its provenance", bank->path);
  BABEL_TRY(babel_bank_validate(bank));
  babel_sha256(st->file.data, st->file.size, bank->sha256);
  return BABEL_OK;
}

babel_status babel_bank_read(babel_bank *bank, const char *path) {
  babel_safetensors st;
  memset(bank, 0, sizeof *bank);
  BABEL_TRY(babel_safetensors_open(&st, path));
  babel_status status = load_bank(bank, &st);
  babel_safetensors_close(&st);
  if (status != BABEL_OK) babel_bank_destroy(bank);
  return status;
}
