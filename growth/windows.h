/* Which samples are windows of one recording, and which of its rows they cover. Windows that share rows are nearly copies: never neighbours of each
 * other (growth/neighbours.h), and no negatives either where the configuration says mask_overlaps. */
#ifndef BABEL_GROWTH_WINDOWS_H
#define BABEL_GROWTH_WINDOWS_H

#include "data/bank.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int n;
  int *of;      /* (n, 3) number of the recording, first row, the row behind the last */
  bool overlap; /* two of them do */
} babel_windows;

/* rows: (n) of the bank. */
babel_status babel_windows_create(babel_windows *windows, const babel_bank *bank, const int *rows, int n);
void babel_windows_destroy(babel_windows *windows); /* accepts a zeroed one */

static inline bool babel_windows_overlap(const babel_windows *windows, int i, int j) {
  const int *a = windows->of + 3 * (size_t)i, *b = windows->of + 3 * (size_t)j;
  return a[0] == b[0] && a[1] < b[2] && b[1] < a[2];
}

#ifdef __cplusplus
}
#endif
#endif
