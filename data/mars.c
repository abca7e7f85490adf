#include "data/mars.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/xz.h"

enum { SUBJECTS = 4, PARTS = 3, JOINTS = 25, COLUMNS = 3 * JOINTS, RADAR_COLUMNS = 8, BORDER = 150 };

static const char *const parts[PARTS] = {"train", "validate", "test"};
static const int movements_of[SUBJECTS] = {10, 0, 10, 9}; /* 0: unknown, any number up to 10 */

const char *const babel_mars_movement_names[BABEL_MARS_MOVEMENTS] = {
    "left upper limb extension", "right upper limb extension", "both upper limb extension", "left front lunge",     "right front lunge",
    "squat",                     "left side lunge",            "right side lunge",          "left limb extension", "right limb extension"};

/* Grows an array to hold `count` items; keeps what is in it. */
static babel_status reserve(void **array, size_t *capacity, size_t count, size_t size, const char *path) {
  if (count <= *capacity) return BABEL_OK;
  size_t wanted = 2 * *capacity > count ? 2 * *capacity : count + 1023;
  void *memory = realloc(*array, wanted * size);
  if (!memory) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %zu values", path, wanted);
  *array = memory;
  *capacity = wanted;
  return BABEL_OK;
}

/* One of the twelve pairs, while it is read. */
typedef struct {
  babel_file file;
  babel_lines lines;
  char line[4096];
} reader;

typedef struct {
  babel_window_set *set;
  size_t point_room, frame_room, skeleton_room, run_room;
} builder;

static babel_status open_text(reader *r, const char *path, const char *header) {
  babel_status status;
  memset(r, 0, sizeof *r);
  BABEL_TRY(babel_file_open_packed(&r->file, path));
  r->lines.file = &r->file;
  bool there = babel_lines_next(&r->lines, r->line, sizeof r->line, &status);
  if (status == BABEL_OK && (!there || strncmp(r->line, header, strlen(header))))
    status = BABEL_FAIL(BABEL_ERR_FORMAT, "%s: line 1: expected a header that begins with \"%s\", found \"%.60s\"", r->file.path, header, r->line);
  if (status != BABEL_OK) babel_file_close(&r->file);
  return status;
}

/* The next line as exactly `count` numbers; false at the end. */
static bool next_numbers(reader *r, double *values, int count, babel_status *status) {
  int found = 0;
  if (!babel_lines_next(&r->lines, r->line, sizeof r->line, status)) return false;
  char *rest = r->line, *field;
  while ((field = strsep(&rest, ","))) {
    if (found < count && !babel_parse_double(field, &values[found])) {
      *status = BABEL_FAIL(BABEL_ERR_FORMAT, "%s: line %d: expected a number in column %d, found \"%.40s\"", r->file.path, r->lines.number,
                           found + 1, field);
      return false;
    }
    found++;
  }
  if (found == count) return true;
  *status = BABEL_FAIL(BABEL_ERR_FORMAT, "%s: line %d: expected %d values, found %d", r->file.path, r->lines.number, count, found);
  return false;
}

static babel_status begin_run(builder *b, const char *path, int subject, int part, int movement) {
  babel_window_set *set = b->set;
  if (movement >= BABEL_MARS_MOVEMENTS)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected at most %d movements (jumps of more than %d in \"Frame #\" are borders), found more", path,
                      BABEL_MARS_MOVEMENTS, BORDER);
  void *runs = set->runs;
  BABEL_TRY(reserve(&runs, &b->run_room, (size_t)set->run_count + 1, sizeof *set->runs, path));
  set->runs = runs;
  babel_run *run = &set->runs[set->run_count++];
  *run = (babel_run){.label = movement, .subject = subject, .first = set->frames};
  snprintf(run->name, sizeof run->name, "s%d_%s_m%d", subject % 100, parts[part], (movement + 1) % 100); /* remainders: for the compiler, which counts digits */
  return BABEL_OK;
}

static babel_status begin_frame(builder *b, const char *path) {
  babel_window_set *set = b->set;
  void *offsets = set->offsets;
  BABEL_TRY(reserve(&offsets, &b->frame_room, (size_t)set->frames + 2, sizeof *set->offsets, path));
  set->offsets = offsets;
  set->offsets[set->frames++] = set->points;
  set->runs[set->run_count - 1].frames++;
  return BABEL_OK;
}

static babel_status add_point(builder *b, const double *row, const char *path) {
  babel_window_set *set = b->set;
  void *values = set->point_values;
  BABEL_TRY(reserve(&values, &b->point_room, (set->points + 1) * BABEL_POINT_VALUES, sizeof *set->point_values, path));
  set->point_values = values;
  memcpy(set->point_values + set->points * BABEL_POINT_VALUES, row + 2, BABEL_POINT_VALUES * sizeof *row);
  set->offsets[set->frames] = ++set->points;
  return BABEL_OK;
}

static babel_status read_radar(builder *b, reader *r, int subject, int part) {
  double row[RADAR_COLUMNS], number = 0;
  int movement = 0;
  babel_status status;
  bool first = true;
  while (next_numbers(r, row, RADAR_COLUMNS, &status)) {
    if (first || fabs(row[0] - number) > BORDER) BABEL_TRY(begin_run(b, r->file.path, subject, part, movement++));
    if (first || row[0] != number) BABEL_TRY(begin_frame(b, r->file.path));
    BABEL_TRY(add_point(b, row, r->file.path));
    number = row[0];
    first = false;
  }
  BABEL_TRY(status);
  const int expected = movements_of[subject - 1];
  if (expected ? movement != expected : !movement)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected %d movements (jumps of more than %d in \"Frame #\" are borders), found %d: is it cut short?",
                      r->file.path, expected ? expected : 1, BORDER, movement);
  return BABEL_OK;
}

/* Axes turned to y up: (x, z, -y). */
static babel_status read_kinect(builder *b, reader *r, int first) {
  babel_window_set *set = b->set;
  const size_t frame = (size_t)COLUMNS;
  double row[COLUMNS];
  babel_status status;
  int read = first;
  void *skeleton = set->skeleton;
  BABEL_TRY(reserve(&skeleton, &b->skeleton_room, (size_t)set->frames * frame, sizeof *set->skeleton, r->file.path));
  set->skeleton = skeleton;
  while (next_numbers(r, row, COLUMNS, &status)) {
    if (read == set->frames) {
      read++;
      break;
    }
    double *to = set->skeleton + (size_t)read++ * frame;
    for (int j = 0; j < JOINTS; j++, to += 3) {
      to[0] = row[j];
      to[1] = row[2 * JOINTS + j];
      to[2] = -row[JOINTS + j];
    }
  }
  BABEL_TRY(status);
  if (read != set->frames)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "%s: expected a line for each of the %d frames of the radar, found %s%d", r->file.path, set->frames - first,
                      read > set->frames ? "at least " : "", read - first);
  return BABEL_OK;
}

static babel_status pair_path(char path[1024], const char *folder, int subject, const char *sensor, int part) {
  int n = snprintf(path, 1024, "%s/subject%d_%s_data_%s.csv", folder, subject, sensor, parts[part]);
  if (n < 0 || n >= 1024) return BABEL_FAIL(BABEL_ERR_ARG, "%.60s...: the path is too long", folder);
  return BABEL_OK;
}

static babel_status read_pair(builder *b, const char *folder, int subject, int part) {
  char path[1024];
  reader r;
  const int first = b->set->frames;
  BABEL_TRY(pair_path(path, folder, subject, "radar", part));
  BABEL_TRY(open_text(&r, path, "Frame #,# Obj,X,Y,Z,Doppler,Intensity"));
  babel_status status = read_radar(b, &r, subject, part);
  babel_file_close(&r.file);
  if (status != BABEL_OK) return status;
  BABEL_TRY(pair_path(path, folder, subject, "kinect", part));
  BABEL_TRY(open_text(&r, path, "SpineBase_X,SpineMid_X,Neck_X,Head_X,ShoulderLeft_X"));
  status = read_kinect(b, &r, first);
  babel_file_close(&r.file);
  return status;
}

/* Which of the two files are there: 0, 1 or 2; one sentence in `missing` for a single one. */
static babel_status count_members(babel_dataset *set, int subject, int part, int *count) {
  char radar[1024], kinect[1024];
  BABEL_TRY(pair_path(radar, set->folder, subject, "radar", part));
  BABEL_TRY(pair_path(kinect, set->folder, subject, "kinect", part));
  bool a = babel_file_exists_packed(radar), b = babel_file_exists_packed(kinect);
  *count = a + b;
  if (*count == 1) return babel_text_list_add(&set->missing, "%s is missing, or a .xz of it", a ? kinect : radar);
  return BABEL_OK;
}

static babel_status begin(babel_dataset *set, builder *b, const char *folder) {
  void *memory;
  memset(set, 0, sizeof *set);
  memset(b, 0, sizeof *b);
  if (strlen(folder) >= sizeof set->folder) return BABEL_FAIL(BABEL_ERR_ARG, "%.60s...: the path is too long", folder);
  strcpy(set->folder, folder);
  BABEL_TRY(babel_alloc(&memory, 1, sizeof *b->set));
  b->set = memory;
  b->set->layout = BABEL_JOINTS_KINECT2_25;
  b->set->joints = JOINTS;
  return BABEL_OK;
}

static babel_status no_pair(const char *folder) {
  return BABEL_FAIL(BABEL_ERR_IO, "%s: expected files of MARS in it, subject1_radar_data_test.csv and subject1_kinect_data_test.csv for example, plain or .xz; found no pair",
                    folder);
}

bool babel_mars_here(const char *folder) {
  char path[1024];
  for (int i = 0; i < SUBJECTS * PARTS; i++)
    if (pair_path(path, folder, i / PARTS + 1, "radar", i % PARTS) == BABEL_OK && babel_file_exists_packed(path)) return true;
  return false;
}

babel_status babel_mars_scan(babel_dataset *set, const char *folder) {
  builder b;
  babel_status status;
  int count, pairs = 0;
  BABEL_TRY(begin(set, &b, folder));
  for (int subject = 1; subject <= SUBJECTS; subject++)
    for (int part = 0; part < PARTS; part++) {
      BABEL_TRY_OR(count_members(set, subject, part, &count), fail);
      if (count < 2) continue;
      BABEL_TRY_OR(read_pair(&b, folder, subject, part), fail);
      pairs++;
    }
  status = pairs ? babel_window_set_list(set, b.set) : no_pair(folder);
  if (pairs) b.set = NULL; /* taken over */
  if (status == BABEL_OK) return BABEL_OK;
fail:
  babel_window_set_destroy(b.set);
  babel_dataset_destroy(set);
  return status;
}

/* One pair by itself, so that a damaged one does not hide the others. */
static babel_status check_pair(babel_check_report *report, const char *folder, int subject, int part) {
  babel_dataset set;
  builder b;
  BABEL_TRY(begin(&set, &b, folder));
  babel_status status = read_pair(&b, folder, subject, part);
  if (status == BABEL_OK) status = babel_window_set_list(&set, b.set);
  else babel_window_set_destroy(b.set);
  if (status == BABEL_OK) {
    const babel_window_set *content = set.content;
    report->trials += set.count;
    report->pairs += set.count;
    status = babel_text_list_add(&report->summary, "subject %d, %s: %zu points in %d frames, %d movements, %d windows", subject, parts[part], content->points,
                                 content->frames, content->run_count, set.count);
  } else if (status != BABEL_ERR_MEMORY) {
    babel_error error = babel_error_take();
    status = babel_text_list_add(&report->damaged, "%s", error.sentence);
  }
  babel_dataset_destroy(&set);
  return status;
}

babel_status babel_mars_check(babel_check_report *report, const char *folder) {
  babel_dataset set = {0};
  babel_status status = BABEL_OK;
  int count, pairs = 0;
  memset(report, 0, sizeof *report);
  if (strlen(folder) >= sizeof set.folder) return BABEL_FAIL(BABEL_ERR_ARG, "%.60s...: the path is too long", folder);
  strcpy(set.folder, folder);
  for (int subject = 1; subject <= SUBJECTS; subject++)
    for (int part = 0; part < PARTS; part++) {
      BABEL_TRY_OR(count_members(&set, subject, part, &count), done);
      pairs += count == 2;
      if (count == 2) BABEL_TRY_OR(check_pair(report, folder, subject, part), done);
    }
  if (!pairs && !set.missing.count) status = no_pair(folder);
  report->missing = set.missing; /* taken over */
  memset(&set.missing, 0, sizeof set.missing);
done:
  if (status != BABEL_OK) babel_check_report_destroy(report);
  babel_dataset_destroy(&set);
  return status;
}
