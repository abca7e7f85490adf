/* The bench engine: one row per measured thing. It checks the result first, then times it, and never judges speed.
 *
 * Columns: op backend shape iters min_us med_us GB/s GFLOP/s %peak x_vendor max_err. Peaks are measured by the same process just
 * before. A row whose check fails prints FAIL in place of its speed, and the program ends with status 1.
 * On the simulated device a time means nothing: there the columns are what its counters say of one run (docs/simulated_device.md). */
#ifndef BABEL_BENCH_ENGINE_H
#define BABEL_BENCH_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/results.h"
#include "core/arena.h"
#include "kernels/ops.h"

typedef struct {
  const babel_ops *ops;      /* for the rows of kernels: works on memory of the host, on a device too */
  const babel_ops *step_ops; /* for whole steps: the backend's own */
  bool device;         /* rows are run DEVICE_RUNS times in a row and awaited once */
  bool simulated;      /* device: it is the simulated one */
  bool list;           /* names the rows, runs none */
  double limit;        /* of a linear product: by its precision */
  babel_precision precision; /* of a device */
  babel_arena memory;  /* of the row at hand */
  double seconds;      /* spent on timing one row */
  bool cold;           /* empty the caches before every run */
  const char *pattern; /* rows whose "op shape" contains this text, or NULL */
  double peak_flops, peak_bytes; /* per second; 0 = not measured */
  babel_bench_results results;   /* one entry a row that ran */
  char op[32], shape[64];        /* of the row at hand */
  int seen, failed;              /* rows that the pattern names; checks that failed */
} babel_bench;

typedef struct {
  double bytes, flops; /* read and written, and done, by one run */
  babel_status (*run)(void *context);
  babel_status (*wait)(void *context); /* what a run has begun is done; NULL where run itself waits */
  double (*check)(void *context); /* after one run: largest error over the largest expected value */
  double limit;                   /* FAIL when the error is above it, or NaN */
  int at_least;  /* runs; 0 = 11 */
  babel_status (*vendor)(void *context); /* the same work by a library, or NULL; takes turns with run */
  void *context;
} babel_bench_row;

/* bench->results names backend and device. */
babel_status babel_bench_open(babel_bench *bench, const char *backend);
void babel_bench_close(babel_bench *bench);

/* Multiply-adds in registers, all threads, now [FLOP/s]. */
double babel_bench_peak_flops(void);

/* Begins a row: its name, its shape as by printf, empty memory. False: it is not asked for, or only its name was. */
bool babel_bench_wants(babel_bench *bench, const char *op, const char *shape, ...) __attribute__((format(printf, 3, 4)));
/* n floats of the row's memory, filled with repeatable numbers in [-scale, scale); 0: with zero bytes. Ends the program when memory is short. */
float *babel_bench_floats(babel_bench *bench, size_t n, double scale);
int *babel_bench_ints(babel_bench *bench, size_t n); /* zeros */
/* What a row cannot do without: ends the program with the sentence otherwise. */
void babel_bench_must(babel_status status);
void babel_bench_measure(babel_bench *bench, const babel_bench_row *row);

/* The largest gap so far; NaN stays. */
static inline void babel_bench_gap(double *gap, double got, double expected) {
  const double here = got > expected ? got - expected : expected - got;
  if (*gap == *gap && !(here <= *gap)) *gap = here;
}

#endif
