/* The feature bank in memory: creation, validation, lookup, statistics. File: bank_file.c; pairing and
 * subsets: bank_pair.c; a user's arrays: bank_import.c. */
#include "data/bank.h"

#include <errno.h>
#include <float.h>
#include <jansson.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/modality.h"
#include "data/augment.h"
#include "data/bank_parts.h"
#include "data/key_index.h"

_Static_assert(sizeof(int) == 4, "the bank stores int arrays as I32");

struct babel_bank_index {
  _Atomic(babel_key_index *) keys; /* NULL until the first lookup */
};

static babel_status alloc_ints(int **out, size_t count) {
  void *memory;
  BABEL_TRY(babel_alloc(&memory, count, sizeof **out));
  *out = memory;
  return BABEL_OK;
}

static babel_status alloc_floats(float **out, size_t count) {
  void *memory;
  BABEL_TRY(babel_alloc(&memory, count, sizeof **out));
  *out = memory;
  return BABEL_OK;
}

static babel_status check_sizes(int rows, int variants, int steps, int width) {
  if (rows < 1 || variants < 0 || variants > BABEL_VARIANTS || steps < 1 || width < 1)
    return BABEL_FAIL(BABEL_ERR_SHAPE,
                      "a feature bank of %d rows, %d variants, %d time steps, width %d: expected at least 1 "
                      "row, step and feature, "
                      "0 to %d variants",
                      rows, variants, steps, width, BABEL_VARIANTS);
  babel_tensor all = {.dtype = BABEL_F32, .rank = 4, .shape = {rows, variants + 1, steps, width}};
  int64_t count;
  return babel_tensor_count(&all, &count);
}

static babel_status alloc_arrays(babel_bank *bank) {
  size_t rows = (size_t)bank->rows, variants = (size_t)bank->variants, row = babel_bank_row_size(bank);
  BABEL_TRY(alloc_ints(&bank->labels, rows));
  BABEL_TRY(alloc_ints(&bank->subjects, rows));
  BABEL_TRY(alloc_ints(&bank->first, rows));
  BABEL_TRY(alloc_ints(&bank->last, rows));
  BABEL_TRY(alloc_ints(&bank->variant_ids, variants));
  if (bank->steps > 1) BABEL_TRY(alloc_ints(&bank->lengths, rows * (1 + variants)));
  BABEL_TRY(alloc_floats(&bank->features, rows * row));
  if (variants) BABEL_TRY(alloc_floats(&bank->augmented, rows * variants * row));
  bank->keys = calloc(rows, sizeof *bank->keys);
  bank->recordings = calloc(rows, sizeof *bank->recordings);
  bank->index = calloc(1, sizeof *bank->index);
  bank->provenance = strdup("{}");
  if (!bank->keys || !bank->recordings || !bank->index || !bank->provenance)
    return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for a feature bank of %d rows", bank->rows);
  for (int i = 0; i < bank->variants; i++) bank->variant_ids[i] = babel_variant_pick(i, bank->variants);
  return BABEL_OK;
}

babel_status babel_bank_create(babel_bank *bank, const char *modality, int rows, int variants, int steps,
                               int width) {
  memset(bank, 0, sizeof *bank);
  BABEL_TRY(babel_modality_check_name(modality));
  BABEL_TRY(check_sizes(rows, variants, steps, width));
  strcpy(bank->modality, modality);
  bank->rows = rows;
  bank->variants = variants;
  bank->steps = steps;
  bank->width = width;
  babel_status status = alloc_arrays(bank);
  if (status != BABEL_OK) babel_bank_destroy(bank);
  return status;
}

void babel_bank_destroy(babel_bank *bank) {
  if (!bank) return;
  for (int i = 0; bank->keys && i < bank->rows; i++) free(bank->keys[i]);
  for (int i = 0; bank->recordings && i < bank->rows; i++) free(bank->recordings[i]);
  if (bank->index) {
    babel_key_index *keys = atomic_load(&bank->index->keys);
    babel_key_index_destroy(keys);
    free(keys);
  }
  free(bank->index);
  free(bank->keys);
  free(bank->recordings);
  free(bank->labels);
  free(bank->subjects);
  free(bank->first);
  free(bank->last);
  free(bank->variant_ids);
  free(bank->lengths);
  free(bank->features);
  free(bank->augmented);
  free(bank->provenance);
  memset(bank, 0, sizeof *bank);
}

/* The index, built by whichever thread comes first; NULL when there is none and no memory for one. */
static const babel_key_index *key_index(const babel_bank *bank) {
  if (!bank->index) return NULL;
  babel_key_index *seen = atomic_load(&bank->index->keys);
  if (seen) return seen;
  babel_key_index *made = malloc(sizeof *made);
  if (!made || babel_key_index_create(made, bank->keys, bank->rows) != BABEL_OK) {
    free(made);
    return NULL;
  }
  if (atomic_compare_exchange_strong(&bank->index->keys, &seen, made)) return made;
  babel_key_index_destroy(made);
  free(made);
  return seen;
}

int babel_bank_row(const babel_bank *bank, const char *key) {
  const babel_key_index *index = key_index(bank);
  if (index) return babel_key_index_find(index, key);
  for (int i = 0; i < bank->rows; i++)
    if (!strcmp(bank->keys[i], key)) return i;
  return -1;
}

/* Position of the first value that is NaN or infinite, or -1; the same for any number of threads. */
static int64_t first_not_finite(const float *x, int64_t count) {
  enum { CHUNK = 1 << 15 };
  int64_t found = INT64_MAX;
#pragma omp parallel for schedule(static) reduction(min : found)
  for (int64_t from = 0; from < count; from += CHUNK) {
    int64_t to = from + CHUNK < count ? from + CHUNK : count;
    int bad = 0;
    for (int64_t i = from; i < to; i++) bad |= !(fabsf(x[i]) <= FLT_MAX);
    for (int64_t i = from; bad && i < to; i++)
      if (!isfinite(x[i])) {
        found = i < found ? i : found;
        bad = 0;
      }
  }
  return found == INT64_MAX ? -1 : found;
}

static babel_status validate_values(const babel_bank *bank) {
  int64_t row = (int64_t)babel_bank_row_size(bank), per_row = row * bank->variants;
  int64_t at = first_not_finite(bank->features, bank->rows * row);
  if (at >= 0)
    return BABEL_FAIL(
        BABEL_ERR_VALUE, "%s: row %lld (key %s), time step %lld, column %lld is %g: expected finite features",
        babel_bank_title(bank), (long long)(at / row), bank->keys[at / row],
        (long long)(at % row / bank->width), (long long)(at % bank->width), (double)bank->features[at]);
  at = bank->augmented ? first_not_finite(bank->augmented, bank->rows * per_row) : -1;
  if (at >= 0)
    return BABEL_FAIL(
        BABEL_ERR_VALUE, "%s: row %lld (key %s), variant %d, column %lld is %g: expected finite features",
        babel_bank_title(bank), (long long)(at / per_row), bank->keys[at / per_row],
        bank->variant_ids[at % per_row / row], (long long)(at % bank->width), (double)bank->augmented[at]);
  return BABEL_OK;
}

/* No control characters: lists of keys are stored one a line. */
static bool plain_text(const char *text) {
  if (!text || !*text) return false;
  for (; *text; text++)
    if ((unsigned char)*text < ' ') return false;
  return true;
}

static babel_status validate_rows(const babel_bank *bank) {
  const char *title = babel_bank_title(bank);
  babel_key_index index;
  int first, second;
  for (int i = 0; i < bank->rows; i++) {
    if (!plain_text(bank->keys[i]) || !plain_text(bank->recordings[i]))
      return BABEL_FAIL(BABEL_ERR_VALUE,
                        "%s: row %d: expected a key and a recording of one line of text each", title, i);
    if (bank->labels[i] < 0 || bank->subjects[i] < 0)
      return BABEL_FAIL(BABEL_ERR_VALUE, "%s: key %s: label %d, subject %d: expected no negative numbers",
                        title, bank->keys[i], bank->labels[i], bank->subjects[i]);
    if (bank->first[i] < 0 || bank->last[i] < bank->first[i])
      return BABEL_FAIL(BABEL_ERR_VALUE,
                        "%s: key %s: rows %d to %d of its recording: expected 0 <= first <= last", title,
                        bank->keys[i], bank->first[i], bank->last[i]);
    for (int v = 0; bank->lengths && v <= bank->variants; v++) {
      int length = babel_bank_length(bank, i, v);
      if (length < 1 || length > bank->steps)
        return BABEL_FAIL(BABEL_ERR_VALUE, "%s: key %s: sequence %d has %d valid steps: expected 1 to %d",
                          title, bank->keys[i], v, length, bank->steps);
    }
  }
  BABEL_TRY(babel_key_index_create(&index, bank->keys, bank->rows));
  bool twice = babel_key_index_duplicate(&index, &first, &second);
  babel_key_index_destroy(&index);
  if (twice)
    return BABEL_FAIL(BABEL_ERR_VALUE, "%s: the key %s stands in rows %d and %d", title, bank->keys[first],
                      first, second);
  return BABEL_OK;
}

static babel_status validate_variants(const babel_bank *bank) {
  bool seen[BABEL_VARIANTS] = {false};
  for (int i = 0; i < bank->variants; i++) {
    int id = bank->variant_ids[i];
    if (id < 0 || id >= BABEL_VARIANTS || seen[id])
      return BABEL_FAIL(BABEL_ERR_VALUE, "%s: variant number %d: expected numbers of 0 to %d, each once",
                        babel_bank_title(bank), id, BABEL_VARIANTS - 1);
    seen[id] = true;
  }
  return BABEL_OK;
}

static babel_status validate_provenance(const babel_bank *bank) {
  json_error_t error;
  errno = 0;
  json_t *json = bank->provenance ? json_loads(bank->provenance, JSON_REJECT_DUPLICATES, &error) : NULL;
  if (!json && errno == ENOMEM) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for its provenance", babel_bank_title(bank));
  bool object = json_is_object(json);
  json_decref(json);
  if (!object)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: its provenance is not a JSON object", babel_bank_title(bank));
  return BABEL_OK;
}

babel_status babel_bank_validate(const babel_bank *bank) {
  BABEL_TRY(babel_modality_check_name(bank->modality));
  BABEL_TRY(check_sizes(bank->rows, bank->variants, bank->steps, bank->width));
  if (!bank->keys || !bank->recordings || !bank->labels || !bank->subjects || !bank->first || !bank->last ||
      !bank->features || (bank->variants && (!bank->augmented || !bank->variant_ids)) ||
      (bank->steps > 1) != (bank->lengths != NULL))
    return BABEL_FAIL(BABEL_ERR_STATE, "%s: arrays of the bank are missing, or lengths without time steps",
                      babel_bank_title(bank));
  BABEL_TRY(validate_rows(bank));
  BABEL_TRY(validate_variants(bank));
  BABEL_TRY(validate_provenance(bank));
  return validate_values(bank);
}

/* Mean and population deviation of the columns from..to, rows in the given order. */
static void column_statistics(const babel_bank *bank, const int *rows, int count, int from, int to,
                              double *mean, double *deviation) {
  double steps = 0;
  for (int pass = 0; pass < 2; pass++) {
    double *sum = pass ? deviation : mean;
    for (int c = from; c < to; c++) sum[c] = 0;
    steps = 0;
    for (int i = 0; i < count; i++) {
      size_t row = (size_t)(rows ? rows[i] : i);
      int valid = babel_bank_length(bank, (int)row, 0);
      const float *x = bank->features + row * babel_bank_row_size(bank);
      steps += valid;
      for (int t = 0; t < valid; t++, x += bank->width)
        for (int c = from; c < to; c++) sum[c] += pass ? (x[c] - mean[c]) * (x[c] - mean[c]) : x[c];
    }
    for (int c = from; c < to; c++) sum[c] /= steps;
  }
  for (int c = from; c < to; c++) deviation[c] = sqrt(deviation[c]);
}

babel_status babel_bank_statistics(const babel_bank *bank, const int *rows, int count, float *mean,
                                   float *inv_std, int *constant) {
  enum { BLOCK = 32 };
  void *memory;
  int width = bank->width;
  *constant = 0;
  if (!rows) count = bank->rows;
  if (count < 1) return BABEL_FAIL(BABEL_ERR_ARG, "%s: statistics of no rows", babel_bank_title(bank));
  for (int i = 0; rows && i < count; i++)
    if (rows[i] < 0 || rows[i] >= bank->rows)
      return BABEL_FAIL(BABEL_ERR_ARG, "%s: row %d, expected 0 to %d", babel_bank_title(bank), rows[i],
                        bank->rows - 1);
  BABEL_TRY(babel_alloc(&memory, 2 * (size_t)width, sizeof(double)));
  double *means = memory, *deviations = means + width;
#pragma omp parallel for schedule(static)
  for (int from = 0; from < width; from += BLOCK)
    column_statistics(bank, rows, count, from, from + BLOCK < width ? from + BLOCK : width, means,
                      deviations);
  for (int c = 0; c < width; c++) {
    bool flat = deviations[c] < 1e-6 * (1 + fabs(means[c]));
    mean[c] = (float)means[c];
    inv_std[c] = flat ? 1 : (float)(1 / (deviations[c] + 1e-6));
    *constant += flat;
  }
  free(memory);
  return BABEL_OK;
}
