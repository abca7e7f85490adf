#include "encoders/imu_stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/arena.h"
#include "encoders/imu_input.h"

enum { CHANNELS = BABEL_IMU_CHANNELS, SEGMENTS = BABEL_IMU_STATS_SEGMENTS, WIDTH = BABEL_IMU_STATS_WIDTH };

static double mean_of(const double *x, int first, int end) {
  double sum = 0;
  for (int i = first; i < end; i++) sum += x[(size_t)i * CHANNELS];
  return sum / (end - first);
}

/* One channel: x and out point at it, each next value is 6 further on. */
static void channel_stats(double *out, const double *x, int rows) {
  double mean = mean_of(x, 0, rows), squares = 0, low = x[0], high = x[0], steps = 0;
  for (int i = 0; i < rows; i++) {
    double value = x[(size_t)i * CHANNELS];
    squares += (value - mean) * (value - mean);
    low = fmin(low, value);
    high = fmax(high, value);
    if (i) steps += fabs(value - x[(size_t)(i - 1) * CHANNELS]);
  }
  const double whole[] = {mean, sqrt(squares / rows), low, high, steps / (rows - 1)};
  for (int i = 0; i < 5; i++) out[i * CHANNELS] = whole[i];
  for (int i = 0, first = 0; i < SEGMENTS; i++) {
    int end = first + rows / SEGMENTS + (i < rows % SEGMENTS);
    out[(5 + i) * CHANNELS] = mean_of(x, first, end);
    first = end;
  }
}

void babel_imu_stats(double *out, const double *x, int rows) {
  for (int c = 0; c < CHANNELS; c++) channel_stats(out + c, x + c, rows);
}

static babel_status create(babel_encoder **out, const babel_encoder_row *row,
                           const babel_encoder_options *options) {
  void *memory;
  BABEL_TRY(babel_alloc(&memory, 1, sizeof(babel_encoder)));
  babel_encoder *encoder = memory;
  encoder->row = row;
  encoder->options = *options;
  encoder->output_count = 1;
  encoder->outputs[0] = (babel_encoder_output){"stats", WIDTH, 1};
  snprintf(encoder->preprocessing, sizeof encoder->preprocessing,
           "own rows, g and rad/s, statistics and means of 8 time segments");
  *out = encoder;
  return BABEL_OK;
}

static void destroy(babel_encoder *encoder) {
  free(encoder);
}

static babel_status run(const babel_encoder *encoder, const babel_sample *sample, float *const *outputs,
                        int *lengths) {
  double stats[WIDTH];
  if (sample->width != CHANNELS || sample->rows < SEGMENTS)
    return BABEL_FAIL(BABEL_ERR_SHAPE,
                      "imu_stats takes at least %d rows of %d values, this recording has %d rows of %d",
                      SEGMENTS, CHANNELS, sample->rows, sample->width);
  if (lengths) lengths[0] = 1;
  if (!outputs[0]) return BABEL_OK;
  babel_imu_stats(stats, sample->x, sample->rows);
  for (int i = 0; i < WIDTH; i++) outputs[0][i] = (float)stats[i];
  return BABEL_OK;
}

static babel_status samples(const babel_encoder *encoder, const babel_tensor *array, babel_sample **list,
                            int *count) {
  return babel_imu_samples(encoder->row->name, array, SEGMENTS, list, count);
}

const babel_encoder_row babel_imu_stats_row = {
    .name = "imu_stats",
    .modality = "imu",
    .input = "(T, 6) or (N, T, 6): acceleration x y z [g], angular rate x y z [rad/s]; T >= 8",
    .create = create,
    .destroy = destroy,
    .run = run,
    .samples = samples,
};
