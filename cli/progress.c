#include "cli/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void babel_progress_begin(babel_progress_line *line, bool quiet) {
  *line = (babel_progress_line){.quiet = quiet, .terminal = isatty(STDERR_FILENO), .began = now()};
}

double babel_progress_seconds(const babel_progress_line *line) {
  return now() - line->began;
}

bool babel_progress_due(babel_progress_line *line, bool last) {
  return !line->quiet && (last || now() - (line->shown > 0 ? line->shown : line->began) >= (line->terminal ? 0.2 : 10));
}

void babel_progress_print(babel_progress_line *line, bool last, const char *format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  line->shown = now();
  if (line->terminal)
    fprintf(stderr, "\r\033[K%s%s", text, last ? "\n" : "");
  else
    fprintf(stderr, "%s\n", text);
}
