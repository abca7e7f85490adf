/* Soft targets, a mask, or targets and the mask of windows that overlap (six on either side), of a batch of 256 out of 613 pairs with 15 neighbours each. */
#include <stdlib.h>
#include <string.h>

#include "bench/kernels/bench.h"
#include "core/rng.h"

enum { M = 256, N = 613, NEIGHBOURS = 15, WINDOW = 30, STRIDE = 5 };
enum { TARGETS, MASK, WINDOWS };

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
      const bool overlap = abs(job->rows[i] - job->rows[j]) * STRIDE < WINDOW;
      const double own = i == j, share = sum > 0 ? (1 - (double)job->weight) * own + (double)job->weight * (double)from[job->rows[j]] / sum : own;
      if (job->targets) babel_bench_gap(&gap, (double)job->targets[i * M + j], share);
      if (job->masked) babel_bench_gap(&gap, job->masked[i * M + j], i != j && (job->windows ? overlap : near));
    }
  }
  return gap;
}

static void measure(babel_bench *bench, int form) {
  static const char *const names[] = {"neighbour_targets", "neighbour_mask", "neighbour_windows"};
  if (!babel_bench_wants(bench, names[form], "%d of %d", M, N)) return;
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
  if (form != MASK) c.job.targets = babel_bench_floats(bench, M * M, 0);
  if (form != TARGETS) c.job.masked = (uint8_t *)babel_bench_floats(bench, M * M / sizeof(float), 0);
  int *windows = form == WINDOWS ? babel_bench_ints(bench, 3 * N) : NULL;
  for (int i = 0; i < N && windows; i++) {
    windows[3 * i + 1] = i * STRIDE;
    windows[3 * i + 2] = i * STRIDE + WINDOW;
  }
  c.job.windows = windows;
  const double bytes[] = {4, 1, 5};
  babel_bench_row row = {.bytes = bytes[form] * M * M + 1.0 * M * (NEIGHBOURS * 8 + (windows ? 12 : 0)), .flops = 1.0 * M * M * 3, .run = run, .check = check, .limit = 1e-6, .context = &c};
  babel_bench_measure(bench, &row);
}

void babel_bench_neighbour_targets(babel_bench *bench) {
  for (int form = TARGETS; form <= WINDOWS; form++) measure(bench, form);
}
