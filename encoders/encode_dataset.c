#include "encoders/encode_dataset.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/log.h"
#include "data/augment.h"

enum { MOST_OUTPUTS = sizeof((babel_encoder *)0)->outputs / sizeof *((babel_encoder *)0)->outputs };

typedef struct {
  const babel_encode_options *options;
  babel_dataset set;
  const babel_trial **trials; /* those that become rows */
  int count;
  const int *outputs;
  int output_count;
  babel_bank *banks;
  bool *bad;                  /* (count) unreadable trials */
} encode_job;

static babel_status list_trials(encode_job *job) {
  const babel_encode_options *options = job->options;
  void *memory;
  const int modality = babel_dataset_modality(options->dataset, options->modality);
  int most = options->keys ? options->key_count : job->set.count;
  BABEL_TRY(babel_alloc(&memory, (size_t)most + 1, sizeof *job->trials));
  job->trials = memory;
  for (int i = 0; i < most; i++) {
    const babel_trial *trial = options->keys ? babel_dataset_find(&job->set, options->keys[i]) : &job->set.trials[i];
    bool whole = trial && babel_trial_is_complete(options->dataset, trial) && (trial->members >> modality & 1);
    if (whole) job->trials[job->count++] = trial;
    else if (options->keys && !options->skip_damaged)
      return BABEL_FAIL(BABEL_ERR_ARG, "%s: trial %s of the split is not there or not complete; babel check lists what is missing",
                        options->folder, options->keys[i]);
  }
  if (!job->count) return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: no complete trial", options->folder);
  if (job->count < most) babel_note("%s: %d of %d trials have no %s or are incomplete, and are left out", options->folder, most - job->count, most, options->modality);
  BABEL_TRY(babel_alloc(&memory, (size_t)job->count, sizeof *job->bad));
  job->bad = memory;
  return BABEL_OK;
}

/* One version of a trial (row v of a bank's sequence: 0 the original, 1.. the variants) into every bank. */
static babel_status encode_version(encode_job *job, int row, int version, const babel_sample *sample) {
  const babel_encoder *encoder = job->options->encoder;
  const char *key = job->trials[row]->key;
  float *to[MOST_OUTPUTS] = {NULL};
  int lengths[MOST_OUTPUTS] = {0};
  for (int i = 0; i < job->output_count; i++) {
    babel_bank *bank = &job->banks[i];
    size_t stride = (size_t)bank->steps * (size_t)bank->width;
    to[job->outputs[i]] = version ? bank->augmented + ((size_t)row * (size_t)bank->variants + (size_t)(version - 1)) * stride
                                  : bank->features + (size_t)row * stride;
  }
  if (babel_encoder_run(encoder, sample, to, lengths) != BABEL_OK) return babel_fail_context("%s, trial %s: ", job->options->folder, key);
  for (int i = 0; i < job->output_count; i++) {
    babel_bank *bank = &job->banks[i];
    const float *features = to[job->outputs[i]];
    for (int j = 0; j < bank->steps * bank->width; j++)
      if (!isfinite(features[j]))
        return BABEL_FAIL(BABEL_ERR_VALUE, "%s, trial %s: encoder %s gives NaN or infinity in column %d", job->options->folder, key, encoder->row->name, j % bank->width);
    if (bank->lengths) bank->lengths[(size_t)row * (size_t)(1 + bank->variants) + (size_t)version] = lengths[job->outputs[i]];
  }
  return BABEL_OK;
}

static babel_status check_stop(const babel_encode_options *options) {
  if (!options->stop || !*options->stop) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_INTERRUPTED, "%s: interrupted while encoding; nothing was written", options->folder);
}

static int pick(const babel_encode_options *options, int v) {
  return options->dataset->windows ? babel_variant_pick_cut(v, options->variants) : babel_variant_pick(v, options->variants);
}

static babel_status encode_trial(encode_job *job, int row) {
  const babel_encode_options *options = job->options;
  const char *key = job->trials[row]->key;
  babel_sample sample = {0}, variant = {0}, described = {0};
  babel_status status;
  BABEL_TRY_OR(check_stop(options), done);
  BABEL_TRY_OR(options->dataset->read(&job->set, key, options->modality, &sample), done);
  if (options->encoder->row->prepare) {
    status = babel_encoder_prepare(options->encoder, &sample, &described);
    if (status != BABEL_OK) {
      babel_fail_context("%s, trial %s: ", options->folder, key);
      goto done;
    }
    babel_sample_destroy(&sample);
    sample = described;
    memset(&described, 0, sizeof described);
  }
  BABEL_TRY_OR(encode_version(job, row, 0, &sample), done);
  for (int v = 0; v < options->variants; v++) {
    BABEL_TRY_OR(check_stop(options), done);
    babel_time_map map;
    int id = pick(options, v);
    BABEL_TRY_OR(babel_time_map_create(&map, options->augment_seed, key, id), done);
    if (!id) { /* variant 0 is the original */
      for (int i = 0; i < job->output_count; i++) {
        babel_bank *bank = &job->banks[i];
        size_t stride = (size_t)bank->steps * (size_t)bank->width;
        memcpy(bank->augmented + ((size_t)row * (size_t)bank->variants + (size_t)v) * stride, bank->features + (size_t)row * stride,
               stride * sizeof(float));
        if (bank->lengths) bank->lengths[(size_t)row * (size_t)(1 + bank->variants) + (size_t)v + 1] = bank->lengths[(size_t)row * (size_t)(1 + bank->variants)];
      }
      continue;
    }
    BABEL_TRY_OR(babel_augment(&variant, &sample, &map), done);
    BABEL_TRY_OR(encode_version(job, row, v + 1, &variant), done);
    babel_sample_destroy(&variant);
  }
done:
  babel_sample_destroy(&variant);
  babel_sample_destroy(&sample);
  return status;
}

static babel_status encode_all(encode_job *job) {
  const babel_encode_options *options = job->options;
  babel_error first = {0};
  int done = 0, failed = job->count; /* the first trial that failed, so that the sentence does not depend on the threads: rows begin in order */
#pragma omp parallel for schedule(dynamic)
  for (int row = 0; row < job->count; row++) {
    int seen;
#pragma omp atomic read
    seen = failed;
    if (seen < row) continue;
    babel_status status = encode_trial(job, row);
    bool drop = status != BABEL_OK && status != BABEL_ERR_INTERRUPTED && status != BABEL_ERR_MEMORY && options->skip_damaged;
#pragma omp critical(babel_encode)
    {
      babel_error error = babel_error_take();
      job->bad[row] = drop;
      if (drop) babel_warn("left out: %s", error.sentence);
      else if (status != BABEL_OK && row < failed) {
        first = error;
#pragma omp atomic write
        failed = row;
      }
      if (options->progress) options->progress(options->user, ++done, job->count);
    }
  }
  if (!first.status) return BABEL_OK;
  babel_error_put(&first);
  return first.status;
}

/* What the encoder took from a training set, for the provenance. */
static json_t *fit_object(const babel_encoder_fitted *fit) {
  json_t *list = json_array();
  for (int c = 0; c < fit->count; c++) json_array_append_new(list, json_real(fit->deviations[c]));
  return json_pack("{s:i, s:i, s:s, s:o}", "trials", fit->trials, "frames", fit->frames, "split_sha256", fit->split_sha256, "deviations", list);
}

static babel_status provenance(const encode_job *job, const char *output, babel_bank *bank) {
  const babel_encode_options *options = job->options;
  const babel_encoder *encoder = job->options->encoder;
  bool random = encoder->options.random_weights;
  json_t *object = json_pack("{s:s, s:s, s:o, s:o, s:o, s:b, s:b, s:b, s:s, s:o, s:s}", "encoder", encoder->row->name, "encoder_output", output,
      "weights_sha256", *encoder->weights_sha256 ? json_string(encoder->weights_sha256) : json_null(),
      "trained_on", encoder->row->trained_on && !random ? json_string(encoder->row->trained_on) : json_null(),
      "licence", encoder->row->licence && !random ? json_string(encoder->row->licence) : json_null(),
      "labels_seen", 0, "random_weights", random, "simulated", options->simulated, "preprocessing", encoder->preprocessing,
      "augment_seed", options->variants ? json_integer((json_int_t)options->augment_seed) : json_null(), "commit", options->commit ? options->commit : "unknown");
  if (object && encoder->fit.count) json_object_set_new(object, "fit", fit_object(&encoder->fit));
  free(bank->provenance);
  bank->provenance = object ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
  json_decref(object);
  return bank->provenance ? BABEL_OK : BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for a provenance text");
}

static babel_status create_banks(encode_job *job) {
  const babel_encode_options *options = job->options;
  for (int i = 0; i < job->output_count; i++) {
    const babel_encoder_output *output = &options->encoder->outputs[job->outputs[i]];
    babel_bank *bank = &job->banks[i];
    BABEL_TRY(babel_bank_create(bank, options->modality, job->count, options->variants, output->steps, output->width));
    snprintf(bank->dataset, sizeof bank->dataset, "%s", options->dataset->name);
    snprintf(bank->split, sizeof bank->split, "%s", options->split);
    for (int v = 0; v < options->variants; v++) bank->variant_ids[v] = pick(options, v);
    for (int row = 0; row < job->count; row++) {
      bank->keys[row] = strdup(job->trials[row]->key);
      const char *recording = job->trials[row]->recording;
      bank->recordings[row] = strdup(*recording ? recording : job->trials[row]->key);
      bank->first[row] = job->trials[row]->first;
      bank->last[row] = job->trials[row]->last;
      bank->labels[row] = job->trials[row]->label;
      bank->subjects[row] = job->trials[row]->subject;
      if (!bank->keys[row] || !bank->recordings[row]) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for %d keys", job->count);
    }
    BABEL_TRY(provenance(job, output->name, bank));
  }
  return BABEL_OK;
}

/* Banks without the trials that could not be read. */
static babel_status drop_bad(encode_job *job) {
  const char **kept;
  void *memory;
  int count = 0;
  babel_status status = BABEL_OK;
  BABEL_TRY(babel_alloc(&memory, (size_t)job->count, sizeof *kept));
  kept = memory;
  for (int row = 0; row < job->count; row++)
    if (!job->bad[row]) kept[count++] = job->trials[row]->key;
  if (!count) status = BABEL_FAIL(BABEL_ERR_FORMAT, "%s: no trial could be read", job->options->folder);
  for (int i = 0; i < job->output_count && status == BABEL_OK && count < job->count; i++) {
    babel_bank all = job->banks[i];
    memset(&job->banks[i], 0, sizeof all);
    status = babel_bank_select(&job->banks[i], &all, kept, count);
    babel_bank_destroy(&all);
  }
  free(kept);
  return status;
}

static babel_status check_outputs(const babel_encoder *encoder, const int *outputs, int count) {
  bool taken[MOST_OUTPUTS] = {false};
  if (count < 1) return BABEL_FAIL(BABEL_ERR_ARG, "encoder %s: no output is wanted", encoder->row->name);
  for (int i = 0; i < count; i++) {
    if (outputs[i] < 0 || outputs[i] >= encoder->output_count)
      return BABEL_FAIL(BABEL_ERR_ARG, "encoder %s has no output %d, it has %d", encoder->row->name, outputs[i], encoder->output_count);
    if (taken[outputs[i]]) return BABEL_FAIL(BABEL_ERR_ARG, "encoder %s: output %s is wanted twice", encoder->row->name, encoder->outputs[outputs[i]].name);
    taken[outputs[i]] = true;
  }
  return BABEL_OK;
}

static babel_status check_options(const babel_encode_options *options) {
  const babel_dataset_row *dataset = options->dataset;
  if (babel_dataset_modality(dataset, options->modality) < 0) return BABEL_FAIL(BABEL_ERR_ARG, "data set %s has no modality %s that can be read", dataset->name, options->modality);
  if (strcmp(options->encoder->row->modality, options->modality))
    return BABEL_FAIL(BABEL_ERR_ARG, "encoder %s takes %s, not %s", options->encoder->row->name, options->encoder->row->modality, options->modality);
  if (options->variants < 0 || options->variants > BABEL_VARIANTS)
    return BABEL_FAIL(BABEL_ERR_ARG, "%d variants, expected 0 to %d", options->variants, BABEL_VARIANTS);
  return BABEL_OK;
}

babel_status babel_encode_dataset(const babel_encode_options *options, const int *outputs, int output_count, babel_bank *banks) {
  encode_job job = {.options = options, .outputs = outputs, .output_count = output_count, .banks = banks};
  babel_status status;
  for (int i = 0; i < output_count; i++) memset(&banks[i], 0, sizeof banks[i]);
  BABEL_TRY(check_options(options));
  BABEL_TRY(check_outputs(options->encoder, outputs, output_count));
  BABEL_TRY(options->dataset->scan(&job.set, options->folder));
  BABEL_TRY_OR(list_trials(&job), done);
  BABEL_TRY_OR(create_banks(&job), done);
  BABEL_TRY_OR(encode_all(&job), done);
  BABEL_TRY_OR(drop_bad(&job), done);
done:
  babel_dataset_destroy(&job.set);
  free(job.trials);
  free(job.bad);
  for (int i = 0; i < output_count && status != BABEL_OK; i++) babel_bank_destroy(&banks[i]);
  return status;
}
