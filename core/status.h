/* Status codes and the first failure's sentence.
 *
 * Every function that can fail returns a babel_status. The place where a failure is first seen writes file, line and
 * one sentence (which file of the user, what was expected, what was found) with BABEL_FAIL; callers relay it with
 * BABEL_TRY, which does not touch the record. The record is per thread: a parallel region copies it out with
 * babel_error_take and the caller's thread puts it back with babel_error_put. */
#ifndef BABEL_CORE_STATUS_H
#define BABEL_CORE_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  BABEL_OK = 0,
  BABEL_ERR_ARG,         /* an argument or an option is wrong */
  BABEL_ERR_SHAPE,       /* sizes do not fit each other */
  BABEL_ERR_MEMORY,      /* allocation failed */
  BABEL_ERR_IO,          /* the operating system refused */
  BABEL_ERR_FORMAT,      /* a file is damaged or not what it claims to be */
  BABEL_ERR_VALUE,       /* NaN, infinity or a value out of its physical range */
  BABEL_ERR_UNSUPPORTED, /* well-formed, but nothing here can do it */
  BABEL_ERR_STATE,       /* would overwrite, does not match what it continues, called out of order */
  BABEL_ERR_INTERRUPTED, /* SIGINT or SIGTERM, state saved */
  BABEL_STATUS_COUNT
} babel_status;

typedef struct {
  babel_status status;
  int line;
  char file[64];
  char sentence[1024];
} babel_error;

/* Records a failure of this thread and returns `status`, so that `return BABEL_FAIL(...)` reads as one thought. */
#define BABEL_FAIL(status, ...) babel_failed((status), babel_fail((status), __FILE__, __LINE__, __VA_ARGS__))

/* Relays a failure to the caller. */
#define BABEL_TRY(call)                                                                                                \
  do {                                                                                                                 \
    babel_status status_ = (call);                                                                                     \
    if (status_ != BABEL_OK) return status_;                                                                           \
  } while (0)

/* The same for functions that own things: sets the local variable `status` and jumps to the one label `fail:`. */
#define BABEL_TRY_OR(call, label)                                                                                      \
  do {                                                                                                                 \
    status = (call);                                                                                                   \
    if (status != BABEL_OK) goto label;                                                                                \
  } while (0)

babel_status babel_fail(babel_status status, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Gives back the first: the compiler sees that a constant status is not BABEL_OK. */
static inline babel_status babel_failed(babel_status status, babel_status recorded) {
  (void)recorded;
  return status;
}

/* Prefixes the recorded sentence: "bank out/imu: " + sentence. Returns the recorded status. */
babel_status babel_fail_context(const char *format, ...) __attribute__((format(printf, 1, 2)));

babel_error babel_error_take(void); /* copies the record of this thread and clears it */
void babel_error_put(const babel_error *error);
const babel_error *babel_error_last(void); /* never NULL; status is BABEL_OK when nothing failed */
const char *babel_status_name(babel_status status);

#ifdef __cplusplus
}
#endif
#endif
