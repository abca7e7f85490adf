/* Weight-free features of real depth trials and windows against the published values. Every case needs the data. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/registry.h"
#include "data/split.h"
#include "data/utd_mhad.h"
#include "data/window_set.h"
#include "encoders/encoder.h"
#include "encoders/skeleton_motion.h"
#include "encoders/skeleton_prep.h"
#include "tests/encoders/known_block.h"
#include "tests/support/paths.h"

/* The set of the data set called `name`, for one case. */
static const babel_dataset_row *open_set(babel_dataset *set, const char *name) {
  const babel_dataset_row *row = babel_dataset_row_find(name);
  const char *folder = babel_real_data(name);
  if (!folder) cr_skip("%s is not here", name);
  cr_assert_eq(row->scan(set, folder), BABEL_OK, "%s", babel_error_last()->sentence);
  return row;
}

/* Output `output` of an encoder that needs no weights, of one window. */
static void check_window(const char *dataset, const char *key, const char *modality, const char *name, const known_block *known) {
  babel_dataset set;
  babel_sample sample;
  babel_encoder *encoder;
  const babel_dataset_row *row = open_set(&set, dataset);
  float *out = malloc((size_t)known->n * sizeof *out), *outputs[4] = {out};
  cr_assert_eq(row->read(&set, key, modality, &sample), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(babel_encoder_create(&encoder, name, &(babel_encoder_options){0}), BABEL_OK);
  cr_assert_eq(encoder->outputs[0].width, known->n);
  cr_assert_eq(babel_encoder_run(encoder, &sample, outputs, NULL), BABEL_OK, "%s", babel_error_last()->sentence);
  known_block_check_floats(known, out, 2e-7);
  babel_encoder_destroy(encoder);
  babel_sample_destroy(&sample);
  babel_dataset_destroy(&set);
  free(out);
}

Test(encoders_features_real, radar_windows_of_mars_are_the_published_ones) {
  check_window("mars", "s4_test_m1_f0", "mmwave", "radar_stats",
               &(known_block){"first", 396, 222.63252, 49.361194, {0.012839586, -0.12262385, 0.40240457}, 0.043677304});
  check_window("mars", "s4_test_m1_f15", "mmwave", "radar_stats",
               &(known_block){"frame 25 has 2 points", 396, 221.10037, 50.451945, {-0.031910953, -0.065414998, 0.41057225}, 0.1346599});
  check_window("mars", "s4_test_m1_f40", "mmwave", "radar_stats",
               &(known_block){"frame 0 has 2 points", 396, 222.62418, 51.471984, {-0.02524915, -0.065154433, 0.346653}, 0.2019703});
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

/* The 20 joints of a stretched window. */
static void check_skeleton(const char *dataset, const char *key, const known_block *free_numbers, const known_block *segments, const known_block *angles) {
  babel_dataset set;
  babel_sample slow, sample;
  double twenty[60 * 60], middle[60 * 75], statistics[552], numbers[258];
  const babel_dataset_row *row = open_set(&set, dataset);
  cr_assert_eq(row->read(&set, key, "skeleton", &slow), BABEL_OK, "%s", babel_error_last()->sentence);
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
  babel_dataset_destroy(&set);
}

Test(encoders_features_real, skeleton_windows_of_mars_are_the_published_ones) {
  check_skeleton("mars", "s4_test_m1_f0", &(known_block){"pf", 258, 15.577655, 6.5202708, {0.017433868, 1.3940236, 0.057216847}, 3.2466788e-05},
                 &(known_block){"edseg8", 480, -2.2431748, 2.8112288, {-0.0031899702, -0.0015680674, -0.0011949012}, 0.011300579},
                 &(known_block){"eang", 72, -48.709358, 6.7444016, {-0.7321288, -0.95864053, -0.96725086}, -0.99937872});
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
