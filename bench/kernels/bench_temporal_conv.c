/* ST-GCN's 9x1 convolutions: 25 joints, 64 frames. */
#include <math.h>

#include "bench/kernels/bench.h"
#include "kernels/plane_linear.h"
#include "kernels/temporal_conv.h"

enum { JOINTS = 25 };

typedef struct {
  babel_temporal_conv_job job;
  const float *w; /* (out, in, taps) */
} context;

static babel_status run(void *at) {
  return babel_temporal_conv_fwd_cpu(&((context *)at)->job);
}

static double element(const context *c, int m, int v, int t, size_t pitch) {
  const babel_temporal_conv_job *job = &c->job;
  double sum = (double)job->bias[m];
  for (int i = 0; i < job->in; i++)
    for (int j = 0; j < BABEL_TEMPORAL_TAPS; j++) {
      const int from = t * job->stride + j - BABEL_TEMPORAL_TAPS / 2;
      if (from >= 0 && from < job->frames)
        sum += (double)c->w[(m * job->in + i) * BABEL_TEMPORAL_TAPS + j] * (double)job->x[(size_t)i * pitch + (size_t)(v * job->frames + from)];
    }
  return fmax(sum, 0);
}

static double check(void *at) {
  const context *c = at;
  const babel_temporal_conv_job *job = &c->job;
  const int count = babel_temporal_conv_frames(job->frames, job->stride);
  const size_t pitch = babel_plane_pitch(JOINTS * job->frames), y_pitch = babel_plane_pitch(JOINTS * count);
  double gap = 0, largest = 0;
  for (int m = 0; m < job->out; m += 5)
    for (int v = m % 3; v < JOINTS; v += 3)
      for (int t = 0; t < count; t++) {
        const double expected = element(c, m, v, t, pitch);
        largest = fmax(largest, expected);
        babel_bench_gap(&gap, (double)job->y[(size_t)m * y_pitch + (size_t)(v * count + t)], expected);
      }
  return gap / largest;
}

static void measure(babel_bench *bench, int channels, int frames, int stride) {
  if (!babel_bench_wants(bench, "temporal_conv", "%d->%d, %d frames, stride %d", channels, channels, frames, stride)) return;
  const int count = babel_temporal_conv_frames(frames, stride), inputs = BABEL_TEMPORAL_TAPS * channels;
  const size_t pitch = babel_plane_pitch(JOINTS * frames), y_pitch = babel_plane_pitch(JOINTS * count), n = (size_t)channels;
  float *w = babel_bench_floats(bench, n * (size_t)inputs, 1), *packed = babel_bench_floats(bench, babel_plane_linear_packed(channels, inputs), 0);
  babel_bench_must(babel_plane_linear_pack_cpu(packed, w, channels, inputs, inputs, 1));
  context c = {{.y = babel_bench_floats(bench, n * y_pitch, 0), .x = babel_bench_floats(bench, n * pitch, 1), .packed = packed,
                .bias = babel_bench_floats(bench, n, 1), .at = babel_bench_ints(bench, (size_t)inputs), .in = channels, .out = channels, .joints = JOINTS,
                .frames = frames, .stride = stride, .relu = 1}, w};
  c.job.workspace = babel_bench_floats(bench, babel_temporal_conv_workspace(channels, channels, JOINTS, frames, stride), 0);
  babel_bench_row row = {.bytes = 4.0 * ((double)channels * inputs + (double)channels * JOINTS * (frames + count)), .flops = 2.0 * channels * inputs * JOINTS * count,
                         .run = run, .check = check, .limit = 2e-6, .context = &c};
  babel_bench_measure(bench, &row);
}

void babel_bench_temporal_conv(babel_bench *bench) {
  measure(bench, 64, 64, 1);
  measure(bench, 128, 64, 2);
}
