/* 1x1 convolutions of Shift-GCN: 25 joints, 64 frames at the first width, 16 at the last. */
#include <math.h>

#include "bench/kernels/bench.h"
#include "kernels/plane_linear.h"

enum { JOINTS = 25 };

typedef struct {
  babel_plane_linear_job job;
  const float *w;
} context;

static babel_status run(void *at) {
  return babel_plane_linear_fwd_cpu(&((context *)at)->job);
}

static double check(void *at) {
  const context *c = at;
  const babel_plane_linear_job *job = &c->job;
  double gap = 0, largest = 0;
  for (int m = 0; m < job->out; m += 3)
    for (int n = m % 5; n < job->columns; n += 5) {
      double sum = (double)job->bias[m];
      for (int k = 0; k < job->in; k++) sum += (double)c->w[m * job->in + k] * (double)job->x[(size_t)job->at[k] + (size_t)n];
      sum = fmax(sum, 0);
      largest = fmax(largest, sum);
      babel_bench_gap(&gap, (double)job->y[(size_t)m * job->y_pitch + (size_t)n], sum);
    }
  return gap / largest;
}

static void measure(babel_bench *bench, int in, int out, int frames) {
  const int columns = JOINTS * frames;
  if (!babel_bench_wants(bench, "plane_linear", "%d->%d, %d columns", in, out, columns)) return;
  const size_t pitch = babel_plane_pitch(columns);
  int *at = babel_bench_ints(bench, (size_t)in);
  float *w = babel_bench_floats(bench, (size_t)out * in, 1), *packed = babel_bench_floats(bench, babel_plane_linear_packed(out, in), 0);
  for (int k = 0; k < in; k++) at[k] = (int)((size_t)k * pitch);
  babel_bench_must(babel_plane_linear_pack_cpu(packed, w, out, in, in, 1));
  context c = {{.y = babel_bench_floats(bench, (size_t)out * pitch, 0), .x = babel_bench_floats(bench, (size_t)in * pitch, 1), .packed = packed,
                .bias = babel_bench_floats(bench, (size_t)out, 1), .at = at, .out = out, .in = in, .columns = columns, .y_pitch = pitch, .relu = 1}, w};
  babel_bench_row row = {.bytes = 4.0 * ((double)out * in + (double)(in + out) * columns), .flops = 2.0 * in * out * columns, .run = run, .check = check,
                         .limit = 2e-6, .context = &c};
  babel_bench_measure(bench, &row);
}

void babel_bench_plane_linear(babel_bench *bench) {
  measure(bench, 64, 64, 64);
  measure(bench, 128, 128, 32);
  measure(bench, 256, 256, 16);
}
