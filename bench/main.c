#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/backend.h"
#include "bench/device.h"
#include "bench/growth/bench.h"
#include "bench/kernels/bench.h"

static int usage(FILE *to, int status) {
  fprintf(to, "usage: babel_bench [--backend NAME] [--only OP] [--seconds S] [--threads N] [--cold]\n"
              "  --backend NAME  cpu (default), cuda (TF32), cuda:fp32 or cuda:bf16\n"
              "  --only OP    rows whose op contains OP\n"
              "  --seconds S  time spent on each row (default 0.3)\n"
              "  --threads N  (default: all)\n"
              "  --cold       empty the caches before every run\n");
  return status;
}

int main(int argc, char **argv) {
  babel_bench bench = {.ops = babel_ops_cpu(), .step_ops = babel_ops_cpu(), .limit = 2e-6, .seconds = 0.3};
  const char *backend = "cpu";
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (!strcmp(argv[i], "--cold")) {
      bench.cold = true;
      continue;
    }
    if (!strcmp(argv[i], "--help")) return usage(stdout, 0);
    if (!value) return usage(stderr, 2);
    if (!strcmp(argv[i], "--backend"))
      backend = value;
    else if (!strcmp(argv[i], "--only"))
      bench.only = value;
    else if (!strcmp(argv[i], "--seconds") && atof(value) > 0)
      bench.seconds = atof(value);
    else if (!strcmp(argv[i], "--threads") && atoi(value) > 0)
      omp_set_num_threads(atoi(value));
    else
      return usage(stderr, 2);
    i++;
  }
  babel_status status = babel_bench_backend(backend, &bench.step_ops);
  bench.device = strcmp(backend, "cpu");
  if (status == BABEL_OK && bench.device) status = babel_bench_device_open(backend, &bench.ops, &bench.limit);
  if (status == BABEL_OK) status = babel_bench_open(&bench);
  if (status != BABEL_OK) {
    fprintf(stderr, "bench: %s\n", babel_error_last()->sentence);
    return 2;
  }
  babel_bench_linear(&bench);
  babel_bench_contrastive(&bench);
  babel_bench_l2norm(&bench);
  babel_bench_adamw(&bench);
  babel_bench_input_gather(&bench);
  babel_bench_step(&bench);
  babel_bench_close(&bench);
  return bench.failed ? 1 : 0;
}
