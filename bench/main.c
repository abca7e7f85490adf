#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/growth/bench.h"
#include "bench/kernels/bench.h"

static int usage(FILE *to, int status) {
  fprintf(to, "usage: babel_bench [--only OP] [--seconds S] [--threads N] [--cold]\n"
              "  --only OP    rows whose op contains OP\n"
              "  --seconds S  time spent on each row (default 0.3)\n"
              "  --threads N  (default: all)\n"
              "  --cold       empty the caches before every run\n");
  return status;
}

int main(int argc, char **argv) {
  babel_bench bench = {.ops = babel_ops_cpu(), .seconds = 0.3};
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (!strcmp(argv[i], "--cold")) {
      bench.cold = true;
      continue;
    }
    if (!strcmp(argv[i], "--help")) return usage(stdout, 0);
    if (!value) return usage(stderr, 2);
    if (!strcmp(argv[i], "--only"))
      bench.only = value;
    else if (!strcmp(argv[i], "--seconds") && atof(value) > 0)
      bench.seconds = atof(value);
    else if (!strcmp(argv[i], "--threads") && atoi(value) > 0)
      omp_set_num_threads(atoi(value));
    else
      return usage(stderr, 2);
    i++;
  }
  if (babel_bench_open(&bench) != BABEL_OK) {
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
