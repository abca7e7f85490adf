/* Runs training steps on request, so that another program can time its own in turns with ours: scripts/bench_peers.sh.
 *
 *   babel_step_serve SHAPE DROPOUT THREADS [BACKEND]      cpu, or as bench/backend.h says
 * One command a line on standard input, one line of answer:
 *   steps N     N steps; their times [us]
 *   block N     N steps in a row, awaited at the end, as training runs them; their mean time [us]
 *   peak        peak multiply-add rate of this machine now [FLOP/s], FLOP of one step
 *   dump FILE   gradients of the next step without updating anything; FILE (safetensors) holds inputs, parameters, gradients, losses, weights */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/backend.h"
#include "bench/engine.h"
#include "bench/growth/step_bench.h"
#include "core/safetensors.h"

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A file of arrays of the backend; the writer borrows the copies. */
typedef struct {
  babel_safetensors_writer *writer;
  void *copies[5 + BABEL_MAX_SIDES];
  int count;
} dump_file;

static babel_status add(dump_file *file, const babel_step_plan *plan, const char *name, int side, const float *data, int64_t rows, int64_t columns) {
  char text[32];
  int64_t shape[2] = {rows, columns};
  void *host;
  size_t count = (size_t)(rows * (columns ? columns : 1));
  snprintf(text, sizeof text, side < 0 ? "%s" : "%s.%c", name, 'a' + side);
  BABEL_TRY(babel_alloc(&host, count, sizeof(float)));
  file->copies[file->count++] = host;
  BABEL_TRY(plan->ops->download(host, data, count * sizeof(float), plan->stream));
  return babel_safetensors_writer_floats(file->writer, text, host, columns ? 2 : 1, shape);
}

static babel_status add_all(dump_file *file, const babel_step_bench *bench) {
  const babel_step_plan *plan = &bench->plan;
  for (int s = 0; s < plan->sides; s++) BABEL_TRY(add(file, plan, "input", s, plan->side[s].act[0], plan->side[s].rows, plan->side[s].layer[0].in));
  BABEL_TRY(add(file, plan, "params", -1, plan->params, plan->count, 0));
  if (plan->teacher_params) BABEL_TRY(add(file, plan, "teacher", -1, plan->teacher_params, plan->count, 0));
  BABEL_TRY(add(file, plan, "grads", -1, plan->params, plan->count, 0)); /* room for it */
  BABEL_TRY(babel_step_plan_gradient(plan, file->copies[file->count - 1]));
  BABEL_TRY(add(file, plan, "losses", -1, plan->loss, 2, 0));
  return add(file, plan, "weights", -1, plan->weights, 2, 0);
}

static babel_status dump(babel_step_bench *bench, const char *path) {
  dump_file file = {0};
  babel_status status;
  BABEL_TRY(babel_step_choose(&bench->plan));
  BABEL_TRY(babel_step_gradients(&bench->plan));
  BABEL_TRY(babel_safetensors_writer_create(&file.writer));
  status = add_all(&file, bench);
  if (status == BABEL_OK) status = babel_safetensors_writer_commit(file.writer, path);
  babel_safetensors_writer_destroy(file.writer);
  for (int i = 0; i < file.count; i++) free(file.copies[i]);
  return status;
}

static babel_status awaited(babel_step_bench *bench, int steps) {
  BABEL_TRY(babel_step_run(&bench->plan, steps));
  return bench->plan.ops->synchronize(bench->plan.stream);
}

static babel_status answer(babel_step_bench *bench, const char *line) {
  char path[1024];
  int count;
  if (sscanf(line, "steps %d", &count) == 1 && count > 0) {
    for (int i = 0; i < count; i++) {
      double start = now();
      BABEL_TRY(awaited(bench, 1));
      printf("%s%.1f", i ? " " : "", (now() - start) * 1e6);
    }
  } else if (sscanf(line, "block %d", &count) == 1 && count > 0) {
    double start = now();
    BABEL_TRY(awaited(bench, count));
    printf("%.2f", (now() - start) * 1e6 / count);
  } else if (!strcmp(line, "peak")) {
    printf("%.6g %.6g", babel_bench_peak_flops(), babel_step_bench_flops(bench));
  } else if (sscanf(line, "dump %1023[^\n]", path) == 1) {
    BABEL_TRY(dump(bench, path));
    printf("ok");
  } else {
    return BABEL_FAIL(BABEL_ERR_ARG, "\"%s\" is no command", line);
  }
  printf("\n");
  fflush(stdout);
  return BABEL_OK;
}

int main(int argc, char **argv) {
  babel_step_bench bench;
  const babel_step_shape *shape = NULL;
  const babel_ops *ops;
  char line[1100];
  for (int i = 0; (argc == 4 || argc == 5) && (shape = babel_step_shape_at(i)) && strcmp(shape->name, argv[1]);) i++;
  if (!shape || atoi(argv[3]) < 1) {
    fprintf(stderr, "usage: babel_step_serve SHAPE DROPOUT THREADS [BACKEND]; shapes:");
    for (int i = 0; (shape = babel_step_shape_at(i)); i++) fprintf(stderr, " %s", shape->name);
    fprintf(stderr, "\n");
    return 2;
  }
  omp_set_num_threads(atoi(argv[3]));
  babel_status status = babel_bench_backend(argc == 5 ? argv[4] : "cpu", &ops);
  if (status == BABEL_OK) status = babel_step_bench_create(&bench, ops, shape, atof(argv[2]));
  if (status == BABEL_OK) {
    while (status == BABEL_OK && fgets(line, sizeof line, stdin)) {
      line[strcspn(line, "\n")] = 0;
      status = answer(&bench, line);
    }
    babel_step_bench_destroy(&bench);
  }
  if (status != BABEL_OK) fprintf(stderr, "babel_step_serve: %s\n", babel_error_last()->sentence);
  return status == BABEL_OK ? 0 : 1;
}
