#include "growth/windows.h"

#include <stdlib.h>
#include <string.h>

#include "core/arena.h"

typedef struct {
  const char *recording;
  int first, last, at;
} window;

static int by_place(const void *left, const void *right) {
  const window *a = left, *b = right;
  const int names = strcmp(a->recording, b->recording);
  return names ? names : (a->first > b->first) - (a->first < b->first);
}

babel_status babel_windows_create(babel_windows *windows, const babel_bank *bank, const int *rows, int n) {
  window *sorted;
  *windows = (babel_windows){.n = n};
  BABEL_TRY(babel_alloc_to(&windows->of, 3 * (size_t)n, sizeof(int)));
  babel_status status = babel_alloc_to(&sorted, (size_t)n, sizeof(window));
  if (status != BABEL_OK) {
    babel_windows_destroy(windows);
    return status;
  }
  for (int i = 0; i < n; i++) { /* a bank made in memory may have no recordings: nothing overlaps */
    const char *recording = bank->recordings ? bank->recordings[rows[i]] : NULL;
    sorted[i] = recording ? (window){recording, bank->first[rows[i]], bank->last[rows[i]], i} : (window){"", 0, 0, i};
  }
  qsort(sorted, (size_t)n, sizeof *sorted, by_place);
  for (int i = 0, number = -1, end = 0; i < n; i++) {
    if (!i || strcmp(sorted[i].recording, sorted[i - 1].recording)) number++, end = 0;
    else if (sorted[i].first < end) windows->overlap = true;
    if (sorted[i].last > end) end = sorted[i].last;
    int *of = windows->of + 3 * (size_t)sorted[i].at;
    of[0] = number, of[1] = sorted[i].first, of[2] = sorted[i].last;
  }
  free(sorted);
  return BABEL_OK;
}

void babel_windows_destroy(babel_windows *windows) {
  free(windows->of);
  *windows = (babel_windows){0};
}
