#include "data/mmego.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/xz.h"
#include "data/csv.h"

enum { JOINTS = 32, POINT_COLUMNS = 5, IMU_COLUMNS = 15, IMU_ROWS = 20, IMU_MEAN = IMU_ROWS / BABEL_IMU_PER_FRAME, SNIPPETS = 99 };
#define GRAVITY 9.80665

/* clang-format off */
const char *const babel_mmego_action_names[BABEL_MMEGO_ACTIONS] = {
    "walking in place", "walking", "swinging arms", "shaking head", "nodding", "turning head", "looking left and right, walking in place",
    "looking up and down, walking in place", "looking up and down, swinging arms", "looking right and left, swinging arms", "lunge", "high leg raise", "squat"};
/* clang-format on */

static const char header[] = "action,snippet,frame_no,n_points,point_offset,imu_rows,imu_offset,foot_contact_left,foot_contact_right";

/* One line of frames.csv. */
typedef struct {
  int action, snippet, number, points, first_point, first_imu;
  int row, line; /* skeleton of the frame, from 0; line of the file, from 1 */
} frame_line;

typedef struct {
  const char *folder;
  frame_line *lines;
  int count;
  babel_file points, joints, imu;
} reader;

static babel_status path_of(char path[1024], const char *folder, const char *name) {
  int n = snprintf(path, 1024, "%s/%s", folder, name);
  if (n < 0 || n >= 1024) return BABEL_FAIL(BABEL_ERR_ARG, "%.60s...: the path is too long", folder);
  return BABEL_OK;
}

static babel_status read_line(const babel_csv *csv, frame_line *line) {
  int rows;
  BABEL_TRY(babel_csv_int(csv, 0, "action", 1, BABEL_MMEGO_ACTIONS, &line->action));
  BABEL_TRY(babel_csv_int(csv, 1, "snippet", 0, SNIPPETS, &line->snippet));
  BABEL_TRY(babel_csv_int(csv, 2, "frame number", 0, 1000000, &line->number));
  BABEL_TRY(babel_csv_int(csv, 3, "number of points", 1, 1000000, &line->points));
  BABEL_TRY(babel_csv_int(csv, 4, "first point", 0, INT_MAX / 2, &line->first_point));
  BABEL_TRY(babel_csv_int(csv, 5, "number of IMU rows", IMU_ROWS, IMU_ROWS, &rows));
  BABEL_TRY(babel_csv_int(csv, 6, "first IMU row", 0, INT_MAX / 2, &line->first_imu));
  line->line = csv->lines.number;
  return BABEL_OK;
}

static babel_status read_lines(reader *r) {
  char path[1024];
  babel_csv csv;
  babel_status status;
  int room = 0;
  BABEL_TRY(path_of(path, r->folder, "frames.csv"));
  BABEL_TRY(babel_csv_open(&csv, path, header, NULL));
  while (babel_csv_next(&csv, &status)) {
    if (r->count == room) {
      void *memory = realloc(r->lines, (size_t)(room = room ? 2 * room : 4096) * sizeof *r->lines);
      if (!memory) status = BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %d frames", path, room);
      else r->lines = memory;
    }
    if (status == BABEL_OK) status = read_line(&csv, &r->lines[r->count]);
    if (status != BABEL_OK) break;
    r->lines[r->count].row = r->count;
    r->count++;
  }
  babel_csv_close(&csv);
  if (status == BABEL_OK && !r->count) status = BABEL_FAIL(BABEL_ERR_FORMAT, "%s: no frame is listed in it", path);
  return status;
}

/* A file of rows of `columns` floats; *rows how many. */
static babel_status open_floats(babel_file *file, const char *folder, const char *name, int columns, size_t *rows) {
  char path[1024];
  BABEL_TRY(path_of(path, folder, name));
  BABEL_TRY(babel_file_open_packed(file, path));
  const size_t size = (size_t)columns * sizeof(float);
  *rows = file->size / size;
  if (file->size % size)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected rows of %d float32 values, %zu bytes each; its %zu bytes are not a multiple of that: is it cut short?",
                      file->path, columns, size, file->size);
  for (size_t i = 0; i < file->size / sizeof(float); i++) {
    float value;
    memcpy(&value, file->data + i * sizeof value, sizeof value);
    if (!isfinite(value))
      return BABEL_FAIL(BABEL_ERR_VALUE, "%s: row %zu, column %zu is %g", file->path, i / (size_t)columns + 1, i % (size_t)columns + 1, (double)value);
  }
  return BABEL_OK;
}

static double value_at(const babel_file *file, size_t row, int columns, int column) {
  float value;
  memcpy(&value, file->data + (row * (size_t)columns + (size_t)column) * sizeof value, sizeof value);
  return (double)value;
}

static int compare_lines(const void *a, const void *b) {
  const frame_line *x = a, *y = b;
  if (x->action != y->action) return x->action - y->action;
  if (x->snippet != y->snippet) return x->snippet - y->snippet;
  return (x->number > y->number) - (x->number < y->number);
}

/* Every offset inside its file; the i-th skeleton belongs to the i-th line, so the sizes must agree. */
static babel_status check_sizes(const reader *r, size_t points, size_t joints, size_t imu) {
  if (joints != (size_t)r->count)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "%s: expected a skeleton for each of the %d frames of frames.csv, found %zu", r->joints.path, r->count, joints);
  for (int i = 0; i < r->count; i++) {
    const frame_line *line = &r->lines[i];
    if ((size_t)line->first_point + (size_t)line->points > points)
      return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: holds %zu points, but line %d of frames.csv wants points %d to %d: is it cut short?", r->points.path, points,
                        line->line, line->first_point, line->first_point + line->points - 1);
    if ((size_t)line->first_imu + IMU_ROWS > imu)
      return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: holds %zu rows, but line %d of frames.csv wants rows %d to %d: is it cut short?", r->imu.path, imu, line->line,
                        line->first_imu, line->first_imu + IMU_ROWS - 1);
  }
  return BABEL_OK;
}

static babel_status open_all(reader *r) {
  size_t points, joints, imu;
  BABEL_TRY(read_lines(r));
  BABEL_TRY(open_floats(&r->points, r->folder, "radar_points_f32.bin", POINT_COLUMNS, &points));
  BABEL_TRY(open_floats(&r->joints, r->folder, "keypoints_f32.bin", JOINTS * 3, &joints));
  BABEL_TRY(open_floats(&r->imu, r->folder, "imu_f32.bin", IMU_COLUMNS, &imu));
  return check_sizes(r, points, joints, imu);
}

static void close_all(reader *r) {
  free(r->lines);
  babel_file_close(&r->points);
  babel_file_close(&r->joints);
  babel_file_close(&r->imu);
}

static babel_status allocate(babel_window_set *set, const reader *r) {
  void *memory;
  const size_t frames = (size_t)r->count;
  size_t points = 0;
  for (int i = 0; i < r->count; i++) points += (size_t)r->lines[i].points;
  BABEL_TRY(babel_alloc(&memory, points * BABEL_POINT_VALUES, sizeof(double)));
  set->point_values = memory;
  BABEL_TRY(babel_alloc(&memory, frames + 1, sizeof *set->offsets));
  set->offsets = memory;
  BABEL_TRY(babel_alloc(&memory, frames * JOINTS * 3, sizeof(double)));
  set->skeleton = memory;
  BABEL_TRY(babel_alloc(&memory, frames * BABEL_IMU_PER_FRAME * 6, sizeof(double)));
  set->imu = memory;
  BABEL_TRY(babel_alloc(&memory, frames, sizeof *set->runs)); /* at most as many as frames */
  set->runs = memory;
  set->level = true;
  set->layout = BABEL_JOINTS_AZURE_32;
  set->joints = JOINTS;
  return BABEL_OK;
}

static void take_points(babel_window_set *set, const reader *r, const frame_line *line) {
  double *to = set->point_values + set->points * BABEL_POINT_VALUES;
  for (int p = 0; p < line->points; p++, to += BABEL_POINT_VALUES) {
    double row[POINT_COLUMNS];
    for (int c = 0; c < POINT_COLUMNS; c++) row[c] = value_at(&r->points, (size_t)(line->first_point + p), POINT_COLUMNS, c);
    const double values[BABEL_POINT_VALUES] = {row[1], -row[2], -row[0], row[4], row[3]};
    memcpy(to, values, sizeof values);
  }
  set->points += (size_t)line->points;
}

static void take_rest(babel_window_set *set, const reader *r, const frame_line *line) {
  double *joint = set->skeleton + (size_t)set->frames * JOINTS * 3, *imu = set->imu + (size_t)set->frames * BABEL_IMU_PER_FRAME * 6;
  for (int j = 0; j < JOINTS; j++, joint += 3) {
    joint[0] = value_at(&r->joints, (size_t)line->row, JOINTS * 3, 3 * j + 2);
    joint[1] = -value_at(&r->joints, (size_t)line->row, JOINTS * 3, 3 * j);
    joint[2] = -value_at(&r->joints, (size_t)line->row, JOINTS * 3, 3 * j + 1);
  }
  for (int i = 0; i < BABEL_IMU_PER_FRAME; i++, imu += 6)
    for (int c = 0; c < 6; c++) {
      double sum = 0;
      for (int k = 0; k < IMU_MEAN; k++) sum += value_at(&r->imu, (size_t)(line->first_imu + i * IMU_MEAN + k), IMU_COLUMNS, 9 + c);
      imu[c] = sum / IMU_MEAN / (c < 3 ? GRAVITY : 1);
    }
}

static void begin_run(babel_window_set *set, const frame_line *line) {
  babel_run *run = &set->runs[set->run_count++];
  *run = (babel_run){.label = line->action - 1, .subject = line->snippet, .first = set->frames};
  snprintf(run->name, sizeof run->name, "a%02d_r%02d", line->action, line->snippet);
}

static babel_status take_frames(babel_window_set *set, reader *r) {
  qsort(r->lines, (size_t)r->count, sizeof *r->lines, compare_lines);
  for (int i = 0; i < r->count; i++) {
    const frame_line *line = &r->lines[i], *before = i ? line - 1 : NULL;
    bool same = before && before->action == line->action && before->snippet == line->snippet;
    if (same && before->number == line->number)
      return BABEL_FAIL(BABEL_ERR_FORMAT, "%s/frames.csv: lines %d and %d are one frame, number %d of action %d, snippet %d", r->folder,
                        before->row < line->row ? before->line : line->line, before->row < line->row ? line->line : before->line, line->number, line->action,
                        line->snippet);
    if (!same) begin_run(set, line);
    set->offsets[set->frames] = set->points;
    take_points(set, r, line);
    take_rest(set, r, line);
    set->offsets[++set->frames] = set->points;
    set->runs[set->run_count - 1].frames++;
  }
  return BABEL_OK;
}

bool babel_mmego_here(const char *folder) {
  char path[1024];
  return path_of(path, folder, "keypoints_f32.bin") == BABEL_OK && babel_file_exists_packed(path);
}

babel_status babel_mmego_scan(babel_dataset *set, const char *folder) {
  reader r = {.folder = folder};
  void *memory;
  memset(set, 0, sizeof *set);
  if (strlen(folder) >= sizeof set->folder) return BABEL_FAIL(BABEL_ERR_ARG, "%.60s...: the path is too long", folder);
  strcpy(set->folder, folder);
  BABEL_TRY(babel_alloc(&memory, 1, sizeof(babel_window_set)));
  babel_window_set *content = memory;
  babel_status status = open_all(&r);
  if (status == BABEL_OK) status = allocate(content, &r);
  if (status == BABEL_OK) status = take_frames(content, &r);
  close_all(&r);
  if (status == BABEL_OK) status = babel_window_set_list(set, content);
  else babel_window_set_destroy(content);
  if (status != BABEL_OK) babel_dataset_destroy(set);
  return status;
}

static babel_status summarise(babel_check_report *report, const babel_dataset *set) {
  const babel_window_set *content = set->content;
  report->trials = report->pairs = set->count;
  BABEL_TRY(babel_text_list_add(&report->summary, "%d frames, %zu points, %d recordings, %d windows", content->frames, content->points, content->run_count,
                                set->count));
  for (int r = 0; r < content->run_count; r++)
    if (content->runs[r].frames < BABEL_WINDOW_FRAMES)
      BABEL_TRY(babel_text_list_add(&report->warnings, "%s: %s has %d frames, too few for a window of %d", set->folder, content->runs[r].name,
                                    content->runs[r].frames, BABEL_WINDOW_FRAMES));
  return BABEL_OK;
}

babel_status babel_mmego_check(babel_check_report *report, const char *folder) {
  static const char *const names[] = {"frames.csv", "radar_points_f32.bin", "keypoints_f32.bin", "imu_f32.bin"};
  char path[1024];
  babel_dataset set = {0};
  babel_status status = BABEL_OK;
  memset(report, 0, sizeof *report);
  for (int i = 0; i < 4 && status == BABEL_OK; i++) {
    status = path_of(path, folder, names[i]);
    if (status == BABEL_OK && !(i ? babel_file_exists_packed(path) : babel_file_exists(path)))
      status = babel_text_list_add(&report->missing, "%s is missing%s", path, i ? ", or a .xz of it" : "");
  }
  if (status == BABEL_OK && report->missing.count == 4)
    status = BABEL_FAIL(BABEL_ERR_IO, "%s: expected the four files of mmEgo in it, frames.csv for example; found none", folder);
  if (status == BABEL_OK && !report->missing.count) {
    status = babel_mmego_scan(&set, folder);
    if (status == BABEL_OK) status = summarise(report, &set);
    else if (status != BABEL_ERR_MEMORY) {
      babel_error error = babel_error_take();
      status = babel_text_list_add(&report->damaged, "%s", error.sentence);
    }
  }
  if (status != BABEL_OK) babel_check_report_destroy(report);
  babel_dataset_destroy(&set);
  return status;
}
