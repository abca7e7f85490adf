/* A feature bank from a user's own arrays: features in .npy, keys in CSV. */
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/modality.h"
#include "core/npy.h"
#include "data/bank.h"
#include "data/bank_parts.h"
#include "data/csv.h"

#define SHORT_HEADER "key,label,subject"
#define LONG_HEADER "key,label,subject,recording,first,last"
#define MAX_LABEL 1000000
#define MAX_ROW 2000000000

static babel_status import_row(babel_bank *bank, int i, const babel_csv *csv) {
  bool windows = csv->columns > 3;
  bank->keys[i] = strdup(csv->fields[0]);
  bank->recordings[i] = strdup(csv->fields[windows ? 3 : 0]);
  if (!bank->keys[i] || !bank->recordings[i])
    return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for its keys", csv->file.path);
  if (!*bank->keys[i] || !*bank->recordings[i])
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: line %d: an empty key or recording", csv->file.path,
                      csv->lines.number);
  BABEL_TRY(babel_csv_int(csv, 1, "label", 0, MAX_LABEL, &bank->labels[i]));
  BABEL_TRY(babel_csv_int(csv, 2, "subject", 0, MAX_LABEL, &bank->subjects[i]));
  if (!windows) return BABEL_OK;
  BABEL_TRY(babel_csv_int(csv, 4, "first row", 0, MAX_ROW, &bank->first[i]));
  return babel_csv_int(csv, 5, "last row (excluded)", bank->first[i], MAX_ROW, &bank->last[i]);
}

static babel_status import_keys(babel_bank *bank, babel_csv *csv, const char *npy_path) {
  babel_status status;
  int found = 0;
  while (babel_csv_next(csv, &status)) {
    if (found < bank->rows) BABEL_TRY(import_row(bank, found, csv));
    found++;
  }
  BABEL_TRY(status);
  if (found != bank->rows)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "%s holds %d rows and %s %d keys: expected as many keys as rows",
                      npy_path, bank->rows, csv->file.path, found);
  return BABEL_OK;
}

static babel_status create_for(babel_bank *bank, const babel_npy *npy, const char *path,
                               const char *modality) {
  const babel_tensor *x = &npy->tensor;
  char text[160];
  bool timed = x->rank == 3;
  babel_tensor_shape_text(x, text, sizeof text);
  if (x->rank != 2 && x->rank != 3)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "%s: expected features of shape (N, D) or (N, T, D), found %s", path,
                      text);
  for (int i = 0; i < x->rank; i++)
    if (x->shape[i] < 1 || x->shape[i] > INT32_MAX)
      return BABEL_FAIL(BABEL_ERR_SHAPE,
                        "%s: features of shape %s: expected at least one of each, and fewer than 2^31", path,
                        text);
  BABEL_TRY(babel_bank_create(bank, modality, (int)x->shape[0], 0, timed ? (int)x->shape[1] : 1,
                              (int)x->shape[x->rank - 1]));
  for (int i = 0; bank->lengths && i < bank->rows; i++) bank->lengths[i] = bank->steps;
  strcpy(bank->dataset, "imported");
  strcpy(bank->split, "all");
  free(bank->provenance);
  bank->provenance = strdup("{\"encoder\": \"imported\"}");
  if (!bank->provenance) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for its provenance", path);
  return babel_tensor_to_floats(x, bank->features);
}

/* Sentences of the validator name the array while the bank has no file of its own. */
static babel_status import_all(babel_bank *bank, const babel_npy *npy, babel_csv *csv, const char *path,
                               const char *modality) {
  int64_t pairs;
  int recordings;
  double share;
  BABEL_TRY(create_for(bank, npy, path, modality));
  BABEL_TRY(import_keys(bank, csv, path));
  strcpy(bank->path, npy->file.path);
  BABEL_TRY(babel_bank_validate(bank));
  bank->path[0] = 0;
  BABEL_TRY(babel_bank_overlaps(bank, &pairs, &recordings, &share));
  if (pairs)
    babel_warn("%s: %d windows; %lld pairs of them overlap by up to %.0f %%, in %d recordings: split by recording or by "
               "subject, or test windows will be near copies of training windows",
               csv->file.path, bank->rows, (long long)pairs, 100 * share, recordings);
  return BABEL_OK;
}

babel_status babel_bank_import(babel_bank *bank, const char *npy_path, const char *keys_path,
                               const char *modality) {
  babel_npy npy;
  babel_csv csv;
  memset(bank, 0, sizeof *bank);
  BABEL_TRY(babel_modality_check_name(modality));
  BABEL_TRY(babel_npy_open(&npy, npy_path));
  babel_status status = babel_csv_open(&csv, keys_path, SHORT_HEADER, LONG_HEADER);
  if (status == BABEL_OK) {
    status = import_all(bank, &npy, &csv, npy_path, modality);
    babel_csv_close(&csv);
  }
  babel_npy_close(&npy);
  if (status != BABEL_OK) babel_bank_destroy(bank);
  return status;
}
