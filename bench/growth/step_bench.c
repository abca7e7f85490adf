#include "bench/growth/step_bench.h"

#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/rng.h"
#include "layers/schedule.h"

enum { BATCH = 256, PAIRS = 613, VARIANTS = 4, NEIGHBOURS = 15, STEPS_PER_EPOCH = PAIRS / BATCH };

/* The paper's order: IMU, skeleton, Wi-Fi, mmWave, video, LiDAR. */
static const int widths[] = {144, 316, 900, 1024, 512, 60};
static const int phases[][2] = {{0, 1}, {1, 2}, {2, 3}, {1, 4}, {4, 5}};

/* The five phases of the paper, the first one also with the features of `best`. */
static const babel_step_shape shapes[] = {
    {"imu-skeleton", {144, 316}, false, BABEL_PRESET_OURS, 0},
    {"imu-skeleton-distilled", {144, 316}, true, BABEL_PRESET_OURS, 0},
    {"imu-skeleton-best", {397, 1892}, false, BABEL_PRESET_BEST, 0},
    {"imu-skeleton-best-distilled", {397, 1892}, true, BABEL_PRESET_BEST, 0},
    {"skeleton-wifi", {316, 900}, false, BABEL_PRESET_OURS, 0},
    {"skeleton-wifi-distilled", {316, 900}, true, BABEL_PRESET_OURS, 0},
    {"skeleton-wifi-rehearsed", {316, 900}, false, BABEL_PRESET_OURS, 1},
    {"wifi-mmwave", {900, 1024}, false, BABEL_PRESET_OURS, 0},
    {"wifi-mmwave-distilled", {900, 1024}, true, BABEL_PRESET_OURS, 0},
    {"wifi-mmwave-rehearsed", {900, 1024}, false, BABEL_PRESET_OURS, 2},
    {"skeleton-video", {316, 512}, false, BABEL_PRESET_OURS, 0},
    {"skeleton-video-distilled", {316, 512}, true, BABEL_PRESET_OURS, 0},
    {"skeleton-video-rehearsed", {316, 512}, false, BABEL_PRESET_OURS, 3},
    {"video-lidar", {512, 60}, false, BABEL_PRESET_OURS, 0},
    {"video-lidar-distilled", {512, 60}, true, BABEL_PRESET_OURS, 0},
    {"video-lidar-rehearsed", {512, 60}, false, BABEL_PRESET_OURS, 4},
};

const babel_step_shape *babel_step_shape_at(int i) {
  return i >= 0 && i < (int)(sizeof shapes / sizeof *shapes) ? &shapes[i] : NULL;
}

/* A tower and its bank; both keep the number `t`. */
static babel_status add_tower(babel_step_bench *bench, int in) {
  const babel_ops *ops = bench->trunk.ops;
  const int t = bench->trunk.tower_count;
  size_t count = (size_t)PAIRS * VARIANTS * (size_t)in;
  char name[2] = {(char)('a' + t), 0};
  void *memory, *host;
  BABEL_TRY(babel_trunk_add_tower(&bench->trunk, name, in));
  BABEL_TRY(ops->alloc(&memory, count * sizeof(float)));
  bench->bank[t] = memory;
  BABEL_TRY(babel_alloc(&host, count, sizeof(float)));
  float *x = host;
  for (size_t i = 0; i < count; i++) x[i] = (float)babel_rng_normal(7, BABEL_RNG_SIMULATE, ((uint64_t)t << 40) + i);
  babel_status status = ops->upload(memory, x, count * sizeof(float), NULL);
  free(x);
  return status;
}

/* The towers of the pair, then those of the earlier phases that it does not have; tower_of[modality], -1 = none. */
static babel_status add_towers(babel_step_bench *bench, const babel_step_shape *shape, int tower_of[6]) {
  for (int m = 0; m < 6; m++) tower_of[m] = -1;
  for (int s = 0; s < 2; s++) {
    if (shape->earlier) tower_of[phases[shape->earlier][s]] = s;
    BABEL_TRY(add_tower(bench, shape->in[s]));
  }
  for (int p = 0; p < shape->earlier; p++)
    for (int s = 0; s < 2; s++) {
      int *tower = &tower_of[phases[p][s]];
      if (*tower >= 0) continue;
      *tower = bench->trunk.tower_count;
      BABEL_TRY(add_tower(bench, widths[phases[p][s]]));
    }
  return BABEL_OK;
}

static int side_of(babel_step_request *request, babel_tower *tower) {
  for (int s = 2; s < request->sides; s++)
    if (request->towers[s] == tower) return s;
  request->towers[request->sides] = tower;
  request->steps[request->sides] = 1;
  return request->sides++;
}

/* rehearsal_rows spread over the earlier phases, as growth/rehearsal.h does it; sources 2 p and 2 p + 1 are phase p's. */
static void request_rehearsal(babel_step_bench *bench, const babel_step_shape *shape, const int tower_of[6], babel_step_request *request,
                              babel_step_source *source) {
  int rows = bench->trunk.config.rehearsal_rows;
  for (int p = 0; p < shape->earlier; p++)
    for (int s = 0; s < 2; s++) {
      int t = tower_of[phases[p][s]], side = side_of(request, &bench->trunk.towers[t]), samples = (p + 1) * rows / shape->earlier - p * rows / shape->earlier;
      source[2 * p + s] = (babel_step_source){.side = side, .first = request->rows[side], .rows = samples, .bank = bench->bank[t], .bank_rows = PAIRS * VARIANTS};
      request->rows[side] += samples;
    }
}

/* How a step takes its rows. */
static babel_status add_choices(babel_step_bench *bench) {
  babel_step_plan *plan = &bench->plan;
  int order[2 * PAIRS], draw = 0;
  void *memory;
  BABEL_TRY(plan->ops->alloc(&memory, 4 * PAIRS * sizeof(int)));
  bench->order = memory;
  for (int e = 0; e < 2; e++) babel_rng_permutation(7, BABEL_RNG_SHUFFLE, (uint64_t)e * PAIRS, PAIRS, order + e * PAIRS);
  BABEL_TRY(plan->ops->upload(bench->order, order, sizeof order, plan->stream));
  plan->shuffle = (babel_shuffle_job){.order = bench->order, .workspace = bench->order + 2 * PAIRS, .seed = 7, .n = PAIRS, .steps_per_epoch = STEPS_PER_EPOCH};
  const babel_batch_choice_job any = {.seed = 7, .samples = BATCH, .pair_count = PAIRS, .versions = VARIANTS, .steps = 1, .batch = BATCH, .steps_per_epoch = STEPS_PER_EPOCH,
                                      .draws = plan->config.rehearsal_rows};
  for (int s = 0; s < 2; s++) {
    plan->bank[s] = bench->bank[s];
    plan->bank_rows[s] = PAIRS * VARIANTS;
    plan->choice[s] = any;
    plan->choice[s].order = bench->order;
    plan->choice[s].rows = plan->in.rows[s];
  }
  plan->choice[0].pairs = plan->in.graph_rows;
  for (int i = 0; i < plan->sources; i++) {
    const babel_step_source *from = &plan->source[i];
    plan->choice[2 + i] = any;
    plan->choice[2 + i].rows = plan->in.rows[from->side] + from->first;
    plan->choice[2 + i].samples = from->rows;
    plan->choice[2 + i].draw = draw;
    draw += i % 2 ? from->rows : 0;
  }
  plan->choices = 2 + plan->sources;
  return BABEL_OK;
}

/* The states of a phase of 600 steps, over and over. */
static babel_status add_schedule(babel_step_bench *bench) {
  const babel_schedule schedule = {.steps = 600, .warmup = 2, .lr_start = 1e-6, .lr_peak = 3e-4, .lr_end = 3e-5, .trunk_factor = 1,
                                   .momentum = 0.996, .beta1 = 0.9, .beta2 = 0.98};
  babel_step_state states[BABEL_STEP_WINDOW];
  for (int t = 0; t < BABEL_STEP_WINDOW; t++) {
    babel_schedule_at(&schedule, t % 600, &states[t]);
    states[t].step = t;
  }
  BABEL_TRY(babel_step_plan_schedule(&bench->plan, states, 0, BABEL_STEP_WINDOW));
  return babel_step_plan_begin(&bench->plan, 0);
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
  int tower_of[6];
  babel_step_source source[2 * sizeof phases / sizeof *phases];
  babel_config config;
  babel_status status;
  memset(bench, 0, sizeof *bench);
  babel_config_preset(&config, shape->preset);
  if (dropout >= 0) config.input_dropout = dropout;
  BABEL_TRY_OR(babel_trunk_create(&bench->trunk, ops, &config), fail);
  BABEL_TRY_OR(add_towers(bench, shape, tower_of), fail);
  babel_tower *towers[2] = {&bench->trunk.towers[0], &bench->trunk.towers[1]};
  babel_step_request request = babel_step_pair(towers, steps, BATCH, shape->distill ? 0 : -1, BABEL_ADAPTIVE_ON);
  request.still = shape->earlier > 0;
  request_rehearsal(bench, shape, tower_of, &request, source);
  BABEL_TRY_OR(babel_step_plan_create(&bench->plan, &bench->trunk, &request), fail);
  bench->plan.sources = 2 * shape->earlier;
  memcpy(bench->plan.source, source, sizeof *source * (size_t)bench->plan.sources);
  BABEL_TRY_OR(add_choices(bench), fail);
  BABEL_TRY_OR(add_schedule(bench), fail);
  if (config.targets != BABEL_TARGETS_PAIRS) BABEL_TRY_OR(add_graph(bench), fail);
  return BABEL_OK;
fail:
  babel_step_bench_destroy(bench);
  return status;
}

void babel_step_bench_destroy(babel_step_bench *bench) {
  const babel_ops *ops = bench->trunk.ops;
  for (int t = 0; t < BABEL_MAX_TOWERS; t++)
    if (bench->bank[t]) ops->free(bench->bank[t]);
  if (bench->order) ops->free(bench->order);
  if (bench->graph) ops->free(bench->graph);
  if (bench->graph_weights) ops->free(bench->graph_weights);
  babel_step_plan_destroy(&bench->plan);
  babel_trunk_destroy(&bench->trunk);
  memset(bench, 0, sizeof *bench);
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
  for (int s = 2; s < plan->sides; s++)
    for (int k = 0; k < plan->side[s].layers; k++) /* forward, teacher's, weights, data */
      multiply_adds += (double)plan->side[s].rows * plan->side[s].layer[k].in * plan->side[s].layer[k].out * (3 + (k > 0));
  multiply_adds += 5 * m * m * plan->embed; /* logits, and the cotangents of both sides for both directions */
  return 2 * multiply_adds;
}
