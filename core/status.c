#include "core/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local babel_error last_error;

babel_status babel_fail(babel_status status, const char *file, int line, const char *format, ...) {
  char sentence[sizeof last_error.sentence]; /* the arguments may quote the record that is replaced here */
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(sentence, sizeof sentence, format, arguments);
  va_end(arguments);
  last_error.status = status;
  last_error.line = line;
  snprintf(last_error.file, sizeof last_error.file, "%s", file);
  memcpy(last_error.sentence, sentence, sizeof sentence);
  return status;
}

babel_status babel_fail_context(const char *format, ...) {
  char sentence[sizeof last_error.sentence];
  va_list arguments;
  va_start(arguments, format);
  int used = vsnprintf(sentence, sizeof sentence, format, arguments);
  va_end(arguments);
  if (used < 0) used = 0;
  if ((size_t)used < sizeof sentence)
    snprintf(sentence + used, sizeof sentence - (size_t)used, "%s", last_error.sentence);
  memcpy(last_error.sentence, sentence, sizeof sentence);
  return last_error.status;
}

babel_error babel_error_take(void) {
  babel_error taken = last_error;
  memset(&last_error, 0, sizeof last_error);
  return taken;
}

void babel_error_put(const babel_error *error) {
  last_error = *error;
}

const babel_error *babel_error_last(void) {
  return &last_error;
}

const char *babel_status_name(babel_status status) {
  static const char *const names[BABEL_STATUS_COUNT] = {
      [BABEL_OK] = "ok",
      [BABEL_ERR_ARG] = "wrong argument",
      [BABEL_ERR_SHAPE] = "sizes do not fit",
      [BABEL_ERR_MEMORY] = "out of memory",
      [BABEL_ERR_IO] = "input/output error",
      [BABEL_ERR_FORMAT] = "damaged or foreign file",
      [BABEL_ERR_VALUE] = "bad value",
      [BABEL_ERR_UNSUPPORTED] = "not supported",
      [BABEL_ERR_STATE] = "state does not allow it",
      [BABEL_ERR_INTERRUPTED] = "interrupted",
  };
  return (unsigned)status < BABEL_STATUS_COUNT ? names[status] : "unknown status";
}
