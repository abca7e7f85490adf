#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "data/mars.h"
#include "data/registry.h"
#include "tests/data/window_files.h"
#include "tests/support/paths.h"

/* Subjects 1 and 4, part test: 10 and 9 movements of 41 frames, three windows each. */
static const char *folder(void) {
  const char *made = babel_scratch();
  mars_write(made, 1, "test", 10, 41);
  mars_write(made, 4, "test", 9, 41);
  return made;
}

static const char *in(const char *where, const char *name) {
  static char path[1200];
  snprintf(path, sizeof path, "%s/%s", where, name);
  return path;
}

static void refused(const char *where, babel_status expected, const char *file, const char *words) {
  babel_dataset set;
  babel_check_report report;
  const char *sentence = babel_error_last()->sentence;
  cr_assert_eq(babel_mars_scan(&set, where), expected, "%s", sentence);
  cr_assert(strstr(sentence, file) && strstr(sentence, words), "expected \"%s\" and \"%s\" in: %s", file, words, sentence);
  cr_assert(!set.trials && !set.content);
  cr_assert_eq(babel_mars_check(&report, where), BABEL_OK);
  cr_assert(report.damaged.count == 1 && strstr(report.damaged.lines[0], words));
  babel_check_report_destroy(&report);
}

/* Replaces line `number` (from 1) of a file; NULL cuts the file there. */
static void change_line(const char *path, int number, const char *text) {
  babel_file file;
  cr_assert_eq(babel_file_open(&file, path), BABEL_OK);
  char *copy = strndup((const char *)file.data, file.size), *at = copy;
  babel_file_close(&file);
  for (int i = 1; i < number; i++) at = strchr(at, '\n') + 1;
  char *rest = strdup(strchr(at, '\n')), *whole = NULL;
  *at = 0;
  cr_assert(asprintf(&whole, "%s%s%s", copy, text ? text : "", text ? rest : "") >= 0);
  cr_assert_eq(babel_file_write_text(path, whole), BABEL_OK);
  free(copy);
  free(rest);
  free(whole);
}

Test(data_mars, windows_lie_inside_one_movement_and_begin_every_five_frames) {
  babel_dataset set;
  cr_assert_eq(babel_mars_scan(&set, folder()), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(set.count, 19 * 3);
  for (int i = 0; i < set.count; i++) {
    const babel_trial *trial = &set.trials[i];
    int subject = i < 30 ? 1 : 4, movement = i % 30 / 3, first = i % 3 * 5;
    char key[32], run[32];
    snprintf(run, sizeof run, "s%d_test_m%d", subject, movement + 1);
    snprintf(key, sizeof key, "%.20s_f%d", run, first);
    cr_assert_str_eq(trial->key, key);
    cr_assert_str_eq(trial->recording, run);
    cr_assert(trial->first == first && trial->last == first + 30 && trial->label == movement && trial->subject == subject);
    cr_assert(babel_trial_is_complete(babel_dataset_row_find("mars"), trial));
  }
  babel_dataset_destroy(&set);
}

Test(data_mars, a_window_holds_its_points_and_its_joints_with_y_up) {
  babel_dataset set;
  babel_sample sample;
  cr_assert_eq(babel_mars_scan(&set, folder()), BABEL_OK);
  cr_assert_eq(babel_window_set_read(&set, "s1_test_m2_f5", "mmwave", &sample), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert(sample.frames == 30 && sample.width == 6 && !strcmp(sample.modality->name, "mmwave"));
  const double *row = sample.x;
  for (int f = 0; f < 30; f++)
    for (int p = 0; p < 2 + (46 + f) % 3; p++, row += 6) {
      const double expected[6] = {f, p, (46 + f) / 1000.0, 0.5 * p, (46 + f) % 7 - 3, 10 + p};
      for (int c = 0; c < 6; c++) cr_assert_float_eq(row[c], expected[c], 1e-12, "frame %d, point %d, column %d: %g", f, p, c, row[c]);
    }
  cr_assert_eq(row, sample.x + sample.rows * 6);
  babel_sample_destroy(&sample);
  cr_assert_eq(babel_window_set_read(&set, "s1_test_m2_f5", "skeleton", &sample), BABEL_OK);
  cr_assert(sample.rows == 30 && sample.width == 75 && sample.joints == BABEL_JOINTS_KINECT2_25 && sample.stretch == 2 && sample.persons == 1);
  for (int f = 0; f < 30; f++)
    for (int j = 0; j < 25; j++) {
      const double *at = sample.x + f * 75 + j * 3;
      cr_assert(at[0] == j && fabs(at[1] - (1 + j / 100.0)) < 1e-12 && at[2] == -(46 + f));
    }
  babel_sample_destroy(&sample);
  cr_assert_eq(babel_window_set_read(&set, "s1_test_m2_f5", "imu", &sample), BABEL_ERR_ARG);
  cr_assert_eq(babel_window_set_read(&set, "s1_test_m2_f6", "mmwave", &sample), BABEL_ERR_ARG);
  babel_dataset_destroy(&set);
}

Test(data_mars, packed_files_are_read_as_plain_ones) {
  const char *where = folder();
  babel_dataset plain, packed;
  babel_sample a, b;
  cr_assert_eq(babel_mars_scan(&plain, where), BABEL_OK);
  xz_pack(in(where, "subject4_radar_data_test.csv"));
  xz_pack(in(where, "subject1_kinect_data_test.csv"));
  cr_assert(babel_mars_here(where));
  cr_assert_eq(babel_mars_scan(&packed, where), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(packed.count, plain.count);
  cr_assert_eq(babel_window_set_read(&plain, "s4_test_m9_f10", "mmwave", &a), BABEL_OK);
  cr_assert_eq(babel_window_set_read(&packed, "s4_test_m9_f10", "mmwave", &b), BABEL_OK);
  cr_assert_eq(a.rows, b.rows);
  cr_assert_arr_eq(a.x, b.x, (size_t)a.rows * 6 * sizeof *a.x);
  babel_sample_destroy(&a);
  babel_sample_destroy(&b);
  babel_dataset_destroy(&plain);
  babel_dataset_destroy(&packed);
}

Test(data_mars, the_check_counts_and_names_what_is_missing) {
  const char *where = folder();
  babel_check_report report;
  cr_assert_eq(babel_mars_check(&report, where), BABEL_OK);
  cr_assert(report.trials == 57 && report.pairs == 57 && !report.missing.count && !report.damaged.count && report.summary.count == 2);
  cr_assert_str_eq(report.summary.lines[1], "subject 4, test: 1107 points in 369 frames, 9 movements, 27 windows");
  babel_check_report_destroy(&report);
  cr_assert_eq(unlink(in(where, "subject1_kinect_data_test.csv")), 0);
  cr_assert_eq(babel_mars_check(&report, where), BABEL_OK);
  cr_assert(report.trials == 27 && report.missing.count == 1 && strstr(report.missing.lines[0], "subject1_kinect_data_test.csv"));
  babel_check_report_destroy(&report);
}

Test(data_mars, a_folder_of_something_else_is_refused) {
  babel_dataset set;
  babel_check_report report;
  const char *where = babel_scratch();
  cr_assert_not(babel_mars_here(where));
  cr_assert_eq(babel_mars_scan(&set, where), BABEL_ERR_IO);
  cr_assert(strstr(babel_error_last()->sentence, "subject1_radar_data_test.csv"));
  cr_assert_eq(babel_mars_check(&report, where), BABEL_ERR_IO);
}

Test(data_mars, files_that_cannot_be_right_are_refused) {
  static const struct {
    const char *file;
    int line;
    const char *text;
    babel_status status;
    const char *words;
  } cases[] = {{"subject1_radar_data_test.csv", 1, "a,b", BABEL_ERR_FORMAT, "line 1: expected a header"},
               {"subject1_radar_data_test.csv", 5, "1,2,3", BABEL_ERR_FORMAT, "line 5: expected 8 values, found 3"},
               {"subject1_radar_data_test.csv", 5, "1,2,3,4,5,6,7,8,9", BABEL_ERR_FORMAT, "found 9"},
               {"subject1_radar_data_test.csv", 5, "0,3,1,nan,2,3,4,5", BABEL_ERR_FORMAT, "line 5: expected a number in column 4, found \"nan\""},
               {"subject1_radar_data_test.csv", 900, NULL, BABEL_ERR_FORMAT, "expected 10 movements"},
               {"subject1_radar_data_test.csv", 2, NULL, BABEL_ERR_FORMAT, "found 0: is it cut short?"},
               {"subject1_radar_data_test.csv", 9, "99999,1,0,0,0,0,0,0", BABEL_ERR_FORMAT, "at most 10 movements"},
               {"subject1_kinect_data_test.csv", 1, "SpineMid_X", BABEL_ERR_FORMAT, "SpineBase_X"},
               {"subject1_kinect_data_test.csv", 7, "1,2,3,4", BABEL_ERR_FORMAT, "line 7: expected 75 values, found 4"},
               {"subject1_kinect_data_test.csv", 200, NULL, BABEL_ERR_SHAPE, "each of the 410 frames of the radar, found 198"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *where = folder();
    change_line(in(where, cases[i].file), cases[i].line, cases[i].text);
    refused(where, cases[i].status, cases[i].file, cases[i].words);
  }
  const char *where = folder();
  cr_assert_eq(truncate(in(where, "subject1_radar_data_test.csv"), 0), 0);
  refused(where, BABEL_ERR_FORMAT, "subject1_radar_data_test.csv", "empty");
}
