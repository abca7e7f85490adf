#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/registry.h"
#include "data/utd_mhad.h"
#include "tests/data/mat_bytes.h"
#include "tests/data/utd_files.h"
#include "tests/support/paths.h"

static const char *folder(void) {
  static const char *made;
  if (!made) utd_make_folders(made = babel_scratch());
  return made;
}

static const char *member(const char *kind, const char *name) {
  static char path[1200];
  snprintf(path, sizeof path, "%s/%s/%s", folder(), kind, name);
  return path;
}

static void assert_sentence(babel_status got, babel_status expected, const char *path, const char *words) {
  const char *sentence = babel_error_last()->sentence;
  cr_assert_eq(got, expected, "%s", sentence);
  cr_assert(strstr(sentence, path), "the file is not named: %s", sentence);
  cr_assert(strstr(sentence, words), "expected \"%s\" in: %s", words, sentence);
}

static bool listed(const babel_text_list *list, const char *words) {
  for (int i = 0; i < list->count; i++)
    if (strstr(list->lines[i], words)) return true;
  return false;
}

Test(data_utd_mhad, names_are_taken_by_an_allow_list) {
  babel_utd_id id;
  babel_utd_kind kind;
  const char *why;
  char key[16];
  cr_assert(babel_utd_parse_name("a27_s8_t3_skeleton.mat", &id, &kind, &why));
  cr_assert(id.action == 27 && id.subject == 8 && id.trial == 3 && kind == BABEL_UTD_SKELETON);
  cr_assert_str_eq(babel_utd_key(id, key), "a27_s8_t3");
  cr_assert(babel_utd_parse_name("a1_s1_t1_inertial.mat", &id, &kind, &why) && kind == BABEL_UTD_INERTIAL);
  cr_assert(babel_utd_parse_name("a10_s2_t4_depth.mat", &id, &kind, &why) && kind == BABEL_UTD_DEPTH && id.action == 10);
  static const char *const wrong[][2] = {
      {"a01_s1_t1_inertial.mat", "zeros"},    {"a1_s01_t1_inertial.mat", "zeros"},  {"a28_s1_t1_inertial.mat", "1 to 27"},
      {"a1_s9_t1_inertial.mat", "1 to 27"},   {"a1_s1_t5_inertial.mat", "1 to 27"}, {"a4294967297_s1_t1_depth.mat", "1 to 27"},
      {"A1_s1_t1_inertial.mat", "form"},      {"a1_s1_t1_inertial.mat.bak", "form"}, {"a1_s1_t1.mat", "form"},
      {"a1_s1_inertial.mat", "form"},         {"a-1_s1_t1_inertial.mat", "form"},   {"a1_s1_t1_color.avi", "form"},
      {"a_s1_t1_inertial.mat", "form"},       {"", "form"},                         {"a1 _s1_t1_depth.mat", "form"}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    cr_assert_not(babel_utd_parse_name(wrong[i][0], &id, &kind, &why), "%s", wrong[i][0]);
    cr_assert(strstr(why, wrong[i][1]), "%s: %s", wrong[i][0], why);
  }
}

Test(data_utd_mhad, inertial_columns_keep_g_and_become_radians) {
  babel_sample s;
  utd_write_inertial(folder(), "a1_s1_t1", 100);
  cr_assert_eq(babel_utd_read_inertial(&s, member("Inertial", "a1_s1_t1_inertial.mat")), BABEL_OK);
  cr_assert(s.rows == 100 && s.width == 6 && s.persons == 1 && !strcmp(s.modality->name, "imu"));
  for (int i = 0; i < 100; i++)
    for (int c = 0; c < 6; c++) {
      double file = c < 2 ? 0 : c == 2 ? 1 + i / 4096.0 : 4.0 / 131.0 * (1000 * c + i);
      double expected = c < 3 ? file : file * 3.14159265358979323846 / 180;
      cr_assert(fabs(s.x[i * 6 + c] - expected) < 6e-7, "row %d column %d: %g", i, c, s.x[i * 6 + c]);
    }
  babel_sample_destroy(&s);
}

Test(data_utd_mhad, skeleton_becomes_frames_of_joint_major_rows) {
  babel_sample s;
  utd_write_skeleton(folder(), "a1_s1_t1", 30);
  cr_assert_eq(babel_utd_read_skeleton(&s, member("Skeleton", "a1_s1_t1_skeleton.mat")), BABEL_OK);
  cr_assert(s.rows == 30 && s.width == 60 && s.persons == 1 && s.joints == BABEL_JOINTS_KINECT1_20);
  for (int f = 0; f < 30; f++)
    for (int j = 0; j < 20; j++) {
      const double *p = s.x + f * 60 + j * 3;
      cr_assert(p[0] == j / 100.0 && p[1] == f / 100.0 && p[2] == 3 + j / 1000.0 + f / 100000.0, "frame %d joint %d", f, j);
    }
  babel_sample_destroy(&s);
}

Test(data_utd_mhad, depth_is_row_major_whatever_it_is_stored_as) {
  for (int wide = 0; wide < 2; wide++) {
    babel_utd_depth d;
    utd_write_depth(folder(), "a1_s1_t1", 20, wide);
    cr_assert_eq(babel_utd_read_depth(&d, member("Depth", "a1_s1_t1_depth.mat")), BABEL_OK);
    cr_assert_eq(d.frames, 20);
    for (int f = 0; f < 20; f += 19)
      for (int r = 0; r < 240; r++)
        for (int c = 0; c < 320; c++) cr_assert_eq(d.mm[(f * 240 + r) * 320 + c], (r * 7 + c * 3 + f) % 4000);
    babel_utd_depth_destroy(&d);
  }
}

/* The pixels of 0.5 to 5 m, row by row, as a pinhole camera sees them. */
Test(data_utd_mhad, depth_becomes_points) {
  babel_sample s;
  utd_write_depth(folder(), "a1_s1_t1", 20, 0);
  cr_assert_eq(babel_utd_read_points(&s, member("Depth", "a1_s1_t1_depth.mat")), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert(s.frames == 20 && s.width == 4 && !strcmp(s.modality->name, "lidar"));
  const double *row = s.x;
  for (int f = 0; f < 20; f++)
    for (int r = 0; r < 240; r++)
      for (int c = 0; c < 320; c++) {
        int mm = (r * 7 + c * 3 + f) % 4000;
        if (mm < 500) continue;
        double z = mm / 1000.0, x = (c - 160) * z / 285.63, y = (120 - r) * z / 285.63;
        cr_assert(row[0] == f && row[1] == x && row[2] == y && row[3] == z, "frame %d, row %d, column %d", f, r, c);
        row += 4;
      }
  cr_assert_eq(row, s.x + (size_t)s.rows * 4);
  babel_sample_destroy(&s);
  static uint16_t near[240 * 320 * 20];
  for (size_t i = 0; i < sizeof near / sizeof *near; i++) near[i] = i % 2 ? 499 : 5001;
  mat_spec spec = {.name = "d_depth", .rank = 3, .dims = {240, 320, 20}, .type = 4, .values = near, .value_bytes = sizeof near};
  mat_bytes file = mat_header();
  mat_append(&file, mat_packed(mat_matrix(&spec), -1));
  const char *path = member("Depth", "a1_s1_t1_depth.mat");
  mat_save(path, file);
  mat_free(&file);
  assert_sentence(babel_utd_read_points(&s, path), BABEL_ERR_VALUE, path, "0.5 to 5 m");
}

/* Row by row: an array that is changed in one place, and the words that must be in the sentence. */
Test(data_utd_mhad, inertial_files_that_cannot_be_right_are_refused) {
  static const struct {
    int rows, columns, at;
    double value;
    babel_status status;
    const char *words;
  } cases[] = {{59, 6, 0, 0, BABEL_ERR_SHAPE, "59 x 6"},
               {100, 5, 0, 0, BABEL_ERR_SHAPE, "100 x 5"},
               {6, 100, 0, 0, BABEL_ERR_SHAPE, "6 x 100"},
               {100, 6, 99, (double)NAN, BABEL_ERR_VALUE, "row 100, column 1 is nan"},
               {100, 6, 101, (double)INFINITY, BABEL_ERR_VALUE, "row 2, column 2"},
               {100, 6, 0, 8.02, BABEL_ERR_VALUE, "m/s^2"},
               {100, 6, 0, -9.81, BABEL_ERR_VALUE, "m/s^2"},
               {100, 6, 300, 1001.1, BABEL_ERR_VALUE, "1001 deg/s"},
               {100, 6, 599, 0.01, BABEL_ERR_VALUE, "row 100, column 6 is 0.01: expected a multiple of 4/131"}};
  const char *path = member("Inertial", "a2_s1_t1_inertial.mat");
  double x[600];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    babel_sample s;
    for (int k = 0; k < 600; k++) x[k] = 0;
    x[cases[i].at] = cases[i].value;
    mat_write_doubles(path, "d_iner", 2, (uint32_t[]){(uint32_t)cases[i].rows, (uint32_t)cases[i].columns}, x);
    assert_sentence(babel_utd_read_inertial(&s, path), cases[i].status, path, cases[i].words);
    cr_assert_null(s.x);
  }
  babel_sample s;
  x[599] = 8;
  x[0] = 8.0;
  x[300] = -30534e-6; /* the largest step that rounding can explain: -1 step is -0.030534351 */
  x[599] = 0.061069;
  mat_write_doubles(path, "d_iner", 2, (uint32_t[]){100, 6}, x);
  cr_assert_eq(babel_utd_read_inertial(&s, path), BABEL_OK, "%s", babel_error_last()->sentence);
  babel_sample_destroy(&s);
  mat_write_doubles(path, "d_iner2", 2, (uint32_t[]){100, 6}, x);
  assert_sentence(babel_utd_read_inertial(&s, path), BABEL_ERR_FORMAT, path, "d_iner2");
}

Test(data_utd_mhad, skeleton_and_depth_files_that_cannot_be_right_are_refused) {
  static const struct {
    uint32_t dims[3];
    int at;
    double value;
    babel_status status;
    const char *words;
  } cases[] = {{{20, 3, 19}, 0, 0, BABEL_ERR_SHAPE, "20 x 3 x 19"},
               {{3, 20, 25}, 0, 0, BABEL_ERR_SHAPE, "3 x 20 x 25"},
               {{25, 3, 20}, 0, 0, BABEL_ERR_SHAPE, "25 x 3 x 20"},
               {{20, 3, 25}, 20 * 3 * 24 + 20 * 1 + 5, (double)NAN, BABEL_ERR_VALUE, "joint 6, axis y, frame 25"},
               {{20, 3, 25}, 40 + 19, 5.01, BABEL_ERR_VALUE, "joint 20, axis z, frame 1"},
               {{20, 3, 25}, 40, 0.99, BABEL_ERR_VALUE, "1 to 5 m"}};
  const char *path = member("Skeleton", "a2_s1_t1_skeleton.mat");
  babel_sample s;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double x[1500];
    for (int k = 0; k < 1500; k++) x[k] = k / 20 % 3 == 2 ? 3 : 0;
    if (cases[i].value != 0) x[cases[i].at] = cases[i].value;
    mat_write_doubles(path, "d_skel", 3, cases[i].dims, x);
    assert_sentence(babel_utd_read_skeleton(&s, path), cases[i].status, path, cases[i].words);
    cr_assert_null(s.x);
  }
  path = member("Depth", "a2_s1_t1_depth.mat");
  babel_utd_depth d;
  double *x = calloc(20 * 76800, sizeof *x);
  cr_assert_not_null(x);
  mat_write_doubles(path, "d_depth", 3, (uint32_t[]){320, 240, 20}, x);
  assert_sentence(babel_utd_read_depth(&d, path), BABEL_ERR_SHAPE, path, "320 x 240 x 20");
  x[76800 * 3 + 5] = 0.5;
  mat_write_doubles(path, "d_depth", 3, (uint32_t[]){240, 320, 20}, x);
  assert_sentence(babel_utd_read_depth(&d, path), BABEL_ERR_VALUE, path, "frame 4 holds 0.5");
  cr_assert_null(d.mm);
  free(x);
}

Test(data_utd_mhad, scan_lists_trials_in_numeric_order_and_names_what_is_missing) {
  static const char *const keys[] = {"a10_s1_t2", "a2_s8_t1", "a2_s1_t1", "a8_s1_t4"};
  babel_dataset set;
  for (int i = 0; i < 4; i++) utd_write_inertial(folder(), keys[i], 60);
  for (int i = 0; i < 2; i++) utd_write_skeleton(folder(), keys[i], 20);
  utd_write_skeleton(folder(), "a3_s3_t3", 20);
  utd_write_inertial(folder(), "a02_s1_t1", 60);
  char outside[1200];
  snprintf(outside, sizeof outside, "%s/Inertial/a3_s3_t3_skeleton.mat", folder());
  cr_assert_eq(link(member("Skeleton", "a3_s3_t3_skeleton.mat"), outside), 0);
  const babel_dataset_row *row = babel_dataset_row_find("utd_mhad");
  cr_assert_eq(row->scan(&set, folder()), BABEL_OK);
  static const char *const order[] = {"a2_s1_t1", "a2_s8_t1", "a3_s3_t3", "a8_s1_t4", "a10_s1_t2"};
  cr_assert_eq(set.count, 5);
  for (int i = 0; i < 5; i++) cr_assert_str_eq(set.trials[i].key, order[i]);
  const babel_trial *trial = babel_dataset_find(&set, "a10_s1_t2");
  cr_assert(trial && trial->label == 9 && trial->subject == 1 && babel_trial_is_complete(row, trial));
  cr_assert_not(babel_trial_is_complete(row, &set.trials[0]));
  cr_assert_not(babel_trial_is_complete(row, &set.trials[2]));
  cr_assert_null(babel_dataset_find(&set, "a1_s1_t1"));
  cr_assert_eq(set.missing.count, 861 - 2, "the never recorded trial is silent although half of it is there");
  cr_assert(listed(&set.missing, "a2_s1_t1: Skeleton/a2_s1_t1_skeleton.mat"));
  cr_assert(listed(&set.missing, "a3_s3_t3: Inertial/a3_s3_t3_inertial.mat"));
  cr_assert(listed(&set.missing, "a1_s1_t1: neither"));
  cr_assert_not(listed(&set.missing, "a8_s1_t4") || listed(&set.missing, "a23_s6_t4") || listed(&set.missing, "a27_s8_t4"));
  cr_assert_eq(set.strays.count, 2);
  cr_assert(strstr(set.strays.lines[0], "a02_s1_t1") && strstr(set.strays.lines[1], "another folder"));
  babel_sample s;
  cr_assert_eq(row->read(&set, "a10_s1_t2", "skeleton", &s), BABEL_OK);
  cr_assert_eq(s.rows, 20);
  babel_sample_destroy(&s);
  assert_sentence(row->read(&set, "a2_s1_t1", "skeleton", &s), BABEL_ERR_ARG, folder(), "no skeleton file");
  cr_assert_eq(row->read(&set, "a1_s1_t1", "imu", &s), BABEL_ERR_ARG);
  cr_assert_eq(row->read(&set, "a2_s1_t1", "video", &s), BABEL_ERR_ARG);
  babel_dataset_destroy(&set);
}

Test(data_utd_mhad, scan_wants_the_folders) {
  babel_dataset set;
  const char *empty = babel_scratch();
  assert_sentence(babel_utd_scan(&set, empty), BABEL_ERR_IO, empty, "Inertial/");
  assert_sentence(babel_utd_scan(&set, "/nowhere/at/all"), BABEL_ERR_IO, "/nowhere/at/all", "Inertial/");
  char path[1200];
  snprintf(path, sizeof path, "%s/Inertial", empty);
  cr_assert_eq(mkdir(path, 0777), 0);
  utd_write_inertial(empty, "a1_s1_t1", 60);
  cr_assert_eq(babel_utd_scan(&set, empty), BABEL_OK);
  cr_assert(listed(&set.missing, "Skeleton: the folder is missing"));
  cr_assert_not(listed(&set.missing, "a1_s1_t1"), "one sentence for the folder, not one a trial");
  babel_dataset_destroy(&set);
}

static void damage(const char *path, long at) {
  FILE *f = fopen(path, "r+b");
  cr_assert(f && !fseek(f, at, SEEK_SET));
  int c = fgetc(f);
  cr_assert(!fseek(f, at, SEEK_SET) && fputc(c ^ 16, f) != EOF && !fclose(f));
}

static void join(const babel_text_list *list, char *text, size_t size) {
  for (int i = 0; i < list->count; i++) {
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s\n", list->lines[i]);
  }
}

Test(data_utd_mhad, a_destroyed_list_is_an_empty_one) {
  babel_text_list list = {0};
  cr_assert_eq(babel_text_list_add(&list, "line %d", 1), BABEL_OK);
  babel_text_list_destroy(&list);
  cr_assert(!list.count && !list.lines);
  babel_text_list_destroy(&list);
  babel_text_list_destroy(NULL);
}

Test(data_utd_mhad, check_names_every_damaged_file_and_is_the_same_for_any_number_of_threads) {
  char texts[2][1 << 17] = {"", ""};
  for (int a = 1; a <= 9; a++) {
    char key[16];
    babel_utd_key((babel_utd_id){a, 1, 1}, key);
    utd_write_inertial(folder(), key, 60 + a);
    utd_write_skeleton(folder(), key, 20 + a);
  }
  utd_write_depth(folder(), "a1_s1_t1", 21, 0);
  utd_write_depth(folder(), "a2_s1_t1", 21, 0); /* its skeleton has 22 */
  damage(member("Inertial", "a3_s1_t1_inertial.mat"), 300);
  cr_assert_eq(truncate(member("Skeleton", "a4_s1_t1_skeleton.mat"), 200), 0);
  cr_assert_eq(truncate(member("Skeleton", "a5_s1_t1_skeleton.mat"), 0), 0);
  for (int run = 0; run < 2; run++) {
    babel_check_report report;
    omp_set_num_threads(run ? 5 : 1);
    cr_assert_eq(babel_utd_check(&report, folder()), BABEL_OK);
    cr_assert_eq(report.trials, 9);
    cr_assert_eq(report.pairs, 6);
    cr_assert_eq(report.damaged.count, 4);
    cr_assert(strstr(report.damaged.lines[0], "a2_s1_t1_depth.mat") && strstr(report.damaged.lines[0], "22, found 21"));
    cr_assert(strstr(report.damaged.lines[1], "a3_s1_t1_inertial.mat: damaged"), "%s", report.damaged.lines[1]);
    cr_assert(strstr(report.damaged.lines[2], "a4_s1_t1_skeleton.mat: cut short"), "%s", report.damaged.lines[2]);
    cr_assert(strstr(report.damaged.lines[3], "a5_s1_t1_skeleton.mat: the file is empty"), "%s", report.damaged.lines[3]);
    cr_assert_eq(report.missing.count, 861 - 9);
    cr_assert(listed(&report.warnings, "expected 861 inertial files, found 9"));
    cr_assert(listed(&report.summary, "inertial: 9 files, 8 sound, 61 to 69 rows"));
    cr_assert(listed(&report.summary, "skeleton: 9 files, 7 sound, 21 to 29 frames"));
    cr_assert(listed(&report.summary, "depth: 2 files, 1 sound, 21 to 21 frames"));
    join(&report.damaged, texts[run], sizeof texts[run]);
    join(&report.summary, texts[run], sizeof texts[run]);
    join(&report.missing, texts[run], sizeof texts[run]);
    babel_check_report_destroy(&report);
  }
  cr_assert_str_eq(texts[0], texts[1]);
}

/* A still sensor on the grid, 0.2 g: no single file is wrong, the set is. */
Test(data_utd_mhad, check_judges_units_over_the_whole_set) {
  double x[600] = {0};
  babel_check_report report;
  for (int i = 0; i < 100; i++) x[i] = 0.2;
  x[300] = 29.984733; /* 982 steps */
  mat_write_doubles(member("Inertial", "a1_s1_t1_inertial.mat"), "d_iner", 2, (uint32_t[]){100, 6}, x);
  cr_assert_eq(babel_utd_check(&report, folder()), BABEL_OK);
  cr_assert_eq(report.damaged.count, 2);
  cr_assert(listed(&report.damaged, "rad/s") && listed(&report.damaged, "0.7 to 1.6 g"));
  babel_check_report_destroy(&report);
  for (int i = 0; i < 100; i++) x[i] = 1;
  x[300] = 30.015267; /* 983 steps */
  mat_write_doubles(member("Inertial", "a1_s1_t1_inertial.mat"), "d_iner", 2, (uint32_t[]){100, 6}, x);
  cr_assert_eq(babel_utd_check(&report, folder()), BABEL_OK);
  cr_assert_eq(report.damaged.count, 0);
  babel_check_report_destroy(&report);
}

Test(data_utd_mhad, the_registry_knows_its_sets_by_name_and_by_their_folders) {
  const babel_dataset_row *row, *chosen;
  int count = 0;
  for (; (row = babel_dataset_row_at(count)); count++) {
    cr_assert_eq(babel_dataset_row_find(row->name), row);
    cr_assert_eq(babel_dataset_row_choose(&chosen, row->name, "/nowhere"), BABEL_OK);
    cr_assert(chosen == row && row->paired >= 2 && row->here && row->scan && row->read && row->check);
    for (int i = 0; i < BABEL_DATASET_MODALITIES && row->modalities[i]; i++) {
      cr_assert_not_null(babel_modality_find(row->modalities[i]));
      cr_assert_eq(babel_dataset_modality(row, row->modalities[i]), i);
    }
  }
  cr_assert_eq(babel_dataset_row_choose(&row, NULL, "/nowhere"), BABEL_OK);
  cr_assert_str_eq(row->name, "utd_mhad");
  cr_assert_eq(babel_dataset_row_choose(&row, NULL, folder()), BABEL_OK);
  cr_assert_str_eq(row->name, "utd_mhad");
  assert_sentence(babel_dataset_row_choose(&chosen, "utd", folder()), BABEL_ERR_ARG, "\"utd\"", "there are mars, mmego, utd_mhad");
  cr_assert_null(babel_dataset_row_find("utd"));
  cr_assert_null(babel_dataset_row_at(-1));
  cr_assert_eq(babel_dataset_modality(row, "video"), -1);
  cr_assert_eq(row->classes, 27);
  cr_assert_str_eq(row->class_names[0], "swipe left");
  cr_assert_str_eq(row->class_names[26], "squat");
}
