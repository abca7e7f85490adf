#include "growth/step_fold.h"

#include "core/range.h"

/* M = second first: what linear_bwd_data computes, dx (n, in) = dy (n, out) w (out, in). */
static babel_linear_bwd_data_job product(const babel_layer_fold *f, float *m, const float *params) {
  return (babel_linear_bwd_data_job){.dx = m, .dy = params + f->second_at, .w = params + f->first_at, .n = f->out, .in = f->in, .out = f->middle};
}

/* v = second first_bias + second_bias: the second layer on one row. */
static babel_linear_fwd_job offset(const babel_layer_fold *f, float *v, const float *params) {
  return (babel_linear_fwd_job){.y = v, .x = params + f->first_bias_at, .w = params + f->second_at, .b = params + f->second_bias_at, .n = 1,
                                .in = f->middle, .out = f->out};
}

static babel_status fold(const babel_step_plan *plan, bool students, bool teachers, babel_stream *stream) {
  babel_linear_bwd_data_job products[2 * BABEL_MAX_SIDES];
  babel_linear_fwd_job offsets[2 * BABEL_MAX_SIDES];
  int n = 0;
  for (int s = 0; s < plan->sides; s++) {
    const babel_layer_fold *f = &plan->side[s].fold;
    if (plan->side[s].twin >= 0) continue;
    if (students) {
      products[n] = product(f, f->weight, plan->params);
      offsets[n++] = offset(f, f->bias, plan->params);
    }
    if (!plan->side[s].taught || !teachers) continue;
    products[n] = product(f, f->teacher_weight, plan->teacher_params);
    offsets[n++] = offset(f, f->teacher_bias, plan->teacher_params);
  }
  if (!n) return BABEL_OK;
  BABEL_TRY(plan->ops->linear_bwd_data(products, n, stream));
  return plan->ops->linear_fwd(offsets, n, stream);
}

babel_status babel_fold_teachers(babel_step_plan *plan) {
  if (!plan->folded || !plan->request.still || plan->teacher_folded) return BABEL_OK;
  plan->teacher_folded = true;
  return fold(plan, false, true, plan->stream);
}

babel_status babel_fold_forward(const babel_step_plan *plan, babel_stream *s) {
  return fold(plan, true, !plan->request.still, s);
}

/* dC3 = U1^T dM as linear_bwd_weight, dw (out, in) = dy^T x. */
static babel_linear_bwd_weight_job first_weight(const babel_step_plan *plan, const babel_layer_fold *f, const float *dm, float *dfirst) {
  return (babel_linear_bwd_weight_job){.dw = dfirst, .dy = plan->params + f->second_at, .x = dm, .n = f->out, .in = f->in, .out = f->middle};
}

/* db = dv U1 as linear_bwd_data on one row. */
static babel_linear_bwd_data_job first_bias(const babel_step_plan *plan, const babel_layer_fold *f, const float *dv, float *dfirst_bias) {
  return (babel_linear_bwd_data_job){.dx = dfirst_bias, .dy = dv, .w = plan->params + f->second_at, .n = 1, .in = f->middle, .out = f->out};
}

babel_status babel_fold_middle(const babel_step_plan *plan, babel_stream *stream) {
  babel_linear_fwd_job jobs[BABEL_MAX_SIDES];
  for (int s = 0; s < plan->sides; s++) {
    const babel_chain *c = &plan->side[s];
    jobs[s] = (babel_linear_fwd_job){.y = c->middle, .x = c->act[babel_fold_at(plan)], .w = plan->params + c->fold.first_at,
                                     .b = plan->params + c->fold.first_bias_at, .n = c->rows, .in = c->fold.in, .out = c->fold.middle};
  }
  return plan->side[0].middle ? plan->ops->linear_fwd(jobs, plan->sides, stream) : BABEL_OK;
}

/* Cotangent of M's output. */
static const float *cotangent(const babel_step_plan *plan, const babel_chain *c, int d) {
  const int k = babel_fold_at(plan) + 1;
  return c->cot[k] + (d - c->first) * c->cot_step[k];
}

int babel_fold_own_jobs(const babel_step_plan *plan, babel_linear_bwd_weight_job *jobs) {
  int n = 0;
  for (int s = 0; s < plan->sides; s++) {
    const babel_chain *c = &plan->side[s];
    const babel_layer_fold *f = &c->fold;
    for (int d = c->first; d < c->first + c->stacked; d++) {
      const bool joined = plan->side[0].fold.second_at == plan->side[1].fold.second_at && (d < 2 || s >= 2); /* of step.c's layer_gradients */
      if (c->frozen) continue;
      jobs[n++] = (babel_linear_bwd_weight_job){.dw = f->own_weight[d], .db = f->own_bias[d], .dy = cotangent(plan, c, d), .x = c->act[babel_fold_at(plan)],
                                                .n = c->rows, .in = f->in, .out = f->out};
      if (!c->middle || (joined && s != (s < 2 ? 0 : 2))) continue;
      const int rows = !joined ? c->rows : s < 2 ? c->rows + plan->side[1].rows : plan->rehearsed_rows;
      jobs[n++] = (babel_linear_bwd_weight_job){.dw = plan->grads[d] + f->second_at, .db = plan->grads[d] + f->second_bias_at, .dy = cotangent(plan, c, d),
                                                .x = c->middle, .n = rows, .in = f->middle, .out = f->out};
    }
  }
  return n;
}

int babel_fold_first_jobs(const babel_step_plan *plan, babel_linear_bwd_weight_job *jobs) {
  int n = 0;
  for (int s = 0; s < plan->sides; s++) {
    const babel_chain *c = &plan->side[s];
    const babel_layer_fold *f = &c->fold;
    for (int d = c->first; d < c->first + c->stacked && !c->frozen; d++)
      jobs[n++] = first_weight(plan, f, f->own_weight[d], plan->grads[d] + f->first_at);
  }
  return n;
}

babel_status babel_fold_first_biases(const babel_step_plan *plan, babel_stream *stream) {
  babel_linear_bwd_data_job jobs[3 * BABEL_MAX_SIDES];
  int n = 0;
  for (int s = 0; s < plan->sides; s++) {
    const babel_chain *c = &plan->side[s];
    const babel_layer_fold *f = &c->fold;
    for (int d = c->first; d < c->first + c->stacked && !c->frozen; d++)
      jobs[n++] = first_bias(plan, f, f->own_bias[d], plan->grads[d] + f->first_bias_at);
  }
  return n ? plan->ops->linear_bwd_data(jobs, n, stream) : BABEL_OK;
}

/* dC3, db of the directions whose norms are taken, out of fold.own_weight and own_bias into own[]. */
static babel_status fold_own(const babel_step_plan *plan) {
  babel_linear_bwd_weight_job weights[4];
  babel_linear_bwd_data_job biases[4];
  int n = 0;
  for (int s = 0; s < 2; s++)
    for (int d = 0; d < 2; d++) {
      const babel_chain *c = &plan->side[s];
      if (!c->own[d]) continue;
      weights[n] = first_weight(plan, &c->fold, c->fold.own_weight[d], c->own[d] + (c->fold.first_at - c->module_at));
      biases[n++] = first_bias(plan, &c->fold, c->fold.own_bias[d], c->own[d] + (c->fold.first_bias_at - c->module_at));
    }
  if (!n) return BABEL_OK;
  BABEL_TRY(plan->ops->linear_bwd_weight(weights, n, plan->stream));
  return plan->ops->linear_bwd_data(biases, n, plan->stream);
}

/* dC3, db, dU1, du out of fold.dweight and dbias into grads. */
static babel_status fold_backward(const babel_step_plan *plan) {
  const babel_ops *ops = plan->ops;
  babel_linear_bwd_weight_job weights[BABEL_MAX_SIDES];
  babel_linear_bwd_data_job biases[BABEL_MAX_SIDES];
  int n = 0;
  for (int s = 0; s < plan->sides; s++) {
    const babel_layer_fold *f = &plan->side[s].fold;
    if (plan->side[s].twin >= 0 || plan->side[s].frozen) continue;
    weights[n] = first_weight(plan, f, f->dweight, plan->grads[0] + f->first_at);
    biases[n++] = first_bias(plan, f, f->dbias, plan->grads[0] + f->first_bias_at);
  }
  BABEL_TRY(ops->linear_bwd_weight(weights, n, plan->stream));
  BABEL_TRY(ops->linear_bwd_data(biases, n, plan->stream));
  for (int s = 0; s < plan->sides && plan->request.prototype != BABEL_FROZEN; s++) { /* one after the other: all towers add to the same gradient */
    const babel_layer_fold *f = &plan->side[s].fold;
    float *dsecond = plan->grads[0] + f->second_at;
    bool first = !s || f->second_at != plan->side[0].fold.second_at;
    if (plan->side[s].twin >= 0) continue;
    babel_linear_bwd_weight_job outer = {.dw = dsecond, .db = plan->grads[0] + f->second_bias_at, .dy = f->dbias, .x = plan->params + f->first_bias_at,
                                         .n = 1, .in = f->middle, .out = f->out, .accumulate = !first};
    babel_linear_fwd_job inner = {.y = dsecond, .x = f->dweight, .w = plan->params + f->first_at, .n = f->out, .in = f->in, .out = f->middle,
                                  .accumulate = 1};
    BABEL_TRY(ops->linear_bwd_weight(&outer, 1, plan->stream));
    BABEL_TRY(ops->linear_fwd(&inner, 1, plan->stream));
  }
  return BABEL_OK;
}

/* Gradients of C for one direction each, for their norms alone, and the weights w_ab, w_ba (Eq. 6-7). */
static babel_status weigh(const babel_step_plan *plan) {
  BABEL_RANGE("weigh");
  const babel_ops *ops = plan->ops;
  babel_linear_bwd_weight_job jobs[4 * BABEL_MAX_LAYERS];
  int n = 0, both = plan->config.grad_scope;
  for (int s = 0; s < 2; s++)
    for (int d = 0; d < 2; d++)
      for (int k = 0; plan->side[s].own[d] && k <= plan->side[s].module_layers; k++) {
        const babel_chain *c = &plan->side[s];
        const babel_chain_layer *l = &c->layer[k];
        bool folded = k == c->module_layers;
        jobs[n++] = (babel_linear_bwd_weight_job){.dw = folded ? c->fold.own_weight[d] : c->own[d] + (l->weight_at - c->module_at),
            .db = folded ? c->fold.own_bias[d] : c->own[d] + (l->bias_at - c->module_at), .x = c->act[k],
            .dy = c->cot[k + 1] + d * c->cot_step[k + 1], .n = c->rows, .in = l->in, .out = l->out};
      }
  if (n) BABEL_TRY(ops->linear_bwd_weight(jobs, n, plan->stream));
  BABEL_TRY(fold_own(plan));
  babel_adaptive_job weights = {.weights = plan->weights, .norms = plan->norms, .guarded = plan->guarded, .parts = plan->adaptive_parts,
                                .mode = plan->adaptive};
  for (int d = 0; d < 2 && plan->adaptive; d++) {
    const babel_chain *first = &plan->side[both ? 0 : d]; /* of both sides: own[d] of b lies behind that of a, as the parameters do */
    weights.grad[d] = first->own[d];
    weights.param[d] = plan->config.grad_norm ? plan->params + first->module_at : NULL;
    weights.count[d] = both ? plan->side[0].module_count + plan->side[1].module_count : first->module_count;
  }
  return ops->adaptive(&weights, plan->stream);
}

/* w_ab L_ab + w_ba L_ba + lambda L_kd (Eq. 5) on the cotangents. */
static babel_status combine(const babel_step_plan *plan) {
  babel_combine_job sums[2 * BABEL_MAX_CHAIN + 1];
  int n = 0;
  for (int s = 0; s < 2; s++)
    for (int k = 1; k <= plan->side[s].layers; k++) {
      const babel_chain *c = &plan->side[s];
      if (c->frozen) break;
      sums[n++] = (babel_combine_job){.y = c->combined[k], .weights = plan->weights, .x0 = c->cot[k], .x1 = c->cot[k] + c->cot_step[k],
                                      .x2 = c->stacked == 3 ? c->cot[k] + 2 * c->cot_step[k] : NULL, .n = (int64_t)c->rows * c->layer[k - 1].out};
    }
  sums[n++] = (babel_combine_job){.y = plan->grads[0] + plan->scale_at, .weights = plan->weights, .x0 = plan->dlog_scale,
                                  .x1 = plan->dlog_scale + 1, .n = 1};
  return plan->ops->combine(sums, n, plan->stream);
}

/* Behind the fold, before the projection. */
static bool is_prototype(const babel_step_plan *plan, int k) {
  return k >= plan->shared && k < plan->shared + plan->config.proto_layers - 1;
}

/* accumulate: another side has written to the same gradient. */
static babel_linear_bwd_weight_job layer_gradient(const babel_chain *c, int k, int rows, int accumulate) {
  const babel_chain_layer *l = &c->layer[k];
  return (babel_linear_bwd_weight_job){.dw = l->dweight, .db = l->dbias, .dy = c->combined[k + 1], .x = c->act[k], .n = rows, .in = l->in,
                                       .out = l->out, .accumulate = accumulate};
}

/* A rehearsed side adds to what its twin of the pair has, and all of them to the prototype. */
static babel_status rehearsed_gradients(const babel_step_plan *plan) {
  babel_linear_bwd_weight_job jobs[BABEL_MAX_SIDES * BABEL_MAX_CHAIN];
  int n = 0;
  for (int s = 2; s < plan->sides; s++) {
    const babel_chain *c = &plan->side[s];
    for (int k = 0; k < c->layers; k++) {
      bool common = is_prototype(plan, k);
      if (common && s > 2) continue;
      jobs[n++] = layer_gradient(c, k, common ? plan->rehearsed_rows : c->rows, common || c->twin >= 0);
    }
  }
  return n ? plan->ops->linear_bwd_weight(jobs, n, plan->stream) : BABEL_OK;
}

babel_status babel_fold_gradients(const babel_step_plan *plan) {
  BABEL_RANGE("gradients");
  babel_linear_bwd_weight_job jobs[2 * BABEL_MAX_CHAIN];
  int n = 0;
  BABEL_TRY(weigh(plan));
  BABEL_TRY(combine(plan));
  for (int k = 0; k < plan->side[0].layers; k++)
    for (int s = 0; s < 2; s++) {
      const babel_chain *c = &plan->side[s];
      if (c->frozen || (plan->request.prototype == BABEL_FROZEN && is_prototype(plan, k))) continue;
      if (s && n && c->layer[k].dweight == jobs[n - 1].dw) /* the prototype: rows of both sides lie behind each other */
        jobs[n - 1].n += c->rows;
      else
        jobs[n++] = layer_gradient(c, k, c->rows, 0);
    }
  BABEL_TRY(plan->ops->linear_bwd_weight(jobs, n, plan->stream));
  BABEL_TRY(rehearsed_gradients(plan));
  return fold_backward(plan);
}
