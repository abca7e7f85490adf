/* The points of a report's Fig. 5: embeddings of a phase's test samples in two dimensions. */
#ifndef BABEL_CLI_REPORT_POINTS_H
#define BABEL_CLI_REPORT_POINTS_H

#include <jansson.h>

#include "core/status.h"

typedef struct {
  int count;                      /* 0 = none: banks, split or trunk are not there any more */
  char modality[2][32];
  double by_modality, by_class;   /* mean silhouettes of all dimensions */
} babel_report_points;

/* entry: of schedule.json. Writes x, y (first two principal components), side, label of at most BABEL_REPORT_MOST samples a side. */
enum { BABEL_REPORT_MOST = 400 };
babel_status babel_report_points_write(babel_report_points *points, const json_t *entry, const char *folder, const char *path);

/* The manifest that a phase's trunk carries, indented; malloced. */
babel_status babel_report_manifest(const char *folder, char **text);

#endif
