/* One line on standard error that is rewritten on a terminal and printed now and then elsewhere. */
#ifndef BABEL_CLI_PROGRESS_H
#define BABEL_CLI_PROGRESS_H

#include <stdbool.h>

typedef struct {
  bool quiet, terminal, open;
  double began, shown; /* [s], 0 = not yet */
} babel_progress_line;

void babel_progress_begin(babel_progress_line *line, bool quiet);
/* False when it is too early for another line: the caller then spares itself the formatting. */
bool babel_progress_due(babel_progress_line *line, bool last);
void babel_progress_print(babel_progress_line *line, bool last, const char *format, ...) __attribute__((format(printf, 3, 4)));
double babel_progress_seconds(const babel_progress_line *line);

#endif
