#include "bench/engine.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/device.h"
#include "growth/commit.h"

#define MEMORY ((size_t)256 << 20)
#define SWEEP ((size_t)16 << 20) /* floats: four times a large last-level cache */
#define MOST_RUNS 20000
#define DEVICE_RUNS 20

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static float *sweep_buffer;

/* Twelve independent chains of multiply-add a thread, each with its own start, so that no two can be merged. */
#define CHAINS 12
#define STEPS 20000

typedef float wide __attribute__((vector_size(32)));

static float chains(float seed) {
  wide sum[CHAINS], factor = (wide){0} + 0.999f, term = (wide){0} + 1e-3f, all = {0};
  for (int i = 0; i < CHAINS; i++) sum[i] = (wide){0} + (seed + (float)i);
  for (int k = 0; k < STEPS; k++)
    for (int i = 0; i < CHAINS; i++) sum[i] = sum[i] * factor + term;
  for (int i = 0; i < CHAINS; i++) all += sum[i];
  return all[0];
}

/* Each thread times itself: a neighbour that is held up does not spoil its figure. */
double babel_bench_peak_flops(void) {
  double all = 0;
  volatile float seed = 1;
  float sink = 0;
#pragma omp parallel reduction(+ : all, sink)
  {
    double best = 0;
    for (int r = 0; r < 300; r++) {
      double start = now();
      sink += chains(seed);
      best = fmax(best, (double)STEPS * CHAINS * 8 * 2 / (now() - start));
    }
    all += best;
  }
  seed = sink;
  return all;
}

static void sweep(void) {
#pragma omp parallel for simd schedule(static)
  for (size_t i = 0; i < SWEEP / 2; i++) sweep_buffer[i] = sweep_buffer[i + SWEEP / 2] + 1;
}

static double measure_peak_bytes(void) {
  double best = 0;
  for (int r = 0; r < 20; r++) {
    double start = now();
    sweep();
    double rate = (double)SWEEP * sizeof(float) / (now() - start);
    if (rate > best) best = rate;
  }
  return best;
}

static void explain(const babel_bench *bench) {
  char machine[512];
  bench->step_ops->describe(machine, sizeof machine);
  printf("# device: %s\n# commit: %s\n", machine, BABEL_COMMIT);
  printf("# peak: %.1f GFLOP/s multiply-add in registers, %.1f GB/s copy of a buffer larger than the caches\n", bench->peak_flops * 1e-9,
         bench->peak_bytes * 1e-9);
  printf("# caches: %s\n", bench->cold ? "emptied before every run" : "as the run before left them");
  if (bench->device) printf("# a time is the mean of %d runs in a row, recorded as one graph; of a step, launched one by one and awaited once\n", DEVICE_RUNS);
  printf("# op, backend, shape: what ran; iters: timed runs; min_us, med_us: fastest and median run\n");
  printf("# GB/s: bytes read and written once, by the median; GFLOP/s: by the median; x_vendor: median of the library / ours\n");
  printf("# %%peak: the larger of GFLOP/s and GB/s as a share of its peak (above 100 where the data stays in a cache)\n");
  printf("# max_err: largest error against double precision over the largest value; FAIL: above the row's limit\n");
  printf("%-18s %-5s %-28s %6s %9s %9s %7s %8s %6s %8s %8s\n", "op", "backend", "shape", "iters", "min_us", "med_us", "GB/s", "GFLOP/s", "%peak",
         "x_vendor", "max_err");
}

babel_status babel_bench_open(babel_bench *bench) {
  void *memory;
  BABEL_TRY(babel_arena_create(&bench->memory, MEMORY));
  BABEL_TRY(babel_alloc(&memory, SWEEP, sizeof(float)));
  sweep_buffer = memory;
  if (bench->device) {
    bench->peak_flops = INFINITY; /* no figure of this process: the share is that of the memory alone */
    BABEL_TRY(babel_bench_device_bytes(bench->step_ops, &bench->peak_bytes));
  } else {
    bench->peak_flops = babel_bench_peak_flops();
    bench->peak_bytes = measure_peak_bytes();
  }
  explain(bench);
  return BABEL_OK;
}

void babel_bench_close(babel_bench *bench) {
  babel_arena_destroy(&bench->memory);
  free(sweep_buffer);
  sweep_buffer = NULL;
}

static void must(babel_status status) {
  if (status == BABEL_OK) return;
  fprintf(stderr, "bench: %s\n", babel_error_last()->sentence);
  exit(2);
}

float *babel_bench_floats(babel_bench *bench, size_t n, double scale) {
  float *piece;
  must(babel_arena_floats(&bench->memory, n, &piece));
  uint32_t h = 2463534242u + (uint32_t)n;
  for (size_t i = 0; i < n; i++) {
    h ^= h << 13;
    h ^= h >> 17;
    h ^= h << 5;
    piece[i] = (float)(((double)h * 0x1p-31 - 1) * scale);
  }
  return piece;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* On a device: the mean of many runs in a row, of kernels without the host's part in it (tests/support/device_timer.h). */
static double timed_on_device(const babel_bench_row *row) {
  if (!row->wait) {
    babel_bench_device_timer(DEVICE_RUNS);
    must(row->run(row->context));
    babel_bench_device_timer(0);
    return babel_bench_device_seconds();
  }
  double start = now();
  for (int i = 0; i < DEVICE_RUNS; i++) must(row->run(row->context));
  must(row->wait(row->context));
  return (now() - start) / DEVICE_RUNS;
}

static double timed(const babel_bench *bench, babel_status (*run)(void *), const babel_bench_row *row) {
  if (bench->device) return timed_on_device(row);
  if (bench->cold) sweep();
  double start = now();
  must(run(row->context));
  return now() - start;
}

void babel_bench_measure(babel_bench *bench, const babel_bench_row *row) {
  static double ours[MOST_RUNS], vendors[MOST_RUNS];
  must(row->run(row->context));
  const double error = row->check(row->context);
  printf("%-18s %-7s %-28s ", row->op, bench->step_ops->name, row->shape);
  if (!(error <= row->limit)) {
    printf("%6s %9s %9s %7s %8s %6s %8s %8.1e\n", "-", "FAIL", "FAIL", "-", "-", "-", "-", error);
    bench->failed++;
    return;
  }
  int runs = 0, at_least = row->at_least ? row->at_least : 11;
  if (row->vendor) must(row->vendor(row->context));
  for (double end = now() + bench->seconds; runs < MOST_RUNS && (runs < at_least || now() < end); runs++) {
    if (row->vendor) vendors[runs] = timed(bench, row->vendor, row);
    ours[runs] = timed(bench, row->run, row);
  }
  qsort(ours, (size_t)runs, sizeof *ours, ascending);
  qsort(vendors, (size_t)runs, sizeof *vendors, ascending);
  bench->quartiles[0] = ours[runs / 4];
  bench->quartiles[1] = ours[runs * 3 / 4];
  const double median = ours[runs / 2], bytes = row->bytes / median, flops = row->flops / median;
  printf("%6d %9.1f %9.1f %7.1f %8.1f %6.1f ", runs, ours[0] * 1e6, median * 1e6, bytes * 1e-9, flops * 1e-9,
         100 * fmax(bytes / bench->peak_bytes, flops / bench->peak_flops));
  if (row->vendor)
    printf("%8.2f ", vendors[runs / 2] / median);
  else
    printf("%8s ", "-");
  printf("%8.1e\n", error);
  fflush(stdout);
}

bool babel_bench_wants(const babel_bench *bench, const char *op) {
  return !bench->only || strstr(op, bench->only);
}
