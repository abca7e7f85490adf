/* ST-GCN's spatial graph convolution: 25 joints, three subsets, a tree's edges and each joint itself. */
#include <math.h>

#include "bench/kernels/bench.h"
#include "kernels/graph_conv.h"
#include "kernels/plane_linear.h"

enum { JOINTS = 25, SUBSETS = 3 };

typedef struct {
  babel_graph_conv_job job;
  const float *adjacency, *w, *b;
} context;

static babel_status run(void *at) {
  return babel_graph_conv_fwd_cpu(&((context *)at)->job);
}

static double element(const context *c, int m, int to, int t, size_t pitch) {
  const babel_graph_conv_job *job = &c->job;
  double sum = 0;
  for (int k = 0; k < SUBSETS; k++)
    for (int from = 0; from < JOINTS; from++) {
      const double edge = (double)c->adjacency[(k * JOINTS + from) * JOINTS + to];
      if (!(edge > 0)) continue;
      double inner = (double)c->b[k * job->out + m];
      for (int i = 0; i < job->in; i++)
        inner += (double)c->w[(k * job->out + m) * job->in + i] * (double)job->x[(size_t)i * pitch + (size_t)(from * job->frames + t)];
      sum += edge * inner;
    }
  return fmax(sum, 0);
}

static double check(void *at) {
  const context *c = at;
  const babel_graph_conv_job *job = &c->job;
  const size_t pitch = babel_plane_pitch(JOINTS * job->frames);
  double gap = 0, largest = 0;
  for (int m = 0; m < job->out; m += 5)
    for (int v = 0; v < JOINTS; v++)
      for (int t = m % 3; t < job->frames; t += 3) {
        const double expected = element(c, m, v, t, pitch);
        largest = fmax(largest, expected);
        babel_bench_gap(&gap, (double)job->y[(size_t)m * pitch + (size_t)(v * job->frames + t)], expected);
      }
  return gap / largest;
}

/* Subset 0: each joint itself; 1: from its parent; 2: from its children. */
static float *adjacency(babel_bench *bench) {
  float *a = babel_bench_floats(bench, SUBSETS * JOINTS * JOINTS, 0);
  for (int v = 0; v < JOINTS; v++) {
    const int parent = (v - 1) / 2;
    a[v * JOINTS + v] = 0.5f;
    if (!v) continue;
    a[(JOINTS + parent) * JOINTS + v] = 0.25f;
    a[(2 * JOINTS + v) * JOINTS + parent] = 0.3f;
  }
  return a;
}

void babel_bench_graph_conv(babel_bench *bench) {
  enum { IN = 64, OUT = 64, FRAMES = 64 };
  if (!babel_bench_wants(bench, "graph_conv", "%d->%d, %d frames", IN, OUT, FRAMES)) return;
  const size_t pitch = babel_plane_pitch(JOINTS * FRAMES);
  babel_graph_edges edges = {SUBSETS, JOINTS, babel_bench_ints(bench, SUBSETS * JOINTS + 1), babel_bench_ints(bench, SUBSETS * JOINTS * JOINTS),
                             babel_bench_floats(bench, SUBSETS * JOINTS * JOINTS, 0)};
  context c = {.adjacency = adjacency(bench), .w = babel_bench_floats(bench, SUBSETS * OUT * IN, 1), .b = babel_bench_floats(bench, SUBSETS * OUT, 1)};
  float *packed = babel_bench_floats(bench, babel_graph_conv_packed(SUBSETS, OUT, IN), 0);
  babel_bench_must(babel_graph_edges_fill(&edges, c.adjacency, NULL));
  babel_bench_must(babel_graph_conv_pack_cpu(packed, babel_bench_floats(bench, OUT * SUBSETS * (IN + 1), 0), c.w, c.b, NULL, SUBSETS, OUT, IN));
  c.job = (babel_graph_conv_job){.y = babel_bench_floats(bench, OUT * pitch, 0), .x = babel_bench_floats(bench, IN * pitch, 1), .packed = packed, .edges = &edges,
                                 .workspace = babel_bench_floats(bench, babel_graph_conv_workspace(SUBSETS, IN, pitch), 0),
                                 .at = babel_bench_ints(bench, SUBSETS * (IN + 1)), .in = IN, .out = OUT, .frames = FRAMES, .relu = 1};
  babel_bench_row row = {.bytes = 4.0 * (SUBSETS * OUT * (IN + 1) + (IN + OUT) * JOINTS * FRAMES), .flops = 2.0 * SUBSETS * OUT * (IN + 1) * JOINTS * FRAMES,
                         .run = run, .check = check, .limit = 2e-6, .context = &c};
  babel_bench_measure(bench, &row);
}
