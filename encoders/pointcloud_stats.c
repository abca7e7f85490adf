#include "encoders/pointcloud_stats.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/arena.h"
#include "encoders/cloud_frames.h"
#include "encoders/frame_statistics.h"

enum { N = BABEL_CLOUD_NUMBERS, SEGMENTS = BABEL_POINTCLOUD_STATS_SEGMENTS, WIDTH = BABEL_POINTCLOUD_STATS_WIDTH };

static babel_status create(babel_encoder **out, const babel_encoder_row *row, const babel_encoder_options *options) {
  void *memory;
  BABEL_TRY(babel_alloc(&memory, 1, sizeof(babel_encoder)));
  babel_encoder *encoder = memory;
  *encoder = (babel_encoder){.row = row, .options = *options, .output_count = 1, .outputs = {{"stats", WIDTH, 1}}};
  snprintf(encoder->preprocessing, sizeof encoder->preprocessing,
           "placed on the person's median and divided by the body height, 62 numbers a frame; mean, deviation, means of 6 time segments");
  *out = encoder;
  return BABEL_OK;
}

static void destroy(babel_encoder *encoder) {
  free(encoder);
}

static babel_status run(const babel_encoder *encoder, const babel_sample *frames, float *const *outputs, int *lengths) {
  double stats[WIDTH];
  if (frames->width != N || frames->rows < SEGMENTS)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "pointcloud_stats takes at least %d frames of %d numbers, this recording has %d of %d", SEGMENTS, N, frames->rows,
                      frames->width);
  if (lengths) lengths[0] = 1;
  if (!outputs[0]) return BABEL_OK;
  babel_frames_mean(stats, frames->x, frames->rows, N);
  babel_frames_deviation(stats + N, frames->x, stats, frames->rows, N);
  babel_frames_segments(stats + 2 * N, frames->x, frames->rows, N, SEGMENTS);
  for (int i = 0; i < WIDTH; i++) outputs[0][i] = (float)stats[i];
  return BABEL_OK;
}

const babel_encoder_row babel_pointcloud_stats_row = {
    .name = "pointcloud_stats",
    .modality = "lidar",
    .input = BABEL_CLOUD_SAMPLES_TEXT "; at least 6 frames",
    .create = create,
    .destroy = destroy,
    .prepare = babel_cloud_frames,
    .run = run,
    .samples = babel_cloud_samples,
};
