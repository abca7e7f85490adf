#include "encoders/radar_stats.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/arena.h"
#include "encoders/frame_statistics.h"
#include "encoders/radar_frames.h"

enum { N = BABEL_RADAR_NUMBERS, SEGMENTS = BABEL_RADAR_STATS_SEGMENTS, WIDTH = BABEL_RADAR_STATS_WIDTH };

static babel_status create(babel_encoder **out, const babel_encoder_row *row, const babel_encoder_options *options) {
  void *memory;
  BABEL_TRY(babel_alloc(&memory, 1, sizeof(babel_encoder)));
  babel_encoder *encoder = memory;
  *encoder = (babel_encoder){.row = row, .options = *options, .output_count = 1, .outputs = {{"stats", WIDTH, 1}}};
  snprintf(encoder->preprocessing, sizeof encoder->preprocessing,
           "x and y less the window's median, 44 numbers a frame; mean, deviation, mean change, means of 6 time segments");
  *out = encoder;
  return BABEL_OK;
}

static void destroy(babel_encoder *encoder) {
  free(encoder);
}

static babel_status run(const babel_encoder *encoder, const babel_sample *frames, float *const *outputs, int *lengths) {
  double stats[WIDTH];
  if (frames->width != N || frames->rows < SEGMENTS)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "radar_stats takes at least %d frames of %d numbers, this window has %d of %d", SEGMENTS, N, frames->rows, frames->width);
  if (lengths) lengths[0] = 1;
  if (!outputs[0]) return BABEL_OK;
  babel_frames_mean(stats, frames->x, frames->rows, N);
  babel_frames_deviation(stats + N, frames->x, stats, frames->rows, N);
  babel_frames_change(stats + 2 * N, frames->x, frames->rows, N);
  babel_frames_segments(stats + 3 * N, frames->x, frames->rows, N, SEGMENTS);
  for (int i = 0; i < WIDTH; i++) outputs[0][i] = (float)stats[i];
  return BABEL_OK;
}

const babel_encoder_row babel_radar_stats_row = {
    .name = "radar_stats",
    .modality = "mmwave",
    .input = BABEL_RADAR_SAMPLES_TEXT "; at least 6 frames",
    .create = create,
    .destroy = destroy,
    .prepare = babel_radar_frames,
    .run = run,
    .samples = babel_radar_samples,
};
