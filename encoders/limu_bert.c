#include "encoders/limu_bert.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/log.h"
#include "encoders/imu_input.h"
#include "encoders/limu_bert_net.h"

enum { CHANNELS = BABEL_LIMU_CHANNELS, STEPS = BABEL_LIMU_STEPS, HIDDEN = BABEL_LIMU_HIDDEN };

typedef struct {
  babel_encoder base;
  babel_limu_bert_net net;
  int block;
} limu_bert;

static babel_status check_range(const char *key, int value, int most) {
  if (value < 0 || value > most)
    return BABEL_FAIL(BABEL_ERR_ARG, "limu_bert: %s is %d, expected 0 to %d", key, value, most);
  return BABEL_OK;
}

static babel_status check_options(const babel_encoder_options *options) {
  BABEL_TRY(check_range("imu_window", options->imu_window, 1));
  BABEL_TRY(check_range("imu_degrees", options->imu_degrees, 1));
  BABEL_TRY(check_range("imu_block", options->imu_block, BABEL_LIMU_BLOCKS));
  return check_range("imu_pool", options->imu_pool, 2);
}

static void destroy(babel_encoder *encoder) {
  babel_limu_bert_net_destroy(&((limu_bert *)encoder)->net);
  free(encoder);
}

static babel_status create(babel_encoder **out, const babel_encoder_row *row,
                           const babel_encoder_options *options) {
  static const babel_encoder_output outputs[] = {
      {"mean_deviation", 2 * HIDDEN, 1}, {"mean", HIDDEN, 1}, {"sequence", HIDDEN, STEPS}};
  static const char *const pools[] = {"mean + deviation over time", "mean over time", "every time step"};
  void *memory;
  BABEL_TRY(check_options(options));
  BABEL_TRY(babel_alloc(&memory, 1, sizeof(limu_bert)));
  limu_bert *encoder = memory;
  babel_encoder *base = &encoder->base;
  *base = (babel_encoder){
      .row = row, .options = *options, .output_count = 1, .outputs = {outputs[options->imu_pool]}};
  encoder->block = options->imu_block ? options->imu_block : 1;
  snprintf(base->preprocessing, sizeof base->preprocessing, "%s, %s, block %d, %s",
           options->imu_window ? "20 Hz, bins of 2.5 rows" : "stretched to 120 rows",
           options->imu_degrees ? "deg/s" : "rad/s", encoder->block, pools[options->imu_pool]);
  babel_status status = options->random_weights
                            ? babel_limu_bert_net_random(&encoder->net, options->seed)
                            : babel_limu_bert_net_load(&encoder->net, options->weights, base->weights_sha256);
  if (status != BABEL_OK) {
    free(encoder);
    return status;
  }
  *out = base;
  return BABEL_OK;
}

/* The network's input (at most 120, 6); returns its rows, 0 when the recording is too short. */
static int lay_window(float *out, const babel_sample *sample, const babel_encoder_options *options) {
  int rows = STEPS;
  if (sample->as_is) {
    rows = sample->rows;
    for (int i = 0; i < rows * CHANNELS; i++) out[i] = (float)sample->x[i];
  } else if (options->imu_window) {
    rows = babel_imu_bins(out, STEPS, sample->x, sample->rows);
  } else {
    babel_imu_stretch(out, STEPS, sample->x, sample->rows);
  }
  for (int i = 0; options->imu_degrees && i < rows; i++)
    for (int c = 3; c < CHANNELS; c++) out[i * CHANNELS + c] *= (float)(180 / M_PI);
  return rows;
}

static void pool(float *out, const float *h, int rows, int how) {
  if (how == 2) {
    memcpy(out, h, (size_t)rows * HIDDEN * sizeof *h);
    memset(out + (size_t)rows * HIDDEN, 0, (size_t)(STEPS - rows) * HIDDEN * sizeof *h);
    return;
  }
  double mean[HIDDEN] = {0}, squares[HIDDEN] = {0};
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < HIDDEN; j++) mean[j] += (double)h[i * HIDDEN + j];
  for (int j = 0; j < HIDDEN; j++) {
    mean[j] /= rows;
    out[j] = (float)mean[j];
  }
  if (how == 1) return;
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < HIDDEN; j++) {
      double deviation = (double)h[i * HIDDEN + j] - mean[j];
      squares[j] += deviation * deviation;
    }
  for (int j = 0; j < HIDDEN; j++) out[HIDDEN + j] = (float)sqrt(squares[j] / rows);
}

static babel_status run(const babel_encoder *base, const babel_sample *sample, float *const *outputs,
                        int *lengths) {
  const limu_bert *encoder = (const limu_bert *)base;
  void *memory;
  if (sample->width != CHANNELS)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "limu_bert takes rows of %d values, this recording has %d", CHANNELS,
                      sample->width);
  if (sample->as_is && sample->rows > STEPS)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "limu_bert has %d positions, this array of network steps has %d rows",
                      STEPS, sample->rows);
  BABEL_TRY(babel_alloc(&memory, (size_t)STEPS * (CHANNELS + HIDDEN) + babel_limu_bert_net_scratch(),
                        sizeof(float)));
  float *x = memory, *h = x + STEPS * CHANNELS, *scratch = h + STEPS * HIDDEN;
  babel_status status = BABEL_OK;
  int rows = lay_window(x, sample, &base->options);
  if (rows < 1)
    status = BABEL_FAIL(BABEL_ERR_SHAPE,
                        "limu_bert: a recording of %d rows holds no complete bin of 2.5 rows", sample->rows);
  else if (outputs[0])
    status = babel_limu_bert_net_run(&encoder->net, x, rows, encoder->block, h, NULL, scratch);
  if (status == BABEL_OK && outputs[0]) pool(outputs[0], h, rows, base->options.imu_pool);
  if (status == BABEL_OK && lengths) lengths[0] = base->options.imu_pool == 2 ? rows : 1;
  free(memory);
  return status;
}

static babel_status samples(const babel_encoder *encoder, const babel_tensor *array, babel_sample **list,
                            int *count) {
  BABEL_TRY(babel_imu_samples(encoder->row->name, array, 1, list, count));
  const int rows = (*list)[0].rows;
  for (int i = 0; i < *count; i++) (*list)[i].as_is = rows <= STEPS;
  if (rows > STEPS)
    babel_note("encoder limu_bert has %d positions: recordings of %d rows are %s", STEPS, rows,
               encoder->options.imu_window ? "averaged over bins of 2.5 rows (the first 120 bins)"
                                           : "stretched to 120 rows");
  return BABEL_OK;
}

const babel_encoder_row babel_limu_bert_row = {
    .name = "limu_bert",
    .modality = "imu",
    .needs_weights = true,
    .trained_on = "HHAR (hhar.pt), 20 Hz windows, labels not seen",
    .licence = "MIT, github.com/dapowan/LIMU-BERT-Public",
    .weights_from = "hhar.pt from saved/pretrain_base_hhar_20_120 of github.com/dapowan/LIMU-BERT-Public",
    .input = "(T, 6) or (N, T, 6): acceleration x y z [g], angular rate x y z [rad/s]; up to 120 rows are "
             "network steps as they are, "
             "longer recordings are resampled as the window option says",
    .create = create,
    .destroy = destroy,
    .run = run,
    .samples = samples,
};
