/* What lies where in a training step. One backend block is measured in a first pass (base NULL) and carved in a second. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "growth/step.h"

typedef struct {
  char *base; /* NULL while measuring */
  size_t used;
} carver;

static void *carve(carver *c, size_t count, size_t size) {
  void *piece = c->base ? c->base + c->used : NULL;
  c->used += (count * size + BABEL_ALIGNMENT - 1) / BABEL_ALIGNMENT * BABEL_ALIGNMENT;
  return piece;
}

static float *carve_floats(carver *c, int64_t count) {
  return carve(c, (size_t)count, sizeof(float));
}

/* One piece for both sides, b's rows right behind a's, so that the shared prototype sees one matrix. */
static void carve_pair(carver *c, float **a, float **b, int64_t rows_a, int64_t rows_b, int width) {
  *a = carve_floats(c, (rows_a + rows_b) * width);
  *b = *a ? *a + rows_a * width : NULL;
}

/* step.h says how the directions lie; behind the first shared layer all of them have room for both sides. */
static void carve_cotangents(babel_step_plan *plan, carver *c, int k, int width) {
  babel_chain *a = &plan->side[0], *b = &plan->side[1];
  if (k <= plan->shared) {
    carve_pair(c, &a->cot[k], &b->cot[k], (int64_t)a->stacked * a->rows, (int64_t)b->stacked * b->rows, width);
    for (int s = 0; s < 2; s++) plan->side[s].cot_step[k] = (int64_t)plan->side[s].rows * width;
  } else {
    int64_t rows = a->rows + b->rows;
    a->cot[k] = carve_floats(c, (plan->teacher_side >= 0 ? 3 : 2) * rows * width);
    b->cot[k] = a->cot[k] ? a->cot[k] + (int64_t)a->rows * width : NULL;
    a->cot_step[k] = b->cot_step[k] = rows * width;
  }
}

/* The same places in backend and host memory. */
static void carve_inputs(const babel_step_plan *plan, carver *c, babel_step_inputs *in) {
  in->state = carve(c, 1, sizeof *in->state);
  for (int s = 0; s < 2; s++) {
    in->rows[s] = carve(c, (size_t)plan->side[s].rows, sizeof(int));
    in->lengths[s] = plan->side[s].steps > 1 ? carve(c, (size_t)plan->m, sizeof(int)) : NULL;
  }
  in->graph_rows = plan->config.targets ? carve(c, (size_t)plan->m, sizeof(int)) : NULL;
}

static void carve_layers(babel_step_plan *plan, carver *c) {
  babel_chain *a = &plan->side[0], *b = &plan->side[1];
  for (int s = 0; s < 2; s++) {
    babel_chain *side = &plan->side[s];
    side->act[0] = carve_floats(c, (int64_t)side->rows * side->layer[0].in);
  }
  for (int k = 1; k <= a->layers; k++) {
    int width = a->layer[k - 1].out;
    carve_pair(c, &a->act[k], &b->act[k], a->rows, b->rows, width);
    carve_cotangents(plan, c, k, width);
    if (plan->folded) carve_pair(c, &a->combined[k], &b->combined[k], a->rows, b->rows, width);
  }
}

static void carve_tops(babel_step_plan *plan, carver *c) {
  int64_t size = (int64_t)plan->m * plan->embed;
  for (int s = 0; s < 2; s++) {
    babel_chain *side = &plan->side[s];
    side->pooled = side->steps > 1 ? carve_floats(c, size) : NULL;
    side->pooled_cot = side->steps > 1 ? carve_floats(c, side->stacked * size) : NULL;
    if (s != plan->teacher_side) continue;
    int widest = plan->embed;
    for (int k = 0; k < side->layers; k++)
      if (side->layer[k].out > widest) widest = side->layer[k].out;
    for (int i = 0; i < 2; i++) side->teacher_act[i] = carve_floats(c, (int64_t)side->rows * widest);
    side->teacher = side->steps > 1 ? carve_floats(c, size) : NULL;
  }
}

static void carve_gradients(babel_step_plan *plan, carver *c) {
  babel_chain *a = &plan->side[0], *b = &plan->side[1];
  plan->params = carve_floats(c, plan->count);
  for (int d = 0; d < (plan->folded ? 1 : plan->teacher_side >= 0 ? 3 : 2); d++) plan->grads[d] = carve_floats(c, plan->count);
  plan->moment1 = carve_floats(c, plan->count);
  plan->moment2 = carve_floats(c, plan->count);
  plan->teacher_params = plan->teacher_side >= 0 ? carve_floats(c, plan->count) : NULL;
  for (int d = 0; d < 2 && plan->adaptive && plan->folded; d++) {
    if (plan->config.grad_scope) {
      a->own[d] = carve_floats(c, a->module_count + b->module_count);
      b->own[d] = a->own[d] ? a->own[d] + a->module_count : NULL;
    } else {
      plan->side[d].own[d] = carve_floats(c, plan->side[d].module_count);
    }
  }
}

static void carve_folds(babel_step_plan *plan, carver *c) {
  for (int s = 0; s < 2 && plan->folded; s++) {
    babel_fold *f = &plan->side[s].fold;
    int64_t size = (int64_t)f->in * f->out;
    bool taught = s == plan->teacher_side;
    f->weight = carve_floats(c, size);
    f->bias = carve_floats(c, f->out);
    f->teacher_weight = taught ? carve_floats(c, size) : NULL;
    f->teacher_bias = taught ? carve_floats(c, f->out) : NULL;
    f->dweight = carve_floats(c, size);
    f->dbias = carve_floats(c, f->out);
    for (int d = 0; d < 2; d++) {
      bool needed = plan->adaptive && (plan->config.grad_scope || s == d);
      f->own_weight[d] = needed ? carve_floats(c, size) : NULL;
      f->own_bias[d] = needed ? carve_floats(c, f->out) : NULL;
    }
  }
}

/* Where each layer's parameters and gradients are. */
static void point(babel_step_plan *plan) {
  for (int s = 0; s < 2; s++)
    for (int k = 0; k < plan->side[s].layers; k++) {
      babel_chain_layer *l = &plan->side[s].layer[k];
      const babel_fold *f = &plan->side[s].fold;
      bool folded = l->weight_at < 0, taught = plan->teacher_params && !folded;
      l->weight = folded ? f->weight : plan->params + l->weight_at;
      l->bias = folded ? f->bias : plan->params + l->bias_at;
      l->dweight = folded ? f->dweight : plan->grads[0] + l->weight_at;
      l->dbias = folded ? f->dbias : plan->grads[0] + l->bias_at;
      l->teacher_weight = taught ? plan->teacher_params + l->weight_at : f->teacher_weight;
      l->teacher_bias = taught ? plan->teacher_params + l->bias_at : f->teacher_bias;
    }
}

/* Addresses within backend memory: nothing is read. */
static void carve_report(babel_step_plan *plan, carver *c) {
  babel_step_report *report = plan->report = carve(c, 1, sizeof *report);
  if (!report) return;
  plan->loss = report->loss;
  plan->kd_loss = &report->kd;
  plan->weights = report->weights;
  plan->norms = report->norms;
  plan->hits = report->hits;
  plan->guarded = &report->guarded;
}

static void carve_all(babel_step_plan *plan, carver *c) {
  carve_inputs(plan, c, &plan->in);
  plan->input_bytes = c->used;
  carve_gradients(plan, c);
  carve_folds(plan, c);
  carve_layers(plan, c);
  carve_tops(plan, c);
  carve_report(plan, c);
  plan->kd_parts = carve(c, BABEL_COSINE_DISTILL_PARTS, sizeof *plan->kd_parts);
  plan->adaptive_parts = carve(c, BABEL_ADAPTIVE_PARTS, sizeof *plan->adaptive_parts);
  plan->dlog_scale = carve_floats(c, 2);
  int64_t batch_square = (int64_t)plan->m * plan->m;
  plan->targets = plan->config.targets == BABEL_TARGETS_NEIGHBOURS ? carve_floats(c, batch_square) : NULL;
  plan->masked = plan->config.targets == BABEL_TARGETS_MASK ? carve(c, (size_t)batch_square, 1) : NULL;
  plan->workspace = carve_floats(c, (int64_t)babel_contrastive_workspace(plan->m, plan->embed));
}

/* Layers `from` to `end` - 1 of an MLP that lies at `at`. */
static void append_mlp(babel_chain *chain, const babel_mlp *mlp, int64_t at, int from, int end) {
  for (int i = from; i < end; i++)
    chain->layer[chain->layers++] = (babel_chain_layer){.in = mlp->widths[i], .out = mlp->widths[i + 1], .relu = i + 1 < mlp->layers,
                                                        .weight_at = at + mlp->weight_at[i], .bias_at = at + mlp->bias_at[i]};
}

/* C's last layer and U's first as one. */
static void append_fold(babel_chain *chain, const babel_mlp *module, const babel_mlp *prototype, int64_t prototype_at) {
  int last = module->layers - 1;
  chain->fold = (babel_fold){.in = module->widths[last], .middle = prototype->widths[0], .out = prototype->widths[1],
      .first_at = chain->module_at + module->weight_at[last], .first_bias_at = chain->module_at + module->bias_at[last],
      .second_at = prototype_at + prototype->weight_at[0], .second_bias_at = prototype_at + prototype->bias_at[0]};
  chain->layer[chain->layers++] = (babel_chain_layer){.in = chain->fold.in, .out = chain->fold.out, .relu = prototype->layers > 1,
                                                      .weight_at = -1, .bias_at = -1};
}

/* C, U, the projection. */
static void chain_up(babel_chain *chain, const babel_tower *tower, const babel_mlp *prototype, int64_t prototype_at, int folded) {
  chain->module_layers = tower->module.layers - folded;
  append_mlp(chain, &tower->module, chain->module_at, 0, chain->module_layers);
  if (folded) append_fold(chain, &tower->module, prototype, prototype_at);
  append_mlp(chain, prototype, prototype_at, folded, prototype->layers);
  append_mlp(chain, &tower->post, chain->post_at, 0, tower->post.layers);
}

/* Offsets in the flat arrays and the chain of layers of both sides. */
static void lay_out(babel_step_plan *plan, const babel_trunk *trunk, babel_tower *const towers[2], const int steps[2]) {
  int64_t at = 0;
  for (int s = 0; s < 2; s++) {
    plan->side[s].module_at = at;
    at += plan->side[s].module_count = towers[s]->module.count;
  }
  for (int s = 0; s < 2; s++) {
    plan->side[s].post_at = at;
    at += plan->side[s].post_count = towers[s]->post.count;
  }
  plan->prototype_at = at;
  at += plan->prototype_count = trunk->prototype.count;
  plan->scale_at = at;
  plan->count = at + 1;
  plan->shared = towers[0]->module.layers; /* C's layers, the fold among them */
  for (int s = 0; s < 2; s++) {
    babel_chain *chain = &plan->side[s];
    chain_up(chain, towers[s], &trunk->prototype, plan->prototype_at, plan->folded);
    chain->steps = steps[s];
    chain->rows = plan->m * steps[s];
    chain->stacked = s == plan->teacher_side ? 3 : 2;
    plan->mean[s] = plan->config.standardise ? towers[s]->mean : NULL;
    plan->inv_std[s] = plan->config.standardise ? towers[s]->inv_std : NULL;
  }
}

static babel_status check(const babel_trunk *trunk, babel_tower *const towers[2], const int steps[2], int m) {
  if (m < 2) return BABEL_FAIL(BABEL_ERR_ARG, "a batch of %d pairs has no negatives: expected at least 2", m);
  for (int s = 0; s < 2; s++) {
    const babel_tower *tower = towers[s];
    if (steps[s] < 1 || steps[s] > (1 << 24) / m) return BABEL_FAIL(BABEL_ERR_SHAPE, "%s: %d time steps", tower->name, steps[s]);
    if (tower->module.layers != towers[0]->module.layers || tower->post.layers != towers[0]->post.layers ||
        tower->module.widths[tower->module.layers] != trunk->prototype.widths[0])
      return BABEL_FAIL(BABEL_ERR_SHAPE, "%s: its module does not fit the prototype or the other tower", tower->name);
  }
  return BABEL_OK;
}

/* params <-> trunk; the flat array is in backend memory. */
static babel_status copy_params(const babel_step_plan *plan, const babel_trunk *trunk, babel_tower *const towers[2], bool out, bool deploy_teacher) {
  const struct {
    float *trunk, *flat;
    int64_t count;
  } pieces[] = {
      {towers[0]->module.params, plan->params + plan->side[0].module_at, plan->side[0].module_count},
      {towers[1]->module.params, plan->params + plan->side[1].module_at, plan->side[1].module_count},
      {towers[0]->post.params, plan->params + plan->side[0].post_at, plan->side[0].post_count},
      {towers[1]->post.params, plan->params + plan->side[1].post_at, plan->side[1].post_count},
      {trunk->prototype.params, (deploy_teacher ? plan->teacher_params : plan->params) + plan->prototype_at, plan->prototype_count},
      {trunk->log_scale, plan->params + plan->scale_at, 1},
  };
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    size_t bytes = (size_t)pieces[i].count * sizeof(float);
    if (!bytes) continue;
    BABEL_TRY(plan->ops->copy(out ? pieces[i].trunk : pieces[i].flat, out ? pieces[i].flat : pieces[i].trunk, bytes, plan->stream));
  }
  return plan->ops->synchronize(plan->stream);
}

static void optimise(babel_step_plan *plan, int64_t at, int64_t count, double decay, bool taught) {
  babel_adamw_job *job = &plan->adamw[plan->adamw_count++];
  *job = (babel_adamw_job){.p = plan->params + at, .m = plan->moment1 + at, .v = plan->moment2 + at, .g = {plan->grads[0] + at}, .n = count,
                           .weight_decay = (float)decay, .teacher = taught ? plan->teacher_params + at : NULL};
  if (plan->folded) return;
  job->weights = plan->weights;
  job->g[1] = plan->grads[1] + at;
  job->g[2] = taught ? plan->grads[2] + at : NULL;
}

static void optimise_mlp(babel_step_plan *plan, const babel_mlp *mlp, int64_t at, bool taught) {
  for (int k = 0; k < mlp->layers; k++) {
    optimise(plan, at + mlp->weight_at[k], (int64_t)mlp->widths[k] * mlp->widths[k + 1], plan->config.weight_decay, taught);
    optimise(plan, at + mlp->bias_at[k], mlp->widths[k + 1], 0, taught);
  }
}

/* Decay on matrices only; the log scale is clamped and has none (sections 3 and 7). The teacher follows what it teaches. */
static babel_status list_optimiser(babel_step_plan *plan, const babel_trunk *trunk, babel_tower *const towers[2]) {
  void *memory;
  BABEL_TRY(babel_alloc(&memory, 10 * BABEL_MAX_LAYERS + 1, sizeof *plan->adamw));
  plan->adamw = memory;
  for (int s = 0; s < 2; s++) {
    optimise_mlp(plan, &towers[s]->module, plan->side[s].module_at, s == plan->teacher_side);
    optimise_mlp(plan, &towers[s]->post, plan->side[s].post_at, s == plan->teacher_side);
  }
  optimise_mlp(plan, &trunk->prototype, plan->prototype_at, plan->teacher_side >= 0);
  if (plan->config.temperature == BABEL_TEMPERATURE_FIXED) return BABEL_OK;
  optimise(plan, plan->scale_at, 1, 0, false);
  babel_adamw_job *scale = &plan->adamw[plan->adamw_count - 1];
  if (!plan->folded) {
    scale->g[0] = plan->dlog_scale;
    scale->g[1] = plan->dlog_scale + 1;
  }
  scale->low = (float)log(plan->config.scale_min);
  scale->high = (float)log(plan->config.scale_max);
  return BABEL_OK;
}

babel_status babel_step_plan_create(babel_step_plan *plan, const babel_trunk *trunk, babel_tower *const towers[2], const int steps[2],
                                    int m, int teacher_side, int adaptive) {
  babel_status status;
  carver c = {0};
  memset(plan, 0, sizeof *plan);
  BABEL_TRY(check(trunk, towers, steps, m));
  plan->ops = trunk->ops;
  plan->config = trunk->config;
  plan->m = m;
  plan->embed = trunk->config.embed_dim;
  plan->teacher_side = teacher_side;
  plan->adaptive = adaptive;
  plan->folded = plan->ops->fold_layers;
  lay_out(plan, trunk, towers, steps);
  carve_all(plan, &c);
  plan->bytes = c.used;
  BABEL_TRY(plan->ops->alloc(&plan->memory, plan->bytes));
  if (plan->ops->stream_create) BABEL_TRY_OR(plan->ops->stream_create(&plan->stream, 0), fail);
  if (plan->ops->stream_create) BABEL_TRY_OR(plan->ops->stream_create(&plan->branch, 1), fail);
  c = (carver){.base = plan->memory};
  carve_all(plan, &c);
  void *host;
  BABEL_TRY_OR(babel_alloc(&host, plan->input_bytes, 1), fail);
  c = (carver){.base = host};
  carve_inputs(plan, &c, &plan->host);
  point(plan);
  BABEL_TRY_OR(list_optimiser(plan, trunk, towers), fail);
  BABEL_TRY_OR(copy_params(plan, trunk, towers, false, false), fail);
  if (teacher_side >= 0)
    BABEL_TRY_OR(plan->ops->copy(plan->teacher_params, plan->params, (size_t)plan->count * sizeof(float), plan->stream), fail);
  return BABEL_OK;
fail:
  babel_step_plan_destroy(plan);
  return status;
}

void babel_step_plan_destroy(babel_step_plan *plan) {
  if (!plan) return;
  if (plan->recording) plan->ops->recording_destroy(plan->recording);
  if (plan->stream) plan->ops->stream_destroy(plan->stream);
  if (plan->branch) plan->ops->stream_destroy(plan->branch);
  if (plan->memory) plan->ops->free(plan->memory);
  free(plan->host.state); /* the first piece of the block */
  free(plan->adamw);
  memset(plan, 0, sizeof *plan);
}

babel_status babel_step_plan_store(const babel_step_plan *plan, babel_trunk *trunk, babel_tower *const towers[2], bool deploy_teacher) {
  return copy_params(plan, trunk, towers, true, deploy_teacher && plan->teacher_params);
}

static babel_status fetch(const babel_step_plan *plan, float *host, const float *from, int64_t count) {
  return plan->ops->download(host, from, (size_t)count * sizeof *host, plan->stream);
}

static babel_status weighted(const babel_step_plan *plan, float *gradient, float *other) {
  float weights[2], scale[2];
  BABEL_TRY(fetch(plan, weights, plan->weights, 2));
  BABEL_TRY(fetch(plan, scale, plan->dlog_scale, 2));
  for (int64_t i = 0; i < plan->count; i++) gradient[i] *= weights[0];
  for (int d = 1; d < 3 && plan->grads[d]; d++) {
    BABEL_TRY(fetch(plan, other, plan->grads[d], plan->count));
    for (int64_t i = 0; i < plan->count; i++) gradient[i] += (d == 1 ? weights[1] : 1) * other[i];
  }
  gradient[plan->scale_at] = weights[0] * scale[0] + weights[1] * scale[1];
  return BABEL_OK;
}

babel_status babel_step_plan_gradient(const babel_step_plan *plan, float *gradient) {
  void *other;
  BABEL_TRY(fetch(plan, gradient, plan->grads[0], plan->count));
  if (plan->folded) return BABEL_OK;
  BABEL_TRY(babel_alloc(&other, (size_t)plan->count, sizeof(float)));
  babel_status status = weighted(plan, gradient, other);
  free(other);
  return status;
}

babel_status babel_step_plan_send(const babel_step_plan *plan) {
  return plan->ops->upload(plan->in.state, plan->host.state, plan->input_bytes, plan->stream);
}

babel_status babel_step_report_read(const babel_step_plan *plan, babel_step_report *report) {
  BABEL_TRY(plan->ops->download(report, plan->report, sizeof *report, plan->stream));
  return plan->ops->download(&report->log_scale, plan->params + plan->scale_at, sizeof report->log_scale, plan->stream);
}
