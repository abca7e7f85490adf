#include "data/window_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"

void babel_window_set_destroy(void *content) {
  babel_window_set *set = content;
  if (!set) return;
  free(set->point_values);
  free(set->offsets);
  free(set->skeleton);
  free(set->imu);
  free(set->runs);
  free(set->run_of);
  free(set);
}

static int windows_of(const babel_run *run) {
  return run->frames < BABEL_WINDOW_FRAMES ? 0 : (run->frames - BABEL_WINDOW_FRAMES) / BABEL_WINDOW_STEP + 1;
}

babel_status babel_window_set_list(babel_dataset *set, babel_window_set *content) {
  void *trials, *run_of;
  int count = 0;
  set->content = content;
  set->release = babel_window_set_destroy;
  for (int r = 0; r < content->run_count; r++) count += windows_of(&content->runs[r]);
  if (!count) return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: no run of %d frames, so there is no window", set->folder, BABEL_WINDOW_FRAMES);
  BABEL_TRY(babel_alloc(&trials, (size_t)count, sizeof *set->trials));
  set->trials = trials;
  BABEL_TRY(babel_alloc(&run_of, (size_t)count, sizeof *content->run_of));
  content->run_of = run_of;
  content->trial_count = count;
  for (int r = 0; r < content->run_count; r++) {
    const babel_run *run = &content->runs[r];
    for (int w = 0; w < windows_of(run); w++) {
      babel_trial *trial = &set->trials[set->count];
      *trial = (babel_trial){.label = run->label, .subject = run->subject, .first = w * BABEL_WINDOW_STEP,
                             .last = w * BABEL_WINDOW_STEP + BABEL_WINDOW_FRAMES,
                             .members = 1u << BABEL_WINDOW_MMWAVE | 1u << BABEL_WINDOW_SKELETON | (content->imu ? 1u << BABEL_WINDOW_IMU : 0)};
      snprintf(trial->recording, sizeof trial->recording, "%s", run->name);
      snprintf(trial->key, sizeof trial->key, "%.20s_f%d", run->name, trial->first);
      content->run_of[set->count++] = r;
    }
  }
  return BABEL_OK;
}

static int compare_doubles(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The points' heights less their median. */
static babel_status level(babel_sample *sample) {
  void *memory;
  const int n = sample->rows;
  BABEL_TRY(babel_alloc(&memory, (size_t)n, sizeof(double)));
  double *heights = memory;
  for (int i = 0; i < n; i++) heights[i] = sample->x[(size_t)i * 6 + 3];
  qsort(heights, (size_t)n, sizeof *heights, compare_doubles);
  double middle = 0.5 * (heights[(n - 1) / 2] + heights[n / 2]);
  for (int i = 0; i < n; i++) sample->x[(size_t)i * 6 + 3] -= middle;
  free(memory);
  return BABEL_OK;
}

static babel_status read_points(babel_sample *sample, const babel_window_set *set, int first) {
  const size_t from = set->offsets[first], to = set->offsets[first + BABEL_WINDOW_FRAMES];
  BABEL_TRY(babel_sample_create(sample, babel_modality_find("mmwave"), (int)(to - from), 1 + BABEL_POINT_VALUES));
  sample->frames = BABEL_WINDOW_FRAMES;
  double *row = sample->x;
  for (int f = 0; f < BABEL_WINDOW_FRAMES; f++)
    for (size_t p = set->offsets[first + f]; p < set->offsets[first + f + 1]; p++, row += 1 + BABEL_POINT_VALUES) {
      row[0] = f;
      memcpy(row + 1, set->point_values + p * BABEL_POINT_VALUES, BABEL_POINT_VALUES * sizeof *row);
    }
  if (!set->level) return BABEL_OK;
  babel_status status = level(sample);
  if (status != BABEL_OK) babel_sample_destroy(sample);
  return status;
}

static babel_status read_rows(babel_sample *sample, const char *modality, const double *x, int rows, int width) {
  BABEL_TRY(babel_sample_create(sample, babel_modality_find(modality), rows, width));
  memcpy(sample->x, x, (size_t)rows * (size_t)width * sizeof *x);
  return BABEL_OK;
}

babel_status babel_window_set_read(const babel_dataset *set, const char *key, const char *modality, babel_sample *sample) {
  const babel_window_set *content = set->content;
  const babel_trial *trial = babel_dataset_find(set, key);
  memset(sample, 0, sizeof *sample);
  if (!trial) return BABEL_FAIL(BABEL_ERR_ARG, "%s: holds no window \"%.40s\"", set->folder, key);
  const size_t first = (size_t)(content->runs[content->run_of[trial - set->trials]].first + trial->first);
  if (!strcmp(modality, "mmwave")) return read_points(sample, content, (int)first);
  if (!strcmp(modality, "imu") && content->imu)
    return read_rows(sample, modality, content->imu + first * BABEL_IMU_PER_FRAME * 6, BABEL_WINDOW_FRAMES * BABEL_IMU_PER_FRAME, 6);
  if (strcmp(modality, "skeleton")) return BABEL_FAIL(BABEL_ERR_ARG, "%s: holds nothing of the modality \"%.40s\"", set->folder, modality);
  const int width = content->joints * 3;
  BABEL_TRY(read_rows(sample, modality, content->skeleton + first * (size_t)width, BABEL_WINDOW_FRAMES, width));
  sample->joints = content->layout;
  sample->stretch = BABEL_WINDOW_STRETCH;
  return BABEL_OK;
}
