/* Weight-free features of real depth trials and windows against the published values. Every case needs the data. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/registry.h"
#include "data/split.h"
#include "data/utd_mhad.h"
#include "data/window_set.h"
#include "encoders/encoder.h"
#include "encoders/pointcloud_motion.h"
#include "encoders/radar_free.h"
#include "encoders/skeleton_motion.h"
#include "encoders/skeleton_prep.h"
#include "tests/encoders/cloud_deviations.h"
#include "tests/encoders/known_block.h"
#include "tests/support/paths.h"

/* The data set called `name`, for one case. */
static const babel_dataset_row *open_set(babel_dataset *set, const char *name) {
  const babel_dataset_row *row = babel_dataset_row_find(name);
  const char *folder = babel_real_data(name);
  if (!folder) cr_skip("%s is not here", name);
  cr_assert_eq(row->scan(set, folder), BABEL_OK, "%s", babel_error_last()->sentence);
  return row;
}

/* Of MARS only the files of subject 4, part test. */
static const babel_dataset_row *open_part(babel_dataset *set) {
  static const char *const names[] = {"subject4_radar_data_test.csv.xz", "subject4_kinect_data_test.csv.xz"};
  const babel_dataset_row *row = babel_dataset_row_find("mars");
  const char *folder = babel_scratch();
  for (int i = 0; i < 2; i++) {
    char name[80], link[1200];
    snprintf(name, sizeof name, "mars/%s", names[i]);
    snprintf(link, sizeof link, "%s/%s", folder, names[i]);
    const char *found = babel_real_data(name);
    if (!found) cr_skip("MARS is not here");
    char *target = realpath(found, NULL);
    cr_assert(target && !symlink(target, link));
    free(target);
  }
  cr_assert_eq(row->scan(set, folder), BABEL_OK, "%s", babel_error_last()->sentence);
  return row;
}

/* An encoder's numbers of one radar window. */
static void check_window(const babel_dataset *set, const char *key, const char *name, const known_block *known) {
  babel_sample sample;
  babel_encoder *encoder;
  float *out = malloc((size_t)known->n * sizeof *out), *outputs[4] = {out};
  cr_assert_eq(babel_window_set_read(set, key, "mmwave", &sample), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(babel_encoder_create(&encoder, name, &(babel_encoder_options){0}), BABEL_OK);
  cr_assert_eq(encoder->outputs[0].width, known->n);
  cr_assert_eq(babel_encoder_run(encoder, &sample, outputs, NULL), BABEL_OK, "%s", babel_error_last()->sentence);
  known_block_check_floats(known, out, 2e-7);
  babel_encoder_destroy(encoder);
  babel_sample_destroy(&sample);
  free(out);
}

Test(encoders_features_real, radar_windows_of_mars_are_the_published_ones) {
  babel_dataset set;
  open_part(&set);
  check_window(&set, "s4_test_m1_f0", "radar_stats",
               &(known_block){"first", 396, 222.63252, 49.361194, {0.012839586, -0.12262385, 0.40240457}, 0.043677304});
  check_window(&set, "s4_test_m1_f15", "radar_stats",
               &(known_block){"frame 25 has 2 points", 396, 221.10037, 50.451945, {-0.031910953, -0.065414998, 0.41057225}, 0.1346599});
  check_window(&set, "s4_test_m1_f40", "radar_stats",
               &(known_block){"frame 0 has 2 points", 396, 222.62418, 51.471984, {-0.02524915, -0.065154433, 0.346653}, 0.2019703});
  babel_dataset_destroy(&set);
}

Test(encoders_features_real, phase_free_radar_windows_of_mars_are_the_published_ones) {
  babel_dataset set;
  open_part(&set);
  check_window(&set, "s4_test_m1_f0", "radar_free",
               &(known_block){"first", 319, 143.84285, 38.4441, {0.012839586, -0.12262385, 0.40240457}, 0.17393114});
  check_window(&set, "s4_test_m1_f15", "radar_free",
               &(known_block){"start 15", 319, 142.80809, 38.944309, {-0.031910953, -0.065414998, 0.41057225}, -0.55254458});
  check_window(&set, "s4_test_m1_f40", "radar_free",
               &(known_block){"start 40", 319, 145.77137, 41.415692, {-0.02524915, -0.065154433, 0.346653}, 0.28656791});
  babel_dataset_destroy(&set);
}

/* A tie of the quantised Doppler crosses the border of the first third. */
Test(encoders_features_real, the_frames_of_the_first_window_are_sorted_as_published) {
  static const int expected[] = {3, 10, 20, 11, 18, 27, 16, 19, 24, 0, 2, 9, 14, 21, 28, 29, 5, 26, 23, 8, 7, 13, 22, 1, 17, 6, 12, 15, 4, 25};
  babel_dataset set;
  babel_sample sample, rows;
  babel_encoder *encoder;
  double values[319];
  int order[30];
  const babel_dataset_row *row = open_part(&set);
  cr_assert_eq(row->read(&set, "s4_test_m1_f0", "mmwave", &sample), BABEL_OK);
  cr_assert_eq(babel_encoder_create(&encoder, "radar_free", &(babel_encoder_options){0}), BABEL_OK);
  cr_assert_eq(babel_encoder_prepare(encoder, &sample, &rows), BABEL_OK);
  double sum = 0;
  for (int c = 0; c < 44; c++) sum += rows.x[c];
  known_near("44 numbers of the first frame", "sum", sum, 12.135698, 1e-7);
  cr_assert_eq(babel_radar_free(values, rows.x, 30, order), BABEL_OK);
  cr_assert_arr_eq(order, expected, sizeof expected);
  known_block_check(&(known_block){"thirds", 132, 79.225375, 31.227759, {-0.022293954, -0.13522357, 0.31754133}, 0.13468003}, values + 132, 1e-7);
  known_block_check(&(known_block){"correlations", 55, 0.43571237, 3.6696599, {-0.79196299, -0.12631385, 0.24962312}, 0.17393114}, values + 264, 1e-7);
  babel_encoder_destroy(encoder);
  babel_sample_destroy(&sample);
  babel_sample_destroy(&rows);
  babel_dataset_destroy(&set);
}

Test(encoders_features_real, radar_windows_of_mmego_are_the_published_ones) {
  babel_dataset set;
  open_set(&set, "mmego");
  check_window(&set, "a01_r05_f0", "radar_stats",
               &(known_block){"stats", 396, 203.74571, 50.307532, {0.048492615, -0.08370636, -0.045083229}, 0.0015347658});
  check_window(&set, "a01_r05_f0", "radar_free",
               &(known_block){"free", 319, 123.91653, 38.130232, {0.048492615, -0.08370636, -0.045083229}, 0.48193744});
  babel_dataset_destroy(&set);
}

static void check_numbers(const char *what, const double *numbers, double expected) {
  double sum = 0;
  for (int c = 0; c < 62; c++) sum += numbers[c];
  known_near(what, "sum", sum, expected, 1e-7);
}

/* Points of the trial and its first two frames, described. */
static void check_depth(const char *key, int frames, int points, double first, double second, const double *motion, const known_block *known) {
  char name[80];
  babel_sample sample, rows;
  babel_encoder *encoder;
  float out[496], *outputs[4] = {out};
  snprintf(name, sizeof name, "utd_mhad/Depth/%s_depth.mat", key);
  const char *path = babel_real_data(name);
  if (!path) cr_skip("UTD-MHAD is not here");
  cr_assert_eq(babel_utd_read_points(&sample, path), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert(sample.frames == frames && sample.rows == points, "%d frames, %d points", sample.frames, sample.rows);
  cr_assert_eq(babel_encoder_create(&encoder, "pointcloud_stats", &(babel_encoder_options){0}), BABEL_OK);
  cr_assert_eq(babel_encoder_prepare(encoder, &sample, &rows), BABEL_OK);
  cr_assert_eq(rows.rows, frames);
  check_numbers("frame 0", rows.x, first);
  check_numbers("frame 1", rows.x + 62, second);
  for (int c = 0; motion && c < 5; c++) cr_assert(fabs(rows.x[62 + 57 + c] - motion[c]) <= 1e-7 * motion[c], "motion %d: %.9g", c, rows.x[62 + 57 + c]);
  cr_assert_eq(babel_encoder_run(encoder, &rows, outputs, NULL), BABEL_OK);
  known_block_check_floats(known, out, 2e-7);
  babel_encoder_destroy(encoder);
  babel_sample_destroy(&sample);
  babel_sample_destroy(&rows);
}

Test(encoders_features_real, depth_trials_are_the_published_ones) {
  static const double motion[] = {1.6863082e-3, 2.7999302e-4, 6.4742416e-4, 7.99031e-6, 1.3532101e-3};
  check_depth("a1_s1_t1", 48, 293326, 8.341047, 8.3542037, motion,
              &(known_block){"a1_s1_t1", 496, 59.830452, 4.9817363, {0.0041718006, 0.52576233, -0.0099312942}, 0.0018511278});
  check_depth("a10_s7_t1", 74, 356711, 8.133816, 8.1309525, NULL,
              &(known_block){"a10_s7_t1", 496, 58.771476, 4.9862812, {-0.00046596298, 0.53500345, 0.0010581999}, 0.0014056008});
}

/* Motion features of a trial, with r of the 155 training trials. */
static void check_motion(const char *key, double first_weight, double sum_of_weights, const double *cuts, int count, const known_block *blocks) {
  char name[80];
  babel_sample sample, rows;
  babel_encoder *encoder;
  babel_motion_clock clock;
  double values[1302], found[9];
  snprintf(name, sizeof name, "utd_mhad/Depth/%s_depth.mat", key);
  const char *path = babel_real_data(name);
  if (!path) cr_skip("UTD-MHAD is not here");
  cr_assert_eq(babel_utd_read_points(&sample, path), BABEL_OK);
  cr_assert_eq(babel_encoder_create(&encoder, "pointcloud_motion", &(babel_encoder_options){0}), BABEL_OK);
  cr_assert_eq(babel_encoder_prepare(encoder, &sample, &rows), BABEL_OK);
  cr_assert_eq(babel_motion_clock_create(&clock, rows.rows), BABEL_OK);
  babel_pointcloud_motion_clock(&clock, rows.x);
  known_near(key, "first weight", clock.weights[0], first_weight, 1e-7);
  known_near(key, "sum of weights", clock.cumulative[rows.rows], sum_of_weights, 1e-7);
  babel_motion_clock_cuts(&clock, 8, found);
  for (int i = 0; i < 9; i++)
    if (cuts[i] >= 0) known_near(key, "cut", found[i], cuts[i], 1e-7);
  cr_assert_eq(babel_pointcloud_motion(values, rows.x, rows.rows, cloud_deviations), BABEL_OK);
  for (int b = 0, at = 0; b < count; b++, at = b == 1 ? 0 : at + blocks[b - 1].n) known_block_check(&blocks[b], values + at, 1e-7);
  babel_motion_clock_destroy(&clock);
  babel_encoder_destroy(encoder);
  babel_sample_destroy(&sample);
  babel_sample_destroy(&rows);
}

Test(encoders_features_real, the_motion_of_depth_trials_is_the_published_one) {
  static const double cuts[2][9] = {{0, 11.83094, 16.966971, 19.980604, 23.465845, 26.928842, 35.030033, 37.43909, 48},
                                    {0, 11.980338, -1, -1, -1, -1, -1, 60.023745, 74}};
  static const known_block first[] = {{"all", 1302, 16.945825, 9.8692591, {0.0077657175, 0.0066672984, 0.0080780737}, 0.001999731},
                                      {"deviation", 62, 0.93197033, 0.21327189, {0.0077657175, 0.0066672984, 0.0080780737}, 0.004296141},
                                      {"segments", 496, 0.2981632, 0.61281386, {0.0044187261, -0.0037580257, 0.0065281077}, -0.0019463878},
                                      {"shapes", 496, 14.605738, 9.8467498, {0.37513634, -0.14684667, 0.21170692}, -0.3002228},
                                      {"bands", 248, 1.1099534, 0.15088999, {0.0050407157, 0.0037578336, 0.0055131076}, 0.001999731}};
  static const known_block second = {"all", 1302, 6.0150843, 6.7136103, {0.0044576472, 0.013189919, 0.0052345505}, 0.0019181455};
  check_motion("a1_s1_t1", 0.64411558, 57.599987, cuts[0], 5, first);
  check_motion("a10_s7_t1", 0.56391316, 88.799984, cuts[1], 1, &second);
}

Test(encoders_features_real, the_deviations_of_the_training_trials_are_the_published_ones) {
  double low = 1;
  known_block_check(&(known_block){"r", 62, 2.2379667, 0.36807229, {0.0080245388, 0.037846391, 0.045513034}, cloud_deviations[61]}, cloud_deviations, 5e-8);
  for (int c = 0; c < 62; c++) low = fmin(low, cloud_deviations[c]);
  cr_assert(low == cloud_deviations[20] && fabs(low - 2.8043335e-4) < 1e-11);
}

/* The 20 joints of a stretched window. */
static void check_skeleton(const babel_dataset *set, const char *key, const known_block *free_numbers, const known_block *segments, const known_block *angles) {
  babel_sample slow, sample;
  double twenty[60 * 60], middle[60 * 75], statistics[552], numbers[258];
  cr_assert_eq(babel_window_set_read(set, key, "skeleton", &slow), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert(slow.rows == 30 && slow.stretch == 2);
  cr_assert_eq(babel_sample_stretch(&sample, &slow), BABEL_OK);
  cr_assert_eq(sample.rows, 60);
  if (sample.joints == BABEL_JOINTS_AZURE_32) babel_skeleton_map_azure(middle, sample.x, 60);
  babel_skeleton_map_25_to_20(twenty, sample.joints == BABEL_JOINTS_AZURE_32 ? middle : sample.x, 60);
  cr_assert_eq(babel_skeleton_motion_free(numbers, twenty, 60), BABEL_OK);
  known_block_check(free_numbers, numbers, 1e-7);
  cr_assert_eq(babel_skeleton_motion_statistics(statistics, twenty, 60), BABEL_OK);
  if (segments) known_block_check(segments, statistics, 1e-7);
  if (angles) known_block_check(angles, statistics + 480, 1e-7);
  babel_sample_destroy(&slow);
  babel_sample_destroy(&sample);
}

Test(encoders_features_real, skeleton_windows_of_mars_are_the_published_ones) {
  babel_dataset set;
  open_part(&set);
  check_skeleton(&set, "s4_test_m1_f0", &(known_block){"pf", 258, 15.577655, 6.5202708, {0.017433868, 1.3940236, 0.057216847}, 3.2466788e-05},
                 &(known_block){"edseg8", 480, -2.2431748, 2.8112288, {-0.0031899702, -0.0015680674, -0.0011949012}, 0.011300579},
                 &(known_block){"eang", 72, -48.709358, 6.7444016, {-0.7321288, -0.95864053, -0.96725086}, -0.99937872});
  babel_dataset_destroy(&set);
}

Test(encoders_features_real, skeleton_windows_of_mmego_are_the_published_ones) {
  babel_dataset set;
  open_set(&set, "mmego");
  check_skeleton(&set, "a01_r05_f0", &(known_block){"pf", 258, 50.292832, 8.572106, {-0.017224551, 1.0258283, 0.51914267}, 0.0010337465}, NULL, NULL);
  babel_dataset_destroy(&set);
}

/* Phase-free numbers of whole trials. */
static void check_trial(const char *key, const known_block *known) {
  char name[80];
  babel_sample sample;
  double numbers[258];
  snprintf(name, sizeof name, "utd_mhad/Skeleton/%s_skeleton.mat", key);
  const char *path = babel_real_data(name);
  if (!path) cr_skip("UTD-MHAD is not here");
  cr_assert_eq(babel_utd_read_skeleton(&sample, path), BABEL_OK);
  cr_assert_eq(babel_skeleton_motion_free(numbers, sample.x, sample.rows), BABEL_OK);
  known_block_check(known, numbers, 1e-7);
  babel_sample_destroy(&sample);
}

Test(encoders_features_real, phase_free_numbers_of_trials_are_the_published_ones) {
  check_trial("a1_s1_t1", &(known_block){"a1_s1_t1", 258, 42.134658, 12.397766, {-0.038354601, 1.4203595, -0.021131399}, 0.020056707});
  check_trial("a8_s3_t2", &(known_block){"a8_s3_t2", 258, 32.273869, 10.680298, {-0.022977622, 1.4515955, 0.083730675}, 0.036252816});
  check_trial("a27_s7_t4", &(known_block){"a27_s7_t4", 258, 63.662312, 11.282451, {-0.025361596, 1.4758965, -0.019585206}, 0.10855485});
}

/* Every window of the split file is there, of the right subject, and none else; windows of one run that begin less than a window apart. */
static void check_split(const char *dataset, const char *file, int64_t close_pairs, int close_runs) {
  babel_dataset set;
  babel_split split;
  const char **keys;
  char path[1200];
  int count, runs = 0;
  int64_t pairs = 0;
  open_set(&set, dataset);
  snprintf(path, sizeof path, BABEL_SOURCE_DIR "/configs/splits/%s", file);
  cr_assert_eq(babel_split_read(&split, path), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(split.count, set.count);
  for (int i = 0; i < split.count; i++) cr_assert_not_null(babel_dataset_find(&set, split.keys[i]), "%s", split.keys[i]);
  cr_assert_eq(babel_split_keys(&split, BABEL_PART_TRAIN, &keys, &count), BABEL_OK);
  const babel_trial **trials = calloc((size_t)count, sizeof *trials);
  for (int i = 0; i < count; i++) trials[i] = babel_dataset_find(&set, keys[i]);
  for (int i = 0; i < count; i++) {
    const babel_trial *a = trials[i];
    runs += a->first == 0;
    for (int j = 0; j < count; j++) {
      const babel_trial *b = trials[j];
      pairs += i != j && !strcmp(a->recording, b->recording) && abs(a->first - b->first) < BABEL_WINDOW_FRAMES;
    }
  }
  cr_assert(pairs == close_pairs && runs == close_runs, "%ld ordered pairs, %d runs", (long)pairs, runs);
  free(trials);
  free(keys);
  babel_split_destroy(&split);
  babel_dataset_destroy(&set);
}

Test(encoders_features_real, the_split_of_mars_names_the_windows_that_are_there) {
  check_split("mars", "mars.csv", 13180, 40);
}

Test(encoders_features_real, the_split_of_mmego_names_the_windows_that_are_there) {
  check_split("mmego", "mmego.csv", 2340, 26);
}
