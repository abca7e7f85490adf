/* pointcloud_motion and what it takes from a training set, on made-up recordings. */
#include <criterion/criterion.h>

#include <jansson.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/log.h"
#include "encoders/cloud_frames.h"
#include "encoders/fit.h"
#include "encoders/pointcloud_motion.h"
#include "tests/data/mat_bytes.h"
#include "tests/data/utd_files.h"
#include "tests/support/compare.h"
#include "tests/support/paths.h"

enum { N = BABEL_CLOUD_NUMBERS, KEYS = 3 };

static const char *const keys[KEYS] = {"a1_s1_t1", "a1_s1_t2", "a2_s1_t1"};
static const int frames[KEYS] = {20, 22, 24};

typedef struct {
  char folder[1100];
  babel_encoder *encoder;
  babel_encode_options options;
} rig;

/* A person of 40 x 50 pixels that wanders and comes nearer. */
static void write_cloud(const char *folder, const char *key, int count) {
  char path[1200];
  uint16_t *mm = calloc((size_t)count * 240 * 320, sizeof *mm);
  cr_assert_not_null(mm);
  for (int f = 0; f < count; f++)
    for (int r = 0; r < 50; r++)
      for (int c = 0; c < 40; c++) mm[(f * 320 + c + 100 + 2 * f % 7) * 240 + r + 80 + f % 5] = (uint16_t)(2500 + 3 * r - 10 * f + (c * f) % 11);
  mat_spec spec = {.name = "d_depth", .rank = 3, .dims = {240, 320, (uint32_t)count}, .type = 4, .values = mm, .value_bytes = (size_t)count * 240 * 320 * sizeof *mm};
  mat_bytes file = mat_header();
  mat_append(&file, mat_packed(mat_matrix(&spec), -1));
  snprintf(path, sizeof path, "%s/Depth/%s_depth.mat", folder, key);
  mat_save(path, file);
  mat_free(&file);
  free(mm);
}

static void make(rig *r, const char *name) {
  memset(r, 0, sizeof *r);
  babel_log_set_level(BABEL_LOG_QUIET);
  snprintf(r->folder, sizeof r->folder, "%s", babel_scratch());
  utd_make_folders(r->folder);
  for (int i = 0; i < KEYS; i++) {
    utd_write_inertial(r->folder, keys[i], 60);
    utd_write_skeleton(r->folder, keys[i], frames[i]);
    write_cloud(r->folder, keys[i], frames[i]);
  }
  cr_assert_eq(babel_encoder_create(&r->encoder, name, &(babel_encoder_options){0}), BABEL_OK);
  r->options = (babel_encode_options){.dataset = babel_dataset_row_find("utd_mhad"), .folder = r->folder, .modality = "lidar", .encoder = r->encoder,
                                      .split = "all", .keys = keys, .key_count = 2};
}

static void describe(const rig *r, const char *key, babel_sample *rows) {
  babel_dataset set;
  babel_sample sample;
  cr_assert_eq(r->options.dataset->scan(&set, r->folder), BABEL_OK);
  cr_assert_eq(r->options.dataset->read(&set, key, "lidar", &sample), BABEL_OK);
  cr_assert_eq(babel_encoder_prepare(r->encoder, &sample, rows), BABEL_OK);
  babel_sample_destroy(&sample);
  babel_dataset_destroy(&set);
}

Test(encoders_fit, deviations_are_pooled_over_the_frames_of_the_training_trials) {
  rig r;
  babel_sample rows[2];
  make(&r, "pointcloud_motion");
  cr_assert_eq(babel_encoder_fit(r.encoder, &r.options, "abc"), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert(r.encoder->fit.count == N && r.encoder->fit.trials == 2 && r.encoder->fit.frames == 42);
  cr_assert_str_eq(r.encoder->fit.split_sha256, "abc");
  for (int i = 0; i < 2; i++) describe(&r, keys[i], &rows[i]);
  for (int c = 0; c < N; c++) {
    double mean = 0, squares = 0;
    for (int i = 0; i < 2; i++)
      for (int f = 0; f < rows[i].rows; f++) mean += rows[i].x[f * N + c] / 42;
    for (int i = 0; i < 2; i++)
      for (int f = 0; f < rows[i].rows; f++) squares += pow(rows[i].x[f * N + c] - mean, 2) / 42;
    cr_assert_float_eq(r.encoder->fit.deviations[c], sqrt(squares), 1e-12, "number %d", c);
  }
  babel_encoder_fitted first = r.encoder->fit;
  for (int threads = 1; threads < 4; threads++) {
    omp_set_num_threads(threads);
    cr_assert_eq(babel_encoder_fit(r.encoder, &r.options, "abc"), BABEL_OK);
    cr_assert_arr_eq(r.encoder->fit.deviations, first.deviations, sizeof first.deviations);
  }
  babel_sample_destroy(&rows[0]);
  babel_sample_destroy(&rows[1]);
  babel_encoder_destroy(r.encoder);
}

Test(encoders_fit, a_bank_carries_it_to_new_recordings) {
  rig r;
  babel_bank bank;
  babel_encoder *other;
  char path[1200];
  make(&r, "pointcloud_motion");
  cr_assert_eq(babel_encoder_fit(r.encoder, &r.options, ""), BABEL_OK);
  r.options.keys = NULL;
  cr_assert_eq(babel_encode_dataset(&r.options, (const int[]){0}, 1, &bank), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert(bank.rows == KEYS && bank.width == 1302);
  snprintf(path, sizeof path, "%s/bank.safetensors", r.folder);
  cr_assert_eq(babel_bank_write(&bank, path), BABEL_OK);
  cr_assert_eq(babel_encoder_create(&other, "pointcloud_motion", &(babel_encoder_options){0}), BABEL_OK);
  cr_assert_eq(babel_encoder_fit_from(other, path), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert(other->fit.count == N && other->fit.trials == 2 && other->fit.frames == 42);
  cr_assert_arr_eq(other->fit.deviations, r.encoder->fit.deviations, sizeof other->fit.deviations);
  babel_bank_destroy(&bank);
  babel_encoder_destroy(other);
  babel_encoder_destroy(r.encoder);
}

static void spoil(const char *path, const char *provenance, const char *words) {
  babel_bank bank;
  babel_encoder *encoder;
  cr_assert_eq(babel_bank_create(&bank, "lidar", 1, 0, 1, 2), BABEL_OK);
  strcpy(bank.dataset, "made up");
  strcpy(bank.split, "all");
  bank.keys[0] = strdup("k");
  bank.recordings[0] = strdup("k");
  free(bank.provenance);
  bank.provenance = strdup(provenance);
  cr_assert_eq(babel_bank_write(&bank, path), BABEL_OK, "%s", babel_error_last()->sentence);
  babel_bank_destroy(&bank);
  cr_assert_eq(babel_encoder_create(&encoder, "pointcloud_motion", &(babel_encoder_options){0}), BABEL_OK);
  cr_assert_eq(babel_encoder_fit_from(encoder, path), BABEL_ERR_FORMAT);
  const char *sentence = babel_error_last()->sentence;
  cr_assert(strstr(sentence, path) && strstr(sentence, words) && !encoder->fit.count, "%s", sentence);
  babel_encoder_destroy(encoder);
}

Test(encoders_fit, banks_without_a_sound_fit_are_refused) {
  char path[1200];
  snprintf(path, sizeof path, "%s/bank.safetensors", babel_scratch());
  spoil(path, "{}", "an unknown encoder");
  spoil(path, "{\"encoder\":\"pointcloud_stats\"}", "found one by pointcloud_stats");
  spoil(path, "{\"encoder\":\"pointcloud_motion\"}", "no \"fit\"");
  spoil(path, "{\"encoder\":\"pointcloud_motion\",\"fit\":{\"deviations\":[]}}", "no \"fit\"");
  spoil(path, "{\"encoder\":\"pointcloud_motion\",\"fit\":{\"deviations\":[1,-1]}}", "deviation 1");
  spoil(path, "{\"encoder\":\"pointcloud_motion\",\"fit\":{\"deviations\":[\"a\"]}}", "deviation 0");
}

Test(encoders_fit, what_cannot_be_fitted_is_refused) {
  static const char *const absent[] = {"a9_s1_t1", "a1_s1_t1"};
  rig r;
  babel_bank bank;
  char path[1200];
  make(&r, "pointcloud_motion");
  cr_assert_eq(babel_encode_dataset(&r.options, (const int[]){0}, 1, &bank), BABEL_ERR_STATE);
  cr_assert(strstr(babel_error_last()->sentence, "not fitted"), "%s", babel_error_last()->sentence);
  r.options.keys = absent;
  cr_assert_eq(babel_encoder_fit(r.encoder, &r.options, ""), BABEL_OK);
  cr_assert(r.encoder->fit.trials == 1 && r.encoder->fit.frames == 20);
  r.options.key_count = 1;
  cr_assert_eq(babel_encoder_fit(r.encoder, &r.options, ""), BABEL_ERR_FORMAT);
  r.options.keys = keys;
  r.options.key_count = KEYS;
  snprintf(path, sizeof path, "%s/Depth/a1_s1_t2_depth.mat", r.folder);
  cr_assert_eq(truncate(path, 300), 0);
  cr_assert_eq(babel_encoder_fit(r.encoder, &r.options, ""), BABEL_ERR_FORMAT);
  cr_assert(strstr(babel_error_last()->sentence, "a1_s1_t2_depth.mat"), "%s", babel_error_last()->sentence);
  babel_encoder_destroy(r.encoder);
  make(&r, "pointcloud_stats");
  cr_assert_eq(babel_encoder_fit(r.encoder, &r.options, ""), BABEL_ERR_ARG);
  cr_assert_eq(babel_encoder_fit_from(r.encoder, "nothing"), BABEL_ERR_ARG);
  babel_encoder_destroy(r.encoder);
}

/* A cosine of `turns` turns in number 3 and of one in number 57, which is the motion. */
static void wave(double *x, int count, int turns) {
  memset(x, 0, (size_t)count * N * sizeof *x);
  for (int f = 0; f < count; f++) {
    x[f * N + 3] = 5 + cos(2 * M_PI * turns * f / count);
    x[f * N + 57] = 0.01;
  }
}

/* F = 48: bin 8 is 1/6 of a turn a frame, the border at 25 / 150: it belongs to the upper band. */
Test(encoders_fit, a_wave_lies_in_its_band_and_the_border_goes_up) {
  enum { FRAMES = 48 };
  static const struct {
    int turns, band;
  } cases[] = {{1, 0}, {2, 0}, {3, 1}, {4, 1}, {5, 2}, {7, 2}, {8, 3}, {23, 3}};
  double x[FRAMES * N], out[1302], r[N];
  for (int c = 0; c < N; c++) r[c] = 0.2;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    wave(x, FRAMES, cases[i].turns);
    cr_assert_eq(babel_pointcloud_motion(out, x, FRAMES, r), BABEL_OK);
    cr_assert_float_eq(out[3], sqrt(0.5), 1e-9, "the deviation of a cosine");
    for (int band = 0; band < 4; band++)
      cr_assert_float_eq(out[1054 + band * N + 3], band == cases[i].band ? 0.5 : 0, 1e-9, "%d turns, band %d: %g", cases[i].turns, band,
                         out[1054 + band * N + 3]);
    for (int s = 0; s < 8; s++) { /* equal motion is equal time here: means of 6 frames */
      double mean = 0;
      for (int f = 0; f < 6; f++) mean += cos(2 * M_PI * cases[i].turns * (6 * s + f) / FRAMES) / 6;
      cr_assert_float_eq(out[N + s * N + 3], mean, 1e-9);
      cr_assert_float_eq(out[9 * N + s * N + 3], mean / (sqrt(0.5) + 0.1 + 1e-6), 1e-9);
      cr_assert_float_eq(out[9 * N + s * N + 4], 0, 1e-12, "a number that never moves");
    }
  }
}

Test(encoders_fit, the_clock_smooths_the_motion_and_repeats_its_second_frame) {
  double x[4 * N] = {0};
  babel_motion_clock clock;
  const double motion[4] = {0, 1, 4, 1}; /* the first becomes 1: mean 7/4 */
  for (int f = 0; f < 4; f++) x[f * N + 57] = motion[f];
  cr_assert_eq(babel_motion_clock_create(&clock, 4), BABEL_OK);
  babel_pointcloud_motion_clock(&clock, x);
  const double low = 4.0 / 7 + 0.2, high = 16.0 / 7 + 0.2;
  const double expected[4] = {low, (2 * low + high) / 3, (2 * low + high) / 3, (2 * low + high) / 3};
  for (int f = 0; f < 4; f++) cr_assert_float_eq(clock.weights[f], expected[f], 1e-8, "weight %d: %g", f, clock.weights[f]);
  babel_motion_clock_destroy(&clock);
}
