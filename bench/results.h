/* What a bench found, as a file: JSON, {"babel_bench": 1, "backend", "device", "commit", "rows": [{"op", "shape", ...}]}. */
#ifndef BABEL_BENCH_RESULTS_H
#define BABEL_BENCH_RESULTS_H

#include <stdbool.h>

#include "core/status.h"
#include "tests/support/device_counters.h"

enum { BABEL_BENCH_ROWS = 192 };

typedef struct {
  char op[32], shape[64];
  double error; /* what the row's check said */
  bool failed;  /* above its limit: nothing else counts */
  int iters;    /* timed runs; 0: none, on the simulated device */
  double min, quartile1, median, quartile3; /* of a run [s] */
  double bytes, flops;                      /* read and written, and done, by one run */
  babel_device_counters counters;           /* of one run; launches 0: not counted */
} babel_bench_result;

typedef struct {
  char backend[16], device[512], commit[48];
  int count;
  babel_bench_result row[BABEL_BENCH_ROWS];
} babel_bench_results;

/* BABEL_ERR_IO when the file cannot be written. */
babel_status babel_bench_results_write(const babel_bench_results *results, const char *path);
/* BABEL_ERR_IO, BABEL_ERR_FORMAT: one sentence that names the file. */
babel_status babel_bench_results_read(babel_bench_results *results, const char *path);

/* Prints the rows of both files side by side, the second over the first, and the rows that one of them lacks. */
void babel_bench_compare(const babel_bench_results *first, const babel_bench_results *second);

#endif
