/* Per-class accuracy and confusion, summed over draws and seeds.
 *
 * A class that was never queried (its only sample was support) has no accuracy, leaves the mean over classes and is named.
 * A class that was queried without support cannot be answered: its queries count as wrong and it is named too. */
#ifndef BABEL_EVAL_CLASS_REPORT_H
#define BABEL_EVAL_CLASS_REPORT_H

#include "eval/oneshot.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int classes;           /* labels 0..classes-1 */
  double *confusion;     /* (classes, classes + 1): row = truth, column = answer; the last column is what a tie with the truth loses */
  double *queries;       /* (classes) queries of the class */
  double *supported;     /* (classes) episodes in which it had support */
  double *unsupported;   /* (classes) queries of it in episodes without its support */
} babel_class_report;

babel_status babel_class_report_create(babel_class_report *report, int classes);
void babel_class_report_destroy(babel_class_report *report); /* accepts a zeroed one */

/* BABEL_ERR_ARG when a label of the episode is not below `classes`. */
babel_status babel_class_report_add(babel_class_report *report, const babel_points *points, const babel_episode *episode,
                                    const babel_oneshot *result);

double babel_class_report_accuracy(const babel_class_report *report, int label); /* [%], NaN when never queried */
double babel_class_report_mean(const babel_class_report *report);                /* of the classes that were queried [%] */

/* "3, 17": the classes with support that were never queried; those queried without support. "" when there are none. */
const char *babel_class_report_unqueried(const babel_class_report *report, char *text, size_t size);
const char *babel_class_report_unsupported(const babel_class_report *report, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
