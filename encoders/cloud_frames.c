#include "encoders/cloud_frames.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "encoders/frame_statistics.h"
#include "encoders/point_samples.h"

enum { N = BABEL_CLOUD_NUMBERS, VALUES = BABEL_CLOUD_POINT_VALUES, EVERY = 7, HEIGHTS = 6, ACROSS = 5, CELLS = HEIGHTS * (ACROSS + 2), FIRST_CELL = 15,
       SECOND_CELL = FIRST_CELL + HEIGHTS * ACROSS };

/* Where the recording lies and how tall the person is. */
typedef struct {
  double origin[3], height;
} placement;

/* Column c (1 x, 2 y, 3 z) of every 7th point of each frame into out. Returns how many. */
static int thin(const babel_sample *sample, int c, double *out) {
  int count = 0, place = 0;
  for (int i = 0; i < sample->rows; i++) {
    const double *row = sample->x + (size_t)i * VALUES;
    place = i && row[0] == row[-VALUES] ? place + 1 : 0;
    if (place % EVERY == 0) out[count++] = row[c];
  }
  return count;
}

static placement place_of(const babel_sample *sample, double *scratch) {
  placement at;
  double ends[2];
  babel_percentiles(&at.origin[0], scratch, thin(sample, 1, scratch), (const double[]){50}, 1);
  babel_percentiles(&at.origin[2], scratch, thin(sample, 3, scratch), (const double[]){50}, 1);
  babel_percentiles(ends, scratch, thin(sample, 2, scratch), (const double[]){0.5, 99.5}, 2);
  at.origin[1] = ends[0];
  at.height = fmax(ends[1] - ends[0], 0.5);
  return at;
}

/* Numbers 0-56 of one frame: points (count, 3), normalised; scratch (count). */
static void describe_frame(double *out, const double *points, int count, double *scratch) {
  static const double percents[] = {5, 50, 95};
  double found[3];
  babel_frames_mean(out, points, count, 3);
  babel_frames_deviation(out + 3, points, out, count, 3);
  for (int c = 0; c < 3; c++) {
    for (int i = 0; i < count; i++) scratch[i] = points[i * 3 + c];
    babel_percentiles(found, scratch, count, percents, 3);
    for (int p = 0; p < 3; p++) out[6 + 3 * p + c] = found[p];
  }
  memset(out + FIRST_CELL, 0, CELLS * sizeof *out);
  for (int i = 0; i < count; i++, points += 3) {
    int height = babel_cell(points[1], 0, 1, HEIGHTS);
    out[FIRST_CELL + height * ACROSS + babel_cell(points[0], -0.5, 0.5, ACROSS)] += 1;
    out[SECOND_CELL + height * 2 + (points[2] < -0.12)] += 1;
  }
  for (int c = FIRST_CELL; c < FIRST_CELL + CELLS; c++) out[c] = sqrt(out[c] / count);
}

/* Numbers 57-61. */
static void describe_motion(double *out, const double *before) {
  double *motion = out + BABEL_CLOUD_MOTION;
  for (int c = FIRST_CELL; c < FIRST_CELL + CELLS; c++) motion[0] += fabs(out[c] - before[c]) / CELLS;
  for (int c = 0; c < 3; c++) motion[1 + c] = fabs(out[c] - before[c]);
  for (int c = 12; c < 15; c++) motion[4] += fabs(out[c] - before[c]) / 3;
}

static void describe(double *out, const babel_sample *sample, const placement *at, double *points, double *scratch) {
  int from = 0;
  for (int f = 0; f < sample->frames; f++, out += N) {
    const double *row = sample->x + (size_t)from * VALUES;
    int count = 0;
    while (from + count < sample->rows && sample->x[(size_t)(from + count) * VALUES] == f) count++;
    from += count;
    for (int i = 0; i < count; i++)
      for (int c = 0; c < 3; c++) points[i * 3 + c] = (row[i * VALUES + 1 + c] - at->origin[c]) / at->height;
    if (count >= BABEL_CLOUD_LEAST_POINTS) describe_frame(out, points, count, scratch);
    else if (f) memcpy(out, out - N, BABEL_CLOUD_MOTION * sizeof *out);
    if (f) describe_motion(out, out - N);
  }
}

babel_status babel_cloud_frames(const babel_encoder *encoder, const babel_sample *sample, babel_sample *frames) {
  void *memory;
  BABEL_TRY(babel_points_check(encoder->row->name, sample, VALUES));
  BABEL_TRY(babel_alloc(&memory, (size_t)sample->rows * 4, sizeof(double)));
  double *points = memory, *scratch = points + (size_t)sample->rows * 3;
  const placement at = place_of(sample, scratch);
  babel_status status = babel_sample_create(frames, sample->modality, sample->frames, N);
  if (status == BABEL_OK) {
    frames->described = 1;
    describe(frames->x, sample, &at, points, scratch);
  }
  free(memory);
  return status;
}

babel_status babel_cloud_samples(const babel_encoder *encoder, const babel_tensor *array, babel_sample **samples, int *count) {
  return babel_point_samples(encoder, array, VALUES, BABEL_CLOUD_SAMPLES_TEXT, samples, count);
}
