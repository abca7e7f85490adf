/* The known answers of the real UTD-MHAD files. Every case needs them. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/mat.h"
#include "data/utd_mhad.h"
#include "tests/support/paths.h"

#define DEGREES (180 / 3.14159265358979323846)

static const char *real(const char *name) {
  char path[200];
  snprintf(path, sizeof path, "utd_mhad/%s", name);
  const char *found = babel_real_data(path);
  if (!found) cr_skip("UTD-MHAD is not here");
  return found;
}

typedef struct {
  const char *name;
  int rows;
  double sum, squares, tolerance, first[6], last[6];
} known;

/* Sums as printed, to the last printed digit; acceleration as read, angular rate turned back into deg/s. */
static void assert_inertial(const known *k) {
  babel_sample s;
  double sum = 0, squares = 0;
  cr_assert_eq(babel_utd_read_inertial(&s, real(k->name)), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(s.rows, k->rows);
  for (int i = 0; i < s.rows * 6; i++) {
    double value = s.x[i] * (i % 6 < 3 ? 1 : DEGREES);
    sum += value;
    squares += value * value;
  }
  cr_assert(fabs(sum - k->sum) < 1e-6, "sum %.9f", sum);
  cr_assert(fabs(squares - k->squares) < 1e-6, "squares %.9f", squares);
  for (int c = 0; c < 6; c++) {
    double scale = c < 3 ? 1 : DEGREES;
    cr_assert(fabs(s.x[c] * scale - k->first[c]) < 1e-9, "first row, column %d: %.9f", c, s.x[c] * scale);
    double last = s.x[(s.rows - 1) * 6 + c] * scale;
    cr_assert(!k->last[0] || fabs(last - k->last[c]) < 1e-9, "last row, column %d: %.9f", c, last);
  }
  babel_sample_destroy(&s);
}

Test(data_utd_mhad_real, inertial_values_are_the_known_ones) {
  assert_inertial(&(known){.name = "Inertial/a1_s1_t1_inertial.mat",
                           .rows = 160,
                           .sum = 664.501373,
                           .squares = 3261832.981556,
                           .first = {-0.959473, -0.177734, -0.192871, 5.221374, 1.526718, 0.152672},
                           .last = {-0.951904, -0.105225, -0.161133, 0.091603, 15.572519, -8.335878}});
  assert_inertial(&(known){.name = "Inertial/a27_s8_t3_inertial.mat",
                           .rows = 255,
                           .sum = -599.144012,
                           .squares = 586174.931660,
                           .first = {-0.92334, 0.051514, 0.527588, -1.984733, 0.916031, -1.435115}});
}

static void assert_skeleton(const known *k) {
  babel_sample s;
  double sum = 0, squares = 0;
  cr_assert_eq(babel_utd_read_skeleton(&s, real(k->name)), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert(s.rows == k->rows && s.width == 60);
  for (int i = 0; i < s.rows * 60; i++) {
    sum += s.x[i];
    squares += s.x[i] * s.x[i];
  }
  cr_assert(fabs(sum - k->sum) < 1e-8, "sum %.9f", sum);
  cr_assert(fabs(squares - k->squares) < 1e-8, "squares %.9f", squares);
  for (int c = 0; c < 3; c++) {
    double last = s.x[s.rows * 60 - 3 + c];
    cr_assert(fabs(s.x[c] - k->first[c]) < 5.1e-9, "first joint, axis %d: %.9f", c, s.x[c]);
    cr_assert(!k->last[0] || fabs(last - k->last[c]) < 5.1e-9, "last joint, axis %d: %.9f", c, last);
  }
  babel_sample_destroy(&s);
}

Test(data_utd_mhad_real, skeleton_values_are_the_known_ones) {
  assert_skeleton(&(known){.name = "Skeleton/a1_s1_t1_skeleton.mat",
                           .rows = 48,
                           .sum = 2420.20026873,
                           .squares = 8114.17834810,
                           .first = {-0.04576265, 0.48398542, 2.83018947},
                           .last = {0.09045666, -1.07827032, 2.90111446}});
  assert_skeleton(&(known){.name = "Skeleton/a27_s8_t3_skeleton.mat",
                           .rows = 95,
                           .sum = 4711.83507799,
                           .squares = 15586.45027386, /* NumPy agrees; 15586.45026386 is also in print, one digit off */
                           .first = {-0.06571241, 0.50399214, 2.88389778}});
}

Test(data_utd_mhad_real, depth_values_are_the_known_ones_and_stay_narrow) {
  babel_utd_depth d;
  babel_mat mat;
  const babel_mat_variable *v;
  const char *path = real("Depth/a1_s1_t1_depth.mat");
  cr_assert_eq(babel_mat_open(&mat, path), BABEL_OK);
  cr_assert_eq(babel_mat_require(&mat, "d_depth", &v), BABEL_OK);
  cr_assert(v->stored == BABEL_U16 && !strcmp(v->class_name, "double"));
  babel_mat_close(&mat);
  cr_assert_eq(babel_utd_read_depth(&d, path), BABEL_OK);
  long sum = 0, filled = 0;
  int top = 0;
  for (int i = 0; i < d.frames * 240 * 320; i++) {
    sum += d.mm[i];
    filled += d.mm[i] > 0;
    top = d.mm[i] > top ? d.mm[i] : top;
  }
  cr_assert_eq(d.frames, 48);
  cr_assert_eq(d.mm[120 * 320 + 160], 2743);
  cr_assert_eq(sum, 819590787);
  cr_assert_eq(filled, 293326);
  cr_assert_eq(top, 3201);
  babel_utd_depth_destroy(&d);
}

/* All 861 pairs, without the depth maps: a folder of links to the two others. */
Test(data_utd_mhad_real, all_861_pairs_are_sound_and_have_the_known_lengths) {
  babel_check_report report;
  const char *folder = babel_scratch();
  static const char *const names[] = {"Inertial", "Skeleton"};
  for (int i = 0; i < 2; i++) {
    char link[1200];
    snprintf(link, sizeof link, "%s/%s", folder, names[i]);
    char *target = realpath(real(names[i]), NULL);
    cr_assert(target && !symlink(target, link));
    free(target);
  }
  cr_assert_eq(babel_utd_check(&report, folder), BABEL_OK);
  cr_assert_eq(report.damaged.count, 0, "%s", report.damaged.count ? report.damaged.lines[0] : "");
  cr_assert_eq(report.missing.count, 0);
  cr_assert_eq(report.warnings.count, 0);
  cr_assert_eq(report.pairs, 861);
  cr_assert_str_eq(report.summary.lines[0], "inertial: 861 files, 861 sound, 107 to 326 rows (mean 180.76)");
  cr_assert_str_eq(report.summary.lines[1], "skeleton: 861 files, 861 sound, 41 to 125 frames (mean 67.71)");
  babel_check_report_destroy(&report);
}
