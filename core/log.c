#include "core/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

static atomic_int threshold = BABEL_LOG_NOTE;
static atomic_int warnings;

void babel_log_set_level(babel_log_level level) {
  threshold = (int)level;
}

babel_log_level babel_log_get_level(void) {
  return (babel_log_level)threshold;
}

int babel_warn_count(void) {
  return warnings;
}

static void write_line(babel_log_level level, const char *prefix, const char *format, va_list arguments) {
  char line[2048];
  if ((int)level > threshold) return;
  vsnprintf(line, sizeof line, format, arguments);
  fprintf(stderr, "babel: %s%s\n", prefix, line); /* one call, so that lines of threads do not mix */
}

void babel_note(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  write_line(BABEL_LOG_NOTE, "", format, arguments);
  va_end(arguments);
}

void babel_warn(const char *format, ...) {
  va_list arguments;
  warnings++;
  va_start(arguments, format);
  write_line(BABEL_LOG_WARN, "warning: ", format, arguments);
  va_end(arguments);
}

void babel_debug(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  write_line(BABEL_LOG_DEBUG, "", format, arguments);
  va_end(arguments);
}
