#include "encoders/radar_free.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "encoders/frame_statistics.h"
#include "encoders/radar_frames.h"

enum { N = BABEL_RADAR_NUMBERS, THIRDS = BABEL_RADAR_FREE_THIRDS, WIDTH = BABEL_RADAR_FREE_WIDTH, SPEED = 14, CHOSEN = 11 };

typedef struct {
  double key;
  int frame;
} sort_key;

static int compare(const void *a, const void *b) {
  const sort_key *x = a, *y = b;
  return x->key != y->key ? (x->key > y->key) - (x->key < y->key) : x->frame - y->frame;
}

static void correlations(double *out, const double *x, int frames, const double *mean, const double *deviation) {
  static const int chosen[CHOSEN] = {0, 1, 2, 3, 4, 5, 12, 14, 19, 20, 21};
  for (int i = 0; i < CHOSEN; i++)
    for (int j = i + 1; j < CHOSEN; j++) {
      const int a = chosen[i], b = chosen[j];
      double sum = 0;
      for (int f = 0; f < frames; f++) sum += (x[f * N + a] - mean[a]) / (deviation[a] + 1e-6) * ((x[f * N + b] - mean[b]) / (deviation[b] + 1e-6));
      *out++ = sum / frames;
    }
}

babel_status babel_radar_free(double *out, const double *x, int frames, int *order) {
  void *memory;
  BABEL_TRY(babel_alloc(&memory, (size_t)frames, sizeof(sort_key) + N * sizeof(double)));
  double *sorted = memory;
  sort_key *keys = (sort_key *)(sorted + (size_t)frames * N);
  for (int f = 0; f < frames; f++) keys[f] = (sort_key){floor(1e11 * x[f * N + SPEED] + 0.5), f};
  qsort(keys, (size_t)frames, sizeof *keys, compare);
  for (int f = 0; f < frames; f++) {
    order[f] = keys[f].frame;
    memcpy(sorted + (size_t)f * N, x + (size_t)order[f] * N, N * sizeof *x);
  }
  babel_frames_mean(out, x, frames, N);
  babel_frames_deviation(out + N, x, out, frames, N);
  babel_frames_change(out + 2 * N, x, frames, N);
  babel_frames_segments(out + 3 * N, sorted, frames, N, THIRDS);
  correlations(out + (3 + THIRDS) * N, x, frames, out, out + N);
  free(memory);
  return BABEL_OK;
}

static babel_status create(babel_encoder **out, const babel_encoder_row *row, const babel_encoder_options *options) {
  void *memory;
  BABEL_TRY(babel_alloc(&memory, 1, sizeof(babel_encoder)));
  babel_encoder *encoder = memory;
  *encoder = (babel_encoder){.row = row, .options = *options, .output_count = 1, .outputs = {{"free", WIDTH, 1}}};
  snprintf(encoder->preprocessing, sizeof encoder->preprocessing,
           "x and y less the window's median, 44 numbers a frame; mean, deviation, mean change, thirds by speed, correlations: no position in time");
  *out = encoder;
  return BABEL_OK;
}

static void destroy(babel_encoder *encoder) {
  free(encoder);
}

static babel_status run(const babel_encoder *encoder, const babel_sample *frames, float *const *outputs, int *lengths) {
  double values[WIDTH];
  void *order;
  if (frames->width != N || frames->rows < THIRDS)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "radar_free takes at least %d frames of %d numbers, this window has %d of %d", THIRDS, N, frames->rows, frames->width);
  if (lengths) lengths[0] = 1;
  if (!outputs[0]) return BABEL_OK;
  BABEL_TRY(babel_alloc(&order, (size_t)frames->rows, sizeof(int)));
  babel_status status = babel_radar_free(values, frames->x, frames->rows, order);
  free(order);
  if (status != BABEL_OK) return status;
  for (int i = 0; i < WIDTH; i++) outputs[0][i] = (float)values[i];
  return BABEL_OK;
}

const babel_encoder_row babel_radar_free_row = {
    .name = "radar_free",
    .modality = "mmwave",
    .input = BABEL_RADAR_SAMPLES_TEXT "; at least 3 frames",
    .create = create,
    .destroy = destroy,
    .prepare = babel_radar_frames,
    .run = run,
    .samples = babel_radar_samples,
};
