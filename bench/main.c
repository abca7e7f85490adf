/* babel_bench: what each operation and a whole training step cost here. engine.h explains the columns. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/backend.h"
#include "bench/device.h"
#include "bench/growth/bench.h"
#include "bench/kernels/bench.h"

static const char usage_text[] =
    "usage: babel_bench list [PATTERN]      names the rows\n"
    "       babel_bench kernels [PATTERN]   measures operations\n"
    "       babel_bench step [PATTERN]      measures whole training steps\n"
    "       babel_bench compare A B         two files written by --json, row by row\n"
    "PATTERN: rows whose line in the list, operation and shape with one blank between, contains it\n"
    "  --backend NAME  cpu (default), cuda (TF32), cuda:fp32 or cuda:bf16\n"
    "  --json FILE     also writes the results there\n"
    "  --seconds S     time spent on each row (default 0.3)\n"
    "  --threads N     of the CPU (default: all)\n"
    "  --cold          empties the CPU's caches before every run\n"
    "Exit status: 0; 1 when the check of a row failed; 2 when nothing could be measured.\n";

typedef struct {
  const char *backend, *json, *word[3]; /* word: the command and what follows it */
  int words;
} arguments;

/* False: not understood. */
static bool read_arguments(int argc, char **argv, babel_bench *bench, arguments *all) {
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (!strcmp(argv[i], "--cold")) {
      bench->cold = true;
    } else if (argv[i][0] != '-') {
      if (all->words == 3) return false;
      all->word[all->words++] = argv[i];
    } else {
      if (!value) return false;
      if (!strcmp(argv[i], "--backend"))
        all->backend = value;
      else if (!strcmp(argv[i], "--json"))
        all->json = value;
      else if (!strcmp(argv[i], "--seconds") && atof(value) > 0)
        bench->seconds = atof(value);
      else if (!strcmp(argv[i], "--threads") && atoi(value) > 0)
        omp_set_num_threads(atoi(value));
      else
        return false;
      i++;
    }
  }
  return all->words > 0;
}

static babel_status compare(const char *first, const char *second) {
  static babel_bench_results a, b;
  BABEL_TRY(babel_bench_results_read(&a, first));
  BABEL_TRY(babel_bench_results_read(&b, second));
  babel_bench_compare(&a, &b);
  return BABEL_OK;
}

/* A list of rows needs no device. */
static babel_status begin(babel_bench *bench, const char *backend) {
  bench->device = strcmp(backend, "cpu");
#ifdef BABEL_SIMDEV
  bench->simulated = bench->device;
#endif
  if (!bench->list) {
    BABEL_TRY(babel_bench_backend(backend, &bench->step_ops));
    if (bench->device) BABEL_TRY(babel_bench_device_open(backend, &bench->ops, &bench->precision, &bench->limit));
  }
  return babel_bench_open(bench, backend);
}

static babel_status measure(babel_bench *bench, const arguments *all) {
  const char *command = all->word[0];
  bench->list = !strcmp(command, "list");
  bench->pattern = all->word[1];
  BABEL_TRY(begin(bench, all->backend));
  if (strcmp(command, "step")) babel_bench_kernels(bench);
  if (strcmp(command, "kernels")) babel_bench_step(bench);
  babel_bench_close(bench);
  if (!bench->seen) return BABEL_FAIL(BABEL_ERR_ARG, "no row of this backend contains \"%s\": babel_bench list", bench->pattern);
  return all->json && !bench->list ? babel_bench_results_write(&bench->results, all->json) : BABEL_OK;
}

int main(int argc, char **argv) {
  static babel_bench bench = {.limit = 2e-6, .seconds = 0.3};
  arguments all = {.backend = "cpu"};
  bench.ops = bench.step_ops = babel_ops_cpu();
  if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) return fputs(usage_text, stdout) < 0;
  const bool understood = read_arguments(argc, argv, &bench, &all);
  const char *command = understood ? all.word[0] : "";
  babel_status status;
  if (!strcmp(command, "compare") && all.words == 3) {
    status = compare(all.word[1], all.word[2]);
  } else if ((!strcmp(command, "list") || !strcmp(command, "kernels") || !strcmp(command, "step")) && all.words < 3) {
    status = measure(&bench, &all);
  } else {
    fputs(usage_text, stderr);
    return 2;
  }
  if (status != BABEL_OK) fprintf(stderr, "babel_bench: %s\n", babel_error_last()->sentence);
  return status != BABEL_OK ? 2 : bench.failed ? 1 : 0;
}
