/* Buffers of one kernel call: guarded, snapshotted, run twice. Inputs must stay as they were, outputs start as NaN and
 * must come out the same bits again; RUN_TWICE runs with the same number of threads, RUN_ANY_THREADS with 3, 2 and 1. */
#ifndef BABEL_TESTS_KERNELS_BUFFERS_H
#define BABEL_TESTS_KERNELS_BUFFERS_H

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"
#include "tests/support/compare.h"

#define BUFFERS 24

typedef struct {
  int count;
  struct {
    float *data, *start, *kept;
    size_t n;
    bool input;
  } item[BUFFERS];
  int double_count;
  double *doubles[BUFFERS];
} buffers;

float *buffers_input(buffers *b, const char *key, size_t n,
                     double scale);          /* babel_fill_floats; may be edited before the run */
float *buffers_output(buffers *b, size_t n); /* NaN */
float *buffers_state(buffers *b, const char *key, size_t n, double scale); /* updated in place */
double *buffers_double(buffers *b, size_t n);                              /* zeros, for the oracle */
double *buffers_widen(buffers *b, const float *x, size_t n);               /* x as doubles */
void buffers_free(buffers *b);

void buffers_threads(int threads);
void buffers_start(buffers *b);  /* snapshot before the first run */
void buffers_rewind(buffers *b); /* keep what the first run left, restore the snapshot */
bool buffers_agree(buffers *b);  /* the run left what was kept, inputs as they were, guard bands whole */

/* max |a - b| / max |b|, infinity when anything is NaN: one figure for a whole tensor. */
double relative_error(const float *a, const double *b, size_t n);

/* Central difference of f at x[i], x restored. */
double central_difference(double (*f)(void *context), void *context, double *x);

#define RUN_ON_(b, threads, call)                                                                            \
  do {                                                                                                       \
    buffers_threads(threads);                                                                                \
    cr_assert_eq((call), BABEL_OK, "%s", babel_error_last()->sentence);                                      \
  } while (0)

#define RUN_TWICE(b, call)                                                                                   \
  do {                                                                                                       \
    buffers_start(b);                                                                                        \
    RUN_ON_(b, 2, call);                                                                                     \
    buffers_rewind(b);                                                                                       \
    RUN_ON_(b, 2, call);                                                                                     \
    cr_assert(buffers_agree(b), "second run differs, or wrote where it must not");                           \
  } while (0)

#define RUN_ANY_THREADS(b, call)                                                                             \
  do {                                                                                                       \
    buffers_start(b);                                                                                        \
    RUN_ON_(b, 3, call);                                                                                     \
    for (int threads_ = 2; threads_ >= 1; threads_--) {                                                      \
      buffers_rewind(b);                                                                                     \
      RUN_ON_(b, threads_, call);                                                                            \
      cr_assert(buffers_agree(b), "%d threads give other bits than %d, or wrote where they must not",        \
                threads_, threads_ + 1);                                                                     \
    }                                                                                                        \
  } while (0)

#endif
