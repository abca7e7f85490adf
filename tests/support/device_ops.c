#include "tests/support/device_ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/device_table.h"

typedef enum { ON_CPU, ON_CUDA } backend;

static backend chosen;
static babel_precision precision = BABEL_PRECISION_FP32;

static void give_up(const char *text) {
  fprintf(stderr, "BABEL_TEST_BACKEND: %s\n", text);
  exit(1);
}

static void choose(void) {
  static const char *const words[] = {[BABEL_PRECISION_TF32] = "cuda:tf32", [BABEL_PRECISION_FP32] = "cuda:fp32", [BABEL_PRECISION_BF16] = "cuda:bf16"};
  static bool done;
  const char *wanted = getenv("BABEL_TEST_BACKEND");
  if (done) return;
  done = true;
  if (!wanted || !*wanted || !strcmp(wanted, "cpu")) return;
  chosen = ON_CUDA;
  for (int i = 0; i < 3; i++)
    if (!strcmp(wanted, words[i])) precision = (babel_precision)i;
  if (strcmp(wanted, "cuda") && strcmp(wanted, words[precision])) give_up("expected cpu, cuda, cuda:fp32, cuda:tf32 or cuda:bf16");
}

const babel_ops *babel_test_ops(void) {
  choose();
  if (chosen == ON_CPU) return babel_ops_cpu();
  const babel_ops *table = babel_device_table(precision);
  if (!table) give_up(babel_error_last()->sentence);
  return table;
}

bool babel_test_on_device(void) {
  choose();
  return chosen == ON_CUDA;
}

double babel_test_limit(double cpu, double tf32, double bf16) {
  choose();
  if (chosen == ON_CPU || precision == BABEL_PRECISION_FP32) return cpu;
  return precision == BABEL_PRECISION_TF32 ? tf32 : bf16;
}
