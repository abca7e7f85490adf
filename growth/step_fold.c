#include "growth/step_fold.h"

/* M = second first: what linear_bwd_data computes, dx (n, in) = dy (n, out) w (out, in). */
static babel_linear_bwd_data_job product(const babel_fold *f, float *m, const float *params) {
  return (babel_linear_bwd_data_job){.dx = m, .dy = params + f->second_at, .w = params + f->first_at, .n = f->out, .in = f->in, .out = f->middle};
}

/* v = second first_bias + second_bias: the second layer on one row. */
static babel_linear_fwd_job offset(const babel_fold *f, float *v, const float *params) {
  return (babel_linear_fwd_job){.y = v, .x = params + f->first_bias_at, .w = params + f->second_at, .b = params + f->second_bias_at, .n = 1,
                                .in = f->middle, .out = f->out};
}

babel_status babel_fold_forward(const babel_step_plan *plan) {
  babel_linear_bwd_data_job products[3];
  babel_linear_fwd_job offsets[3];
  int n = 0;
  for (int s = 0; s < 2; s++, n++) {
    const babel_fold *f = &plan->side[s].fold;
    products[n] = product(f, f->weight, plan->params);
    offsets[n] = offset(f, f->bias, plan->params);
  }
  if (plan->teacher_side >= 0) {
    const babel_fold *f = &plan->side[plan->teacher_side].fold;
    products[n] = product(f, f->teacher_weight, plan->teacher_params);
    offsets[n++] = offset(f, f->teacher_bias, plan->teacher_params);
  }
  BABEL_TRY(plan->ops->linear_bwd_data(products, n, plan->stream));
  return plan->ops->linear_fwd(offsets, n, plan->stream);
}

/* dC3 = U1^T dM as linear_bwd_weight, dw (out, in) = dy^T x; db = dv U1 as linear_bwd_data on one row. */
static void into_first(const babel_step_plan *plan, const babel_fold *f, const float *dm, const float *dv, float *dfirst, float *dfirst_bias,
                       babel_linear_bwd_weight_job *weight, babel_linear_bwd_data_job *bias) {
  const float *second = plan->params + f->second_at;
  *weight = (babel_linear_bwd_weight_job){.dw = dfirst, .dy = second, .x = dm, .n = f->out, .in = f->in, .out = f->middle};
  *bias = (babel_linear_bwd_data_job){.dx = dfirst_bias, .dy = dv, .w = second, .n = 1, .in = f->middle, .out = f->out};
}

babel_status babel_fold_own(const babel_step_plan *plan) {
  babel_linear_bwd_weight_job weights[4];
  babel_linear_bwd_data_job biases[4];
  int n = 0;
  for (int s = 0; s < 2; s++)
    for (int d = 0; d < 2; d++) {
      const babel_chain *c = &plan->side[s];
      if (!c->own[d]) continue;
      into_first(plan, &c->fold, c->fold.own_weight[d], c->fold.own_bias[d], c->own[d] + (c->fold.first_at - c->module_at),
                 c->own[d] + (c->fold.first_bias_at - c->module_at), &weights[n], &biases[n]);
      n++;
    }
  if (!n) return BABEL_OK;
  BABEL_TRY(plan->ops->linear_bwd_weight(weights, n, plan->stream));
  return plan->ops->linear_bwd_data(biases, n, plan->stream);
}

babel_status babel_fold_backward(const babel_step_plan *plan) {
  const babel_ops *ops = plan->ops;
  babel_linear_bwd_weight_job weights[2];
  babel_linear_bwd_data_job biases[2];
  for (int s = 0; s < 2; s++) {
    const babel_fold *f = &plan->side[s].fold;
    into_first(plan, f, f->dweight, f->dbias, plan->grads + f->first_at, plan->grads + f->first_bias_at, &weights[s], &biases[s]);
  }
  BABEL_TRY(ops->linear_bwd_weight(weights, 2, plan->stream));
  BABEL_TRY(ops->linear_bwd_data(biases, 2, plan->stream));
  for (int s = 0; s < 2; s++) { /* one after the other: both sides add to the same gradient */
    const babel_fold *f = &plan->side[s].fold;
    float *dsecond = plan->grads + f->second_at;
    babel_linear_bwd_weight_job outer = {.dw = dsecond, .db = plan->grads + f->second_bias_at, .dy = f->dbias, .x = plan->params + f->first_bias_at,
                                         .n = 1, .in = f->middle, .out = f->out, .accumulate = s};
    babel_linear_fwd_job inner = {.y = dsecond, .x = f->dweight, .w = plan->params + f->first_at, .n = f->out, .in = f->in, .out = f->middle,
                                  .accumulate = 1};
    BABEL_TRY(ops->linear_bwd_weight(&outer, 1, plan->stream));
    BABEL_TRY(ops->linear_fwd(&inner, 1, plan->stream));
  }
  return BABEL_OK;
}
