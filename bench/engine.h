/* The bench engine: one row per measured thing. It checks the result first, then times it, and never judges speed.
 *
 * Columns: op backend shape iters min_us med_us GB/s GFLOP/s %peak x_vendor max_err. Peaks are measured by the same process just
 * before. A row whose check fails prints FAIL in place of its speed, and the program ends with status 1. */
#ifndef BABEL_BENCH_ENGINE_H
#define BABEL_BENCH_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/arena.h"
#include "kernels/ops.h"

typedef struct {
  const babel_ops *ops;      /* for the rows of kernels: works on memory of the host, on a device too */
  const babel_ops *step_ops; /* for whole steps: the backend's own */
  bool device;         /* rows are run DEVICE_RUNS times in a row and awaited once */
  double limit;        /* of a linear product: by its precision */
  babel_arena memory;  /* of the row at hand, reset before each */
  double seconds;      /* spent on timing one row */
  bool cold;           /* empty the caches before every run */
  const char *only;    /* rows whose op contains this text, or NULL */
  double peak_flops, peak_bytes; /* per second */
  double quartiles[2]; /* of the last row's runs [s] */
  int failed;
} babel_bench;

typedef struct {
  const char *op;
  char shape[64];
  double bytes, flops; /* read and written, and done, by one run */
  babel_status (*run)(void *context);
  babel_status (*wait)(void *context); /* what a run has begun is done; NULL where run itself waits */
  double (*check)(void *context); /* after one run: largest error over the largest expected value */
  double limit;                   /* FAIL when the error is above it, or NaN */
  int at_least;  /* runs; 0 = 11 */
  babel_status (*vendor)(void *context); /* the same work by a library, or NULL; takes turns with run */
  void *context;
} babel_bench_row;

babel_status babel_bench_open(babel_bench *bench);
void babel_bench_close(babel_bench *bench);

/* Multiply-adds in registers, all threads, now [FLOP/s]. */
double babel_bench_peak_flops(void);

bool babel_bench_wants(const babel_bench *bench, const char *op);
/* n floats of the row's memory, filled with repeatable numbers in [-scale, scale). Ends the program when memory is short. */
float *babel_bench_floats(babel_bench *bench, size_t n, double scale);
void babel_bench_measure(babel_bench *bench, const babel_bench_row *row);

#endif
