/* Runs an encoder's network on request, so that another program can time its own in turns with ours: scripts/bench_peers.sh.
 *
 *   babel_encoder_serve shift_gcn|limu_bert WEIGHTS INPUT THREADS
 * INPUT: safetensors with "input", (samples, frames, 25, 3) prepared coordinates of one person or (samples, rows, 6) readings. One sample
 * has all threads to itself; of several, each thread takes whole ones, as `babel bank build` does.
 * One command a line on standard input, one line of answer:
 *   runs N      N passes over all samples; their times [us]
 *   peak        peak multiply-add rate of this machine now [FLOP/s]
 *   dump FILE   one pass; FILE (safetensors) holds "output": (samples, 256) pooled or (samples, rows, 72), block 4 */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/engine.h"
#include "core/arena.h"
#include "core/safetensors.h"
#include "encoders/limu_bert_net.h"
#include "encoders/shift_gcn_net.h"

typedef struct {
  bool skeleton;
  babel_shift_gcn_net shift_gcn;
  babel_limu_bert_net limu_bert;
  babel_safetensors file;
  const float *input;
  int samples, steps, threads;
  size_t in_stride, out_stride; /* floats a sample */
  float *output;
  void *scratch[64]; /* one a thread */
} server;

static babel_status open_input(server *s, const char *path) {
  const babel_tensor *tensor;
  static const int64_t skeleton[4] = {-1, -1, BABEL_SHIFT_GCN_JOINTS, 3}, imu[3] = {-1, -1, BABEL_LIMU_CHANNELS};
  BABEL_TRY(babel_safetensors_open(&s->file, path));
  BABEL_TRY(babel_safetensors_require(&s->file, "input", BABEL_F32, s->skeleton ? 4 : 3, s->skeleton ? skeleton : imu, &tensor));
  s->input = tensor->data;
  s->samples = (int)tensor->shape[0];
  s->steps = (int)tensor->shape[1];
  s->in_stride = (size_t)s->steps * (s->skeleton ? 75 : BABEL_LIMU_CHANNELS);
  s->out_stride = s->skeleton ? BABEL_SHIFT_GCN_WIDTH : (size_t)s->steps * BABEL_LIMU_HIDDEN;
  return BABEL_OK;
}

static babel_status open(server *s, char **argv) {
  char sha256[65];
  void *memory;
  s->skeleton = !strcmp(argv[1], "shift_gcn");
  s->threads = atoi(argv[4]);
  if (s->skeleton)
    BABEL_TRY(babel_shift_gcn_net_load(&s->shift_gcn, argv[2], sha256));
  else
    BABEL_TRY(babel_limu_bert_net_load(&s->limu_bert, argv[2], sha256));
  BABEL_TRY(open_input(s, argv[3]));
  BABEL_TRY(babel_alloc(&memory, (size_t)s->samples * s->out_stride, sizeof(float)));
  s->output = memory;
  for (int i = 0; i < s->threads; i++)
    BABEL_TRY(babel_alloc(&s->scratch[i], s->skeleton ? babel_shift_gcn_net_scratch(s->steps) : babel_limu_bert_net_scratch() * sizeof(float), 1));
  return BABEL_OK;
}

static void close_all(server *s) {
  for (int i = 0; i < s->threads; i++) free(s->scratch[i]);
  free(s->output);
  if (s->input) babel_safetensors_close(&s->file);
  babel_shift_gcn_net_destroy(&s->shift_gcn);
  babel_limu_bert_net_destroy(&s->limu_bert);
}

static babel_status encode(const server *s, int sample, void *scratch) {
  const float *x = s->input + (size_t)sample * s->in_stride;
  float *y = s->output + (size_t)sample * s->out_stride;
  return s->skeleton ? babel_shift_gcn_net_run(&s->shift_gcn, x, s->steps, 0, y, scratch, NULL)
                     : babel_limu_bert_net_run(&s->limu_bert, x, s->steps, BABEL_LIMU_BLOCKS, y, NULL, scratch);
}

static babel_status run(const server *s) {
  babel_status status = BABEL_OK;
  if (s->samples == 1) return encode(s, 0, s->scratch[0]);
#pragma omp parallel for schedule(dynamic)
  for (int i = 0; i < s->samples; i++) {
    babel_status found = encode(s, i, s->scratch[omp_get_thread_num()]);
    if (found != BABEL_OK) {
#pragma omp atomic write
      status = found;
    }
  }
  return status;
}

static babel_status dump(const server *s, const char *path) {
  babel_safetensors_writer *writer = NULL;
  int64_t shape[2] = {s->samples, (int64_t)s->out_stride};
  BABEL_TRY(run(s));
  BABEL_TRY(babel_safetensors_writer_create(&writer));
  babel_status status = babel_safetensors_writer_floats(writer, "output", s->output, 2, shape);
  if (status == BABEL_OK) status = babel_safetensors_writer_commit(writer, path);
  babel_safetensors_writer_destroy(writer);
  return status;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static babel_status answer(const server *s, const char *line) {
  char path[1024];
  int count;
  if (sscanf(line, "runs %d", &count) == 1 && count > 0) {
    for (int i = 0; i < count; i++) {
      double start = now();
      BABEL_TRY(run(s));
      printf("%s%.1f", i ? " " : "", (now() - start) * 1e6);
    }
  } else if (!strcmp(line, "peak")) {
    printf("%.6g", babel_bench_peak_flops());
  } else if (sscanf(line, "dump %1023[^\n]", path) == 1) {
    BABEL_TRY(dump(s, path));
    printf("ok");
  } else {
    return BABEL_FAIL(BABEL_ERR_ARG, "\"%s\" is no command", line);
  }
  printf("\n");
  fflush(stdout);
  return BABEL_OK;
}

int main(int argc, char **argv) {
  server s = {0};
  char line[1100];
  if (argc != 5 || (strcmp(argv[1], "shift_gcn") && strcmp(argv[1], "limu_bert")) || atoi(argv[4]) < 1 || atoi(argv[4]) > 64) {
    fprintf(stderr, "usage: babel_encoder_serve shift_gcn|limu_bert WEIGHTS INPUT THREADS\n");
    return 2;
  }
  omp_set_num_threads(atoi(argv[4]));
  babel_status status = open(&s, argv);
  while (status == BABEL_OK && fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    status = answer(&s, line);
  }
  if (status != BABEL_OK) fprintf(stderr, "babel_encoder_serve: %s\n", babel_error_last()->sentence);
  close_all(&s);
  return status == BABEL_OK ? 0 : 1;
}
