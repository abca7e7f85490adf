#include "bench/device.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#ifdef BABEL_BENCH_CUBLASLT
#include "bench/cublaslt.h"
#endif

#ifdef BABEL_HAS_CUDA
#include "tests/support/device_table.h"
#include "tests/support/device_timer.h"

babel_status babel_bench_device_open(const char *name, const babel_ops **ops, babel_precision *precision, double *limit) {
  const bool fp32 = strstr(name, ":fp32"), bf16 = strstr(name, ":bf16");
  *limit = fp32 ? 2e-6 : bf16 ? 1e-2 : 1e-3;
  *precision = fp32 ? BABEL_PRECISION_FP32 : bf16 ? BABEL_PRECISION_BF16 : BABEL_PRECISION_TF32;
  *ops = babel_device_table(*precision);
  return *ops ? BABEL_OK : babel_error_last()->status;
}

void babel_bench_device_timer(int runs) {
  babel_device_timer_set(runs);
}

double babel_bench_device_seconds(void) {
  return babel_device_timer_seconds();
}
#else
babel_status babel_bench_device_open(const char *name, const babel_ops **ops, babel_precision *precision, double *limit) {
  return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s: this program was built without CUDA", name);
}

void babel_bench_device_timer(int runs) {
}

double babel_bench_device_seconds(void) {
  return 0;
}
#endif

#ifdef BABEL_BENCH_CUBLASLT
double babel_bench_device_flops(const babel_ops *ops, babel_precision precision) {
  enum { SIZE = 8192, RUNS = 3 };
  babel_cublaslt *product;
  double flops = 0;
  if (babel_cublaslt_create(&product, ops, precision, &(babel_cublaslt_shape){.m = SIZE, .n = SIZE, .k = SIZE}) != BABEL_OK) {
    fprintf(stderr, "babel_bench: no peak of the arithmetic, no library to compare with: %s\n", babel_error_last()->sentence);
    return 0;
  }
  babel_device_timer_set(RUNS);
  if (babel_cublaslt_run(product) == BABEL_OK) flops = 2.0 * SIZE * SIZE * SIZE / babel_device_timer_seconds();
  babel_device_timer_set(0);
  babel_cublaslt_destroy(product);
  return flops;
}
#else
double babel_bench_device_flops(const babel_ops *ops, babel_precision precision) {
  return 0;
}
#endif

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

babel_status babel_bench_device_bytes(const babel_ops *ops, double *bytes) {
  enum { COPIES = 20 };
#ifdef BABEL_SIMDEV
  const size_t size = (size_t)1 << 20;
#else
  const size_t size = (size_t)1 << 29;
#endif
  void *from = NULL, *to = NULL;
  babel_status status;
  BABEL_TRY_OR(ops->alloc(&from, size), done);
  BABEL_TRY_OR(ops->alloc(&to, size), done);
  BABEL_TRY_OR(ops->copy(to, from, size, NULL), done);
  BABEL_TRY_OR(ops->synchronize(NULL), done);
  double start = now();
  for (int i = 0; i < COPIES; i++) BABEL_TRY_OR(ops->copy(to, from, size, NULL), done);
  BABEL_TRY_OR(ops->synchronize(NULL), done);
  *bytes = 2 * (double)size * COPIES / (now() - start);
done:
  ops->free(from);
  ops->free(to);
  return status;
}
