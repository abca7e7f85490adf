/* UTD-MHAD: reads every file of a folder and reports what is wrong with it. Never stops at the first. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/utd_mhad.h"

#define RECORDED 861

/* What was read of one trial. Filled in parallel, one thread a trial; reported in order afterwards. */
typedef struct {
  babel_error errors[BABEL_UTD_KINDS]; /* status BABEL_OK: sound, or not there */
  int lengths[BABEL_UTD_KINDS];        /* rows, frames; 0 = not read */
  double top_rate;                     /* [deg/s] largest |angular rate| of one axis */
  double sum_g;                        /* [g] sum of |acceleration| over the rows */
} trial_result;

static void measure_inertial(trial_result *result, const babel_sample *sample) {
  for (int i = 0; i < sample->rows; i++) {
    const double *row = sample->x + (size_t)i * 6;
    result->sum_g += sqrt(row[0] * row[0] + row[1] * row[1] + row[2] * row[2]);
    for (int c = 3; c < 6; c++) result->top_rate = fmax(result->top_rate, fabs(row[c]) * (180 / M_PI));
  }
}

static babel_status read_member(trial_result *result, const babel_dataset *set, const char *key,
                                babel_utd_kind kind) {
  char path[1024];
  BABEL_TRY(babel_utd_path(set, key, kind, path));
  if (kind == BABEL_UTD_DEPTH) {
    babel_utd_depth depth;
    BABEL_TRY(babel_utd_read_depth(&depth, path));
    result->lengths[kind] = depth.frames;
    babel_utd_depth_destroy(&depth);
    int frames = result->lengths[BABEL_UTD_SKELETON]; /* read before */
    if (frames && frames != result->lengths[kind])
      return BABEL_FAIL(BABEL_ERR_SHAPE,
                        "%s: expected as many frames as the skeleton of the trial has, %d, found %d", path,
                        frames, result->lengths[kind]);
    return BABEL_OK;
  }
  babel_sample sample;
  BABEL_TRY(kind == BABEL_UTD_INERTIAL ? babel_utd_read_inertial(&sample, path)
                                       : babel_utd_read_skeleton(&sample, path));
  result->lengths[kind] = sample.rows;
  if (kind == BABEL_UTD_INERTIAL) measure_inertial(result, &sample);
  babel_sample_destroy(&sample);
  return BABEL_OK;
}

static bool sound(const babel_trial *trial, const trial_result *result, babel_utd_kind kind) {
  return trial->members >> kind & 1 && result->errors[kind].status == BABEL_OK;
}

/* Units of the set as a whole: what no single file can show. */
static babel_status judge_units(babel_check_report *report, const babel_dataset *set,
                                const trial_result *results) {
  double top_rate = 0, sum = 0, rows = 0;
  for (int i = 0; i < set->count; i++) {
    top_rate = fmax(top_rate, results[i].top_rate);
    sum += results[i].sum_g;
    rows += results[i].lengths[BABEL_UTD_INERTIAL];
  }
  if (rows == 0) return BABEL_OK;
  if (top_rate < 30)
    BABEL_TRY(babel_text_list_add(
        &report->damaged,
        "%s/Inertial: |angular rate| never passes %.3g: expected 30 deg/s somewhere (is it in rad/s?)",
        set->folder, top_rate));
  if (sum / rows < 0.7 || sum / rows > 1.6)
    BABEL_TRY(babel_text_list_add(
        &report->damaged,
        "%s/Inertial: the mean |acceleration| is %.3g: expected 0.7 to 1.6 g, gravity included", set->folder,
        sum / rows));
  return BABEL_OK;
}

static babel_status summarise(babel_check_report *report, const babel_dataset *set,
                              const trial_result *results, babel_utd_kind kind) {
  static const char *const words[BABEL_UTD_KINDS] = {"inertial", "skeleton", "depth"};
  int there = 0, read = 0, low = 0, high = 0;
  double total = 0;
  for (int i = 0; i < set->count; i++) {
    there += set->trials[i].members >> kind & 1;
    if (!sound(&set->trials[i], &results[i], kind)) continue;
    int length = results[i].lengths[kind];
    low = read && low < length ? low : length;
    high = high > length ? high : length;
    total += length;
    read++;
  }
  if (!there) return BABEL_OK;
  if (kind != BABEL_UTD_DEPTH && there != RECORDED) /* depth is often kept in part, for its size */
    BABEL_TRY(babel_text_list_add(&report->warnings, "%s: expected %d %s files, found %d", set->folder,
                                  RECORDED, words[kind], there));
  return babel_text_list_add(&report->summary, "%s: %d files, %d sound, %d to %d %s (mean %.2f)", words[kind],
                             there, read, low, high, kind == BABEL_UTD_INERTIAL ? "rows" : "frames",
                             read ? total / read : 0);
}

static babel_status fill_report(babel_check_report *report, babel_dataset *set, const trial_result *results) {
  report->trials = set->count;
  for (int i = 0; i < set->count; i++) {
    const babel_trial *trial = &set->trials[i];
    report->pairs +=
        sound(trial, &results[i], BABEL_UTD_INERTIAL) && sound(trial, &results[i], BABEL_UTD_SKELETON);
    for (int kind = 0; kind < BABEL_UTD_KINDS; kind++)
      if (results[i].errors[kind].status != BABEL_OK)
        BABEL_TRY(babel_text_list_add(&report->damaged, "%s", results[i].errors[kind].sentence));
  }
  for (int kind = 0; kind < BABEL_UTD_KINDS; kind++)
    BABEL_TRY(summarise(report, set, results, (babel_utd_kind)kind));
  BABEL_TRY(judge_units(report, set, results));
  for (int i = 0; i < set->strays.count; i++)
    BABEL_TRY(babel_text_list_add(&report->warnings, "%s", set->strays.lines[i]));
  report->missing = set->missing; /* taken over */
  memset(&set->missing, 0, sizeof set->missing);
  return BABEL_OK;
}

babel_status babel_utd_check(babel_check_report *report, const char *folder) {
  babel_dataset set;
  memset(report, 0, sizeof *report);
  BABEL_TRY(babel_utd_scan(&set, folder));
  trial_result *results = calloc(set.count ? (size_t)set.count : 1, sizeof *results);
  babel_status status =
      results ? BABEL_OK : BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %d trials", folder, set.count);
  if (status == BABEL_OK) {
#pragma omp parallel for schedule(dynamic, 4)
    for (int i = 0; i < set.count; i++)
      for (int kind = 0; kind < BABEL_UTD_KINDS; kind++)
        if (set.trials[i].members >> kind & 1 &&
            read_member(&results[i], &set, set.trials[i].key, (babel_utd_kind)kind) != BABEL_OK)
          results[i].errors[kind] = babel_error_take();
    status = fill_report(report, &set, results);
  }
  if (status != BABEL_OK) babel_check_report_destroy(report);
  free(results);
  babel_dataset_destroy(&set);
  return status;
}
