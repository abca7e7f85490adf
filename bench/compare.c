#include <stdio.h>
#include <string.h>

#include "bench/results.h"

static const babel_bench_result *find(const babel_bench_results *results, const babel_bench_result *row) {
  for (int i = 0; i < results->count; i++)
    if (!strcmp(results->row[i].op, row->op) && !strcmp(results->row[i].shape, row->shape)) return &results->row[i];
  return NULL;
}

/* What stands for a row: its median [us], or where nothing was timed the global bytes of a run [MB]; 0 = nothing was measured. */
static double figure(const babel_bench_result *row, const char **unit) {
  *unit = row->iters ? "us" : "MB";
  return row->failed ? 0 : row->iters ? row->median * 1e6 : (row->counters.bytes_read + row->counters.bytes_written) * 1e-6;
}

static void compare_row(const babel_bench_result *a, const babel_bench_result *b) {
  const char *unit_a, *unit_b;
  double x = figure(a, &unit_a), y = figure(b, &unit_b);
  printf("%-20s %-38s ", a->op, a->shape);
  if (a->failed || b->failed)
    printf("its check failed in %s\n", a->failed && b->failed ? "both" : a->failed ? "A" : "B");
  else if (!(x > 0) || !(y > 0) || strcmp(unit_a, unit_b))
    printf("nothing to compare: %s, %s\n", x > 0 ? unit_a : "not measured", y > 0 ? unit_b : "not measured");
  else
    printf("%10.2f %10.2f %4s %7.3f\n", x, y, unit_a, y / x);
}

static void name_missing(const babel_bench_results *from, const babel_bench_results *other, const char *name) {
  for (int i = 0; i < from->count; i++)
    if (!find(other, &from->row[i])) printf("%-20s %-38s only in %s\n", from->row[i].op, from->row[i].shape, name);
}

void babel_bench_compare(const babel_bench_results *first, const babel_bench_results *second) {
  const babel_bench_results *both[2] = {first, second};
  for (int i = 0; i < 2; i++) printf("# %c: %s, commit %s, %s\n", 'A' + i, both[i]->backend, both[i]->commit, both[i]->device);
  printf("# A, B: median of a run, of the simulated device the global bytes that it asks for; B/A: below 1, B is better\n");
  printf("%-20s %-38s %10s %10s %4s %7s\n", "op", "shape", "A", "B", "unit", "B/A");
  for (int i = 0; i < first->count; i++) {
    const babel_bench_result *other = find(second, &first->row[i]);
    if (other) compare_row(&first->row[i], other);
  }
  name_missing(first, second, "A");
  name_missing(second, first, "B");
}
