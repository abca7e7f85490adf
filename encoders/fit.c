#include "encoders/fit.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/log.h"

enum { MOST = BABEL_ENCODER_FIT_MOST };

/* Mean and summed squares about it, of each number. */
typedef struct {
  int frames, width;
  double mean[MOST], squares[MOST];
  babel_error error; /* status BABEL_OK: read */
  bool there;
} moments;

static void add_row(moments *m, const double *row) {
  m->frames++;
  for (int c = 0; c < m->width; c++) {
    double away = row[c] - m->mean[c];
    m->mean[c] += away / m->frames;
    m->squares[c] += away * (row[c] - m->mean[c]);
  }
}

static void merge(moments *to, const moments *from) {
  const double n = to->frames, k = from->frames;
  to->width = from->width;
  for (int c = 0; c < from->width; c++) {
    double away = from->mean[c] - to->mean[c];
    to->mean[c] += away * k / (n + k);
    to->squares[c] += from->squares[c] + away * away * n * k / (n + k);
  }
  to->frames += from->frames;
}

static babel_status measure_trial(moments *m, const babel_encoder *encoder, const babel_encode_options *options, const babel_dataset *set, const char *key) {
  babel_sample sample = {0}, rows = {0};
  babel_status status;
  if (options->stop && *options->stop) return BABEL_FAIL(BABEL_ERR_INTERRUPTED, "%s: interrupted while fitting; nothing was written", options->folder);
  BABEL_TRY_OR(options->dataset->read(set, key, options->modality, &sample), done);
  status = babel_encoder_prepare(encoder, &sample, &rows);
  if (status != BABEL_OK) {
    babel_fail_context("%s, trial %s: ", options->folder, key);
    goto done;
  }
  if (rows.width > MOST) {
    status = BABEL_FAIL(BABEL_ERR_SHAPE, "%d numbers a frame, expected at most %d", rows.width, MOST);
    goto done;
  }
  m->width = rows.width;
  for (int f = 0; f < rows.rows; f++) add_row(m, rows.x + (size_t)f * (size_t)rows.width);
done:
  babel_sample_destroy(&sample);
  babel_sample_destroy(&rows);
  return status;
}

static babel_status finish(babel_encoder *encoder, const babel_encode_options *options, const moments *trials, const char *sha256) {
  moments all = {0};
  int count = 0;
  for (int i = 0; i < options->key_count; i++) {
    if (trials[i].error.status != BABEL_OK) {
      babel_error_put(&trials[i].error);
      return trials[i].error.status;
    }
    if (trials[i].there) merge(&all, &trials[i]);
    count += trials[i].there;
  }
  if (!count) return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: has no %s of any of the %d training trials to fit to", options->folder, options->modality, options->key_count);
  if (count < options->key_count) babel_note("%s: fitted to the %d of %d training trials that have %s", options->folder, count, options->key_count, options->modality);
  encoder->fit = (babel_encoder_fitted){.count = all.width, .trials = count, .frames = all.frames};
  strncpy(encoder->fit.split_sha256, sha256, sizeof encoder->fit.split_sha256 - 1);
  for (int c = 0; c < all.width; c++) encoder->fit.deviations[c] = sqrt(all.squares[c] / all.frames);
  return BABEL_OK;
}

babel_status babel_encoder_fit(babel_encoder *encoder, const babel_encode_options *options, const char *sha256) {
  babel_dataset set;
  void *memory;
  const int modality = babel_dataset_modality(options->dataset, options->modality);
  if (!encoder->row->needs_fit) return BABEL_FAIL(BABEL_ERR_ARG, "encoder %s takes nothing from a training set", encoder->row->name);
  if (modality < 0) return BABEL_FAIL(BABEL_ERR_ARG, "data set %s has no modality %s that can be read", options->dataset->name, options->modality);
  BABEL_TRY(options->dataset->scan(&set, options->folder));
  babel_status status = babel_alloc(&memory, (size_t)options->key_count + 1, sizeof(moments));
  if (status == BABEL_OK) {
    moments *trials = memory;
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < options->key_count; i++) {
      const babel_trial *trial = babel_dataset_find(&set, options->keys[i]);
      trials[i].there = trial && babel_trial_is_complete(options->dataset, trial) && (trial->members >> modality & 1);
      if (trials[i].there && measure_trial(&trials[i], encoder, options, &set, options->keys[i]) != BABEL_OK) trials[i].error = babel_error_take();
    }
    status = finish(encoder, options, trials, sha256);
    free(memory);
  }
  babel_dataset_destroy(&set);
  return status;
}

static babel_status take_fit(babel_encoder *encoder, const json_t *provenance, const char *path) {
  const json_t *name = json_object_get(provenance, "encoder"), *fit = json_object_get(provenance, "fit"), *list = json_object_get(fit, "deviations");
  babel_encoder_fitted found = {.count = (int)json_array_size(list), .trials = (int)json_integer_value(json_object_get(fit, "trials")),
                                .frames = (int)json_integer_value(json_object_get(fit, "frames"))};
  const char *sha256 = json_string_value(json_object_get(fit, "split_sha256"));
  if (!json_is_string(name) || strcmp(json_string_value(name), encoder->row->name))
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected a bank that was built by %s, found one by %.40s", path, encoder->row->name,
                      json_is_string(name) ? json_string_value(name) : "an unknown encoder");
  if (json_array_size(list) < 1 || json_array_size(list) > MOST)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: its provenance has no \"fit\" with 1 to %d deviations", path, MOST);
  for (int c = 0; c < found.count; c++) {
    const json_t *value = json_array_get(list, (size_t)c);
    found.deviations[c] = json_number_value(value);
    if (!json_is_number(value) || !(found.deviations[c] >= 0 && isfinite(found.deviations[c])))
      return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: deviation %d of the \"fit\" in its provenance is not a number of 0 or more", path, c);
  }
  if (sha256) strncpy(found.split_sha256, sha256, sizeof found.split_sha256 - 1);
  encoder->fit = found;
  return BABEL_OK;
}

babel_status babel_encoder_fit_from(babel_encoder *encoder, const char *path) {
  babel_bank bank;
  if (!encoder->row->needs_fit) return BABEL_FAIL(BABEL_ERR_ARG, "encoder %s takes nothing from a training set", encoder->row->name);
  BABEL_TRY(babel_bank_read(&bank, path));
  json_t *provenance = json_loads(bank.provenance, 0, NULL);
  babel_status status = take_fit(encoder, provenance, path);
  json_decref(provenance);
  babel_bank_destroy(&bank);
  return status;
}
