#include "growth/step_chunk.h"

#include "core/range.h"

/* The plan of the chunk whose new pairs begin with `first`. */
static void part_of(const babel_step_plan *plan, int first, babel_step_plan *part) {
  *part = *plan;
  part->first = first < plan->m - plan->chunk ? first : plan->m - plan->chunk;
  part->again = first - part->first;
  part->accumulate = first > 0;
  for (int s = 0; s < 2; s++) {
    part->in.rows[s] += (int64_t)part->first * plan->side[s].steps;
    if (part->in.lengths[s]) part->in.lengths[s] += part->first;
  }
  if (plan->teacher_side >= 0) part->kd_of = plan->chunks->kd + first / plan->chunk - plan->teacher_side;
  if (first == 0) return;
  part->sides = 2;
  part->sources = 0;
}

static size_t embedding_bytes(const babel_step_plan *plan, int samples) {
  return (size_t)samples * (size_t)plan->embed * sizeof(float);
}

static babel_status embed_all(const babel_step_plan *plan) {
  babel_step_plan part;
  for (int first = 0; first < plan->m; first += plan->chunk) {
    part_of(plan, first, &part);
    part.sides = 2;
    part.sources = 0;
    for (int s = 0; s < 2; s++) part.side[s].teacher_act[0] = NULL;
    BABEL_TRY(babel_step_embed(&part));
    for (int s = 0; s < 2; s++)
      BABEL_TRY(plan->ops->copy(plan->chunks->unit[s] + (int64_t)part.first * plan->embed, babel_step_top(&part.side[s]), embedding_bytes(plan, plan->chunk), plan->stream));
  }
  return BABEL_OK;
}

/* Cotangents of the unit rows of both towers out of those of a panel's cosines: its own rows of a, and a part of all of b's. */
static babel_status panel_back(const babel_step_plan *plan, const babel_ops *ops, int first, int rows) {
  const babel_step_chunks *c = plan->chunks;
  const int64_t size = (int64_t)plan->m * plan->embed, at = (int64_t)first * plan->embed;
  babel_linear_bwd_data_job near[2];
  babel_linear_bwd_weight_job far[2];
  for (int d = 0; d < 2; d++) {
    const float *cosines = d ? c->other : c->panel;
    near[d] = (babel_linear_bwd_data_job){.dx = c->cot[0] + d * size + at, .dy = cosines, .w = c->unit[1], .n = rows, .in = plan->embed, .out = plan->m,
                                          .mask_rows = rows};
    far[d] = (babel_linear_bwd_weight_job){.dw = c->cot[1] + d * size, .dy = cosines, .x = c->unit[0] + at, .n = rows, .in = plan->embed, .out = plan->m,
                                           .accumulate = first > 0};
  }
  BABEL_TRY(ops->linear_bwd_data(near, 2, plan->stream));
  return ops->linear_bwd_weight(far, 2, plan->stream);
}

/* Eq. (3)-(4) over all pairs, and the cotangents of e. */
static babel_status loss_of_all(const babel_step_plan *plan) {
  BABEL_RANGE("loss");
  const babel_ops *ops = plan->ops, *exact = ops->exact ? ops->exact : ops;
  const babel_step_chunks *c = plan->chunks;
  const int m = plan->m, d = plan->embed;
  babel_l2norm_fwd_job norms[2];
  babel_l2norm_bwd_job back[4];
  for (int s = 0; s < 2; s++) norms[s] = (babel_l2norm_fwd_job){.y = c->unit[s], .inv = c->inv[s], .x = c->unit[s], .n = m, .d = d};
  BABEL_TRY(ops->l2norm_fwd(norms, 2, plan->stream));
  babel_contrastive_panel_job job = {.s = c->panel, .other = c->other, .anchors = c->anchors, .loss = plan->loss, .dlog_scale = plan->dlog_scale, .hits = plan->hits,
                                     .log_scale = plan->params + plan->scale_at, .m = m, .negatives_only = plan->config.denominator};
  for (int pass = 0; pass < 2; pass++) {
    for (job.first = 0; job.first < m; job.first += plan->chunk) {
      job.rows = m - job.first < plan->chunk ? m - job.first : plan->chunk;
      babel_linear_fwd_job cosines = {.y = c->panel, .x = c->unit[0] + (int64_t)job.first * d, .w = c->unit[1], .n = job.rows, .in = d, .out = m};
      BABEL_TRY(exact->linear_fwd(&cosines, 1, plan->stream));
      BABEL_TRY(pass ? ops->contrastive_panel_cotangents(&job, plan->stream) : ops->contrastive_panel_sums(&job, plan->stream));
      if (pass) BABEL_TRY(panel_back(plan, exact, job.first, job.rows));
    }
    job.first = 0;
    if (!pass) BABEL_TRY(ops->contrastive_panel_finish(&job, plan->stream));
  }
  for (int i = 0; i < 4; i++) {
    float *cot = c->cot[i / 2] + i % 2 * (int64_t)m * d;
    back[i] = (babel_l2norm_bwd_job){.dx = cot, .dy = cot, .y = c->unit[i / 2], .inv = c->inv[i / 2], .n = m, .d = d, .rows = m};
  }
  return ops->l2norm_bwd(back, 4, plan->stream);
}

static babel_status backward_all(const babel_step_plan *plan) {
  babel_step_plan part;
  for (int first = 0; first < plan->m; first += plan->chunk) {
    part_of(plan, first, &part);
    BABEL_TRY(babel_step_embed(&part));
    BABEL_TRY(babel_step_hold(&part));
    for (int i = 0; i < 4; i++) {
      const float *from = plan->chunks->cot[i / 2] + (i % 2 * (int64_t)plan->m + first) * plan->embed;
      float *to = babel_step_top_cotangent(&part, &part.side[i / 2], i % 2);
      BABEL_TRY(plan->ops->copy(to + (int64_t)part.again * plan->embed, from, embedding_bytes(plan, plan->chunk - part.again), plan->stream));
      if (part.again) BABEL_TRY(plan->ops->copy(to, plan->chunks->zeros, embedding_bytes(plan, part.again), plan->stream));
    }
    if (part.again && plan->teacher_side >= 0)
      BABEL_TRY(plan->ops->copy(babel_step_top_cotangent(&part, &part.side[plan->teacher_side], 2), plan->chunks->zeros, embedding_bytes(plan, part.again),
                                plan->branch));
    BABEL_TRY(babel_step_backward(&part));
  }
  return BABEL_OK;
}

babel_status babel_step_chunks_run(const babel_step_plan *plan) {
  BABEL_RANGE("chunks");
  BABEL_TRY(embed_all(plan));
  BABEL_TRY(loss_of_all(plan));
  return backward_all(plan);
}
