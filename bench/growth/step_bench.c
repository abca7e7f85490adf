#include "bench/growth/step_bench.h"

#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/rng.h"
#include "layers/schedule.h"

enum { BATCH = 256, PAIRS = 613, VARIANTS = 4, NEIGHBOURS = 15 };

/* The five phases of the paper, the first one also with the features of `best`. */
static const babel_step_shape shapes[] = {
    {"imu-skeleton", {144, 316}, false, BABEL_PRESET_OURS},
    {"imu-skeleton-distilled", {144, 316}, true, BABEL_PRESET_OURS},
    {"imu-skeleton-best", {397, 1892}, false, BABEL_PRESET_BEST},
    {"imu-skeleton-best-distilled", {397, 1892}, true, BABEL_PRESET_BEST},
    {"skeleton-wifi", {316, 900}, false, BABEL_PRESET_OURS},
    {"skeleton-wifi-distilled", {316, 900}, true, BABEL_PRESET_OURS},
    {"wifi-mmwave", {900, 1024}, false, BABEL_PRESET_OURS},
    {"wifi-mmwave-distilled", {900, 1024}, true, BABEL_PRESET_OURS},
    {"skeleton-video", {316, 512}, false, BABEL_PRESET_OURS},
    {"skeleton-video-distilled", {316, 512}, true, BABEL_PRESET_OURS},
    {"video-lidar", {512, 60}, false, BABEL_PRESET_OURS},
    {"video-lidar-distilled", {512, 60}, true, BABEL_PRESET_OURS},
};

const babel_step_shape *babel_step_shape_at(int i) {
  return i >= 0 && i < (int)(sizeof shapes / sizeof *shapes) ? &shapes[i] : NULL;
}

static babel_status add_side(babel_step_bench *bench, int s, int in) {
  const babel_ops *ops = bench->trunk.ops;
  size_t count = (size_t)bench->bank_rows * (size_t)in;
  void *memory, *host;
  BABEL_TRY(babel_trunk_add_tower(&bench->trunk, s ? "b" : "a", in));
  BABEL_TRY(ops->alloc(&memory, count * sizeof(float)));
  bench->bank[s] = memory;
  BABEL_TRY(babel_alloc(&host, count, sizeof(float)));
  float *x = host;
  for (size_t i = 0; i < count; i++) x[i] = (float)babel_rng_normal(7, BABEL_RNG_SIMULATE, ((uint64_t)s << 40) + i);
  babel_status status = ops->upload(memory, x, count * sizeof(float), NULL);
  free(x);
  return status;
}

static babel_status add_graph(babel_step_bench *bench) {
  const babel_ops *ops = bench->trunk.ops;
  enum { EDGES = PAIRS * NEIGHBOURS };
  void *memory, *host;
  BABEL_TRY(ops->alloc(&memory, EDGES * sizeof(int)));
  bench->graph = memory;
  BABEL_TRY(ops->alloc(&memory, EDGES * sizeof(float)));
  bench->graph_weights = memory;
  BABEL_TRY(babel_alloc(&host, EDGES, sizeof(int) + sizeof(float)));
  int *neighbours = host;
  float *weights = (float *)(neighbours + EDGES);
  for (int i = 0; i < EDGES; i++) {
    int k = i % NEIGHBOURS + 1;
    neighbours[i] = (i / NEIGHBOURS + 37 * k) % PAIRS;
    weights[i] = 1.f / (float)k;
  }
  babel_status status = ops->upload(bench->graph, neighbours, EDGES * sizeof(int), NULL);
  if (status == BABEL_OK) status = ops->upload(bench->graph_weights, weights, EDGES * sizeof(float), NULL);
  free(host);
  bench->plan.graph = bench->graph;
  bench->plan.graph_weights = bench->graph_weights;
  bench->plan.graph_size = PAIRS;
  bench->plan.graph_k = NEIGHBOURS;
  return status;
}

babel_status babel_step_bench_create(babel_step_bench *bench, const babel_ops *ops, const babel_step_shape *shape, double dropout) {
  const int steps[2] = {1, 1};
  babel_config config;
  void *order;
  babel_status status;
  memset(bench, 0, sizeof *bench);
  babel_config_preset(&config, shape->preset);
  if (dropout >= 0) config.input_dropout = dropout;
  bench->bank_rows = PAIRS * VARIANTS;
  BABEL_TRY_OR(babel_trunk_create(&bench->trunk, ops, &config), fail);
  for (int s = 0; s < 2; s++) BABEL_TRY_OR(add_side(bench, s, shape->in[s]), fail);
  for (int s = 0; s < 2; s++) bench->towers[s] = babel_trunk_tower(&bench->trunk, s ? "b" : "a");
  BABEL_TRY_OR(babel_step_plan_create(&bench->plan, &bench->trunk, (babel_step_request[]){babel_step_pair(bench->towers, steps, BATCH, shape->distill ? 0 : -1, BABEL_ADAPTIVE_ON)}), fail);
  for (int s = 0; s < 2; s++) {
    bench->plan.bank[s] = bench->bank[s];
    bench->plan.bank_rows[s] = bench->bank_rows;
  }
  if (config.targets != BABEL_TARGETS_PAIRS) BABEL_TRY_OR(add_graph(bench), fail);
  BABEL_TRY_OR(babel_alloc(&order, PAIRS, sizeof(int)), fail);
  bench->order = order;
  return BABEL_OK;
fail:
  babel_step_bench_destroy(bench);
  return status;
}

void babel_step_bench_destroy(babel_step_bench *bench) {
  for (int s = 0; s < 2; s++)
    if (bench->bank[s]) bench->trunk.ops->free(bench->bank[s]);
  if (bench->graph) bench->trunk.ops->free(bench->graph);
  if (bench->graph_weights) bench->trunk.ops->free(bench->graph_weights);
  free(bench->order);
  babel_step_plan_destroy(&bench->plan);
  babel_trunk_destroy(&bench->trunk);
  memset(bench, 0, sizeof *bench);
}

babel_status babel_step_bench_prepare(babel_step_bench *bench) {
  const babel_step_plan *plan = &bench->plan;
  const babel_schedule schedule = {.steps = 600, .warmup = 2, .lr_start = 1e-6, .lr_peak = 3e-4, .lr_end = 3e-5, .trunk_factor = 1,
                                   .momentum = 0.996, .beta1 = 0.9, .beta2 = 0.98};
  babel_schedule_at(&schedule, bench->step % 600, plan->host.state);
  babel_rng_permutation(7, BABEL_RNG_SHUFFLE, (uint64_t)bench->step * PAIRS, PAIRS, bench->order);
  for (int i = 0; i < BATCH; i++) {
    if (plan->host.graph_rows) plan->host.graph_rows[i] = bench->order[i];
    plan->host.rows[0][i] = plan->host.rows[1][i] =
        bench->order[i] * VARIANTS + (int)babel_rng_below(7, BABEL_RNG_VARIANT, (uint64_t)(bench->step * BATCH + i), VARIANTS);
  }
  bench->step++;
  return babel_step_plan_send(plan);
}

babel_status babel_step_bench_run(babel_step_bench *bench) {
  BABEL_TRY(babel_step_bench_prepare(bench));
  return babel_step_run(&bench->plan, 1);
}

double babel_step_bench_flops(const babel_step_bench *bench) {
  const babel_step_plan *plan = &bench->plan;
  double multiply_adds = 0, m = plan->m;
  for (int s = 0; s < 2; s++) {
    const babel_chain *c = &plan->side[s];
    for (int k = 0; k < c->layers; k++) {
      double product = m * c->layer[k].in * c->layer[k].out;
      int own = k < c->module_layers + plan->folded, passed_on = k > 0 ? c->stacked : 0, teacher = s == plan->teacher_side;
      multiply_adds += product * (1 + own + passed_on + 1 + teacher); /* forward, norm, data, weights, teacher's forward */
    }
    double fold = (double)c->fold.in * c->fold.middle * c->fold.out;
    multiply_adds += fold * (1 + (s == plan->teacher_side) + 1 + 2); /* M, teacher's; of dC3 one for the norm; dC3, dU1 */
  }
  multiply_adds += 5 * m * m * plan->embed; /* logits, and the cotangents of both sides for both directions */
  return 2 * multiply_adds;
}
