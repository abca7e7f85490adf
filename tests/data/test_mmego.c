#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "data/mmego.h"
#include "data/registry.h"
#include "tests/data/window_files.h"
#include "tests/support/paths.h"

enum { ACTIONS = 2, FRAMES = 36 }; /* two windows a recording */

static const char *folder(void) {
  const char *made = babel_scratch();
  mmego_write(made, ACTIONS, FRAMES);
  return made;
}

static const char *in(const char *where, const char *name) {
  static char path[1200];
  snprintf(path, sizeof path, "%s/%s", where, name);
  return path;
}

Test(data_mmego, windows_lie_inside_one_snippet_of_one_action) {
  static const char *const runs[] = {"a01_r05", "a01_r08", "a02_r05", "a02_r08"};
  babel_dataset set;
  cr_assert_eq(babel_mmego_scan(&set, folder()), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(set.count, 8);
  for (int i = 0; i < 8; i++) {
    const babel_trial *trial = &set.trials[i];
    char key[32];
    snprintf(key, sizeof key, "%s_f%d", runs[i / 2], i % 2 * 5);
    cr_assert_str_eq(trial->key, key);
    cr_assert_str_eq(trial->recording, runs[i / 2]);
    cr_assert(trial->first == i % 2 * 5 && trial->last == trial->first + 30 && trial->label == i / 4 && trial->subject == (i / 2 % 2 ? 8 : 5));
    cr_assert(babel_trial_is_complete(babel_dataset_row_find("mmego"), trial));
  }
  babel_dataset_destroy(&set);
}

/* The frames stand in the file in falling order: frame f of a run is line FRAMES - 1 - f of its block. */
Test(data_mmego, a_window_holds_turned_points_joints_and_means_of_imu_rows) {
  babel_dataset set;
  babel_sample sample;
  cr_assert_eq(babel_mmego_scan(&set, folder()), BABEL_OK);
  cr_assert_eq(babel_window_set_read(&set, "a02_r05_f5", "mmwave", &sample), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert(sample.frames == 30 && sample.rows == 90 && sample.width == 6);
  const int last = 2 * FRAMES + FRAMES - 1 - 5; /* line of the window's first frame */
  double middle = -0.5 * ((double)(0.01f * (float)(last - 14)) + (double)(0.01f * (float)(last - 15)));
  for (int f = 0; f < 30; f++)
    for (int p = 0; p < 3; p++) {
      const double *row = sample.x + (3 * f + p) * 6;
      const double expected[6] = {f, p, -(double)(0.1f * (float)p), -(double)(0.01f * (float)(last - f)) - middle, (double)(0.5f - (float)p), 20 + p};
      for (int c = 0; c < 6; c++) cr_assert_float_eq(row[c], expected[c], 1e-12, "frame %d, point %d, column %d: %g", f, p, c, row[c]);
    }
  babel_sample_destroy(&sample);
  cr_assert_eq(babel_window_set_read(&set, "a02_r05_f5", "skeleton", &sample), BABEL_OK);
  cr_assert(sample.rows == 30 && sample.width == 96 && sample.joints == BABEL_JOINTS_AZURE_32 && sample.stretch == 2);
  for (int f = 0; f < 30; f++)
    for (int j = 0; j < 32; j++) {
      const double *at = sample.x + f * 96 + 3 * j;
      cr_assert(at[0] == 1 && at[1] == -j && at[2] == -(last - f), "frame %d, joint %d", f, j);
    }
  babel_sample_destroy(&sample);
  cr_assert_eq(babel_window_set_read(&set, "a02_r05_f5", "imu", &sample), BABEL_OK);
  cr_assert(sample.rows == 150 && sample.width == 6 && !sample.stretch);
  for (int i = 0; i < 150; i++) {
    const double expected[6] = {(double)9.80665f / 9.80665, (4 * (i % 5) + 1.5) / 9.80665, 0, 0, 0, 1.5};
    for (int c = 0; c < 6; c++) cr_assert_float_eq(sample.x[i * 6 + c], expected[c], 1e-12, "row %d, column %d: %g", i, c, sample.x[i * 6 + c]);
  }
  babel_sample_destroy(&sample);
  cr_assert_eq(babel_window_set_read(&set, "a02_r05_f5", "video", &sample), BABEL_ERR_ARG);
  babel_dataset_destroy(&set);
}

Test(data_mmego, packed_files_do_too_and_the_check_counts) {
  cr_assert_not(babel_mmego_here(babel_scratch()));
  const char *where = folder();
  babel_check_report report;
  cr_assert(babel_mmego_here(where));
  xz_pack(in(where, "radar_points_f32.bin"));
  xz_pack(in(where, "keypoints_f32.bin"));
  cr_assert_eq(babel_mmego_check(&report, where), BABEL_OK);
  cr_assert(report.trials == 8 && report.pairs == 8 && !report.damaged.count && !report.missing.count, "%s", report.damaged.count ? report.damaged.lines[0] : "");
  cr_assert_str_eq(report.summary.lines[0], "144 frames, 432 points, 4 recordings, 8 windows");
  babel_check_report_destroy(&report);
  cr_assert_eq(unlink(in(where, "imu_f32.bin")), 0);
  cr_assert_eq(babel_mmego_check(&report, where), BABEL_OK);
  cr_assert(report.missing.count == 1 && strstr(report.missing.lines[0], "imu_f32.bin is missing"));
  babel_check_report_destroy(&report);
  cr_assert_eq(babel_mmego_check(&report, babel_scratch()), BABEL_ERR_IO);
}

static void refused(const char *where, babel_status expected, const char *file, const char *words) {
  babel_dataset set;
  babel_check_report report;
  const char *sentence = babel_error_last()->sentence;
  cr_assert_eq(babel_mmego_scan(&set, where), expected, "%s", sentence);
  cr_assert(strstr(sentence, file) && strstr(sentence, words), "expected \"%s\" and \"%s\" in: %s", file, words, sentence);
  cr_assert(!set.trials && !set.content);
  cr_assert_eq(babel_mmego_check(&report, where), BABEL_OK);
  cr_assert(report.damaged.count == 1 && strstr(report.damaged.lines[0], words));
  babel_check_report_destroy(&report);
}

Test(data_mmego, lists_that_cannot_be_right_are_refused) {
  static const struct {
    const char *line;
    babel_status status;
    const char *file, *words;
  } cases[] = {{"14,05,1,3,0,20,0,0,1", BABEL_ERR_FORMAT, "frames.csv", "line 146: expected a action of 1 to 13"},
               {"01,05,1,0,0,20,0,0,1", BABEL_ERR_FORMAT, "frames.csv", "number of points"},
               {"01,05,1,3,0,19,0,0,1", BABEL_ERR_FORMAT, "frames.csv", "number of IMU rows of 20 to 20"},
               {"01,05,1,3,0,20,0,0", BABEL_ERR_FORMAT, "frames.csv", "expected 9 fields, found 8"},
               {"01,05,1,3,0,20,0,0,1", BABEL_ERR_SHAPE, "keypoints_f32.bin", "each of the 145 frames of frames.csv, found 144"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *where = folder();
    FILE *file = fopen(in(where, "frames.csv"), "a");
    fprintf(file, "%s\n", cases[i].line);
    fclose(file);
    refused(where, cases[i].status, cases[i].file, cases[i].words);
  }
}

/* Replaces the last line of frames.csv. */
static void change_last(const char *where, const char *line) {
  babel_file file;
  char *text = NULL;
  cr_assert_eq(babel_file_open(&file, in(where, "frames.csv")), BABEL_OK);
  int kept = (int)file.size - 1;
  while (file.data[kept - 1] != '\n') kept--;
  cr_assert(asprintf(&text, "%.*s%s\n", kept, (const char *)file.data, line) > 0);
  babel_file_close(&file);
  cr_assert_eq(babel_file_write_text(in(where, "frames.csv"), text), BABEL_OK);
  free(text);
}

Test(data_mmego, frames_outside_the_files_or_twice_are_refused) {
  const char *where = folder();
  change_last(where, "02,08,2,3,430,20,2860,0,1");
  refused(where, BABEL_ERR_FORMAT, "radar_points_f32.bin", "holds 432 points, but line 145 of frames.csv wants points 430 to 432");
  change_last(where, "02,08,2,3,429,20,2861,0,1");
  refused(where, BABEL_ERR_FORMAT, "imu_f32.bin", "wants rows 2861 to 2880");
  change_last(where, "02,08,4,3,429,20,2860,0,1");
  refused(where, BABEL_ERR_FORMAT, "frames.csv", "lines 144 and 145 are one frame, number 4 of action 2, snippet 8");
}

Test(data_mmego, damaged_files_are_refused) {
  const char *where = folder();
  cr_assert_eq(truncate(in(where, "keypoints_f32.bin"), 144 * 96 * 4 - 2), 0);
  refused(where, BABEL_ERR_FORMAT, "keypoints_f32.bin", "is it cut short?");
  where = folder();
  cr_assert_eq(truncate(in(where, "radar_points_f32.bin"), 400 * 20), 0);
  refused(where, BABEL_ERR_FORMAT, "radar_points_f32.bin", "holds 400 points");
  where = folder();
  FILE *file = fopen(in(where, "imu_f32.bin"), "r+b");
  fseek(file, 15 * 4 * 7 + 4 * 9, SEEK_SET);
  fwrite("\0\0\xc0\x7f", 4, 1, file);
  fclose(file);
  refused(where, BABEL_ERR_VALUE, "imu_f32.bin", "row 8, column 10 is nan");
  where = babel_scratch();
  mmego_write(where, 1, 29);
  refused(where, BABEL_ERR_FORMAT, where, "no run of 30 frames");
}
