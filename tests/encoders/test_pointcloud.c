/* The encoders of point clouds, on recordings whose answer is plain. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "encoders/cloud_frames.h"
#include "encoders/encoder.h"
#include "encoders/frame_statistics.h"
#include "tests/support/compare.h"

enum { N = BABEL_CLOUD_NUMBERS };

static babel_encoder *open_encoder(const char *name) {
  babel_encoder *encoder;
  cr_assert_eq(babel_encoder_create(&encoder, name, &(babel_encoder_options){0}), BABEL_OK, "%s", babel_error_last()->sentence);
  return encoder;
}

/* frames[f] points each: point i of a frame at x 3 + 0.01 i, y -1 + 0.02 i, z 2.5 + shift f. */
static babel_sample recording(const int *points, int frames, double shift) {
  babel_sample sample;
  int count = 0;
  for (int f = 0; f < frames; f++) count += points[f];
  cr_assert_eq(babel_sample_create(&sample, babel_modality_find("lidar"), count, 4), BABEL_OK);
  sample.frames = frames;
  double *row = sample.x;
  for (int f = 0; f < frames; f++)
    for (int i = 0; i < points[f]; i++, row += 4) {
      row[0] = f;
      row[1] = 3 + 0.01 * i;
      row[2] = -1 + 0.02 * i;
      row[3] = 2.5 + shift * f;
    }
  return sample;
}

Test(encoders_pointcloud, percentiles_are_those_of_the_sorted_values) {
  enum { MOST = 200 };
  for (int n = 1; n <= MOST; n += n < 12 ? 1 : 37) {
    double x[MOST], sorted[MOST], out[5];
    static const double p[] = {0, 5, 50, 99.5, 100};
    for (int i = 0; i < n; i++) x[i] = sorted[i] = round(5 * (double)babel_fill("percentile", (uint32_t)(i * n))); /* many are equal */
    for (int i = 1; i < n; i++)
      for (int j = i; j > 0 && sorted[j] < sorted[j - 1]; j--) {
        double other = sorted[j];
        sorted[j] = sorted[j - 1];
        sorted[j - 1] = other;
      }
    babel_percentiles(out, x, n, p, 5);
    for (int i = 0; i < 5; i++) {
      double at = p[i] * (n - 1) / 100;
      int lower = (int)at < n - 1 ? (int)at : n - 1;
      double expected = sorted[lower] + (lower < n - 1 ? (at - lower) * (sorted[lower + 1] - sorted[lower]) : 0);
      cr_assert_float_eq(out[i], expected, 1e-12, "%d values, percentile %g: %g, expected %g", n, p[i], out[i], expected);
    }
  }
}

Test(encoders_pointcloud, cells_take_what_lies_outside_and_the_border_goes_up) {
  cr_assert_eq(babel_cell(-7, 0, 1, 6), 0);
  cr_assert_eq(babel_cell(1, 0, 1, 6), 5);
  cr_assert_eq(babel_cell(0.5, 0, 1, 6), 3);
  cr_assert_eq(babel_cell((double)NAN, 0, 1, 6), 0);
  cr_assert_eq(babel_cell((double)INFINITY, 0, 1, 6), 5);
}

Test(encoders_pointcloud, a_person_is_placed_and_scaled_by_the_whole_recording) {
  babel_encoder *encoder = open_encoder("pointcloud_stats");
  babel_sample sample = recording((const int[]){71, 71, 71}, 3, 0.1), rows;
  cr_assert_eq(babel_encoder_prepare(encoder, &sample, &rows), BABEL_OK, "%s", babel_error_last()->sentence);
  /* every 7th of 71 points: y -1 .. 0.4 in steps of 0.14, three of each; x's median is point 35's; z's median is that of frame 1 */
  const double low = -1, height = 1.4; /* the percentiles fall among the three equal values at each end */
  const double *first = rows.x, *second = rows.x + N;
  cr_assert_float_eq(first[0], 0, 1e-9, "mean x %g", first[0]);
  cr_assert_float_eq(first[1], (0.7 + -1 - low) / height, 1e-9, "mean y %g", first[1]);
  cr_assert_float_eq(first[2], -0.1 / height, 1e-9, "mean z %g", first[2]);
  cr_assert_float_eq(first[5], 0, 1e-9, "no depth at all: %g", first[5]);
  cr_assert_float_eq(first[9], 0, 1e-9, "median of x %g", first[9]);
  double shares = 0, sides = 0;
  for (int c = 15; c < 45; c++) shares += first[c] * first[c];
  for (int c = 45; c < 57; c++) sides += first[c] * first[c];
  cr_assert(fabs(shares - 1) < 1e-12 && fabs(sides - 1) < 1e-12);
  for (int c = 57; c < N; c++) cr_assert_eq(first[c], 0, "no motion in the first frame");
  cr_assert_float_eq(second[60], 0.1 / height, 1e-9, "moved away");
  cr_assert_float_eq(second[61], 0.1 / height / 3, 1e-9, "95th percentiles");
  cr_assert_float_eq(second[58], 0, 1e-12);
  babel_sample_destroy(&sample);
  babel_sample_destroy(&rows);
  babel_encoder_destroy(encoder);
}

Test(encoders_pointcloud, a_frame_of_few_points_repeats_the_one_before) {
  babel_encoder *encoder = open_encoder("pointcloud_stats");
  babel_sample sample = recording((const int[]){49, 80, 3, 0, 90}, 5, 0), rows;
  cr_assert_eq(babel_encoder_prepare(encoder, &sample, &rows), BABEL_OK);
  for (int c = 0; c < N; c++) cr_assert_eq(rows.x[c], 0);
  for (int f = 2; f < 4; f++) {
    for (int c = 0; c < 57; c++) cr_assert_eq(rows.x[f * N + c], rows.x[N + c]);
    for (int c = 57; c < N; c++) cr_assert_eq(rows.x[f * N + c], 0, "nothing moved");
  }
  cr_assert(rows.x[4 * N + 57] > 0);
  babel_sample_destroy(&sample);
  babel_sample_destroy(&rows);
  babel_encoder_destroy(encoder);
}

Test(encoders_pointcloud, statistics_are_mean_deviation_and_six_segments) {
  enum { FRAMES = 7 };
  static const int points[FRAMES] = {60, 70, 80, 90, 100, 110, 120};
  babel_encoder *encoder = open_encoder("pointcloud_stats");
  babel_sample sample = recording(points, FRAMES, 0.05), rows;
  float out[496], *to[4] = {out};
  cr_assert_eq(babel_encoder_prepare(encoder, &sample, &rows), BABEL_OK);
  cr_assert_eq(babel_encoder_run(encoder, &sample, to, NULL), BABEL_OK);
  for (int c = 0; c < N; c++) {
    double mean = 0, squares = 0;
    for (int f = 0; f < FRAMES; f++) mean += rows.x[f * N + c] / FRAMES;
    for (int f = 0; f < FRAMES; f++) squares += pow(rows.x[f * N + c] - mean, 2) / FRAMES;
    cr_assert_float_eq(out[c], mean, 1e-6);
    cr_assert_float_eq(out[N + c], sqrt(squares), 1e-6);
    cr_assert_float_eq(out[2 * N + c], 0.5 * (rows.x[c] + rows.x[N + c]), 1e-6);
    cr_assert_float_eq(out[7 * N + c], rows.x[6 * N + c], 1e-6);
  }
  babel_sample_destroy(&sample);
  babel_sample_destroy(&rows);
  babel_encoder_destroy(encoder);
}

Test(encoders_pointcloud, recordings_that_cannot_be_right_are_refused) {
  babel_encoder *encoder = open_encoder("pointcloud_stats");
  babel_sample sample = recording((const int[]){60, 60, 60, 60, 60}, 5, 0);
  float out[496], *to[4] = {out};
  cr_assert_eq(babel_encoder_run(encoder, &sample, to, NULL), BABEL_ERR_SHAPE);
  cr_assert(strstr(babel_error_last()->sentence, "at least 6 frames"), "%s", babel_error_last()->sentence);
  sample.x[4 * 70] = 0.5;
  cr_assert_eq(babel_encoder_run(encoder, &sample, to, NULL), BABEL_ERR_VALUE);
  sample.x[4 * 70] = 1;
  sample.x[4 * 70 + 2] = (double)INFINITY;
  cr_assert_eq(babel_encoder_run(encoder, &sample, to, NULL), BABEL_ERR_VALUE);
  cr_assert(strstr(babel_error_last()->sentence, "point 70 has inf in column 2"), "%s", babel_error_last()->sentence);
  babel_sample_destroy(&sample);
  babel_encoder_destroy(encoder);
}
