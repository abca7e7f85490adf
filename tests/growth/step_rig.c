#include "tests/growth/step_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/growth/protected_inputs.h"
#include "tests/support/compare.h"
#include "tests/support/device_ops.h"

static int or_default(int value, int fallback) {
  return value ? value : fallback;
}

static void configure(const step_case *c, babel_config *config) {
  babel_config_preset(config, BABEL_PRESET_OURS);
  config->embed_dim = or_default(c->embed, 24);
  config->hidden = or_default(c->hidden, 16);
  config->concept_layers = or_default(c->concept_layers, 3);
  config->proto_layers = or_default(c->proto_layers, 2);
  config->post_proj = c->post;
  config->input_dropout = c->dropout;
  config->standardise = !c->plain_features;
  config->grad_scope = c->scope;
  config->grad_norm = c->relative;
  config->denominator = c->negatives;
  config->targets = c->targets;
  config->temperature = c->fixed_temperature;
  if (c->tau > 0) config->tau = c->tau;
}

static void *take(size_t n, size_t size) {
  void *memory = calloc(n ? n : 1, size);
  cr_assert_not_null(memory);
  return memory;
}

/* A bank of m + 3 samples; the batch visits them backwards and leaves three out. */
static void fill_side(step_rig *rig, const step_case *c, int s) {
  babel_step_plan *plan = &rig->plan;
  int m = plan->m, steps = plan->side[s].steps, in = plan->side[s].layer[0].in;
  char key[64];
  snprintf(key, sizeof key, "bank %d", s);
  rig->bank[s] = take((size_t)(m + 3) * (size_t)steps * (size_t)in, sizeof(float));
  babel_fill_floats(key, rig->bank[s], (size_t)(m + 3) * (size_t)steps * (size_t)in, 2);
  plan->bank[s] = rig->bank[s];
  plan->bank_rows[s] = (m + 3) * steps;
  for (int i = 0; i < m; i++)
    for (int t = 0; t < steps; t++) plan->in.rows[s][i * steps + t] = (m + 1 - i) * steps + t;
  if (steps == 1) return;
  rig->lengths[s] = take((size_t)m, sizeof(int));
  for (int i = 0; i < m; i++) plan->in.lengths[s][i] = rig->lengths[s][i] = c->ragged ? 1 + (i * 5 + s) % steps : steps;
}

/* Weights between all samples of the bank, about one in four above 0, not symmetric; those of the batch for the oracle. What overlaps is no neighbour. */
static void join_neighbours(step_rig *rig, const step_case *c) {
  babel_step_plan *plan = &rig->plan;
  int m = plan->m, n = m + 3;
  rig->graph = take((size_t)n * (size_t)n, sizeof *rig->graph);
  rig->near = take((size_t)m * (size_t)m, sizeof *rig->near);
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++)
      if (i != j && i != 5 && !(c->overlaps && abs(i - j) == 4) && babel_fill("edge", (uint32_t)(i * n + j)) > 0.5)
        rig->graph[i * n + j] = (float)(0.6 + 0.5 * babel_fill("graph", (uint32_t)(i * n + j)));
  for (int i = 0; i < m * m; i++) rig->near[i] = (double)rig->graph[(m + 1 - i / m) * n + m + 1 - i % m];
  rig->lists = neighbour_lists_of(rig->graph, n);
  plan->graph = rig->lists.neighbours;
  plan->graph_weights = rig->lists.weights;
  plan->graph_k = rig->lists.k;
}

static void connect(step_rig *rig, const step_case *c) {
  babel_step_plan *plan = &rig->plan;
  int m = plan->m;
  plan->graph_size = m + 3;
  if (c->targets) join_neighbours(rig, c);
  if (c->overlaps) {
    plan->graph_windows = rig->windows = overlapping_windows(m + 3);
    rig->overlap = take((size_t)m * (size_t)m, sizeof *rig->overlap);
    for (int i = 0; i < m * m; i++) rig->overlap[i] = abs(i / m - i % m) == 4;
  }
  for (int i = 0; i < m && plan->in.graph_rows; i++) plan->in.graph_rows[i] = m + 1 - i;
}

static void statistics(step_rig *rig, int s) {
  int in = rig->towers[s]->in;
  float *mean = take((size_t)in, sizeof *mean), *inv = take((size_t)in, sizeof *inv);
  babel_fill_floats("mean", mean, (size_t)in, 0.3);
  babel_fill_floats("deviation", inv, (size_t)in, 0.5);
  for (int i = 0; i < in; i++) inv[i] += 1;
  cr_assert_eq(babel_trunk_set_statistics(&rig->trunk, rig->towers[s], mean, inv), BABEL_OK);
  free(mean);
  free(inv);
}

/* Weights of variance 2 / fan_in: under the usual start each layer halves what tells samples apart, and the gradients of deep chains become
 * differences of nearly equal numbers. */
static void spread(babel_mlp *mlp) {
  for (int k = 0; k < mlp->layers; k++)
    for (int64_t i = mlp->weight_at[k]; i < mlp->bias_at[k]; i++) mlp->params[i] *= 2.4f;
}

void step_rig_create(step_rig *rig, const step_case *c) {
  babel_config config;
  int steps[2] = {or_default(c->steps[0], 1), or_default(c->steps[1], 1)}, in[2] = {or_default(c->in[0], 7), or_default(c->in[1], 13)};
  memset(rig, 0, sizeof *rig);
  configure(c, &config);
  rig->ops = *babel_test_ops();
  if (c->layers) rig->ops.sum_cotangents = 0;
  if (c->layers == 2) rig->ops.fold_layers = 0;
  cr_assert_eq(babel_trunk_create(&rig->trunk, &rig->ops, &config), BABEL_OK);
  for (int s = 0; s < 2; s++) cr_assert_eq(babel_trunk_add_tower(&rig->trunk, s ? "right" : "left", in[s]), BABEL_OK);
  for (int s = 0; s < 2; s++) {
    rig->towers[s] = babel_trunk_tower(&rig->trunk, s ? "right" : "left");
    statistics(rig, s);
    spread(&rig->towers[s]->module);
    spread(&rig->towers[s]->post);
  }
  spread(&rig->trunk.prototype);
  int adaptive = c->adaptive_off ? BABEL_ADAPTIVE_OFF : c->inverted ? BABEL_ADAPTIVE_INVERTED : BABEL_ADAPTIVE_ON;
  babel_step_request request = babel_step_pair(rig->towers, steps, or_default(c->m, 12), c->teacher - 1, adaptive);
  if (c->projected) {
    protected_moments("module", &rig->towers[0]->module, &rig->towers[0]->moments);
    protected_moments("post", &rig->towers[0]->post, &rig->towers[0]->post_moments);
    protected_moments("prototype", &rig->trunk.prototype, &rig->trunk.moments);
    request.module[0] = request.prototype = BABEL_LEARNS_PROJECTED;
  }
  request.overlap = c->overlaps;
  cr_assert_eq(babel_step_plan_create(&rig->plan, &rig->trunk, &request), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(babel_projection_create(&rig->projection, &rig->plan, &rig->trunk), BABEL_OK, "%s", babel_error_last()->sentence);
  if (c->projected) rig->plan.projection = &rig->projection;
  for (int s = 0; s < 2; s++) fill_side(rig, c, s);
  *rig->plan.in.state = (babel_step_state){.step = 3, .lr = 1e-3f, .trunk_lr = 1e-3f, .ema_momentum = 0.9f, .bias1 = 0.3439f, .bias2 = 0.07763184f};

  rig->oracle = (step_oracle){.m = rig->plan.m, .embed = config.embed_dim, .hidden = config.hidden, .concept_layers = config.concept_layers,
      .proto_layers = config.proto_layers, .post = config.post_proj, .in = {in[0], in[1]}, .steps = {steps[0], steps[1]},
      .lengths = {rig->lengths[0], rig->lengths[1]}, .negatives_only = c->negatives, .teacher_side = c->teacher - 1};
  connect(rig, c);
  rig->oracle.graph = rig->near;
  rig->oracle.graph_weight = config.neighbour_weight;
  rig->oracle.overlap = rig->overlap;
  rig->oracle.graph_masks = c->targets == BABEL_TARGETS_MASK;
  oracle_lay_out(&rig->oracle);
  cr_assert_eq((int64_t)rig->oracle.count, rig->plan.count);
}

void step_rig_destroy(step_rig *rig) {
  babel_step_plan_destroy(&rig->plan);
  babel_projection_destroy(&rig->projection);
  babel_trunk_destroy(&rig->trunk);
  for (int s = 0; s < 2; s++) {
    free(rig->bank[s]);
    free(rig->lengths[s]);
    free(rig->x[s]);
  }
  free(rig->params);
  free(rig->graph);
  neighbour_lists_free(&rig->lists);
  free(rig->near);
  free(rig->windows);
  free(rig->overlap);
  free(rig->teacher);
}

static void widen(double **to, const float *from, size_t n) {
  free(*to);
  *to = take(n, sizeof **to);
  for (size_t i = 0; i < n; i++) (*to)[i] = (double)from[i];
}

void step_rig_follow(step_rig *rig) {
  babel_step_plan *plan = &rig->plan;
  step_oracle *o = &rig->oracle;
  widen(&rig->params, plan->params, o->count);
  o->params = rig->params;
  for (int s = 0; s < 2; s++) {
    const babel_chain *c = &plan->side[s];
    widen(&rig->x[s], c->act[0], (size_t)c->rows * (size_t)c->layer[0].in);
    o->x[s] = rig->x[s];
    for (int k = 1; k <= o->layers; k++) /* folded: C's last output is never made */
      o->seen[s][k] = !plan->folded || k < o->concept_layers ? c->act[k] : k > o->concept_layers ? c->act[k - 1] : NULL;
  }
  if (plan->teacher_side < 0) return;
  double *frozen = NULL;
  widen(&frozen, plan->teacher_params, o->count);
  free(rig->teacher);
  rig->teacher = take((size_t)o->m * (size_t)o->embed, sizeof(double));
  oracle_embed(o, plan->teacher_side, frozen, rig->teacher);
  o->teacher = rig->teacher;
  free(frozen);
}
