#include "encoders/encoder.h"

#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "encoders/imu_motion.h"
#include "encoders/imu_stats.h"
#include "encoders/limu_bert.h"
#include "encoders/pointcloud_motion.h"
#include "encoders/pointcloud_stats.h"
#include "encoders/radar_free.h"
#include "encoders/radar_stats.h"
#include "encoders/shift_gcn.h"
#include "encoders/skeleton_motion.h"
#include "encoders/st_gcn.h"

/* One line an encoder. */
static const babel_encoder_row *const rows[] = {
    &babel_imu_motion_row,
    &babel_imu_stats_row,
    &babel_limu_bert_row,
    &babel_pointcloud_motion_row,
    &babel_pointcloud_stats_row,
    &babel_radar_free_row,
    &babel_radar_stats_row,
    &babel_shift_gcn_row,
    &babel_skeleton_motion_row,
    &babel_st_gcn_row,
    NULL, /* end */
};

const babel_encoder_row *babel_encoder_at(int i) {
  int count = (int)(sizeof rows / sizeof *rows);
  return i >= 0 && i < count ? rows[i] : NULL;
}

const babel_encoder_row *babel_encoder_find(const char *name) {
  for (int i = 0; rows[i]; i++)
    if (!strcmp(rows[i]->name, name)) return rows[i];
  return NULL;
}

/* "imu_stats, limu_bert": for the sentence about an unknown name. */
static const char *all_names(char *text, size_t size) {
  size_t used = 0;
  text[0] = 0;
  for (int i = 0; rows[i] && used < size; i++) {
    int n = snprintf(text + used, size - used, "%s%s", i ? ", " : "", rows[i]->name);
    if (n > 0) used += (size_t)n;
  }
  return text;
}

static babel_status check_weights(const babel_encoder_row *row, const babel_encoder_options *options) {
  const char *weights = options->weights && *options->weights ? options->weights : NULL;
  if (weights && options->random_weights)
    return BABEL_FAIL(BABEL_ERR_ARG,
                      "encoder %s: both random weights and the weight file %s are asked for: choose one",
                      row->name, weights);
  if (!row->needs_weights && weights)
    return BABEL_FAIL(BABEL_ERR_ARG, "encoder %s has no weights, but the file %s is given for it", row->name,
                      weights);
  if (!row->needs_weights && options->random_weights)
    return BABEL_FAIL(BABEL_ERR_ARG, "encoder %s has no weights, so there is nothing to draw at random",
                      row->name);
  if (row->needs_weights && !weights && !options->random_weights)
    return BABEL_FAIL(BABEL_ERR_ARG,
                      "encoder %s needs its weights: give the file (%s), or ask for random weights",
                      row->name, row->weights_from ? row->weights_from : "docs/ says where to get it");
  return BABEL_OK;
}

babel_status babel_encoder_create(babel_encoder **encoder, const char *name,
                                  const babel_encoder_options *options) {
  char names[256];
  *encoder = NULL;
  const babel_encoder_row *row = babel_encoder_find(name);
  if (!row)
    return BABEL_FAIL(BABEL_ERR_ARG, "no encoder is called \"%s\": there are %s", name,
                      all_names(names, sizeof names));
  BABEL_TRY(check_weights(row, options));
  BABEL_TRY(row->create(encoder, row, options));
  if (options->random_weights)
    babel_note("encoder %s: random weights, seed %llu: its features say how far an untrained network gets",
               row->name, (unsigned long long)options->seed);
  else if (row->licence)
    babel_note("encoder %s: licence of the weights: %s", row->name, row->licence);
  return BABEL_OK;
}

void babel_encoder_destroy(babel_encoder *encoder) {
  if (encoder) encoder->row->destroy(encoder);
}

static babel_status check_sample(const babel_encoder *encoder, const babel_sample *sample) {
  const char *modality = sample->modality ? sample->modality->name : "unknown";
  if (strcmp(modality, encoder->row->modality))
    return BABEL_FAIL(BABEL_ERR_ARG, "encoder %s takes samples of modality %s, this one is of modality %s",
                      encoder->row->name, encoder->row->modality, modality);
  if (sample->rows < 1 || sample->width < 1 || !sample->x)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "encoder %s: a sample of %d rows and %d columns is empty",
                      encoder->row->name, sample->rows, sample->width);
  return BABEL_OK;
}

babel_status babel_encoder_prepare(const babel_encoder *encoder, const babel_sample *sample, babel_sample *rows) {
  memset(rows, 0, sizeof *rows);
  BABEL_TRY(check_sample(encoder, sample));
  return encoder->row->prepare(encoder, sample, rows);
}

babel_status babel_encoder_run(const babel_encoder *encoder, const babel_sample *sample,
                               float *const *outputs, int *lengths) {
  babel_sample made = {0};
  babel_status status = check_sample(encoder, sample);
  if (status != BABEL_OK) return status;
  const bool describe = encoder->row->prepare && !sample->described, slow = sample->stretch > 1;
  if (describe) status = babel_encoder_prepare(encoder, sample, &made);
  else if (slow) status = babel_sample_stretch(&made, sample);
  if (status == BABEL_OK) status = encoder->row->run(encoder, describe || slow ? &made : sample, outputs, lengths);
  babel_sample_destroy(&made);
  return status;
}
