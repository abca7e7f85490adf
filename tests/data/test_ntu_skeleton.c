#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/ntu_skeleton.h"
#include "tests/support/comma_locale.h"
#include "tests/support/paths.h"

#define BODY_ID 72057594037944738

/* Coordinate c of joint j of body b in frame f, a number that text holds exactly. */
static double value(int f, int b, int j, int c) {
  return f + b / 8.0 + j / 64.0 - c * 0.5;
}

/* A number with three decimals by hand: printf would follow the locale. */
static int print_number(char *out, size_t size, double x) {
  long micro = lround(fabs(x) * 1e6);
  return snprintf(out, size, "%s%ld.%06ld", x < 0 ? "-" : "", micro / 1000000, micro % 1000000);
}

/* bodies[f] bodies in frame f; lines end with `end`. Returns malloced text. */
static char *make_text(int frames, const int *bodies, const char *end) {
  size_t size = 4 << 20, used = 0;
  char *text = malloc(size);
  if (!text) abort();
  used += (size_t)snprintf(text, size, "%d%s", frames, end);
  for (int f = 0; f < frames; f++) {
    used += (size_t)snprintf(text + used, size - used, "%d%s", bodies[f], end);
    for (int b = 0; b < bodies[f]; b++) {
      used += (size_t)snprintf(text + used, size - used, "%ld 0 1 1 1 1 0 0.01119184 -0.256052 2%s25%s", BODY_ID + b, end, end);
      for (int j = 0; j < 25; j++) {
        for (int c = 0; c < 3; c++) {
          used += (size_t)print_number(text + used, size - used, value(f, b, j, c));
          text[used++] = ' ';
        }
        used += (size_t)snprintf(text + used, size - used, "336.5 192.8 1184.5 489.4 -0.2 3.4e-002 NaN -0.1 2%s", end);
      }
    }
  }
  return text;
}

static const char *save(const char *text, size_t size) {
  static char path[1200];
  if (!*path) snprintf(path, sizeof path, "%s/S001C002P003R001A002.skeleton", babel_scratch());
  FILE *f = fopen(path, "wb"); /* not through core/file.h: hundreds of files need no fsync */
  cr_assert(f && fwrite(text, 1, size, f) == size && !fclose(f));
  return path;
}

static void assert_refused(const char *text, size_t size, const char *words) {
  babel_ntu_skeleton s;
  const char *path = save(text, size), *sentence = babel_error_last()->sentence;
  cr_assert_neq(babel_ntu_read(&s, path), BABEL_OK);
  cr_assert(strstr(sentence, path) && strstr(sentence, words), "expected \"%s\" in: %s", words, sentence);
  cr_assert(!s.xyz && !s.ids && !s.present);
}

static void assert_bodies(const char *text, int frames, const int *bodies) {
  babel_ntu_skeleton s;
  cr_assert_eq(babel_ntu_read(&s, save(text, strlen(text))), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(s.frames, frames);
  int empty = 0, ignored = 0, most = 0;
  for (int f = 0; f < frames; f++) {
    empty += !bodies[f];
    ignored += bodies[f] > 4 ? bodies[f] - 4 : 0;
    most = bodies[f] > most ? bodies[f] : most;
    for (int b = 0; b < 4; b++) {
      bool there = b < bodies[f];
      cr_assert_eq(s.present[f * 4 + b], there);
      cr_assert_eq(s.ids[f * 4 + b], there ? BODY_ID + b : 0);
      for (int j = 0; j < 25; j++)
        for (int c = 0; c < 3; c++)
          cr_assert_eq(s.xyz[((f * 4 + b) * 25 + j) * 3 + c], there ? value(f, b, j, c) : 0, "%d %d %d %d", f, b, j, c);
    }
  }
  cr_assert(s.empty_frames == empty && s.ignored_bodies == ignored && s.most_bodies == most);
  babel_ntu_destroy(&s);
}

Test(data_ntu_skeleton, slots_follow_the_place_in_the_frame_and_later_ones_are_counted) {
  static const int bodies[] = {0, 0, 1, 2, 6, 4, 5, 0, 1};
  static const char *const ends[] = {"\n", "\r\n"};
  for (int i = 0; i < 2; i++) {
    char *text = make_text(9, bodies, ends[i]);
    assert_bodies(text, 9, bodies);
    free(text);
  }
}

Test(data_ntu_skeleton, numbers_are_the_same_under_a_decimal_comma) {
  static const int bodies[] = {1, 2};
  if (!babel_comma_locale()) cr_skip("no locale with a decimal comma can be made here");
  char *text = make_text(2, bodies, "\n");
  assert_bodies(text, 2, bodies);
  for (char *at = text; *at; at++)
    if (*at == '.') *at = ',';
  assert_refused(text, strlen(text), "line 5, frame 1");
  free(text);
}

/* Cut anywhere before the last joint line is complete in its first three numbers and its count of values. */
Test(data_ntu_skeleton, a_cut_file_is_refused_with_its_line) {
  static const int bodies[] = {1, 2};
  char *text = make_text(2, bodies, "\n");
  size_t whole = strlen(text);
  for (size_t size = 1; size + 3 < whole; size += 7) assert_refused(text, size, "line ");
  char *at = text;
  for (int line = 0; line < 40; line++) at = strchr(at, '\n') + 1;
  assert_refused(text, (size_t)(at - text), "cut short behind line 40, in frame 2");
  free(text);
}

Test(data_ntu_skeleton, what_is_not_a_skeleton_file_is_refused_with_its_line) {
  static const int none[40] = {0}, one[] = {1};
  char *text = make_text(40, none, "\n");
  assert_refused(text, strlen(text), "no body in any of its 40 frames");
  free(text);
  text = make_text(1, one, "\n");
  size_t whole = strlen(text);
  char *longer = malloc(whole + 32);
  cr_assert_not_null(longer);
  sprintf(longer, "%s\n7 lines more\n", text);
  assert_refused(longer, strlen(longer), "line 31: expected the end of the file after 1 frames");
  sprintf(longer, "%s \n\n", text);
  assert_bodies(longer, 1, one);
  char *joints = strstr(text, "\n25\n");
  joints[2] = '4';
  assert_refused(text, whole, "line 4, frame 1: expected the number of joints, 25 to 25, found \"24\"");
  joints[2] = '5';
  joints[4] = 'x';
  assert_refused(text, whole, "line 5, frame 1: expected a finite coordinate");
  memcpy(joints + 4, "nan     ", 8);
  assert_refused(text, whole, "found \"nan\"");
  memcpy(joints + 4, "0x1p3   ", 8);
  assert_refused(text, whole, "found \"0x1p3\"");
  memcpy(joints + 4, "0 0     ", 8);
  assert_refused(text, whole, "found 13 values");
  free(longer);
  free(text);
  static const char *const cases[][2] = {{"0\n", "line 1"}, {"100001\n0\n", "line 1"}, {"2.5\n", "line 1"},
                                         {"-1\n", "line 1"}, {"1\n65\n", "line 2"},     {"<html>\n", "line 1"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_refused(cases[i][0], strlen(cases[i][0]), cases[i][1]);
}

Test(data_ntu_skeleton, sample_holds_all_four_slots) {
  static const int bodies[] = {2, 1, 0};
  babel_ntu_skeleton s;
  babel_sample sample;
  char *text = make_text(3, bodies, "\n");
  cr_assert_eq(babel_ntu_read(&s, save(text, strlen(text))), BABEL_OK);
  cr_assert_eq(babel_ntu_sample(&sample, &s), BABEL_OK);
  cr_assert(sample.rows == 3 && sample.width == 300 && sample.persons == 4 && sample.joints == BABEL_JOINTS_NTU_25);
  cr_assert_eq(sample.x[75 + 24 * 3 + 2], value(0, 1, 24, 2));
  cr_assert_eq(sample.x[300 + 75], 0);
  babel_sample_destroy(&sample);
  babel_ntu_destroy(&s);
  free(text);
}

Test(data_ntu_skeleton, the_five_real_files_have_the_known_frames_and_people) {
  static const struct {
    const char *name;
    int frames, people;
  } cases[] = {{"S001C001P001R001A011", 82, 1},
               {"S001C003P008R002A058", 70, 2},
               {"S002C001P003R001A003", 100, 1},
               {"S003C001P015R001A034", 71, 1},
               {"S004C002P003R001A017", 124, 1}};
  for (int i = 0; i < 5; i++) {
    babel_ntu_skeleton s;
    char name[100];
    snprintf(name, sizeof name, "ntu_rgbd/%s.skeleton", cases[i].name);
    const char *path = babel_real_data(name);
    if (!path) cr_skip("the NTU files are not here");
    cr_assert_eq(babel_ntu_read(&s, path), BABEL_OK, "%s", babel_error_last()->sentence);
    cr_assert(s.frames == cases[i].frames && s.most_bodies == cases[i].people && !s.empty_frames && !s.ignored_bodies);
    for (int f = 0; f < s.frames; f++)
      for (int j = 0; j < 25; j++) {
        double z = s.xyz[(f * 4 * 25 + j) * 3 + 2];
        cr_assert(z > 2 && z < 4.5, "%s: frame %d joint %d is %g m away", name, f, j, z);
      }
    if (i == 1) {
      const double *second = s.xyz + 75;
      cr_assert(s.xyz[0] == 0.7201789 && s.xyz[1] == 0.1647426 && s.xyz[2] == 3.561895);
      cr_assert(second[0] == -0.387201 && second[1] == -0.05403496 && second[2] == 2.961099);
      cr_assert(s.ids[0] == 72057594037944738 && s.ids[1] == 72057594037944734);
    }
    babel_ntu_destroy(&s);
  }
}
