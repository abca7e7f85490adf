/* Soft targets or a mask of a batch of 256 out of 613 pairs with 15 neighbours each. */
#include <string.h>

#include "bench/kernels/bench.h"
#include "core/rng.h"

enum { M = 256, N = 613, NEIGHBOURS = 15 };

typedef struct {
  const babel_ops *ops;
  babel_neighbour_targets_job job;
} context;

static babel_status run(void *at) {
  context *c = at;
  return c->ops->neighbour_targets(&c->job, NULL);
}

static double check(void *at) {
  const babel_neighbour_targets_job *job = &((context *)at)->job;
  static float graph[N * N];
  double gap = 0;
  memset(graph, 0, sizeof graph);
  for (int i = 0; i < N * NEIGHBOURS; i++) graph[i / NEIGHBOURS * N + job->neighbours[i]] = job->weights[i];
  for (int i = 0; i < M; i++) {
    const float *from = graph + (size_t)job->rows[i] * N;
    double sum = 0;
    for (int j = 0; j < M; j++) sum += (double)from[job->rows[j]];
    for (int j = 0; j < M; j++) {
      const bool near = from[job->rows[j]] > 0 || graph[(size_t)job->rows[j] * N + job->rows[i]] > 0;
      const double own = i == j, share = sum > 0 ? (1 - (double)job->weight) * own + (double)job->weight * (double)from[job->rows[j]] / sum : own;
      if (job->targets) babel_bench_gap(&gap, (double)job->targets[i * M + j], share);
      if (job->masked) babel_bench_gap(&gap, job->masked[i * M + j], i != j && near);
    }
  }
  return gap;
}

static void measure(babel_bench *bench, bool mask) {
  if (!babel_bench_wants(bench, mask ? "neighbour_mask" : "neighbour_targets", "%d of %d", M, N)) return;
  int *neighbours = babel_bench_ints(bench, N * NEIGHBOURS);
  float *weights = babel_bench_floats(bench, N * NEIGHBOURS, 0);
  int *rows = babel_bench_ints(bench, N);
  for (int i = 0; i < N * NEIGHBOURS; i++) {
    int k = i % NEIGHBOURS;
    neighbours[i] = (i / NEIGHBOURS + 1 + k * 40 + (int)babel_rng_below(1, BABEL_RNG_SIMULATE, (uint64_t)i, 40)) % N; /* each at most once */
    weights[i] = 1.f / (float)(k + 1);
  }
  babel_rng_permutation(1, BABEL_RNG_SHUFFLE, 0, N, rows);
  context c = {bench->ops, {.neighbours = neighbours, .weights = weights, .rows = rows, .m = M, .n = N, .k = NEIGHBOURS, .weight = 0.7f}};
  if (mask)
    c.job.masked = (uint8_t *)babel_bench_floats(bench, M * M / sizeof(float), 0);
  else
    c.job.targets = babel_bench_floats(bench, M * M, 0);
  babel_bench_row row = {.bytes = 1.0 * M * M * (mask ? 1 : 4) + 1.0 * M * NEIGHBOURS * 8, .flops = 1.0 * M * M * 3, .run = run, .check = check, .limit = 1e-6, .context = &c};
  babel_bench_measure(bench, &row);
}

void babel_bench_neighbour_targets(babel_bench *bench) {
  measure(bench, false);
  measure(bench, true);
}
