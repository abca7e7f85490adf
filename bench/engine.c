#include "bench/engine.h"

#include <math.h>
#include <omp.h>
#include <stdarg.h>
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

#define NAME "%-20s %-9s %-38s "

static void explain_times(const babel_bench *bench) {
  if (bench->device && !(bench->peak_flops > 0))
    printf("# peak: of the arithmetic not measured, %.1f GB/s copy of a buffer larger than the caches\n", bench->peak_bytes * 1e-9);
  else if (bench->device)
    printf("# peak: %.1f TFLOP/s of a large product by cuBLASLt in this precision, %.1f GB/s copy of a buffer larger than the caches\n",
           bench->peak_flops * 1e-12, bench->peak_bytes * 1e-9);
  else
    printf("# peak: %.1f GFLOP/s multiply-add in registers, %.1f GB/s copy of a buffer larger than the caches\n", bench->peak_flops * 1e-9,
           bench->peak_bytes * 1e-9);
  printf("# caches: %s\n", bench->cold ? "emptied before every run" : "as the run before left them");
  if (bench->device)
    printf("# a time is that of the device: the mean of %d runs in a row, recorded as one graph that is replayed and awaited once; of a step, %d\n"
           "# steps given one after another, uploads included, and awaited once\n", DEVICE_RUNS, DEVICE_RUNS);
  printf("# op, backend, shape: what ran; iters: timed runs; min_us, med_us: fastest and median run\n"
         "# GB/s: bytes read and written once, by the median; GFLOP/s: by the median; x_vendor: median of the library / ours\n"
         "# %%peak: the largest share of a measured peak, of GFLOP/s or GB/s (above 100 where the data stays in a cache)\n"
         "# max_err: largest error against double precision over the largest value; FAIL: above the row's limit\n");
  printf(NAME "%6s %9s %9s %7s %8s %6s %8s %8s\n", "op", "backend", "shape", "iters", "min_us", "med_us", "GB/s", "GFLOP/s", "%peak", "x_vendor", "max_err");
}

static void explain_counters(void) {
  printf("# a simulated device has no speed: what one run asks for, as counted where kernels report their accesses (-DBABEL_SIMDEV_HOOKS=ON), else -\n"
         "# launches: kernels; read_MB, write_MB: 10^6 bytes of global memory that threads ask for; sectors: 32-byte pieces a warp's request touches,\n"
         "# x_least: over the fewest possible; conflicts: passes over shared memory over the fewest possible; MFLOP: of tensor-core instructions\n"
         "# max_err: largest error against double precision over the largest value; FAIL: above the row's limit\n");
  printf(NAME "%8s %8s %8s %8s %8s %9s %8s %8s\n", "op", "backend", "shape", "launches", "read_MB", "write_MB", "sectors", "x_least", "conflicts", "MFLOP",
         "max_err");
}

static void explain(babel_bench *bench) {
  babel_bench_results *results = &bench->results;
  bench->step_ops->describe(results->device, sizeof results->device);
  snprintf(results->commit, sizeof results->commit, "%s", BABEL_COMMIT);
  printf("# device: %s\n# commit: %s\n", results->device, results->commit);
  if (bench->simulated)
    explain_counters();
  else
    explain_times(bench);
}

babel_status babel_bench_open(babel_bench *bench, const char *backend) {
  void *memory;
  snprintf(bench->results.backend, sizeof bench->results.backend, "%s", backend);
  if (bench->list) return BABEL_OK;
  BABEL_TRY(babel_arena_create(&bench->memory, MEMORY));
  BABEL_TRY(babel_alloc(&memory, SWEEP, sizeof(float)));
  sweep_buffer = memory;
  if (!bench->device) {
    bench->peak_flops = babel_bench_peak_flops();
    bench->peak_bytes = measure_peak_bytes();
  } else if (!bench->simulated) {
    BABEL_TRY(babel_bench_device_bytes(bench->step_ops, &bench->peak_bytes));
    bench->peak_flops = babel_bench_device_flops(bench->step_ops, bench->precision);
  }
  explain(bench);
  return BABEL_OK;
}

void babel_bench_close(babel_bench *bench) {
  babel_arena_destroy(&bench->memory);
  free(sweep_buffer);
  sweep_buffer = NULL;
}

void babel_bench_must(babel_status status) {
  if (status == BABEL_OK) return;
  fprintf(stderr, "babel_bench: %s\n", babel_error_last()->sentence);
  exit(2);
}

float *babel_bench_floats(babel_bench *bench, size_t n, double scale) {
  float *piece;
  babel_bench_must(babel_arena_floats(&bench->memory, n, &piece));
  if (!(scale > 0)) return memset(piece, 0, n * sizeof *piece);
  uint32_t h = 2463534242u + (uint32_t)n;
  for (size_t i = 0; i < n; i++) {
    h ^= h << 13;
    h ^= h >> 17;
    h ^= h << 5;
    piece[i] = (float)(((double)h * 0x1p-31 - 1) * scale);
  }
  return piece;
}

int *babel_bench_ints(babel_bench *bench, size_t n) {
  void *piece;
  babel_bench_must(babel_arena_take(&bench->memory, n * sizeof(int), &piece));
  return memset(piece, 0, n * sizeof(int));
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* On a device: the mean of many runs in a row, of kernels without the host's part in it (tests/support/device_timer.h). */
static double timed_on_device(babel_status (*run)(void *), const babel_bench_row *row) {
  if (!row->wait) {
    babel_bench_device_timer(DEVICE_RUNS);
    babel_bench_must(run(row->context));
    babel_bench_device_timer(0);
    return babel_bench_device_seconds();
  }
  double start = now();
  for (int i = 0; i < DEVICE_RUNS; i++) babel_bench_must(run(row->context));
  babel_bench_must(row->wait(row->context));
  return (now() - start) / DEVICE_RUNS;
}

static double timed(const babel_bench *bench, babel_status (*run)(void *), const babel_bench_row *row) {
  if (bench->device) return timed_on_device(run, row);
  if (bench->cold) sweep();
  double start = now();
  babel_bench_must(run(row->context));
  return now() - start;
}

static void measure_times(babel_bench *bench, const babel_bench_row *row, babel_bench_result *result) {
  static double ours[MOST_RUNS], vendors[MOST_RUNS];
  int runs = 0, at_least = row->at_least ? row->at_least : 11;
  if (row->vendor) babel_bench_must(row->vendor(row->context));
  for (double end = now() + bench->seconds; runs < MOST_RUNS && (runs < at_least || now() < end); runs++) {
    if (row->vendor) vendors[runs] = timed(bench, row->vendor, row);
    ours[runs] = timed(bench, row->run, row);
  }
  qsort(ours, (size_t)runs, sizeof *ours, ascending);
  qsort(vendors, (size_t)runs, sizeof *vendors, ascending);
  result->iters = runs;
  result->min = ours[0];
  result->quartile1 = ours[runs / 4];
  result->median = ours[runs / 2];
  result->quartile3 = ours[runs * 3 / 4];
  const double bytes = row->bytes / result->median, flops = row->flops / result->median;
  printf("%6d %9.1f %9.1f %7.1f %8.1f %6.1f ", runs, result->min * 1e6, result->median * 1e6, bytes * 1e-9, flops * 1e-9,
         100 * fmax(bytes / bench->peak_bytes, bench->peak_flops > 0 ? flops / bench->peak_flops : 0));
  if (row->vendor)
    printf("%8.2f ", vendors[runs / 2] / result->median);
  else
    printf("%8s ", "-");
  printf("%8.1e\n", result->error);
}

static void print_counters(const babel_bench_result *result) {
  const babel_device_counters *c = &result->counters;
  if (c->launches > 0)
    printf("%8.0f %8.2f %8.2f %8.2f %8.2f %9.2f %8.1f ", c->launches, c->bytes_read * 1e-6, c->bytes_written * 1e-6, c->sectors / fmax(c->requests, 1),
           c->sectors / fmax(c->least_sectors, 1), c->least_wavefronts > 0 ? c->wavefronts / c->least_wavefronts : 1, c->tensor_flops * 1e-6);
  else
    printf("%8s %8s %8s %8s %8s %9s %8s ", "-", "-", "-", "-", "-", "-", "-");
  printf("%8.1e\n", result->error);
}

void babel_bench_measure(babel_bench *bench, const babel_bench_row *row) {
  babel_bench_results *results = &bench->results;
  if (results->count == BABEL_BENCH_ROWS) babel_bench_must(BABEL_FAIL(BABEL_ERR_STATE, "more than %d rows", BABEL_BENCH_ROWS));
  babel_bench_result *result = &results->row[results->count++];
  *result = (babel_bench_result){.bytes = row->bytes, .flops = row->flops};
  memcpy(result->op, bench->op, sizeof result->op);
  memcpy(result->shape, bench->shape, sizeof result->shape);
  if (bench->simulated) babel_device_counters_begin();
  babel_bench_must(row->run(row->context));
  if (row->wait) babel_bench_must(row->wait(row->context));
  if (bench->simulated) babel_device_counters_end(&result->counters);
  result->error = row->check(row->context);
  result->failed = !(result->error <= row->limit);
  printf(NAME, result->op, results->backend, result->shape);
  if (result->failed) {
    printf("%6s %9s %9s %7s %8s %6s %8s %8.1e\n", "-", "FAIL", "FAIL", "-", "-", "-", "-", result->error);
    bench->failed++;
  } else if (bench->simulated) {
    print_counters(result);
  } else {
    measure_times(bench, row, result);
  }
  fflush(stdout);
}

bool babel_bench_wants(babel_bench *bench, const char *op, const char *shape, ...) {
  char name[sizeof bench->op + sizeof bench->shape + 1];
  va_list arguments;
  va_start(arguments, shape);
  vsnprintf(bench->shape, sizeof bench->shape, shape, arguments);
  va_end(arguments);
  snprintf(bench->op, sizeof bench->op, "%s", op);
  snprintf(name, sizeof name, "%s %s", bench->op, bench->shape);
  if (bench->pattern && !strstr(name, bench->pattern)) return false;
  bench->seen++;
  if (bench->list) {
    printf("%-20s %s\n", bench->op, bench->shape);
    return false;
  }
  babel_arena_reset(&bench->memory);
  return true;
}
