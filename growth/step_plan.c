/* What lies where in a training step. One backend block is measured in a first pass (base NULL) and carved in a second. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "growth/step_chunk.h"
#include "growth/step_ranks.h"

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

/* One piece for all rehearsed sides, behind each other; the pointer to each side's part goes to `field` of its chain. */
static void carve_rehearsed(babel_step_plan *plan, carver *c, int width, size_t field) {
  float *at = carve_floats(c, (int64_t)plan->rehearsed_rows * width);
  for (int s = 2; s < plan->sides; s++) {
    *(float **)((char *)&plan->side[s] + field) = at;
    if (at) at += (int64_t)plan->side[s].rows * width;
  }
}

/* step.h says how the directions lie; behind the first shared layer all of them have room for both sides. */
static void carve_cotangents(babel_step_plan *plan, carver *c, int k, int width) {
  babel_chain *a = &plan->side[0], *b = &plan->side[1];
  if (k < plan->joined) {
    carve_pair(c, &a->cot[k], &b->cot[k], (int64_t)a->stacked * a->rows, (int64_t)b->stacked * b->rows, width);
    for (int s = 0; s < 2; s++) plan->side[s].cot_step[k] = (int64_t)plan->side[s].rows * width;
  } else {
    int64_t rows = a->rows + b->rows;
    a->cot[k] = carve_floats(c, (plan->teacher_side >= 0 ? 3 : 2) * rows * width);
    b->cot[k] = a->cot[k] ? a->cot[k] + (int64_t)a->rows * width : NULL;
    a->cot_step[k] = b->cot_step[k] = rows * width;
  }
  carve_rehearsed(plan, c, width, offsetof(babel_chain, cot[k]));
}

/* The same places in backend and host memory. */
static void carve_inputs(const babel_step_plan *plan, carver *c, babel_step_inputs *in) {
  in->state = carve(c, 1, sizeof *in->state);
  for (int s = 0; s < plan->sides; s++) {
    in->rows[s] = carve(c, (size_t)plan->side[s].whole * (size_t)plan->side[s].steps, sizeof(int));
    in->lengths[s] = plan->side[s].steps > 1 ? carve(c, (size_t)plan->side[s].whole, sizeof(int)) : NULL;
  }
  in->graph_rows = !babel_step_plain(plan) ? carve(c, (size_t)plan->m, sizeof(int)) : NULL;
}

static bool looks_ahead(const babel_step_plan *plan) {
  return plan->ops->record_begin && !plan->comm && !plan->chunks;
}

static void carve_layers(babel_step_plan *plan, carver *c) {
  babel_chain *a = &plan->side[0], *b = &plan->side[1];
  for (int s = 0; s < plan->sides; s++) {
    babel_chain *side = &plan->side[s];
    side->act[0] = carve_floats(c, (int64_t)side->rows * side->layer[0].in);
    side->ahead = looks_ahead(plan) ? carve_floats(c, (int64_t)side->rows * side->layer[0].in) : NULL;
  }
  for (int k = 1; k <= a->layers; k++) {
    int width = a->layer[k - 1].out;
    carve_pair(c, &a->act[k], &b->act[k], a->rows, b->rows, width);
    carve_rehearsed(plan, c, width, offsetof(babel_chain, act[k]));
    carve_cotangents(plan, c, k, width);
    if (plan->summed) carve_pair(c, &a->combined[k], &b->combined[k], a->rows, b->rows, width);
    for (int s = 2; s < plan->sides; s++) plan->side[s].combined[k] = plan->side[s].cot[k]; /* one direction, weighted already */
  }
}

/* The output of C's last layer meets the gradient of U's first: of all sides, behind each other. */
static void carve_middle(babel_step_plan *plan, carver *c) {
  babel_chain *a = &plan->side[0], *b = &plan->side[1];
  if (!plan->folded || plan->summed || plan->request.prototype == BABEL_FROZEN) return;
  carve_pair(c, &a->middle, &b->middle, a->rows, b->rows, a->fold.middle);
  carve_rehearsed(plan, c, a->fold.middle, offsetof(babel_chain, middle));
}

static void carve_tops(babel_step_plan *plan, carver *c) {
  for (int s = 0; s < plan->sides; s++) {
    babel_chain *side = &plan->side[s];
    int64_t size = (int64_t)side->samples * plan->embed;
    side->pooled = side->steps > 1 ? carve_floats(c, size) : NULL;
    side->pooled_cot = side->steps > 1 ? carve_floats(c, side->stacked * size) : NULL;
    if (plan->request.replayed || (s < 2 && s != plan->teacher_side)) continue;
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
  for (int d = 0; d < (plan->summed ? 1 : babel_step_distils(plan) ? 3 : 2); d++) plan->grads[d] = carve_floats(c, plan->count);
  plan->moment1 = carve_floats(c, plan->count);
  plan->moment2 = carve_floats(c, plan->count);
  plan->teacher_params = babel_step_distils(plan) && !plan->request.replayed ? carve_floats(c, plan->count) : NULL;
  for (int d = 0; d < 2 && plan->adaptive && plan->summed; d++) {
    if (plan->config.grad_scope) {
      a->own[d] = carve_floats(c, a->module_count + b->module_count);
      b->own[d] = a->own[d] ? a->own[d] + a->module_count : NULL;
    } else {
      plan->side[d].own[d] = carve_floats(c, plan->side[d].module_count);
    }
  }
}

static void carve_folds(babel_step_plan *plan, carver *c) {
  for (int s = 0; s < plan->sides && plan->folded; s++) {
    babel_layer_fold *f = &plan->side[s].fold;
    int64_t size = (int64_t)f->in * f->out;
    bool taught = plan->side[s].taught;
    if (plan->side[s].twin >= 0) {
      *f = plan->side[plan->side[s].twin].fold;
      continue;
    }
    f->weight = carve_floats(c, size);
    f->bias = carve_floats(c, f->out);
    f->teacher_weight = taught ? carve_floats(c, size) : NULL;
    f->teacher_bias = taught ? carve_floats(c, f->out) : NULL;
    f->dweight = plan->summed ? carve_floats(c, size) : NULL;
    f->dbias = plan->summed ? carve_floats(c, f->out) : NULL;
    for (int d = 0; d < 3; d++) {
      bool needed = plan->summed ? plan->adaptive && d < 2 && s < 2 && (plan->config.grad_scope || s == d) : d < 2 ? s < 2 : plan->side[s].rehearsed;
      f->own_weight[d] = needed ? carve_floats(c, size) : NULL;
      f->own_bias[d] = needed ? carve_floats(c, f->out) : NULL;
    }
  }
}

/* Where each layer's parameters and gradients are. */
static void point(babel_step_plan *plan) {
  for (int s = 0; s < plan->sides; s++)
    for (int k = 0; k < plan->side[s].layers; k++) {
      babel_chain_layer *l = &plan->side[s].layer[k];
      const babel_layer_fold *f = &plan->side[s].fold;
      bool folded = l->weight_at < 0, taught = plan->teacher_params && !folded;
      l->weight = folded ? f->weight : plan->params + l->weight_at;
      l->bias = folded ? f->bias : plan->params + l->bias_at;
      if (plan->summed) l->dweight = folded ? f->dweight : plan->grads[0] + l->weight_at;
      if (plan->summed) l->dbias = folded ? f->dbias : plan->grads[0] + l->bias_at;
      l->teacher_weight = taught ? plan->teacher_params + l->weight_at : f->teacher_weight;
      l->teacher_bias = taught ? plan->teacher_params + l->bias_at : f->teacher_bias;
    }
}

/* Addresses within backend memory: nothing is read. */
static void carve_report(babel_step_plan *plan, carver *c) {
  babel_step_report *report = plan->report = carve(c, 1, sizeof *report);
  if (!report) return;
  plan->loss = report->loss;
  plan->kd_of = report->kd_of;
  plan->weights = report->weights;
  plan->norms = report->norms;
  plan->hits = report->hits;
  plan->guarded = &report->guarded;
}

static void carve_replay(babel_step_plan *plan, carver *c) {
  int rows = plan->request.replay_rows;
  if (!plan->request.replayed) return;
  for (int s = 0; s < 2; s++) plan->replay_cot[s] = carve_floats(c, 2 * (int64_t)rows * plan->embed);
  plan->replay_loss = carve_floats(c, 2);
  plan->replay_weights = carve_floats(c, 2);
  plan->replay_workspace = carve_floats(c, (int64_t)babel_contrastive_workspace(rows, plan->embed));
}

static void carve_chunks(babel_step_plan *plan, carver *c) {
  babel_step_chunks *chunks = plan->chunks;
  const int64_t m = plan->m, size = m * plan->embed;
  for (int s = 0; s < 2; s++) {
    chunks->unit[s] = carve_floats(c, size);
    chunks->inv[s] = carve_floats(c, m);
    chunks->cot[s] = carve_floats(c, 2 * size);
  }
  chunks->panel = carve_floats(c, plan->chunk * m);
  chunks->other = carve_floats(c, plan->chunk * m);
  chunks->anchors = carve_floats(c, 2 * BABEL_CONTRASTIVE_PANEL_NUMBERS * m);
  chunks->kd = carve_floats(c, babel_step_parts(plan));
  chunks->zeros = carve_floats(c, (int64_t)plan->chunk * plan->embed);
}

/* Room for the embeddings of all ranks. */
static void carve_gathered(babel_step_plan *plan, carver *c) {
  int64_t most = plan->m > plan->request.replay_rows ? plan->m : plan->request.replay_rows;
  const bool shared = babel_step_plain(plan);
  for (int s = 0; s < 2 && plan->comm; s++) {
    const int64_t rows = plan->side[s].samples;
    plan->gathered[s] = carve_floats(c, most * plan->embed);
    if (!shared || plan->request.replayed) plan->gathered_cot[s] = carve_floats(c, 2 * most * plan->embed);
    if (!shared) continue;
    plan->panel[s] = carve_floats(c, rows * plan->m);
    plan->panel_other[s] = carve_floats(c, rows * plan->m);
    plan->panel_inv[s] = carve_floats(c, rows);
  }
  if (plan->comm && shared) plan->panel_anchors = carve_floats(c, 3 * BABEL_CONTRASTIVE_PANEL_NUMBERS * (int64_t)plan->m);
}

static void carve_all(babel_step_plan *plan, carver *c) {
  carve_inputs(plan, c, &plan->in);
  plan->input_bytes = c->used;
  if (looks_ahead(plan)) carve_inputs(plan, c, &plan->ahead);
  plan->schedule = carve(c, BABEL_STEP_WINDOW, sizeof *plan->schedule);
  plan->epoch = carve(c, 1, sizeof *plan->epoch);
  carve_gradients(plan, c);
  carve_folds(plan, c);
  carve_layers(plan, c);
  carve_middle(plan, c);
  carve_tops(plan, c);
  carve_report(plan, c);
  plan->kd_parts = carve(c, (size_t)plan->sides * BABEL_COSINE_DISTILL_PARTS, sizeof *plan->kd_parts);
  plan->adaptive_parts = carve(c, BABEL_ADAPTIVE_PARTS, sizeof *plan->adaptive_parts);
  plan->dlog_scale = carve_floats(c, 2);
  carve_replay(plan, c);
  carve_gathered(plan, c);
  int64_t batch_square = (int64_t)plan->m * plan->m;
  plan->targets = plan->config.targets == BABEL_TARGETS_NEIGHBOURS ? carve_floats(c, batch_square) : NULL;
  plan->masked = plan->config.targets == BABEL_TARGETS_MASK || plan->request.overlap ? carve(c, (size_t)batch_square, 1) : NULL;
  if (plan->chunks) carve_chunks(plan, c);
  else if (!plan->panel_anchors) plan->workspace = carve_floats(c, (int64_t)babel_contrastive_workspace(plan->m, plan->embed));
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
  chain->fold = (babel_layer_fold){.in = module->widths[last], .middle = prototype->widths[0], .out = prototype->widths[1],
      .first_at = chain->module_at + module->weight_at[last], .first_bias_at = chain->module_at + module->bias_at[last],
      .second_at = prototype_at + prototype->weight_at[0], .second_bias_at = prototype_at + prototype->bias_at[0]};
  chain->layer[chain->layers++] = (babel_chain_layer){.in = chain->fold.in, .out = chain->fold.out, .relu = prototype->layers > 1,
                                                      .weight_at = -1, .bias_at = -1};
}

/* C, U, the projection. */
static void chain_up(babel_chain *chain, const babel_tower *tower, const babel_mlp *prototype, int folded) {
  chain->module_layers = tower->module.layers - folded;
  append_mlp(chain, &tower->module, chain->module_at, 0, chain->module_layers);
  if (folded) append_fold(chain, &tower->module, prototype, chain->prototype_at);
  append_mlp(chain, prototype, chain->prototype_at, folded, prototype->layers);
  append_mlp(chain, &tower->post, chain->post_at, 0, tower->post.layers);
}

static int twin_of(const babel_step_request *request, int s) {
  for (int i = 0; i < 2 && s >= 2; i++)
    if (request->towers[i] == request->towers[s]) return i;
  return -1;
}

/* Offsets in the flat arrays: step.h says the order. */
static void place(babel_step_plan *plan, const babel_trunk *trunk) {
  const babel_step_request *request = &plan->request;
  int64_t at = 0;
  for (int s = 0; s < plan->sides; s++) {
    babel_chain *c = &plan->side[s];
    c->twin = twin_of(request, s);
    c->module_count = request->towers[s]->module.count;
    c->module_at = c->twin < 0 ? at : plan->side[c->twin].module_at;
    if (c->twin < 0) at += c->module_count;
  }
  for (int s = 0; s < plan->sides; s++) {
    babel_chain *c = &plan->side[s];
    c->post_count = request->towers[s]->post.count;
    c->post_at = c->twin < 0 ? at : plan->side[c->twin].post_at;
    if (c->twin < 0) at += c->post_count;
  }
  plan->prototype_at = at;
  bool own = request->towers[0]->own.layers;
  for (int s = 0; s < plan->sides; s++) plan->side[s].prototype_at = at + (own && s == 1 ? trunk->prototype.count : 0);
  at += plan->prototype_count = (own ? 2 : 1) * trunk->prototype.count;
  plan->scale_at = at;
  plan->count = at + 1;
}

/* The chain of layers of every side. */
static void lay_out(babel_step_plan *plan, const babel_trunk *trunk) {
  const babel_step_request *request = &plan->request;
  place(plan, trunk);
  plan->shared = request->towers[0]->module.layers; /* C's layers, the fold among them */
  plan->joined = plan->folded && !plan->summed ? plan->shared : plan->shared + 1;
  for (int s = 0; s < plan->sides; s++) {
    babel_chain *chain = &plan->side[s];
    const babel_tower *tower = request->towers[s];
    chain_up(chain, tower, babel_trunk_prototype(trunk, tower), plan->folded);
    babel_step_share(plan, chain, s < 2 ? plan->m : request->rows[s]);
    if (plan->chunks && s < 2) chain->samples = plan->chunk;
    chain->steps = request->steps[s];
    chain->rows = chain->samples * chain->steps;
    chain->first = s < 2 ? 0 : 2;
    chain->stacked = s >= 2 ? 1 : s == plan->teacher_side ? 3 : 2;
    chain->rehearsed = s >= 2 || s == plan->teacher_side;
    chain->taught = chain->rehearsed && !request->replayed;
    chain->frozen = s < 2 && request->module[s] == BABEL_FROZEN;
    if (chain->twin >= 0) plan->side[chain->twin].taught |= chain->taught, plan->side[chain->twin].rehearsed = true;
    plan->mean[s] = plan->config.standardise ? tower->mean : NULL;
    plan->inv_std[s] = plan->config.standardise ? tower->inv_std : NULL;
    if (s < 2) continue;
    plan->rehearsed_rows += chain->rows;
    plan->rehearsed_samples += chain->whole;
  }
}

static babel_status check(const babel_trunk *trunk, const babel_step_request *request) {
  if (request->m < 2) return BABEL_FAIL(BABEL_ERR_ARG, "a batch of %d pairs has no negatives: expected at least 2", request->m);
  BABEL_TRY(babel_step_ranks_check(request));
  if (request->sides < 2 || request->sides > BABEL_MAX_SIDES || (request->sides > 2 && (request->teacher_side >= 0 || request->prototype == BABEL_FROZEN || request->towers[0]->own.layers)))
    return BABEL_FAIL(BABEL_ERR_ARG, "%d sides: rows are rehearsed beside a pair without a teacher of its own, with one prototype that learns", request->sides);
  for (int s = 0; s < request->sides; s++) {
    const babel_tower *tower = request->towers[s];
    int samples = s < 2 ? request->m : request->rows[s];
    if (request->steps[s] < 1 || samples < 1 || request->steps[s] > (1 << 24) / samples)
      return BABEL_FAIL(BABEL_ERR_SHAPE, "%s: %d time steps of %d samples", tower->name, request->steps[s], samples);
    if (tower->module.layers != request->towers[0]->module.layers || tower->post.layers != request->towers[0]->post.layers ||
        tower->own.layers != request->towers[0]->own.layers || tower->module.widths[tower->module.layers] != trunk->prototype.widths[0])
      return BABEL_FAIL(BABEL_ERR_SHAPE, "%s: its module does not fit the prototype or the other tower", tower->name);
    if (s < 2 && request->module[s] == BABEL_FROZEN && request->prototype != BABEL_FROZEN)
      return BABEL_FAIL(BABEL_ERR_ARG, "%s: a frozen module behind which the prototype learns", tower->name);
  }
  return BABEL_OK;
}

static babel_status copy_piece(const babel_step_plan *plan, float *trunk, float *flat, int64_t count, bool out) {
  size_t bytes = (size_t)count * sizeof(float);
  return bytes ? plan->ops->copy(out ? trunk : flat, out ? flat : trunk, bytes, plan->stream) : BABEL_OK;
}

/* params <-> trunk; the flat array is in backend memory. */
static babel_status copy_params(const babel_step_plan *plan, const babel_trunk *trunk, bool out, bool deploy_teacher) {
  float *prototypes = deploy_teacher ? plan->teacher_params : plan->params;
  for (int s = 0; s < plan->sides; s++) {
    const babel_chain *c = &plan->side[s];
    const babel_tower *tower = plan->request.towers[s];
    if (c->twin >= 0) continue;
    BABEL_TRY(copy_piece(plan, tower->module.params, plan->params + c->module_at, c->module_count, out));
    BABEL_TRY(copy_piece(plan, tower->post.params, plan->params + c->post_at, c->post_count, out));
    if (s == 0 || tower->own.layers)
      BABEL_TRY(copy_piece(plan, babel_trunk_prototype(trunk, tower)->params, prototypes + c->prototype_at, trunk->prototype.count, out));
  }
  BABEL_TRY(copy_piece(plan, trunk->log_scale, plan->params + plan->scale_at, 1, out));
  return plan->ops->synchronize(plan->stream);
}

/* How a piece is updated. */
typedef struct {
  babel_learning learning;
  bool rehearsed; /* direction 2 has a gradient of it, and a teacher that moves follows it */
  bool only;      /* no other direction has */
  double decay;
} rule;

static void optimise(babel_step_plan *plan, int64_t at, int64_t count, rule r) {
  if (r.learning == BABEL_FROZEN) return;
  babel_adamw_job *job = &plan->adamw[plan->adamw_count++];
  *job = (babel_adamw_job){.p = plan->params + at, .m = plan->moment1 + at, .v = plan->moment2 + at, .g = {plan->grads[0] + at}, .n = count,
                           .weight_decay = (float)r.decay, .trunk = r.learning == BABEL_LEARNS_SLOWLY,
                           .teacher = r.rehearsed && !plan->request.still && plan->teacher_params ? plan->teacher_params + at : NULL};
  if (plan->summed) return;
  if (r.only) {
    job->g[0] = plan->grads[2] + at;
    return;
  }
  job->weights = plan->weights;
  job->g[1] = plan->grads[1] + at;
  job->g[2] = r.rehearsed ? plan->grads[2] + at : NULL;
}

/* Decay on matrices only. */
static void optimise_mlp(babel_step_plan *plan, const babel_mlp *mlp, int64_t at, rule r) {
  for (int k = 0; k < mlp->layers; k++) {
    r.decay = plan->config.weight_decay;
    optimise(plan, at + mlp->weight_at[k], (int64_t)mlp->widths[k] * mlp->widths[k + 1], r);
    r.decay = 0;
    if (r.learning == BABEL_LEARNS_PROJECTED) continue; /* the bias stands still: projection.h */
    optimise(plan, at + mlp->bias_at[k], mlp->widths[k + 1], r);
  }
}

/* The log scale is clamped and has no decay (sections 3 and 7). */
static babel_status list_optimiser(babel_step_plan *plan, const babel_trunk *trunk) {
  const babel_step_request *request = &plan->request;
  void *memory;
  BABEL_TRY(babel_alloc(&memory, (size_t)(4 * plan->sides + 4) * BABEL_MAX_LAYERS + 1, sizeof *plan->adamw));
  plan->adamw = memory;
  for (int s = 0; s < plan->sides; s++) {
    const babel_chain *c = &plan->side[s];
    rule module = {.learning = s < 2 ? request->module[s] : BABEL_LEARNS, .rehearsed = c->rehearsed, .only = s >= 2};
    if (c->twin >= 0) continue;
    optimise_mlp(plan, &request->towers[s]->module, c->module_at, module);
    optimise_mlp(plan, &request->towers[s]->post, c->post_at, module);
  }
  for (int s = 0; s < (request->towers[0]->own.layers ? 2 : 1); s++)
    optimise_mlp(plan, &trunk->prototype, plan->side[s].prototype_at, (rule){.learning = request->prototype, .rehearsed = babel_step_distils(plan)});
  if (plan->config.temperature == BABEL_TEMPERATURE_FIXED) return BABEL_OK;
  optimise(plan, plan->scale_at, 1, (rule){0});
  babel_adamw_job *scale = &plan->adamw[plan->adamw_count - 1];
  if (!plan->summed) {
    scale->g[0] = plan->dlog_scale;
    scale->g[1] = plan->dlog_scale + 1;
  }
  scale->low = (float)log(plan->config.scale_min);
  scale->high = (float)log(plan->config.scale_max);
  return BABEL_OK;
}

/* Chunks, where the batch is larger than one. */
static babel_status divide(babel_step_plan *plan) {
  const babel_config *config = &plan->config;
  void *memory;
  plan->chunk = plan->m;
  if (!config->chunk || config->chunk >= plan->m) return BABEL_OK;
  if (config->targets != BABEL_TARGETS_PAIRS) return BABEL_FAIL(BABEL_ERR_ARG, "chunks of %d: expected targets: pairs", config->chunk);
  if (plan->request.overlap) return BABEL_FAIL(BABEL_ERR_ARG, "chunks of %d: windows of these banks overlap: expected mask_overlaps: false", config->chunk);
  if (plan->comm)
    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "chunk: %d with %d ranks: a batch passes in chunks or is shared by ranks, not both", config->chunk,
                      babel_comm_size(plan->comm));
  plan->chunk = config->chunk;
  BABEL_TRY(babel_alloc(&memory, 1, sizeof *plan->chunks));
  plan->chunks = memory;
  return BABEL_OK;
}

/* One matrix in place of two: at least a half of the operations of a row. Shared by ranks on the CPU, a batch has too few rows for what is fixed. */
static bool folding_pays(const babel_trunk *trunk, const babel_step_request *request) {
  bool pays = true;
  for (int s = 0; s < request->sides; s++) {
    const babel_mlp *module = &request->towers[s]->module;
    int64_t in = module->widths[module->layers - 1], middle = module->widths[module->layers], out = trunk->prototype.widths[1];
    pays &= 2 * in * out <= middle * (in + out);
  }
  return pays;
}

babel_status babel_step_plan_create(babel_step_plan *plan, const babel_trunk *trunk, const babel_step_request *request) {
  babel_status status;
  carver c = {0};
  memset(plan, 0, sizeof *plan);
  BABEL_TRY(check(trunk, request));
  plan->ops = trunk->ops;
  plan->config = trunk->config;
  plan->request = *request;
  plan->m = request->m;
  plan->sides = request->sides;
  plan->embed = trunk->config.embed_dim;
  plan->teacher_side = request->teacher_side;
  plan->adaptive = request->adaptive;
  plan->comm = request->comm;
  BABEL_TRY(divide(plan));
  plan->folded = plan->ops->fold_layers && !plan->chunks && !(plan->comm && plan->ops->sum_cotangents) && folding_pays(trunk, request);
  plan->summed = plan->folded && plan->ops->sum_cotangents;
  lay_out(plan, trunk);
  carve_all(plan, &c);
  plan->bytes = c.used;
  BABEL_TRY_OR(plan->ops->alloc(&plan->memory, plan->bytes), fail);
  if (plan->ops->stream_create) BABEL_TRY_OR(plan->ops->stream_create(&plan->stream, 0), fail);
  if (plan->ops->stream_create) BABEL_TRY_OR(plan->ops->stream_create(&plan->branch, 1), fail);
  if (looks_ahead(plan)) BABEL_TRY_OR(plan->ops->stream_create(&plan->aside, 1), fail);
  c = (carver){.base = plan->memory};
  carve_all(plan, &c);
  void *host;
  BABEL_TRY_OR(babel_alloc(&host, plan->input_bytes, 1), fail);
  c = (carver){.base = host};
  carve_inputs(plan, &c, &plan->host);
  BABEL_TRY_OR(babel_step_ranks_create(plan), fail);
  point(plan);
  BABEL_TRY_OR(list_optimiser(plan, trunk), fail);
  BABEL_TRY_OR(copy_params(plan, trunk, false, false), fail);
  const float half = 0.5f / (float)(request->replayed ? request->replayed : 1), halves[2] = {half, half};
  if (request->replayed) BABEL_TRY_OR(plan->ops->upload(plan->replay_weights, halves, sizeof halves, plan->stream), fail);
  if (plan->teacher_params)
    BABEL_TRY_OR(plan->ops->copy(plan->teacher_params, plan->params, (size_t)plan->count * sizeof(float), plan->stream), fail);
  return BABEL_OK;
fail:
  babel_step_plan_destroy(plan);
  return status;
}

void babel_step_plan_destroy(babel_step_plan *plan) {
  if (!plan) return;
  if (plan->recording) plan->ops->recording_destroy(plan->recording);
  if (plan->block) plan->ops->recording_destroy(plan->block);
  if (plan->stream) plan->ops->stream_destroy(plan->stream);
  if (plan->branch) plan->ops->stream_destroy(plan->branch);
  if (plan->aside) {
    babel_error first = babel_error_take(); /* what went wrong before is said */
    plan->ops->synchronize(plan->aside);    /* what it writes is not the plan's */
    babel_error_put(&first);
    plan->ops->stream_destroy(plan->aside);
  }
  if (plan->memory) plan->ops->free(plan->memory);
  free(plan->host.state); /* the first piece of the block */
  free(plan->adamw);
  free(plan->chunks);
  free(plan->staging);
  memset(plan, 0, sizeof *plan);
}

babel_status babel_step_plan_store(const babel_step_plan *plan, babel_trunk *trunk, bool deploy_teacher) {
  return copy_params(plan, trunk, true, deploy_teacher && plan->teacher_params);
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
  if (plan->summed) return BABEL_OK;
  BABEL_TRY(babel_alloc(&other, (size_t)plan->count, sizeof(float)));
  babel_status status = weighted(plan, gradient, other);
  free(other);
  return status;
}

babel_status babel_step_plan_send(const babel_step_plan *plan) {
  return plan->ops->upload(plan->in.state, plan->host.state, plan->input_bytes, plan->stream);
}

babel_status babel_step_plan_begin(babel_step_plan *plan, int64_t step) {
  plan->next = step;
  const babel_step_state before = {.step = step - 1};
  return plan->ops->upload(plan->in.state, &before, sizeof before, plan->stream);
}

babel_status babel_step_plan_schedule(const babel_step_plan *plan, const babel_step_state *states, int64_t first, int64_t end) {
  const int64_t at = first % BABEL_STEP_WINDOW;
  if (at + end - first > BABEL_STEP_WINDOW)
    return BABEL_FAIL(BABEL_ERR_ARG, "states of steps %lld to %lld: a window ends between them", (long long)first, (long long)end - 1);
  return plan->ops->upload(plan->schedule + at, states, (size_t)(end - first) * sizeof *states, plan->stream);
}

/* The distillation loss of a side on its own rows: the mean over its pairs. */
static babel_status chunked_kd(const babel_step_plan *plan, float *kd) {
  const int parts = babel_step_parts(plan), last = plan->m - (parts - 1) * plan->chunk;
  double sum = 0;
  void *memory;
  BABEL_TRY(babel_alloc(&memory, (size_t)parts, sizeof(float)));
  const float *all = memory;
  babel_status status = fetch(plan, memory, plan->chunks->kd, parts);
  for (int i = 0; i < parts; i++) sum += (double)all[i] * (i + 1 < parts ? plan->chunk : last) / plan->m;
  *kd = (float)sum;
  free(memory);
  return status;
}

babel_status babel_step_report_read(const babel_step_plan *plan, babel_step_report *report) {
  double kd = 0;
  BABEL_TRY(plan->ops->download(report, plan->report, sizeof *report, plan->stream));
  BABEL_TRY(babel_step_sum_means(plan, report->kd_of));
  for (int s = 2; s < plan->sides; s++) kd += (double)report->kd_of[s] * plan->side[s].whole / plan->rehearsed_samples;
  if (plan->request.replayed) kd = 0;
  report->kd = plan->teacher_side >= 0 ? report->kd_of[plan->teacher_side] : (float)kd;
  if (plan->chunks && plan->teacher_side >= 0) BABEL_TRY(chunked_kd(plan, &report->kd));
  return plan->ops->download(&report->log_scale, plan->params + plan->scale_at, sizeof report->log_scale, plan->stream);
}
