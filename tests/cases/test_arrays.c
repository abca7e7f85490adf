/* Arrays and recordings: cases PC12, PC14, PC16, PC23, PC28, PC31 (README.md). */
#include <criterion/criterion.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/cases/program.h"
#include "tests/data/mat_bytes.h"

TestSuite(cases_arrays, .init = enter_scratch, .timeout = 100);

Test(cases_arrays, pc12_orders_versions_and_alignments) {
  static const struct {
    const char *name;
    bool fortran, big;
    int version;
    size_t align;
  } files[] = {{"fortran", true, false, 1, 64}, {"v2", false, false, 2, 64}, {"v3", false, false, 3, 64}, {"align16", false, false, 1, 16},
               {"unaligned", false, false, 1, 1}, {"big_endian", false, true, 1, 64}};
  float six[120 * 6];
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    double x[15];
    char path[40];
    for (int k = 0; k < 15; k++) x[files[i].fortran ? k % 3 * 5 + k / 3 : k] = k;
    for (int k = 0; k < 15 && files[i].big; k++)
      for (int b = 0; b < 4; b++) {
        unsigned char *at = (unsigned char *)&x[k], kept = at[b];
        at[b] = at[7 - b];
        at[7 - b] = kept;
      }
    snprintf(path, sizeof path, "%s.npy", files[i].name);
    save_npy(path, files[i].big ? ">f8" : "<f8", "(5, 3)", files[i].fortran, files[i].version, files[i].align, x, sizeof x);
    cr_assert_eq(run("inspect %s", path), 0, "%s", errors());
    shows("array", "(5, 3)", 105, 0, 14);
  }
  /* Order inside: the same recording by rows and by columns gives the same features. */
  float columns[120 * 6];
  fill_normal(six, 120 * 6, 12);
  for (int t = 0; t < 120; t++)
    for (int c = 0; c < 6; c++) columns[c * 120 + t] = six[t * 6 + c];
  save_rows("rows.npy", six, 120, 6);
  save_npy("columns.npy", "<f4", "(120, 6)", true, 1, 64, columns, sizeof columns);
  for (int i = 0; i < 2; i++)
    cr_assert_eq(run("encode --encoder imu_stats --input %s.npy --output %s.out", i ? "columns" : "rows", i ? "columns" : "rows"), 0, "%s", errors());
  cr_assert_eq(system("cmp rows.out columns.out"), 0);
}

Test(cases_arrays, pc14_cut_doubled_and_nameless_arrays) {
  float x[24];
  bytes file = {0};
  static const unsigned char halves[48] = {0, 60, 0, 64, 0, 66};
  for (int i = 0; i < 24; i++) x[i] = (float)i;
  save_npy("whole.npy", "<f4", "(4, 6)", false, 1, 64, x, sizeof x);
  save_npy("cut.npy", "<f4", "(4, 6)", false, 1, 64, x, sizeof x - 20);
  refused(1, run("inspect cut.npy"), "96");
  cr_assert(strstr(errors(), "cut.npy") && strstr(errors(), "76"), "both sizes: %s", errors());
  cr_assert_eq(system("cat whole.npy whole.npy > twice.npy"), 0);
  cr_assert_eq(run("inspect twice.npy"), 0);
  cr_assert(strstr(errors(), "twice.npy: 224 bytes behind"), "%s", errors());
  shows("array", "(4, 6)", 276, 0, 23);
  put(&file, halves, sizeof halves);
  save("dump.npy", &file);
  refused(1, run("inspect dump.npy"), "NUMPY");
}

Test(cases_arrays, pc16_the_variable_is_found_wherever_it_stands) {
  static const unsigned char info[2] = {1, 2}, rate[1] = {50};
  static double x[6 * 160];
  double sum = 0;
  for (int i = 0; i < 6 * 160; i++) {
    x[i] = (i * 37 % 101 - 50) / 16.0;
    sum += x[i];
  }
  mat_spec specs[3] = {{.name = "info", .rank = 2, .dims = {1, 2}, .type = 2, .values = info, .value_bytes = 2},
                       {.name = "d_iner", .name_type = 16, .dims_type = 6, .rank = 2, .dims = {160, 6}, .values = x, .value_bytes = sizeof x},
                       {.name = "fs", .rank = 2, .dims = {1, 1}, .type = 2, .values = rate, .value_bytes = 1}};
  for (int kind = 0; kind < 3; kind++) { /* plain, packed, without the variable */
    mat_bytes file = mat_header();
    for (int i = 0; i < 3; i++)
      if (kind < 2 || i != 1) mat_append(&file, kind ? mat_packed(mat_matrix(&specs[i]), -1) : mat_matrix(&specs[i]));
    mat_save("a1_s1_t1_inertial.mat", file);
    mat_free(&file);
    int code = run("inspect a1_s1_t1_inertial.mat");
    if (kind == 2) {
      refused(1, code, "d_iner");
      cr_assert(strstr(errors(), "info, fs"), "lists what is there: %s", errors());
      continue;
    }
    cr_assert_eq(code, 0, "%s", errors());
    shows("d_iner", "160 x 6", sum, x[0], x[6 * 160 - 1]);
  }
}

static void append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void append(char *text, size_t size, const char *format, ...) {
  size_t used = strlen(text);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text + used, size - used, format, arguments);
  va_end(arguments);
}

static void body(char *text, size_t size, long long id, double x, double z, double move) {
  append(text, size, "%lld 0 1 1 1 1 0 0.1 0.1 2\n25\n", id);
  for (int j = 0; j < 25; j++) append(text, size, "%.6f %.6f %.6f 0 0 0 0 0 0 0 1 2\n", x + 0.05 * (j % 5) + move, 0.07 * j + move / 2, z + 0.01 * j);
}

Test(cases_arrays, pc23_empty_frames_phantoms_and_cut_files) {
  enum { SIZE = 1 << 19 };
  static char text[SIZE];
  const long long actor = 72057594037932358;
  *text = 0;
  append(text, SIZE, "60\n");
  for (int f = 0; f < 60; f++) {
    append(text, SIZE, "%d\n", f < 10 ? 0 : 2);
    if (f < 10) continue;
    body(text, SIZE, actor + 9, 0.8, 3.4, 0.001 * sin(f / 5.0));
    body(text, SIZE, actor, 0, 3, 0.4 * sin(f / 5.0));
  }
  save_text("S014C002P007R001A002.skeleton", text);
  cr_assert_eq(run("inspect S014C002P007R001A002.skeleton"), 0, "%s", errors());
  cr_assert(strstr(output(), "60 frames, 10 without a body") && strstr(output(), "body 72057594037932358, listed as number 2"), "%s", output());
  text[strlen(text) - 2000] = 0;
  save_text("cut.skeleton", text);
  refused(1, run("inspect cut.skeleton"), "line 2");
  cr_assert(strstr(errors(), "frame 60"), "%s", errors());
  strcpy(text, "40\n");
  for (int f = 0; f < 40; f++) append(text, SIZE, "0\n");
  save_text("nobody.skeleton", text);
  refused(1, run("inspect nobody.skeleton"), "no body");
}

Test(cases_arrays, pc28_no_clock_is_taken_and_nan_is_named) {
  static float x[1000 * 6];
  double stamps[1000];
  fill_normal(x, 1000 * 6, 28);
  x[300 * 6 + 2] = NAN;
  for (int i = 0; i < 1000; i++) stamps[i] = 20000.0 * i - (i >= 400 ? 200000 : 0);
  save_rows("x.npy", x, 1000, 6);
  save_npy("t_us.npy", "<f8", "(1000,)", false, 1, 64, stamps, sizeof stamps);
  save_text("imu.csv", "t_us,ax,ay,az,gx,gy,gz\n0,1,2,3,4,5,6\n");
  refused(1, run("inspect imu.csv"), "clocks are not read");
  refused(1, run("encode --encoder imu_stats --input x.npy --output y.npy"), "row 300, column 2");
  refused(1, run("encode --encoder imu_stats --input t_us.npy --output y.npy"), "(1000)");
  save_rows("stamped.npy", x, 850, 7);
  refused(1, run("encode --encoder imu_stats --input stamped.npy --output y.npy"), "a clock is not taken");
  cr_assert(access("y.npy", F_OK), "nothing is written");
}

Test(cases_arrays, pc31_recordings_of_any_length) {
  static float x[2000 * 7];
  static const int lengths[] = {0, 1, 2, 119, 120, 121, 2000};
  fill_normal(x, 2000 * 7, 31);
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    save_rows("x.npy", x, lengths[i], 6);
    int code = run("encode --encoder limu_bert --random-weights --input x.npy --output y%d.npy", lengths[i]);
    if (!lengths[i]) {
      refused(1, code, "at least 1 rows");
      continue;
    }
    cr_assert_eq(code, 0, "%d rows: %s", lengths[i], errors());
    cr_assert_eq(!!strstr(errors(), "stretched to 120 rows"), lengths[i] > 120, "the rule is said: %s", errors());
    cr_assert_eq(run("inspect y%d.npy", lengths[i]), 0);
    cr_assert(strstr(output(), "(1, 144)") && !strstr(output(), "NaN"), "%s", output());
    code = run("encode --encoder imu_stats --input x.npy --output z.npy");
    if (lengths[i] < 8) refused(1, code, "at least 8 rows");
    else cr_assert_eq(code, 0, "%s", errors());
  }
  save_rows("seven.npy", x, 120, 7);
  save_rows("turned.npy", x, 6, 120);
  for (int i = 0; i < 4; i++) {
    const char *encoder = i % 2 ? "imu_stats" : "limu_bert --random-weights";
    refused(1, run("encode --encoder %s --input %s.npy --output w.npy", encoder, i < 2 ? "seven" : "turned"), "6 columns");
    cr_assert_eq(!!strstr(errors(), "transposed"), i >= 2, "%s", errors());
  }
  cr_assert(access("w.npy", F_OK), "nothing is written");
}
