#include "encoders/radar_frames.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "encoders/frame_statistics.h"
#include "encoders/point_samples.h"

enum { N = BABEL_RADAR_NUMBERS, VALUES = BABEL_RADAR_POINT_VALUES, HEIGHTS = 5, ACROSS = 3 };

/* The median of column c over all points. */
static double median_of(const babel_sample *sample, int c, double *scratch) {
  double median;
  for (int i = 0; i < sample->rows; i++) scratch[i] = sample->x[(size_t)i * VALUES + (size_t)c];
  babel_percentiles(&median, scratch, sample->rows, (const double[]){50}, 1);
  return median;
}

/* Numbers 0-11: points (count, 3), scratch (count). */
static void place_numbers(double *out, const double *points, int count, double *scratch) {
  double ends[2];
  babel_frames_mean(out, points, count, 3);
  babel_frames_deviation(out + 3, points, out, count, 3);
  for (int c = 0; c < 3; c++) {
    for (int i = 0; i < count; i++) scratch[i] = points[i * 3 + c];
    babel_percentiles(ends, scratch, count, (const double[]){5, 95}, 2);
    out[6 + c] = ends[0];
    out[9 + c] = ends[1];
  }
}

/* Numbers 12-18. row: the first point of the frame as the sample has it. */
static void velocity_numbers(double *out, const double *row, int count) {
  double mean = 0, squares = 0, size = 0, top = 0, shares[3] = {0};
  for (int i = 0; i < count; i++) mean += row[i * VALUES + 4];
  mean /= count;
  for (int i = 0; i < count; i++) {
    double v = row[i * VALUES + 4];
    squares += (v - mean) * (v - mean);
    size += fabs(v);
    top = fmax(top, fabs(v));
    shares[0] += fabs(v) > 0.1;
    shares[1] += v > 0.1;
    shares[2] += v < -0.1;
  }
  const double numbers[] = {mean, sqrt(squares / count), size / count, top, shares[0] / count, shares[1] / count, shares[2] / count};
  memcpy(out + 12, numbers, sizeof numbers);
}

/* Numbers 19-43. */
static void cell_numbers(double *out, const double *points, const double *row, int count) {
  double weights = 0, intensity = 0;
  memset(out + 19, 0, (N - 19) * sizeof *out);
  for (int i = 0; i < count; i++, points += 3, row += VALUES) {
    double speed = fabs(row[4]), weight = speed + 0.001;
    int height = babel_cell(points[2], -1, 1, HEIGHTS), across = babel_cell(points[0], -0.75, 0.75, ACROSS);
    for (int c = 0; c < 3; c++) out[19 + c] += weight * points[c];
    weights += weight;
    intensity += row[5];
    out[24 + height * ACROSS + across] += 1;
    out[39 + height] += speed;
  }
  for (int c = 19; c < 22; c++) out[c] /= weights;
  out[22] = log(count);
  out[23] = intensity / count;
  for (int c = 24; c < N; c++) out[c] /= count;
}

static void describe(double *out, const babel_sample *sample, const double *centre, double *points, double *scratch) {
  int from = 0;
  for (int f = 0; f < sample->frames; f++, out += N) {
    const double *row = sample->x + (size_t)from * VALUES;
    int count = 0;
    while (from + count < sample->rows && sample->x[(size_t)(from + count) * VALUES] == f) count++;
    from += count;
    if (count < BABEL_RADAR_LEAST_POINTS) {
      if (f) memcpy(out, out - N, N * sizeof *out);
      continue;
    }
    for (int i = 0; i < count; i++)
      for (int c = 0; c < 3; c++) points[i * 3 + c] = row[i * VALUES + 1 + c] - (c < 2 ? centre[c] : 0);
    place_numbers(out, points, count, scratch);
    velocity_numbers(out, row, count);
    cell_numbers(out, points, row, count);
  }
}

babel_status babel_radar_frames(const babel_encoder *encoder, const babel_sample *sample, babel_sample *frames) {
  void *memory;
  BABEL_TRY(babel_points_check(encoder->row->name, sample, VALUES));
  BABEL_TRY(babel_alloc(&memory, (size_t)sample->rows * 4, sizeof(double)));
  double *points = memory, *scratch = points + (size_t)sample->rows * 3;
  const double centre[2] = {median_of(sample, 1, scratch), median_of(sample, 2, scratch)};
  babel_status status = babel_sample_create(frames, sample->modality, sample->frames, N);
  if (status == BABEL_OK) {
    frames->described = 1;
    describe(frames->x, sample, centre, points, scratch);
  }
  free(memory);
  return status;
}

babel_status babel_radar_samples(const babel_encoder *encoder, const babel_tensor *array, babel_sample **samples, int *count) {
  return babel_point_samples(encoder, array, VALUES, BABEL_RADAR_SAMPLES_TEXT, samples, count);
}
