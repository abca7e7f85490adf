/* The encoders of mmWave points, on windows whose answer is plain. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/augment.h"
#include "encoders/encoder.h"
#include "encoders/radar_frames.h"
#include "encoders/radar_free.h"
#include "tests/support/compare.h"

enum { N = BABEL_RADAR_NUMBERS };

static babel_encoder *open_encoder(const char *name) {
  babel_encoder *encoder;
  cr_assert_eq(babel_encoder_create(&encoder, name, &(babel_encoder_options){0}), BABEL_OK, "%s", babel_error_last()->sentence);
  return encoder;
}

static babel_sample window(int frames, int points, const double (*rows)[6]) {
  babel_sample sample;
  cr_assert_eq(babel_sample_create(&sample, babel_modality_find("mmwave"), points, 6), BABEL_OK);
  sample.frames = frames;
  memcpy(sample.x, rows, (size_t)points * sizeof *rows);
  return sample;
}

/* `frames` frames of 4 points of made-up numbers. */
static babel_sample made_up(int frames) {
  babel_sample sample;
  cr_assert_eq(babel_sample_create(&sample, babel_modality_find("mmwave"), 4 * frames, 6), BABEL_OK);
  sample.frames = frames;
  for (int i = 0; i < 4 * frames * 6; i++) sample.x[i] = i % 6 ? babel_fill("radar", (uint32_t)i) : i / 24;
  return sample;
}

static void expect(const double *numbers, int at, double value, const char *what) {
  cr_assert(fabs(numbers[at] - value) < 1e-12, "%s: number %d is %.15g, expected %.15g", what, at, numbers[at], value);
}

Test(encoders_radar, the_numbers_of_a_frame) {
  static const double rows[][6] = {{0, 1, 5, 0.2, 0.5, 10},  {0, 1.5, 5, 0.6, -0.5, 20}, {0, 0.5, 6, -0.3, 0, 30}, {0, 1, 5, -2, 0.05, 40},
                                   {1, 1, 5, 0, 3, 50},      {1, 1, 5, 0, 3, 50}, /* two points: repeats frame 0 */
                                   {2, 9, 9, 0, -1, 0},      {2, 9, 9, 0, -1, 0},        {2, 9, 9, 0, -1, 6}};
  babel_encoder *encoder = open_encoder("radar_stats");
  babel_sample sample = window(3, 9, rows), frames;
  cr_assert_eq(babel_encoder_prepare(encoder, &sample, &frames), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert(frames.rows == 3 && frames.width == N && frames.described);
  const double *first = frames.x, *last = frames.x + 2 * N;
  /* medians over all nine points: x 1, y 5 */
  expect(first, 0, 0, "mean x");
  expect(first, 1, 0.25, "mean y");
  expect(first, 2, -0.375, "mean z");
  expect(first, 3, sqrt(0.125), "deviation of x");
  expect(first, 6, -0.5 + 0.15 * 0.5, "5th percentile of x");
  expect(first, 9, 0.5 - 0.15 * 0.5, "95th percentile of x");
  expect(first, 12, 0.0125, "mean v");
  expect(first, 14, 0.2625, "mean |v|");
  expect(first, 15, 0.5, "largest |v|");
  expect(first, 16, 0.5, "moving");
  expect(first, 17, 0.25, "away");
  expect(first, 18, 0.25, "towards");
  expect(first, 19, (0 * 0.501 + 0.5 * 0.501 - 0.5 * 0.001) / 1.054, "weighted x");
  expect(first, 22, log(4), "log count");
  expect(first, 23, 25, "intensity");
  expect(first, 24 + 0 * 3 + 1, 0.25, "below the lowest cell");
  expect(first, 24 + 1 * 3 + 0, 0.25, "z -0.3, x -0.5");
  expect(first, 24 + 3 * 3 + 1, 0.25, "z 0.2 lies on a border: the upper cell");
  expect(first, 24 + 4 * 3 + 2, 0.25, "z 0.6, x 0.5");
  expect(first, 39 + 3, 0.125, "|v| at z 0.2");
  expect(first, 39 + 4, 0.125, "|v| at z 0.6");
  for (int c = 0; c < N; c++) cr_assert_eq(first[N + c], first[c], "a frame of two points repeats the one before");
  expect(last, 0, 8, "a frame far away");
  expect(last, 15, 1, "its largest |v|");
  expect(last, 23, 2, "its intensity");
  babel_sample_destroy(&sample);
  babel_sample_destroy(&frames);
  babel_encoder_destroy(encoder);
}

Test(encoders_radar, a_first_frame_of_two_points_is_zeros) {
  static const double rows[][6] = {{0, 1, 5, 0, 1, 1}, {0, 1, 5, 0, 1, 1}, {2, 1, 5, 0, 1, 1}, {2, 1, 5, 0, 1, 1}, {2, 1, 5, 0, 1, 1}};
  babel_encoder *encoder = open_encoder("radar_stats");
  babel_sample sample = window(4, 5, rows), frames;
  cr_assert_eq(babel_encoder_prepare(encoder, &sample, &frames), BABEL_OK);
  for (int c = 0; c < 2 * N; c++) cr_assert_eq(frames.x[c], 0); /* nothing in frame 1 either */
  for (int c = 0; c < N; c++) cr_assert_eq(frames.x[3 * N + c], frames.x[2 * N + c]);
  cr_assert_float_eq(frames.x[2 * N + 22], log(3), 1e-12);
  babel_sample_destroy(&sample);
  babel_sample_destroy(&frames);
  babel_encoder_destroy(encoder);
}

Test(encoders_radar, the_statistics_of_a_window_are_those_of_its_frames) {
  enum { FRAMES = 8 }; /* segments of 2, 2, 1, 1, 1, 1 frames */
  babel_encoder *encoder = open_encoder("radar_stats");
  babel_sample sample = made_up(FRAMES), frames;
  float out[396], again[396], *to[4] = {out}, *to_again[4] = {again};
  cr_assert_eq(babel_encoder_prepare(encoder, &sample, &frames), BABEL_OK);
  cr_assert_eq(babel_encoder_run(encoder, &sample, to, NULL), BABEL_OK);
  cr_assert_eq(babel_encoder_run(encoder, &frames, to_again, NULL), BABEL_OK);
  cr_assert_arr_eq(out, again, sizeof out);
  for (int c = 0; c < N; c++) {
    double mean = 0, squares = 0, change = 0;
    for (int f = 0; f < FRAMES; f++) mean += frames.x[f * N + c] / FRAMES;
    for (int f = 0; f < FRAMES; f++) squares += pow(frames.x[f * N + c] - mean, 2) / FRAMES;
    for (int f = 1; f < FRAMES; f++) change += fabs(frames.x[f * N + c] - frames.x[(f - 1) * N + c]) / (FRAMES - 1);
    cr_assert_float_eq(out[c], mean, 1e-5);
    cr_assert_float_eq(out[N + c], sqrt(squares), 1e-5);
    cr_assert_float_eq(out[2 * N + c], change, 1e-5);
    cr_assert_float_eq(out[3 * N + c], 0.5 * (frames.x[c] + frames.x[N + c]), 1e-5);
    cr_assert_float_eq(out[8 * N + c], frames.x[7 * N + c], 1e-5);
  }
  babel_sample_destroy(&sample);
  babel_sample_destroy(&frames);
  babel_encoder_destroy(encoder);
}

/* Where a repeated movement begins does not matter: frames in another order change nothing but the mean change between neighbours. */
Test(encoders_radar, the_free_numbers_know_no_order_but_that_of_speed) {
  enum { FRAMES = 9 };
  babel_encoder *encoder = open_encoder("radar_free");
  babel_sample sample = made_up(FRAMES), frames, turned;
  float out[319], again[319], *to[4] = {out}, *to_again[4] = {again};
  cr_assert_eq(babel_encoder_prepare(encoder, &sample, &frames), BABEL_OK);
  cr_assert_eq(babel_sample_create(&turned, frames.modality, FRAMES, N), BABEL_OK);
  turned.described = 1;
  for (int f = 0; f < FRAMES; f++) memcpy(turned.x + f * N, frames.x + (f + 4) % FRAMES * N, N * sizeof *frames.x);
  cr_assert_eq(babel_encoder_run(encoder, &sample, to, NULL), BABEL_OK);
  cr_assert_eq(babel_encoder_run(encoder, &turned, to_again, NULL), BABEL_OK);
  for (int c = 0; c < 319; c++)
    if (c < 2 * N || c >= 3 * N) cr_assert_float_eq(out[c], again[c], 1e-5, "column %d", c);
  double speeds[3] = {0};
  for (int third = 0; third < 3; third++) speeds[third] = (double)out[3 * N + third * N + 14];
  cr_assert(speeds[0] <= speeds[1] && speeds[1] <= speeds[2]);
  babel_sample_destroy(&sample);
  babel_sample_destroy(&frames);
  babel_sample_destroy(&turned);
  babel_encoder_destroy(encoder);
}

Test(encoders_radar, frames_of_equal_speed_keep_their_order) {
  enum { FRAMES = 7 };
  double x[FRAMES * N] = {0}, out[319];
  static const double speeds[FRAMES] = {0.3, 0.1, 0.3, 0.1, 0.3 + 1e-13, 0.2, 0.3 - 1e-13};
  static const int expected[FRAMES] = {1, 3, 5, 0, 2, 4, 6};
  int order[FRAMES];
  for (int f = 0; f < FRAMES; f++) {
    x[f * N + 14] = speeds[f];
    x[f * N] = f;
    x[f * N + 1] = -2 * f;
  }
  cr_assert_eq(babel_radar_free(out, x, FRAMES, order), BABEL_OK);
  cr_assert_arr_eq(order, expected, sizeof expected);
  cr_assert_float_eq(out[3 * N], (1 + 3 + 5) / 3.0, 1e-12, "the first third holds three of seven frames");
  cr_assert_float_eq(out[4 * N], (0 + 2) / 2.0, 1e-12);
  cr_assert_float_eq(out[6 * N], -1, 1e-5, "numbers 0 and 1 run against each other: %g", out[6 * N]);
  cr_assert_float_eq(out[6 * N + 1], 0, 1e-12, "number 2 never moves");
}

static void refused(const char *name, babel_sample *sample, babel_status expected, const char *words) {
  babel_encoder *encoder = open_encoder(name);
  float out[400], *to[4] = {out};
  cr_assert_eq(babel_encoder_run(encoder, sample, to, NULL), expected, "%s", babel_error_last()->sentence);
  cr_assert(strstr(babel_error_last()->sentence, words), "%s", babel_error_last()->sentence);
  babel_encoder_destroy(encoder);
}

Test(encoders_radar, windows_that_cannot_be_right_are_refused) {
  babel_sample sample = made_up(8);
  sample.frames = 7;
  refused("radar_stats", &sample, BABEL_ERR_VALUE, "point 28 is of frame 7");
  sample.frames = 0;
  refused("radar_stats", &sample, BABEL_ERR_SHAPE, "0 frames");
  sample.frames = 8;
  sample.x[6 * 6] = 0;
  refused("radar_stats", &sample, BABEL_ERR_VALUE, "point 6 is of frame 0");
  sample.x[6 * 6] = 1;
  sample.x[6 * 6 + 4] = NAN;
  refused("radar_stats", &sample, BABEL_ERR_VALUE, "point 6 has nan in column 4");
  babel_sample_destroy(&sample);
  sample = made_up(5);
  refused("radar_stats", &sample, BABEL_ERR_SHAPE, "at least 6 frames");
  babel_sample_destroy(&sample);
  sample = made_up(2);
  refused("radar_free", &sample, BABEL_ERR_SHAPE, "at least 3 frames");
  babel_sample_destroy(&sample);
}

Test(encoders_radar, an_array_of_points_is_one_window) {
  babel_encoder *encoder = open_encoder("radar_stats");
  babel_sample made = made_up(8), *list;
  int count;
  babel_tensor array = {.data = made.x, .dtype = BABEL_F64, .rank = 2, .shape = {made.rows, 6}};
  cr_assert_eq(encoder->row->samples(encoder, &array, &list, &count), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert(count == 1 && list[0].frames == 8 && list[0].rows == made.rows);
  cr_assert_arr_eq(list[0].x, made.x, (size_t)made.rows * 6 * sizeof *made.x);
  babel_sample_destroy(&list[0]);
  free(list);
  array.shape[0] = made.rows * 2;
  array.shape[1] = 3;
  cr_assert_eq(encoder->row->samples(encoder, &array, &list, &count), BABEL_ERR_SHAPE);
  array = (babel_tensor){.data = made.x, .dtype = BABEL_F64, .rank = 2, .shape = {made.rows, 6}};
  made.x[(made.rows - 1) * 6] = 1e12;
  cr_assert_eq(encoder->row->samples(encoder, &array, &list, &count), BABEL_ERR_SHAPE);
  babel_sample_destroy(&made);
  babel_encoder_destroy(encoder);
}

/* Variants of windows are cuts, and slow recordings are stretched after they were cut. */
Test(encoders_radar, windows_are_cut_and_slow_samples_stretched) {
  static const int expected[] = {0, 300, 375, 450};
  for (int i = 0; i < 4; i++) cr_assert_eq(babel_variant_pick_cut(i, 4), expected[i]);
  for (int i = 0; i < 600; i++) cr_assert(babel_variant_pick_cut(i, 600) < 600);
  babel_sample slow, cut, fast;
  babel_time_map map;
  cr_assert_eq(babel_sample_create(&slow, babel_modality_find("skeleton"), 30, 3), BABEL_OK);
  for (int i = 0; i < 90; i++) slow.x[i] = i / 3 * (i % 3 + 1);
  slow.stretch = 2;
  slow.joints = BABEL_JOINTS_KINECT2_25;
  cr_assert_eq(babel_time_map_create(&map, 0, "key", 375), BABEL_OK);
  cr_assert_eq(babel_augment(&cut, &slow, &map), BABEL_OK);
  cr_assert(cut.stretch == 2 && cut.rows < 30);
  cr_assert_eq(babel_sample_stretch(&fast, &slow), BABEL_OK);
  cr_assert(fast.rows == 60 && fast.stretch == 0 && fast.joints == slow.joints);
  for (int j = 0; j < 60; j++)
    for (int c = 0; c < 3; c++) cr_assert_float_eq(fast.x[j * 3 + c], 29.0 * j / 59 * (c + 1), 1e-12);
  babel_sample_destroy(&slow);
  babel_sample_destroy(&cut);
  babel_sample_destroy(&fast);
}
