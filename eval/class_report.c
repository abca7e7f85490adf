#include "eval/class_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"

babel_status babel_class_report_create(babel_class_report *report, int classes) {
  void *memory;
  memset(report, 0, sizeof *report);
  if (classes < 1) return BABEL_FAIL(BABEL_ERR_ARG, "a report needs at least one class, found %d", classes);
  size_t c = (size_t)classes;
  BABEL_TRY(babel_alloc(&memory, c * (c + 1) + 3 * c, sizeof(double)));
  report->classes = classes;
  report->confusion = memory;
  report->queries = report->confusion + c * (c + 1);
  report->supported = report->queries + c;
  report->unsupported = report->supported + c;
  return BABEL_OK;
}

void babel_class_report_destroy(babel_class_report *report) {
  if (!report) return;
  free(report->confusion);
  memset(report, 0, sizeof *report);
}

static babel_status check_label(const babel_class_report *report, int label) {
  if (label >= 0 && label < report->classes) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_ARG, "label %d does not fit a report of %d classes", label, report->classes);
}

babel_status babel_class_report_add(babel_class_report *report, const babel_points *points, const babel_episode *episode,
                                    const babel_oneshot *result) {
  void *memory;
  for (int s = 0; s < episode->support_count; s++) BABEL_TRY(check_label(report, points->labels[episode->support[s]]));
  for (int i = 0; i < result->count; i++) BABEL_TRY(check_label(report, result->predictions[i].truth));
  BABEL_TRY(babel_alloc(&memory, (size_t)report->classes, 1));
  char *has_support = memory;
  for (int s = 0; s < episode->support_count; s++) has_support[points->labels[episode->support[s]]] = 1;
  for (int c = 0; c < report->classes; c++) report->supported[c] += has_support[c];
  for (int i = 0; i < result->count; i++) {
    const babel_prediction *p = &result->predictions[i];
    double *row = report->confusion + (size_t)p->truth * (size_t)(report->classes + 1);
    report->queries[p->truth]++;
    report->unsupported[p->truth] += !has_support[p->truth];
    if (p->credit > 0) {
      row[p->truth] += (double)p->credit;
      row[report->classes] += 1 - (double)p->credit;
    } else {
      row[p->predicted]++;
    }
  }
  free(memory);
  return BABEL_OK;
}

double babel_class_report_accuracy(const babel_class_report *report, int label) {
  size_t row = (size_t)label * (size_t)(report->classes + 1);
  return report->queries[label] > 0 ? 100 * report->confusion[row + (size_t)label] / report->queries[label] : NAN;
}

double babel_class_report_mean(const babel_class_report *report) {
  double sum = 0;
  int count = 0;
  for (int c = 0; c < report->classes; c++) {
    if (!(report->queries[c] > 0)) continue;
    sum += babel_class_report_accuracy(report, c);
    count++;
  }
  return count ? sum / count : NAN;
}

static const char *list(const double *have, const double *lack, int classes, char *text, size_t size) {
  size_t used = 0;
  if (size) *text = 0;
  for (int c = 0; c < classes && used < size; c++) {
    if (!(have[c] > 0) || (lack && lack[c] > 0)) continue;
    int wrote = snprintf(text + used, size - used, "%s%d", used ? ", " : "", c);
    used += wrote > 0 ? (size_t)wrote : 0;
  }
  return text;
}

const char *babel_class_report_unqueried(const babel_class_report *report, char *text, size_t size) {
  return list(report->supported, report->queries, report->classes, text, size);
}

const char *babel_class_report_unsupported(const babel_class_report *report, char *text, size_t size) {
  return list(report->unsupported, NULL, report->classes, text, size);
}
