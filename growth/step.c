/* Every arrow of a training step, in order. */
#include "growth/step.h"

#include <assert.h>

#include "core/range.h"
#include "growth/projection.h"
#include "growth/step_chunk.h"
#include "growth/step_fold.h"
#include "growth/step_ranks.h"

/* What `s` is given from here on waits for all that `other` has been given. */
static babel_status follow(const babel_step_plan *plan, babel_stream *s, babel_stream *other) {
  return plan->ops->stream_follow ? plan->ops->stream_follow(s, other) : BABEL_OK;
}

/* Layer k of a tower; of its teacher t = U~(C~(f)), on the very same input rows: section 5.2. */
static babel_linear_fwd_job layer_forward(const babel_chain *c, int k, bool teacher) {
  const babel_chain_layer *l = &c->layer[k];
  return (babel_linear_fwd_job){.y = teacher ? c->teacher_act[k & 1] : c->act[k + 1], .x = teacher && k ? c->teacher_act[(k - 1) & 1] : c->act[k],
                                .w = teacher ? l->teacher_weight : l->weight, .b = teacher ? l->teacher_bias : l->bias, .n = c->rows,
                                .in = l->in, .out = l->out, .relu = l->relu};
}

/* Direction d's cotangent of the output of layer k - 1; direction 2 is the distillation's. */
static float *cotangent(const babel_chain *c, int k, int d) {
  return c->cot[k] + (d - c->first) * c->cot_step[k];
}

const float *babel_step_top(const babel_chain *c) {
  return c->pooled ? c->pooled : c->act[c->layers];
}

static int64_t top_step(const babel_step_plan *plan, const babel_chain *c) {
  return c->pooled ? (int64_t)c->samples * plan->embed : c->cot_step[c->layers];
}

float *babel_step_top_cotangent(const babel_step_plan *plan, const babel_chain *c, int d) {
  return (c->pooled ? c->pooled_cot : c->cot[c->layers]) + (d - c->first) * top_step(plan, c);
}

/* The teacher's embeddings t of a side. */
static babel_status teach(const babel_step_plan *plan, int s, const float **t) {
  const babel_chain *c = &plan->side[s];
  *t = c->teacher_act[(c->layers - 1) & 1];
  if (!c->pooled) return BABEL_OK;
  babel_segment_mean_job mean = {.pooled = c->teacher, .sequence = (float *)*t, .lengths = plan->in.lengths[s], .n = c->samples, .steps = c->steps,
                                 .d = plan->embed, .stacked = 1};
  *t = c->teacher;
  return plan->ops->segment_mean_fwd(&mean, plan->branch);
}

/* L_kd = mean(1 - cos(e, t)) over all distilled rows, the third direction (section 5.2); beside the contrastive loss. */
static babel_status distill(const babel_step_plan *plan) {
  BABEL_RANGE("distill");
  babel_cosine_distill_job jobs[BABEL_MAX_SIDES];
  int n = 0, all = plan->teacher_side >= 0 ? plan->m : plan->rehearsed_samples;
  BABEL_TRY(follow(plan, plan->branch, plan->stream));
  for (int s = 0; s < plan->sides; s++) {
    const babel_chain *c = &plan->side[s];
    if (s < 2 && s != plan->teacher_side) continue;
    const int samples = c->samples - plan->again;
    const int64_t at = (int64_t)plan->again * plan->embed;
    double weight = plan->config.distill_weight * samples / all;
    babel_cosine_distill_job job = {.loss = plan->kd_of + s, .parts = plan->kd_parts + s * BABEL_COSINE_DISTILL_PARTS,
                                    .de = babel_step_top_cotangent(plan, c, 2) + at, .e = babel_step_top(c) + at, .weight = (float)weight, .n = samples,
                                    .d = plan->embed};
    BABEL_TRY(teach(plan, s, &job.t));
    job.t += at;
    jobs[n++] = job;
  }
  return plan->ops->cosine_distill(jobs, n, plan->branch);
}

/* The symmetric contrastive loss of each earlier phase's pairs, (L_ab + L_ba) / 2 over their number, as direction 2 of the rehearsed sides. */
static babel_status replay(const babel_step_plan *plan) {
  BABEL_RANGE("replay");
  const int rows = plan->request.replay_rows;
  BABEL_TRY(follow(plan, plan->branch, plan->stream));
  for (int p = 0; p < plan->request.replayed; p++) {
    const babel_step_source *from[2] = {&plan->source[2 * p], &plan->source[2 * p + 1]};
    const babel_chain *c[2] = {&plan->side[from[0]->side], &plan->side[from[1]->side]};
    int64_t at[2], size[2];
    babel_combine_job sums[2];
    int n = 0;
    for (int s = 0; s < 2; s++) {
      size[s] = (int64_t)(from[s]->rows / c[s]->steps) * plan->embed; /* of this rank */
      at[s] = (int64_t)(from[s]->first / c[s]->steps) * plan->embed;
      if (!size[s]) continue;
      sums[n++] = (babel_combine_job){.y = babel_step_top_cotangent(plan, c[s], 2) + at[s], .weights = plan->replay_weights, .x0 = plan->replay_cot[s],
                                      .x1 = plan->replay_cot[s] + size[s], .n = size[s]};
    }
    babel_contrastive_job loss = {.loss = plan->replay_loss, .dna = plan->replay_cot[0], .dna_step = size[0], .dnb = plan->replay_cot[1], .dnb_step = size[1], .na = babel_step_top(c[0]) + at[0], .nb = babel_step_top(c[1]) + at[1],
        .normalise = 1, .log_scale = plan->params + plan->scale_at, .workspace = plan->replay_workspace, .m = rows, .d = plan->embed,
        .negatives_only = plan->config.denominator};
    BABEL_TRY(babel_step_contrastive(plan, &loss, from, plan->branch));
    if (n) BABEL_TRY(plan->ops->combine(sums, n, plan->branch));
  }
  return BABEL_OK;
}

static babel_input_gather_job gather_rows(const babel_step_plan *plan, int s, int first, int rows, const float *bank, int bank_rows) {
  const babel_chain *c = &plan->side[s];
  int in = c->layer[0].in;
  return (babel_input_gather_job){.y = c->act[0] + (int64_t)first * in, .bank = bank, .rows = plan->in.rows[s] + first, .mean = plan->mean[s],
                                  .inv_std = plan->inv_std[s], .n = rows, .d = in, .bank_rows = bank_rows,
                                  .dropout = (float)plan->config.input_dropout, .seed = (uint64_t)plan->config.seed, .side = s & 1,
                                  .first = (c->skip + plan->first) * c->steps, .whole = c->whole * c->steps};
}

/* An epoch longer than a block of steps: at most one begins in a block. */
static bool shuffles_aside(const babel_step_plan *plan) {
  return plan->aside && plan->shuffle.order && plan->shuffle.steps_per_epoch >= BABEL_STEP_BLOCK;
}

/* State and rows of the step behind `before`. */
static babel_status choose(const babel_step_plan *plan, const babel_step_state *before, babel_stream *s) {
  BABEL_TRY(plan->ops->batch_choice(plan->choice, plan->choices, before, plan->in.state, plan->schedule, BABEL_STEP_WINDOW, s));
  if (!plan->shuffle.order || shuffles_aside(plan)) return BABEL_OK;
  if (s != plan->branch) BABEL_TRY(follow(plan, plan->branch, s));
  return plan->ops->shuffle(&plan->shuffle, plan->in.state, plan->branch);
}

babel_status babel_step_choose(const babel_step_plan *plan) {
  return choose(plan, plan->in.state, plan->stream);
}

/* Rows of the banks, standardised, with some features hidden. Each source of rehearsed rows hides others: its seed is its own. */
static babel_status gather(const babel_step_plan *plan, babel_stream *stream) {
  babel_input_gather_job jobs[2 + BABEL_MAX_SOURCES];
  int n = 0;
  for (int s = 0; s < 2; s++) jobs[n++] = gather_rows(plan, s, 0, plan->side[s].rows, plan->bank[s], plan->bank_rows[s]);
  for (int i = 0; i < plan->sources; i++) {
    const babel_step_source *from = &plan->source[i];
    if (!from->rows) continue;
    jobs[n] = gather_rows(plan, from->side, from->first, from->rows, from->bank, from->bank_rows);
    jobs[n].seed += (uint64_t)(i + 1) << 32;
    jobs[n].first = from->skip;
    jobs[n].whole = from->whole;
    if (from->standardised) jobs[n].mean = jobs[n].inv_std = NULL;
    n++;
  }
  return plan->ops->input_gather(jobs, n, plan->in.state, stream);
}

/* What a step reads for what the next one will. */
static void exchange(babel_step_plan *plan) {
  const ptrdiff_t way = (char *)plan->ahead.state - (char *)plan->in.state; /* both are laid out alike */
  for (int i = 0; i < plan->choices; i++) {
    int **places[] = {&plan->choice[i].rows, &plan->choice[i].lengths, &plan->choice[i].pairs};
    for (int k = 0; k < 3; k++)
      if (*places[k]) *places[k] = (int *)((char *)*places[k] + way);
  }
  const babel_step_inputs in = plan->in;
  plan->in = plan->ahead;
  plan->ahead = in;
  for (int s = 0; s < plan->sides; s++) {
    float *input = plan->side[s].act[0];
    plan->side[s].act[0] = plan->side[s].ahead;
    plan->side[s].ahead = input;
  }
}

/* State, rows and input of the next step into plan->ahead. */
static babel_status look_ahead(babel_step_plan *plan, babel_stream *s) {
  BABEL_RANGE("look ahead");
  exchange(plan);
  babel_status status = choose(plan, plan->ahead.state, s);
  if (status == BABEL_OK) status = gather(plan, s);
  exchange(plan);
  return status;
}

/* h = C(f) -> e = U(h), every side and its teacher. */
static babel_status embed(const babel_step_plan *plan) {
  const babel_ops *ops = plan->ops;
  babel_linear_fwd_job linear[2 * BABEL_MAX_SIDES];
  for (int k = 0; k < plan->side[0].layers; k++) {
    int n = 0;
    if (plan->folded && k == babel_fold_at(plan)) {
      BABEL_TRY(follow(plan, plan->stream, plan->branch));
      BABEL_TRY(follow(plan, plan->branch, plan->stream));
      BABEL_TRY(babel_fold_middle(plan, plan->branch));
    }
    for (int s = 0; s < plan->sides; s++) {
      linear[n++] = layer_forward(&plan->side[s], k, false);
      if (plan->side[s].teacher_act[0]) linear[n++] = layer_forward(&plan->side[s], k, true);
    }
    BABEL_TRY(ops->linear_fwd(linear, n, plan->stream));
  }
  for (int s = 0; s < plan->sides; s++) {
    const babel_chain *c = &plan->side[s];
    babel_segment_mean_job mean = {.pooled = c->pooled, .sequence = c->act[c->layers], .lengths = plan->in.lengths[s], .n = c->samples,
                                   .steps = c->steps, .d = plan->embed, .stacked = 1};
    if (c->pooled) BABEL_TRY(ops->segment_mean_fwd(&mean, plan->stream));
  }
  return BABEL_OK;
}

babel_status babel_step_embed(const babel_step_plan *plan) {
  BABEL_TRY(gather(plan, plan->stream));
  return embed(plan);
}

babel_status babel_step_hold(const babel_step_plan *plan) {
  if (!babel_step_distils(plan)) return BABEL_OK;
  return plan->request.replayed ? replay(plan) : distill(plan);
}

/* Of a step in a block, the input is there; of each but the last, the next one's is made beside. */
typedef enum { STEP_ALONE, STEP_FOLLOWED, STEP_LAST } step_place;

/* features -> h = C(f) -> e = U(h) -> L(e / ||e||); rows that pass the same prototype lie behind each other. */
static babel_status forward(babel_step_plan *plan, step_place place) {
  BABEL_RANGE("forward");
  const babel_ops *ops = plan->ops;
  const babel_chain *a = &plan->side[0], *b = &plan->side[1];
  if (plan->folded) {
    BABEL_TRY(follow(plan, plan->branch, plan->stream));
    BABEL_TRY(babel_fold_forward(plan, plan->branch));
  }
  if (place == STEP_ALONE) BABEL_TRY(gather(plan, plan->stream));
  BABEL_TRY(embed(plan));
  if (place == STEP_FOLLOWED) {
    if (!plan->folded) BABEL_TRY(follow(plan, plan->branch, plan->stream));
    BABEL_TRY(look_ahead(plan, plan->branch));
  }
  BABEL_TRY(babel_step_hold(plan));
  babel_neighbour_targets_job targets = {.targets = plan->targets, .masked = plan->masked, .neighbours = plan->graph, .weights = plan->graph_weights,
      .windows = plan->graph_windows, .rows = plan->in.graph_rows, .m = plan->m, .n = plan->graph_size, .k = plan->graph_k, .weight = (float)plan->config.neighbour_weight};
  if (!babel_step_plain(plan)) BABEL_TRY(ops->neighbour_targets(&targets, plan->stream));
  babel_contrastive_job loss = {.loss = plan->loss, .dna = babel_step_top_cotangent(plan, a, 0), .dna_step = top_step(plan, a), .dnb = babel_step_top_cotangent(plan, b, 0),
      .dnb_step = top_step(plan, b), .dlog_scale = plan->dlog_scale, .hits = plan->hits, .na = babel_step_top(a), .nb = babel_step_top(b), .normalise = 1, .log_scale = plan->params + plan->scale_at,
      .targets_a = plan->targets, .targets_b = plan->targets, .masked = plan->masked, .workspace = plan->workspace,
      .m = plan->m, .d = plan->embed, .negatives_only = plan->config.denominator};
  return babel_step_contrastive(plan, &loss, NULL, plan->stream); /* Eq. (3)-(4): losses and the cotangents of both directions */
}

/* From the embeddings to the outputs of the last layer. */
static babel_status backward_top(const babel_step_plan *plan) {
  const babel_ops *ops = plan->ops;
  if (babel_step_distils(plan)) BABEL_TRY(follow(plan, plan->stream, plan->branch));
  for (int s = 0; s < plan->sides; s++) {
    const babel_chain *c = &plan->side[s];
    for (int d = c->first; c->pooled && !c->frozen && d < c->first + c->stacked; d++) {
      babel_segment_mean_job mean = {.pooled = babel_step_top_cotangent(plan, c, d), .sequence = cotangent(c, c->layers, d), .lengths = plan->in.lengths[s],
                                     .n = c->samples, .steps = c->steps, .d = plan->embed, .stacked = 1};
      BABEL_TRY(ops->segment_mean_bwd(&mean, plan->stream));
    }
  }
  return BABEL_OK;
}

/* `rows` rows of direction d of a side, or of more directions that lie behind each other, through layer k. */
static babel_linear_bwd_data_job layer_backward(const babel_chain *c, int k, int d, int rows, int mask_rows) {
  const babel_chain_layer *l = &c->layer[k];
  return (babel_linear_bwd_data_job){.dx = cotangent(c, k, d), .dy = cotangent(c, k + 1, d), .w = l->weight,
                                     .y_prev = c->layer[k - 1].relu ? c->act[k] : NULL, .n = rows, .in = l->in, .out = l->out, .mask_rows = mask_rows};
}

static bool is_shared(const babel_step_plan *plan, int k) {
  return plan->side[0].layer[k].weight == plan->side[1].layer[k].weight;
}

/* The same of the rehearsed rows: one job where they share the layer. */
static int rehearsed_cotangents(const babel_step_plan *plan, int k, babel_linear_bwd_data_job *jobs) {
  int n = 0;
  for (int s = 2; s < plan->sides; s++) {
    bool joined = k >= plan->joined && is_shared(plan, k);
    int rows = joined ? plan->rehearsed_rows : plan->side[s].rows;
    jobs[n++] = layer_backward(&plan->side[s], k, 2, rows, rows);
    if (joined) break;
  }
  return n;
}

/* The cotangent of layer k's input, all directions at once, with as few products as the layout allows. */
static babel_status layer_cotangents(const babel_step_plan *plan, int k) {
  const babel_chain *sides = plan->side;
  const int t = plan->teacher_side, both = sides[0].rows + sides[1].rows;
  const bool together = k + 1 < plan->joined;
  babel_linear_bwd_data_job jobs[6 + BABEL_MAX_SIDES];
  int n = 0;
  if (k >= plan->joined && is_shared(plan, k) && !sides[0].frozen && !sides[1].frozen) {
    jobs[n++] = layer_backward(&sides[0], k, 0, 2 * both, both);
    if (t >= 0) jobs[n++] = layer_backward(&sides[t], k, 2, sides[t].rows, sides[t].rows);
  } else {
    for (int s = 0; s < 2; s++)
      for (int d = 0; !sides[s].frozen && d < (together ? 1 : sides[s].stacked); d++)
        jobs[n++] = layer_backward(&sides[s], k, d, together ? sides[s].stacked * sides[s].rows : sides[s].rows, sides[s].rows);
  }
  n += rehearsed_cotangents(plan, k, jobs + n);
  return plan->ops->linear_bwd_data(jobs, n, plan->stream);
}

static babel_linear_bwd_weight_job layer_gradient(const babel_step_plan *plan, const babel_chain *c, int k, int d, int rows) {
  const babel_chain_layer *l = &c->layer[k];
  return (babel_linear_bwd_weight_job){.dw = plan->grads[d] + l->weight_at, .db = plan->grads[d] + l->bias_at, .dy = cotangent(c, k + 1, d),
                                       .x = c->act[k], .n = rows, .in = l->in, .out = l->out, .accumulate = plan->accumulate};
}

/* Whether layer k of this side stays as it is. */
static bool is_still(const babel_step_plan *plan, const babel_chain *c, int k) {
  return c->frozen || (plan->request.prototype == BABEL_FROZEN && k >= plan->shared && k < plan->shared + plan->config.proto_layers - plan->folded);
}

/* Products that wait to be launched together. */
typedef struct {
  babel_linear_bwd_weight_job job[4 * (6 + BABEL_MAX_SIDES)];
  int n;
} gradient_list;

static babel_status flush(const babel_step_plan *plan, gradient_list *list, babel_stream *s) {
  const int n = list->n;
  list->n = 0;
  return n ? plan->ops->linear_bwd_weight(list->job, n, s) : BABEL_OK;
}

/* The gradients of layer k for every direction (Eq. 6). */
static void list_gradients(const babel_step_plan *plan, int k, gradient_list *list) {
  const babel_chain *sides = plan->side;
  for (int s = 0; s < plan->sides; s++)
    for (int d = sides[s].first; d < sides[s].first + sides[s].stacked; d++) {
      bool joined = is_shared(plan, k) && (d < 2 || s >= 2); /* the rows of both sides, and of all rehearsed ones, lie behind each other */
      if (is_still(plan, &sides[s], k) || (joined && s != (s < 2 ? 0 : 2))) continue;
      list->job[list->n++] = layer_gradient(plan, &sides[s], k, d, !joined ? sides[s].rows : s < 2 ? sides[0].rows + sides[1].rows : plan->rehearsed_rows);
    }
}

/* Those of layer k beside the cotangents of the layers below, with as few launches as there can be: those of the layer above M go with M's, and those of
 * C's last layer, which need M's, with the layer below. The last ones have nothing to be beside. */
static babel_status layer_gradients(const babel_step_plan *plan, int k, gradient_list *list) {
  const int fold = plan->folded ? babel_fold_at(plan) : -1;
  babel_stream *s = k || fold == 1 ? plan->branch : plan->stream;
  if (k == fold) list->n += babel_fold_own_jobs(plan, list->job + list->n);
  else list_gradients(plan, k, list);
  if (fold >= 0 && k == fold + 1) return BABEL_OK;
  BABEL_TRY(follow(plan, plan->branch, plan->stream));
  BABEL_TRY(flush(plan, list, s));
  if (k == fold) list->n = babel_fold_first_jobs(plan, list->job);
  return k == fold - 1 ? babel_fold_first_biases(plan, s) : BABEL_OK;
}

babel_status babel_step_backward(const babel_step_plan *plan) {
  BABEL_RANGE("backward");
  gradient_list list = {.n = 0};
  BABEL_TRY(backward_top(plan));
  for (int k = plan->side[0].layers - 1; k >= 0; k--) {
    if (!plan->summed) BABEL_TRY(layer_gradients(plan, k, &list));
    if (k) BABEL_TRY(layer_cotangents(plan, k));
  }
  return plan->summed ? BABEL_OK : follow(plan, plan->stream, plan->branch);
}

/* The norms of the anchors' own modules or of both, and the weights w_ab, w_ba (Eq. 6-7). */
static babel_status weigh(const babel_step_plan *plan) {
  BABEL_RANGE("weigh");
  const babel_chain *sides = plan->side;
  int both = plan->config.grad_scope;
  babel_adaptive_job weights = {.weights = plan->weights, .norms = plan->norms, .guarded = plan->guarded, .parts = plan->adaptive_parts,
                                .mode = plan->adaptive};
  for (int d = 0; d < 2 && plan->adaptive; d++) {
    const babel_chain *first = &sides[both ? 0 : d];
    weights.grad[d] = plan->grads[d] + first->module_at;
    weights.param[d] = plan->config.grad_norm ? plan->params + first->module_at : NULL;
    weights.count[d] = both ? sides[0].module_count + sides[1].module_count : first->module_count;
  }
  return plan->ops->adaptive(&weights, plan->stream);
}

static babel_status gradients(babel_step_plan *plan, step_place place) {
  BABEL_TRY(babel_fold_teachers(plan));
  BABEL_TRY(plan->chunks ? babel_step_chunks_run(plan) : forward(plan, place));
  if (!plan->chunks) BABEL_TRY(babel_step_backward(plan));
  BABEL_TRY(babel_step_sum_gradients(plan));
  return plan->summed ? babel_fold_gradients(plan) : weigh(plan);
}

babel_status babel_step_gradients(babel_step_plan *plan) {
  return gradients(plan, STEP_ALONE);
}

static babel_status update(const babel_step_plan *plan) {
  BABEL_RANGE("update");
  if (plan->projection) BABEL_TRY(babel_projection_gradient(plan->projection, plan));
  BABEL_TRY(plan->ops->adamw(plan->adamw, plan->adamw_count, (float)plan->config.beta1, (float)plan->config.beta2, (float)plan->config.adam_eps,
                             plan->in.state, plan->stream));
  return plan->projection ? babel_projection_step(plan->projection, plan) : BABEL_OK;
}

static babel_status run(babel_step_plan *plan) {
  if (plan->choices) BABEL_TRY(babel_step_choose(plan));
  BABEL_TRY(babel_step_gradients(plan));
  return update(plan);
}

static babel_status run_all(babel_step_plan *plan, int steps) {
  for (int i = 0; i < steps; i++) BABEL_TRY(run(plan));
  return BABEL_OK;
}

/* An even number of steps: the last one's inputs are where the first one's were. */
static babel_status run_block(babel_step_plan *plan, int steps) {
  BABEL_TRY(look_ahead(plan, plan->stream));
  for (int i = 0; i < steps; i++) {
    exchange(plan);
    BABEL_TRY(gradients(plan, i + 1 < steps ? STEP_FOLLOWED : STEP_LAST));
    BABEL_TRY(update(plan));
  }
  return BABEL_OK;
}
static_assert(BABEL_STEP_BLOCK % 2 == 0, "run_block");

static babel_status record(babel_step_plan *plan, int steps, babel_recording **recording) {
  BABEL_RANGE("record");
  const babel_ops *ops = plan->ops;
  BABEL_TRY(babel_fold_teachers(plan)); /* not in every repetition */
  BABEL_TRY(ops->record_begin(plan->stream));
  babel_status status = steps > 1 && plan->ahead.state ? run_block(plan, steps) : run_all(plan, steps);
  babel_error first = babel_error_take(); /* what went wrong is said, not what became of the recording */
  babel_status ended = ops->record_end(recording, plan->stream);
  if (status == BABEL_OK) return ended;
  babel_error_put(&first);
  return status;
}

/* The next n steps; when one of them begins an epoch, its order was made aside since the epoch before began, and the next one's is made from here on. */
static babel_status repeat(babel_step_plan *plan, const babel_recording *recording, int n) {
  const babel_ops *ops = plan->ops;
  const int64_t each = plan->shuffle.steps_per_epoch, first = plan->next;
  plan->next += n;
  if (!shuffles_aside(plan) || (first + n - 1) / each * each < first) return ops->replay(recording, plan->stream);
  const babel_step_state state = {.step = (first + n - 1) / each * each};
  BABEL_TRY(follow(plan, plan->stream, plan->aside));
  BABEL_TRY(ops->replay(recording, plan->stream));
  BABEL_TRY(ops->upload(plan->epoch, &state, sizeof state, plan->aside));
  BABEL_TRY(follow(plan, plan->aside, plan->stream));
  return ops->shuffle(&plan->shuffle, plan->epoch, plan->aside);
}

babel_status babel_step_run(babel_step_plan *plan, int steps) {
  if (!plan->ops->record_begin || plan->ops->one_by_one || plan->comm) return run_all(plan, steps); /* ranks meet on the host */
  while (steps) {
    const int n = steps < BABEL_STEP_BLOCK ? 1 : BABEL_STEP_BLOCK;
    babel_recording **recording = n == 1 ? &plan->recording : &plan->block;
    if (!*recording) BABEL_TRY(record(plan, n, recording));
    BABEL_TRY(repeat(plan, *recording, n));
    steps -= n;
  }
  return BABEL_OK;
}
