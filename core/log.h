/* Log lines for people, to standard error: notes that a user should see (`babel: ...`), warnings (`babel: warning: ...`).
 * Results go to standard output and are printed by cli/ alone. Thread-safe; one line a call. */
#ifndef BABEL_CORE_LOG_H
#define BABEL_CORE_LOG_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { BABEL_LOG_QUIET, BABEL_LOG_WARN, BABEL_LOG_NOTE, BABEL_LOG_DEBUG } babel_log_level;

void babel_log_set_level(babel_log_level level); /* default BABEL_LOG_NOTE */
babel_log_level babel_log_get_level(void);
void babel_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void babel_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void babel_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
int babel_warn_count(void); /* warnings since the start, printed ones and silenced ones */

#ifdef __cplusplus
}
#endif
#endif
