#include "tests/growth/step_pair.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "tests/growth/protected_inputs.h"
#include "tests/support/neighbour_lists.h"
#include "tests/support/compare.h"

enum { SPARE = 3 }; /* samples of the bank that a batch leaves out */

static int or_default(int value, int fallback) {
  return value ? value : fallback;
}

static void must(babel_status status) {
  cr_assert_eq(status, BABEL_OK, "%s", babel_error_last()->sentence);
}

static void *take(size_t n, size_t size) {
  void *memory = calloc(n ? n : 1, size);
  cr_assert_not_null(memory);
  return memory;
}

static void *upload(const babel_ops *ops, const float *host, size_t n) {
  void *memory;
  must(ops->alloc(&memory, n * sizeof *host));
  must(ops->upload(memory, host, n * sizeof *host, NULL));
  return memory;
}

static void configure(const pair_case *c, babel_config *config) {
  babel_config_preset(config, BABEL_PRESET_OURS);
  config->embed_dim = or_default(c->embed, 24);
  config->hidden = or_default(c->hidden, 16);
  config->concept_layers = or_default(c->concept_layers, 3);
  config->post_proj = c->post;
  config->input_dropout = c->dropout;
  config->grad_scope = c->scope;
  config->grad_norm = c->relative;
  config->denominator = c->negatives;
  config->targets = c->targets;
  if (c->tau > 0) config->tau = c->tau;
}

static void add_bank(pair_side *side, int s) {
  babel_step_plan *plan = &side->plan;
  size_t n = (size_t)(plan->m + SPARE) * (size_t)plan->side[s].steps * (size_t)plan->side[s].layer[0].in;
  float *host = take(n, sizeof *host);
  babel_fill_floats(s ? "bank 1" : "bank 0", host, n, 2);
  side->banks[s] = upload(side->ops, host, n);
  free(host);
  plan->bank[s] = side->banks[s];
  plan->bank_rows[s] = (plan->m + SPARE) * plan->side[s].steps;
}

/* About one weight in four is above 0. */
static void add_graph(pair_side *side, bool overlaps) {
  int n = side->plan.m + SPARE;
  float *host = take((size_t)n * (size_t)n, sizeof *host);
  for (int i = 0; i < n * n; i++)
    if (i % n != i / n && !(overlaps && abs(i % n - i / n) == 4) && babel_fill("edge", (uint32_t)i) > 0.5) host[i] = (float)(0.6 + 0.5 * babel_fill("graph", (uint32_t)i));
  neighbour_lists lists = neighbour_lists_of(host, n);
  side->graph = upload(side->ops, (const float *)lists.neighbours, (size_t)n * (size_t)lists.k); /* as many bytes */
  side->graph_weights = upload(side->ops, lists.weights, (size_t)n * (size_t)lists.k);
  neighbour_lists_free(&lists);
  free(host);
  side->plan.graph = side->graph;
  side->plan.graph_weights = side->graph_weights;
  side->plan.graph_k = lists.k;
}

static void add_windows(pair_side *side) {
  const int n = side->plan.m + SPARE;
  int *windows = overlapping_windows(n);
  side->plan.graph_windows = side->graph_windows = upload(side->ops, (const float *)windows, 3 * (size_t)n);
  free(windows);
}

/* Weights of variance 2 / fan_in, as in step_rig.c: under the usual start the gradients of small networks are differences of nearly equal
 * numbers, of which two programs keep different digits. */
static void spread(const babel_ops *ops, const babel_mlp *mlp) {
  if (!mlp->layers) return;
  float *host = take((size_t)mlp->count, sizeof *host);
  must(ops->download(host, mlp->params, (size_t)mlp->count * sizeof *host, NULL));
  for (int k = 0; k < mlp->layers; k++)
    for (int64_t i = mlp->weight_at[k]; i < mlp->bias_at[k]; i++) host[i] *= 2.4f;
  must(ops->upload(mlp->params, host, (size_t)mlp->count * sizeof *host, NULL));
  free(host);
}

static void create_side(pair_side *side, const pair_case *c, const babel_ops *ops, int chunk) {
  const int steps[2] = {or_default(c->steps[0], 1), or_default(c->steps[1], 1)}, in[2] = {or_default(c->in[0], 7), or_default(c->in[1], 13)};
  babel_config config;
  configure(c, &config);
  config.chunk = chunk;
  side->ops = ops;
  must(babel_trunk_create(&side->trunk, ops, &config));
  for (int s = 0; s < 2; s++) must(babel_trunk_add_tower(&side->trunk, s ? "right" : "left", in[s]));
  for (int s = 0; s < 2; s++) {
    side->towers[s] = babel_trunk_tower(&side->trunk, s ? "right" : "left");
    if (c->usual_start) continue;
    spread(ops, &side->towers[s]->module);
    spread(ops, &side->towers[s]->post);
  }
  if (!c->usual_start) spread(ops, &side->trunk.prototype);
  babel_step_request request = babel_step_pair(side->towers, steps, or_default(c->m, 12), c->teacher - 1, BABEL_ADAPTIVE_ON);
  if (c->projected) {
    protected_moments("module", &side->towers[0]->module, &side->towers[0]->moments);
    protected_moments("prototype", &side->trunk.prototype, &side->trunk.moments);
    request.module[0] = request.prototype = BABEL_LEARNS_PROJECTED;
  }
  request.overlap = c->overlaps;
  must(babel_step_plan_create(&side->plan, &side->trunk, &request));
  must(babel_projection_create(&side->projection, &side->plan, &side->trunk));
  if (c->projected) side->plan.projection = &side->projection;
  for (int s = 0; s < 2; s++) add_bank(side, s);
  side->plan.graph_size = side->plan.m + SPARE;
  if (c->targets) add_graph(side, c->overlaps);
  if (c->overlaps) add_windows(side);
}

void step_pair_create(step_pair *pair, const pair_case *wanted, const babel_ops *device) {
  memset(pair, 0, sizeof *pair);
  pair->wanted = *wanted;
  pair->cpu = *babel_ops_cpu();
  pair->cpu.fold_layers = 0;
  create_side(&pair->side[PAIR_CPU], wanted, &pair->cpu, 0);
  create_side(&pair->side[PAIR_DEVICE], wanted, device, wanted->chunk);
}

void step_pair_destroy(step_pair *pair) {
  for (int i = 0; i < 2; i++) {
    pair_side *side = &pair->side[i];
    for (int s = 0; s < 2; s++) side->ops->free(side->banks[s]);
    side->ops->free(side->graph);
    side->ops->free(side->graph_weights);
    side->ops->free(side->graph_windows);
    babel_step_plan_destroy(&side->plan);
    babel_projection_destroy(&side->projection);
    babel_trunk_destroy(&side->trunk);
  }
}

void step_pair_prepare(step_pair *pair, int step) {
  const float lr = step ? 3e-4f : 1e-6f; /* as a phase begins, and at its peak */
  const babel_step_state state = {.step = step, .lr = lr, .trunk_lr = lr, .ema_momentum = 0.99f,
                                  .bias1 = (float)(1 - pow(0.9, step + 1)), .bias2 = (float)(1 - pow(0.98, step + 1))};
  int m = pair->side[0].plan.m, *order = take((size_t)(m + SPARE), sizeof *order);
  babel_rng_permutation(11, BABEL_RNG_SHUFFLE, (uint64_t)step * (uint64_t)(m + SPARE), m + SPARE, order);
  for (int i = 0; i < 2; i++) {
    const babel_step_plan *plan = &pair->side[i].plan;
    *plan->host.state = state;
    if (plan->host.graph_rows) memcpy(plan->host.graph_rows, order, (size_t)m * sizeof *order);
    for (int s = 0; s < 2; s++) {
      int steps = plan->side[s].steps;
      for (int k = 0; k < m * steps; k++) plan->host.rows[s][k] = order[k / steps] * steps + k % steps;
      for (int k = 0; k < m && plan->host.lengths[s]; k++) plan->host.lengths[s][k] = 1 + (k * 5 + s) % steps;
    }
    must(babel_step_plan_send(plan));
  }
  free(order);
}

double step_pair_distance(const float *a, const float *b, int64_t n) {
  double gap = 0, size = 0;
  for (int64_t i = 0; i < n; i++) {
    gap += pow((double)a[i] - (double)b[i], 2);
    size += (double)b[i] * (double)b[i];
  }
  return !isfinite(gap) ? INFINITY : gap > 0 ? sqrt(gap / size) : 0;
}

float *step_pair_floats(const pair_side *side, const float *from, int64_t count) {
  float *host = take((size_t)count, sizeof *host);
  must(side->ops->download(host, from, (size_t)count * sizeof *host, side->plan.stream));
  return host;
}

int step_pair_flips(const step_pair *pair) {
  int flips = 0;
  for (int s = 0; s < 2; s++)
    for (int k = 0; k < pair->side[0].plan.side[s].layers; k++) {
      const babel_chain *a = &pair->side[0].plan.side[s], *b = &pair->side[1].plan.side[s];
      if (!a->layer[k].relu) continue;
      int64_t count = (int64_t)a->rows * a->layer[k].out;
      float *x = step_pair_floats(&pair->side[0], a->act[k + 1], count), *y = step_pair_floats(&pair->side[1], b->act[k + 1], count);
      for (int64_t i = 0; i < count; i++) flips += (x[i] > 0) != (y[i] > 0);
      free(x);
      free(y);
    }
  return flips;
}

void step_pair_align(step_pair *pair) {
  const babel_step_plan *cpu = &pair->side[PAIR_CPU].plan, *device = &pair->side[PAIR_DEVICE].plan;
  const struct {
    const float *from;
    float *to;
  } arrays[] = {{cpu->params, device->params}, {cpu->moment1, device->moment1}, {cpu->moment2, device->moment2}, {cpu->teacher_params, device->teacher_params}};
  cr_assert_eq(cpu->count, device->count);
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
    if (arrays[i].from) must(device->ops->upload(arrays[i].to, arrays[i].from, (size_t)cpu->count * sizeof(float), device->stream));
}
