#include "core/nearest.h"

#include <limits.h>
#include <string.h>

enum { LONGEST = 128 };

int babel_edit_distance(const char *a, const char *b) {
  int row[LONGEST + 1];
  int columns = (int)strnlen(b, LONGEST), lines = (int)strnlen(a, LONGEST);
  for (int j = 0; j <= columns; j++) row[j] = j;
  for (int i = 1; i <= lines; i++) {
    int diagonal = row[0];
    row[0] = i;
    for (int j = 1; j <= columns; j++) {
      int best = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      if (row[j] + 1 < best) best = row[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      row[j] = best;
    }
  }
  return row[columns];
}

const char *babel_nearest(const char *text, const char *const *names, int count) {
  const char *nearest = NULL;
  int least = INT_MAX;
  for (int i = 0; i < count; i++) {
    int gap = babel_edit_distance(text, names[i]);
    if (gap < least) {
      least = gap;
      nearest = names[i];
    }
  }
  return nearest && 2 * least <= (int)strlen(text) ? nearest : NULL;
}
