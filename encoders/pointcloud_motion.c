#include "encoders/pointcloud_motion.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/arena.h"
#include "encoders/cloud_frames.h"
#include "encoders/frame_statistics.h"

enum { N = BABEL_CLOUD_NUMBERS, SEGMENTS = BABEL_POINTCLOUD_MOTION_SEGMENTS, BANDS = BABEL_POINTCLOUD_MOTION_BANDS, LEAST = BABEL_POINTCLOUD_MOTION_LEAST,
       WIDTH = BABEL_POINTCLOUD_MOTION_WIDTH };

void babel_pointcloud_motion_clock(babel_motion_clock *clock, const double *x) {
  const int rows = clock->rows;
  double *w = clock->weights, mean = 0;
  for (int f = 0; f < rows; f++) w[f] = x[(size_t)(f || rows == 1 ? f : 1) * N + BABEL_CLOUD_MOTION];
  for (int f = 0; f < rows; f++) mean += w[f] / rows;
  for (int f = 0; f < rows; f++) w[f] = w[f] / (mean + 1e-9) + 0.2;
  double before = w[0];
  for (int f = 0; f < rows; f++) {
    double here = w[f], after = w[f + 1 < rows ? f + 1 : f];
    w[f] = (before + here + after) / 3;
    before = here;
  }
  babel_motion_clock_wind(clock);
}

/* bands (4, N) of c (frames, N). turns (frames, 2): cosine and sine of each fraction of a turn. */
static void measure_bands(double *bands, const double *c, int frames, double *turns) {
  static const int edges[BANDS + 1] = {1, 7, 14, 25, 76};
  for (int f = 0; f < frames; f++) {
    turns[2 * f] = cos(2 * M_PI * f / frames);
    turns[2 * f + 1] = sin(2 * M_PI * f / frames);
  }
  for (int band = 0; band < BANDS; band++) {
    double power[N] = {0};
    for (int k = 0; k <= frames / 2; k++) {
      double re[N] = {0}, im[N] = {0};
      if (150 * k < edges[band] * frames || 150 * k >= edges[band + 1] * frames) continue;
      for (int f = 0; f < frames; f++) {
        const double *turn = turns + 2 * ((int64_t)k * f % frames), *row = c + (size_t)f * N;
        for (int i = 0; i < N; i++) {
          re[i] += row[i] * turn[0];
          im[i] -= row[i] * turn[1];
        }
      }
      for (int i = 0; i < N; i++) power[i] += re[i] * re[i] + im[i] * im[i];
    }
    for (int i = 0; i < N; i++) bands[band * N + i] = sqrt(power[i] / frames / frames);
  }
}

static void measure(double *out, const double *x, const babel_motion_clock *clock, const double *r, double *c, double *scratch) {
  const int frames = clock->rows;
  double mean[N], cuts[SEGMENTS + 1], *deviation = out, *segments = out + N, *shapes = segments + SEGMENTS * N, *bands = shapes + SEGMENTS * N;
  babel_frames_mean(mean, x, frames, N);
  babel_frames_deviation(deviation, x, mean, frames, N);
  for (int i = 0; i < frames * N; i++) c[i] = x[i] - mean[i % N];
  babel_motion_clock_cuts(clock, SEGMENTS, cuts);
  babel_motion_clock_means(clock, c, N, SEGMENTS, cuts, segments, scratch);
  measure_bands(bands, c, frames, scratch);
  for (int i = 0; i < frames * N; i++) c[i] /= deviation[i % N] + 0.5 * r[i % N] + 1e-6;
  babel_motion_clock_means(clock, c, N, SEGMENTS, cuts, shapes, scratch);
}

babel_status babel_pointcloud_motion(double *out, const double *x, int frames, const double *r) {
  babel_motion_clock clock;
  void *memory;
  BABEL_TRY(babel_motion_clock_create(&clock, frames));
  babel_status status = babel_alloc(&memory, (size_t)(2 * frames + 1) * N, sizeof(double));
  if (status == BABEL_OK) {
    double *c = memory;
    babel_pointcloud_motion_clock(&clock, x);
    measure(out, x, &clock, r, c, c + (size_t)frames * N);
    free(memory);
  }
  babel_motion_clock_destroy(&clock);
  return status;
}

static babel_status create(babel_encoder **out, const babel_encoder_row *row, const babel_encoder_options *options) {
  void *memory;
  BABEL_TRY(babel_alloc(&memory, 1, sizeof(babel_encoder)));
  babel_encoder *encoder = memory;
  *encoder = (babel_encoder){.row = row, .options = *options, .output_count = 1, .outputs = {{"motion", WIDTH, 1}}};
  snprintf(encoder->preprocessing, sizeof encoder->preprocessing,
           "placed on the person's median and divided by the body height, 62 numbers a frame less the trial's mean; deviation, 8 segments of equal motion as "
           "they are and shape-normalised, 4 bands");
  *out = encoder;
  return BABEL_OK;
}

static void destroy(babel_encoder *encoder) {
  free(encoder);
}

static babel_status run(const babel_encoder *encoder, const babel_sample *frames, float *const *outputs, int *lengths) {
  double values[WIDTH];
  if (frames->width != N || frames->rows < LEAST)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "pointcloud_motion takes at least %d frames of %d numbers, this recording has %d of %d", LEAST, N, frames->rows, frames->width);
  if (encoder->fit.count != N)
    return BABEL_FAIL(BABEL_ERR_STATE, "pointcloud_motion is not fitted: it needs the deviations of a training set (--fit-split, or --fit-from a bank)");
  if (lengths) lengths[0] = 1;
  if (!outputs[0]) return BABEL_OK;
  BABEL_TRY(babel_pointcloud_motion(values, frames->x, frames->rows, encoder->fit.deviations));
  for (int i = 0; i < WIDTH; i++) outputs[0][i] = (float)values[i];
  return BABEL_OK;
}

const babel_encoder_row babel_pointcloud_motion_row = {
    .name = "pointcloud_motion",
    .modality = "lidar",
    .input = BABEL_CLOUD_SAMPLES_TEXT "; at least 8 frames",
    .needs_fit = true,
    .create = create,
    .destroy = destroy,
    .prepare = babel_cloud_frames,
    .run = run,
    .samples = babel_cloud_samples,
};
