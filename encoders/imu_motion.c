#include "encoders/imu_motion.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "encoders/imu_input.h"
#include "encoders/limu_bert_net.h"
#include "encoders/motion_clock.h"

enum { CHANNELS = BABEL_IMU_CHANNELS, LEAST = 8, STATISTICS = BABEL_IMU_MOTION_STATISTICS, HIDDEN = BABEL_LIMU_HIDDEN, STEPS = BABEL_LIMU_STEPS };

typedef struct {
  babel_encoder base;
  babel_limu_bert_net net;
} imu_motion;

static void destroy(babel_encoder *encoder) {
  babel_limu_bert_net_destroy(&((imu_motion *)encoder)->net);
  free(encoder);
}

static babel_status create(babel_encoder **out, const babel_encoder_row *row, const babel_encoder_options *options) {
  void *memory;
  BABEL_TRY(babel_alloc(&memory, 1, sizeof(imu_motion)));
  imu_motion *encoder = memory;
  babel_encoder *base = &encoder->base;
  *base = (babel_encoder){.row = row, .options = *options, .output_count = 3,
                          .outputs = {{"motion", BABEL_IMU_MOTION_WIDTH, 1}, {"statistics", STATISTICS, 1}, {"pretrained", 2 * HIDDEN, 1}}};
  snprintf(base->preprocessing, sizeof base->preprocessing,
           "motion clock; columns 0-252 hand-made statistics, 253-396 LIMU-BERT block 1 on 120 rows of equal motion (rad/s), mean + deviation");
  babel_status status = options->random_weights ? babel_limu_bert_net_random(&encoder->net, options->seed)
                                                : babel_limu_bert_net_load(&encoder->net, options->weights, base->weights_sha256);
  if (status != BABEL_OK) {
    free(encoder);
    return status;
  }
  *out = base;
  return BABEL_OK;
}

/* LIMU-BERT on rows of equal motion: 72 means, 72 population deviations. */
static babel_status pretrained(const imu_motion *encoder, const babel_sample *sample, float *out) {
  babel_motion_clock clock;
  void *memory;
  double rows[STEPS * CHANNELS];
  BABEL_TRY(babel_motion_clock_create(&clock, sample->rows));
  babel_motion_clock_imu(&clock, sample->x);
  babel_motion_clock_resample(&clock, sample->x, CHANNELS, STEPS, rows);
  babel_motion_clock_destroy(&clock);
  BABEL_TRY(babel_alloc(&memory, (size_t)STEPS * (CHANNELS + HIDDEN) + babel_limu_bert_net_scratch(), sizeof(float)));
  float *x = memory, *h = x + STEPS * CHANNELS, *scratch = h + STEPS * HIDDEN;
  for (int i = 0; i < STEPS * CHANNELS; i++) x[i] = (float)rows[i];
  babel_status status = babel_limu_bert_net_run(&encoder->net, x, STEPS, 1, h, NULL, scratch);
  for (int j = 0; j < HIDDEN && status == BABEL_OK; j++) {
    double mean = 0, squares = 0;
    for (int i = 0; i < STEPS; i++) mean += (double)h[i * HIDDEN + j] / STEPS;
    for (int i = 0; i < STEPS; i++) squares += ((double)h[i * HIDDEN + j] - mean) * ((double)h[i * HIDDEN + j] - mean);
    out[j] = (float)mean;
    out[HIDDEN + j] = (float)sqrt(squares / STEPS);
  }
  free(memory);
  return status;
}

static babel_status run(const babel_encoder *base, const babel_sample *sample, float *const *outputs, int *lengths) {
  const imu_motion *encoder = (const imu_motion *)base;
  double statistics[STATISTICS];
  float values[BABEL_IMU_MOTION_WIDTH];
  if (sample->width != CHANNELS || sample->rows < LEAST)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "imu_motion takes at least %d rows of %d values, this recording has %d rows of %d", LEAST, CHANNELS, sample->rows, sample->width);
  if (outputs[0] || outputs[1]) {
    BABEL_TRY(babel_imu_motion_statistics(statistics, sample->x, sample->rows));
    for (int i = 0; i < STATISTICS; i++) values[i] = (float)statistics[i];
  }
  if (outputs[0] || outputs[2]) BABEL_TRY(pretrained(encoder, sample, values + STATISTICS));
  if (outputs[0]) memcpy(outputs[0], values, sizeof values);
  if (outputs[1]) memcpy(outputs[1], values, STATISTICS * sizeof *values);
  if (outputs[2]) memcpy(outputs[2], values + STATISTICS, 2 * HIDDEN * sizeof *values);
  for (int i = 0; lengths && i < 3; i++) lengths[i] = 1;
  return BABEL_OK;
}

static babel_status samples(const babel_encoder *encoder, const babel_tensor *array, babel_sample **list, int *count) {
  return babel_imu_samples(encoder->row->name, array, LEAST, list, count);
}

const babel_encoder_row babel_imu_motion_row = {
    .name = "imu_motion",
    .modality = "imu",
    .needs_weights = true,
    .trained_on = "HHAR (hhar.pt), 20 Hz windows, labels not seen; 253 of 397 columns are hand-made statistics",
    .licence = "MIT, github.com/dapowan/LIMU-BERT-Public",
    .weights_from = "hhar.pt from saved/pretrain_base_hhar_20_120 of github.com/dapowan/LIMU-BERT-Public",
    .input = "(T, 6) or (N, T, 6): acceleration x y z [g], angular rate x y z [rad/s], 50 Hz; T >= 8",
    .create = create,
    .destroy = destroy,
    .run = run,
    .samples = samples,
};
