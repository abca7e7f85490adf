/* Every arrow of a training step, in order. */
#include "growth/step.h"

#include "growth/step_fold.h"

/* Layer k of a tower; of its teacher t = U~(C~(f)), on the very same input rows: section 5.2. */
static babel_linear_fwd_job layer_forward(const babel_chain *c, int k, bool teacher) {
  const babel_chain_layer *l = &c->layer[k];
  return (babel_linear_fwd_job){.y = teacher ? c->teacher_act[k & 1] : c->act[k + 1], .x = teacher && k ? c->teacher_act[(k - 1) & 1] : c->act[k],
                                .w = teacher ? l->teacher_weight : l->weight, .b = teacher ? l->teacher_bias : l->bias, .n = c->rows,
                                .in = l->in, .out = l->out, .relu = l->relu};
}

/* features -> h = C(f) -> e = U(h) -> n = e / ||e||, both towers; prototype rows of both sides lie behind each other. */
static babel_status forward(const babel_step_plan *plan) {
  const babel_ops *ops = plan->ops;
  const babel_chain *a = &plan->side[0], *b = &plan->side[1];
  babel_input_gather_job gather[2];
  babel_linear_fwd_job linear[3];
  babel_l2norm_fwd_job norm[2];
  for (int s = 0; s < 2; s++) {
    const babel_chain *c = &plan->side[s];
    gather[s] = (babel_input_gather_job){.y = c->act[0], .bank = plan->bank[s], .rows = plan->in.rows[s], .mean = plan->mean[s],
        .inv_std = plan->inv_std[s], .n = c->rows, .d = c->layer[0].in, .bank_rows = plan->bank_rows[s],
        .dropout = (float)plan->config.input_dropout, .seed = (uint64_t)plan->config.seed, .side = s};
    norm[s] = (babel_l2norm_fwd_job){.y = c->unit, .inv = c->inv, .x = c->pooled ? c->pooled : c->act[c->layers], .n = plan->m, .d = plan->embed};
  }
  BABEL_TRY(ops->input_gather(gather, 2, plan->in.state, plan->stream));
  if (plan->folded) BABEL_TRY(babel_fold_forward(plan));
  for (int k = 0; k < a->layers; k++) {
    int n = 0;
    for (int s = 0; s < 2; s++) linear[n++] = layer_forward(&plan->side[s], k, false);
    if (plan->teacher_side >= 0) linear[n++] = layer_forward(&plan->side[plan->teacher_side], k, true);
    BABEL_TRY(ops->linear_fwd(linear, n, plan->stream));
  }
  for (int s = 0; s < 2; s++) {
    const babel_chain *c = &plan->side[s];
    babel_segment_mean_job mean = {.pooled = c->pooled, .sequence = c->act[c->layers], .lengths = plan->in.lengths[s], .n = plan->m,
                                   .steps = c->steps, .d = plan->embed, .stacked = 1};
    if (c->pooled) BABEL_TRY(ops->segment_mean_fwd(&mean, plan->stream));
  }
  BABEL_TRY(ops->l2norm_fwd(norm, 2, plan->stream));
  babel_neighbour_targets_job targets = {.targets = plan->targets, .masked = plan->masked, .graph = plan->graph, .rows = plan->in.graph_rows,
      .m = plan->m, .n = plan->graph_size, .weight = (float)plan->config.neighbour_weight};
  if (plan->graph) BABEL_TRY(ops->neighbour_targets(&targets, plan->stream));
  babel_contrastive_job loss = {.loss = plan->loss, .dna = a->unit_cot, .dnb = b->unit_cot, .dlog_scale = plan->dlog_scale,
      .hits = plan->hits, .na = a->unit, .nb = b->unit, .log_scale = plan->params + plan->scale_at,
      .targets_a = plan->targets, .targets_b = plan->targets, .masked = plan->masked, .workspace = plan->workspace,
      .m = plan->m, .d = plan->embed, .negatives_only = plan->config.denominator};
  return ops->contrastive(&loss, plan->stream); /* Eq. (3)-(4): losses and the cotangents of both directions */
}

/* L_kd = mean(1 - cos(e, t)): the third stacked cotangent (section 5.2). */
static babel_status distill(const babel_step_plan *plan) {
  const babel_ops *ops = plan->ops;
  const babel_chain *c = &plan->side[plan->teacher_side];
  const float *x = c->teacher_act[(c->layers - 1) & 1];
  if (c->pooled) {
    babel_segment_mean_job mean = {.pooled = c->teacher, .sequence = (float *)x, .lengths = plan->in.lengths[plan->teacher_side],
                                   .n = plan->m, .steps = c->steps, .d = plan->embed, .stacked = 1};
    BABEL_TRY(ops->segment_mean_fwd(&mean, plan->stream));
    x = c->teacher;
  }
  float *top = c->pooled ? c->pooled_cot : c->cot[c->layers];
  babel_cosine_distill_job kd = {.loss = plan->kd_loss, .parts = plan->kd_parts, .de = top + 2 * (size_t)plan->m * (size_t)plan->embed,
      .e = c->pooled ? c->pooled : c->act[c->layers], .t = x, .weight = (float)plan->config.distill_weight, .n = plan->m, .d = plan->embed};
  return ops->cosine_distill(&kd, 1, plan->stream);
}

/* The stacked backward: cotangents of every layer's output, all directions at once. */
static babel_status backward(const babel_step_plan *plan) {
  const babel_ops *ops = plan->ops;
  babel_l2norm_bwd_job norm[2];
  babel_linear_bwd_data_job data[2];
  for (int s = 0; s < 2; s++) {
    const babel_chain *c = &plan->side[s];
    norm[s] = (babel_l2norm_bwd_job){.dx = c->pooled ? c->pooled_cot : c->cot[c->layers], .dy = c->unit_cot, .y = c->unit, .inv = c->inv,
                                     .n = 2 * plan->m, .d = plan->embed, .rows = plan->m};
  }
  BABEL_TRY(ops->l2norm_bwd(norm, 2, plan->stream));
  if (plan->teacher_side >= 0) BABEL_TRY(distill(plan));
  for (int s = 0; s < 2; s++) {
    const babel_chain *c = &plan->side[s];
    babel_segment_mean_job mean = {.pooled = c->pooled_cot, .sequence = c->cot[c->layers], .lengths = plan->in.lengths[s], .n = plan->m,
                                   .steps = c->steps, .d = plan->embed, .stacked = c->stacked};
    if (c->pooled) BABEL_TRY(ops->segment_mean_bwd(&mean, plan->stream));
  }
  for (int k = plan->side[0].layers - 1; k >= 1; k--) {
    for (int s = 0; s < 2; s++) {
      const babel_chain *c = &plan->side[s];
      data[s] = (babel_linear_bwd_data_job){.dx = c->cot[k], .dy = c->cot[k + 1], .w = c->layer[k].weight,
          .y_prev = c->layer[k - 1].relu ? c->act[k] : NULL, .n = c->stacked * c->rows, .in = c->layer[k].in, .out = c->layer[k].out,
          .mask_rows = c->rows};
    }
    BABEL_TRY(ops->linear_bwd_data(data, 2, plan->stream));
  }
  return BABEL_OK;
}

/* Gradients of C for one direction each, for their norms alone, and the weights w_ab, w_ba (Eq. 6-7). */
static babel_status weigh(const babel_step_plan *plan) {
  const babel_ops *ops = plan->ops;
  babel_linear_bwd_weight_job jobs[4 * BABEL_MAX_LAYERS];
  int n = 0, both = plan->config.grad_scope, relative = plan->config.grad_norm;
  for (int s = 0; s < 2 && plan->adaptive; s++)
    for (int direction = 0; direction < 2; direction++)
      for (int k = 0; plan->side[s].own[direction] && k < plan->side[s].module_layers + plan->folded; k++) {
        const babel_chain *c = &plan->side[s];
        const babel_chain_layer *l = &c->layer[k];
        bool folded = k == c->module_layers; /* the layer behind C's own is the fold */
        jobs[n++] = (babel_linear_bwd_weight_job){.dw = folded ? c->fold.own_weight[direction] : c->own[direction] + (l->weight_at - c->module_at),
            .db = folded ? c->fold.own_bias[direction] : c->own[direction] + (l->bias_at - c->module_at), .x = c->act[k],
            .dy = c->cot[k + 1] + (size_t)direction * (size_t)c->rows * (size_t)l->out, .n = c->rows, .in = l->in, .out = l->out};
      }
  if (n) BABEL_TRY(ops->linear_bwd_weight(jobs, n, plan->stream));
  if (plan->folded) BABEL_TRY(babel_fold_own(plan));
  babel_adaptive_job weights = {.weights = plan->weights, .norms = plan->norms, .guarded = plan->guarded, .parts = plan->adaptive_parts,
                                .mode = plan->adaptive};
  for (int d = 0; d < 2 && plan->adaptive; d++) {
    const babel_chain *first = &plan->side[both ? 0 : d]; /* of both sides: own[d] of b lies behind that of a, as the parameters do */
    weights.grad[d] = first->own[d];
    weights.param[d] = relative ? plan->params + first->module_at : NULL;
    weights.count[d] = both ? plan->side[0].module_count + plan->side[1].module_count : first->module_count;
  }
  return ops->adaptive(&weights, plan->stream);
}

/* w_ab L_ab + w_ba L_ba + lambda L_kd (Eq. 5) on the cotangents, then one gradient product a matrix. */
static babel_status combine(const babel_step_plan *plan) {
  const babel_ops *ops = plan->ops;
  babel_combine_job sums[2 * BABEL_MAX_CHAIN + 1];
  babel_linear_bwd_weight_job jobs[2 * BABEL_MAX_CHAIN];
  int n = 0, products = 0;
  for (int s = 0; s < 2; s++)
    for (int k = 0; k < plan->side[s].layers; k++) {
      const babel_chain *c = &plan->side[s];
      int64_t size = (int64_t)c->rows * c->layer[k].out;
      sums[n++] = (babel_combine_job){.y = c->combined[k + 1], .weights = plan->weights, .x0 = c->cot[k + 1], .x1 = c->cot[k + 1] + size,
                                      .x2 = c->stacked == 3 ? c->cot[k + 1] + 2 * size : NULL, .n = size};
    }
  sums[n++] = (babel_combine_job){.y = plan->grads + plan->scale_at, .weights = plan->weights, .x0 = plan->dlog_scale,
                                  .x1 = plan->dlog_scale + 1, .n = 1};
  BABEL_TRY(ops->combine(sums, n, plan->stream));
  for (int k = 0; k < plan->side[0].layers; k++)
    for (int s = 0; s < 2; s++) {
      const babel_chain *c = &plan->side[s];
      const babel_chain_layer *l = &c->layer[k];
      if (s && l->dweight == jobs[products - 1].dw) /* the prototype: rows of both sides lie behind each other */
        jobs[products - 1].n += c->rows;
      else
        jobs[products++] = (babel_linear_bwd_weight_job){.dw = l->dweight, .db = l->dbias, .dy = c->combined[k + 1],
                                                         .x = c->act[k], .n = c->rows, .in = l->in, .out = l->out};
    }
  BABEL_TRY(ops->linear_bwd_weight(jobs, products, plan->stream));
  return plan->folded ? babel_fold_backward(plan) : BABEL_OK;
}

babel_status babel_step_gradients(const babel_step_plan *plan) {
  BABEL_TRY(forward(plan));
  BABEL_TRY(backward(plan));
  BABEL_TRY(weigh(plan));
  return combine(plan);
}

static babel_status run(const babel_step_plan *plan) {
  BABEL_TRY(babel_step_gradients(plan));
  return plan->ops->adamw(plan->adamw, plan->adamw_count, (float)plan->config.beta1, (float)plan->config.beta2, (float)plan->config.adam_eps,
                          plan->in.state, plan->stream);
}

static babel_status record(babel_step_plan *plan) {
  const babel_ops *ops = plan->ops;
  BABEL_TRY(ops->record_begin(plan->stream));
  babel_status status = run(plan);
  babel_error first = babel_error_take(); /* what went wrong is said, not what became of the recording */
  babel_status ended = ops->record_end(&plan->recording, plan->stream);
  if (status == BABEL_OK) return ended;
  babel_error_put(&first);
  return status;
}

babel_status babel_step_run(babel_step_plan *plan) {
  if (!plan->ops->record_begin) return run(plan);
  if (!plan->recording) BABEL_TRY(record(plan));
  return plan->ops->replay(plan->recording, plan->stream);
}
