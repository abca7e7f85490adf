#include "growth/step_ranks.h"

#include "core/arena.h"
#include "core/range.h"

babel_status babel_step_ranks_check(const babel_step_request *request) {
  int ranks = babel_comm_size(request->comm);
  if (ranks == 1) return BABEL_OK;
  if (request->m % ranks)
    return BABEL_FAIL(BABEL_ERR_ARG, "a batch of %d pairs cannot be shared evenly by %d ranks: expected a number of ranks that divides it", request->m, ranks);
  for (int s = 2; s < request->sides; s++)
    if (request->rows[s] < ranks)
      return BABEL_FAIL(BABEL_ERR_ARG, "%d rehearsed samples of %s cannot be shared by %d ranks: expected one each at least", request->rows[s],
                        request->towers[s]->name, ranks);
  return BABEL_OK;
}

void babel_step_share(const babel_step_plan *plan, babel_chain *chain, int whole) {
  int rank = babel_comm_rank(plan->comm), size = babel_comm_size(plan->comm);
  chain->whole = whole;
  chain->skip = (int)babel_comm_part(whole, rank, size);
  chain->samples = (int)babel_comm_part(whole, rank + 1, size) - chain->skip;
}

static int64_t within(int64_t x, int64_t most) {
  return x < 0 ? 0 : x > most ? most : x;
}

void babel_step_share_sources(babel_step_plan *plan) {
  for (int i = 0; i < plan->sources && plan->comm; i++) {
    babel_step_source *from = &plan->source[i];
    const babel_chain *c = &plan->side[from->side];
    int64_t begin = (int64_t)c->skip * c->steps, end = begin + c->rows;
    from->whole_first = from->first;
    from->whole = from->rows;
    from->skip = (int)within(begin - from->whole_first, from->whole);
    from->rows = (int)within(end - from->whole_first, from->whole) - from->skip;
    from->first = (int)within(from->whole_first - begin, c->rows);
  }
}

babel_status babel_step_ranks_create(babel_step_plan *plan) {
  int64_t most = 0;
  void *memory;
  if (!plan->comm) return BABEL_OK;
  for (int s = 0; s < plan->sides; s++) {
    const babel_chain *c = &plan->side[s];
    plan->in.rows[s] += (int64_t)c->skip * c->steps;
    if (plan->in.lengths[s]) plan->in.lengths[s] += c->skip;
    if ((int64_t)c->whole * plan->embed > most) most = (int64_t)c->whole * plan->embed;
  }
  if (plan->count > most) most = plan->count;
  if (!plan->stream) return BABEL_OK;
  BABEL_TRY(babel_alloc(&memory, (size_t)most, sizeof(float)));
  plan->staging = memory;
  return babel_device_comm_open(plan->comm, &plan->devices);
}

babel_step_inputs babel_step_whole_inputs(const babel_step_plan *plan) {
  babel_step_inputs in = plan->in;
  for (int s = 0; s < plan->sides; s++) {
    in.rows[s] -= (int64_t)plan->side[s].skip * plan->side[s].steps;
    if (in.lengths[s]) in.lengths[s] -= plan->side[s].skip;
  }
  return in;
}

/* Between the devices, through the host where they cannot, or in the host's own memory. */
static babel_status gather(const babel_step_plan *plan, float *const *arrays, const int64_t *const *at, int count, babel_stream *s) {
  int rank = babel_comm_rank(plan->comm), size = babel_comm_size(plan->comm);
  if (plan->devices) return babel_device_comm_gather(plan->devices, arrays, at, count, s);
  for (int i = 0; i < count; i++) {
    float *whole = arrays[i], *host = plan->staging ? plan->staging : whole;
    size_t own = (size_t)(at[i][rank + 1] - at[i][rank]) * sizeof(float);
    if (plan->staging && own) BABEL_TRY(plan->ops->download(host + at[i][rank], whole + at[i][rank], own, s));
    BABEL_TRY(babel_comm_gather(plan->comm, host, at[i]));
    if (plan->staging) BABEL_TRY(plan->ops->upload(whole, host, (size_t)at[i][size] * sizeof(float), s));
  }
  return BABEL_OK;
}

static babel_status sum(const babel_step_plan *plan, float *const *x, int arrays, int64_t n) {
  if (plan->devices) return babel_device_comm_sum(plan->devices, x, arrays, n, plan->stream);
  for (int i = 0; i < arrays; i++) {
    float *host = plan->staging ? plan->staging : x[i];
    if (plan->staging) BABEL_TRY(plan->ops->download(host, x[i], (size_t)n * sizeof *host, plan->stream));
    BABEL_TRY(babel_comm_sum(plan->comm, host, n));
    if (plan->staging) BABEL_TRY(plan->ops->upload(x[i], host, (size_t)n * sizeof *host, plan->stream));
  }
  return BABEL_OK;
}

/* Where each rank's rows of one side lie among all, in floats. */
static void places(const babel_step_plan *plan, const babel_chain *c, const babel_step_source *from, int64_t *at) {
  int size = babel_comm_size(plan->comm), first = from ? from->whole_first / c->steps : 0, count = from ? from->whole / c->steps : c->whole;
  for (int r = 0; r <= size; r++) at[r] = within(babel_comm_part(c->whole, r, size) - first, count) * plan->embed;
}

/* The own rows of both sides, normalised, to all ranks. */
static babel_status gather_unit_rows(const babel_step_plan *plan, const babel_contrastive_job *job, int first, int rows, babel_stream *s) {
  const int size = babel_comm_size(plan->comm);
  const float *const embedded[2] = {job->na, job->nb};
  babel_l2norm_fwd_job norms[2];
  int64_t at[size + 1];
  for (int r = 0; r <= size; r++) at[r] = babel_comm_part(job->m, r, size) * job->d;
  for (int side = 0; side < 2; side++)
    norms[side] = (babel_l2norm_fwd_job){.y = plan->gathered[side] + (int64_t)first * job->d, .inv = plan->panel_inv[side], .x = embedded[side], .n = rows, .d = job->d};
  BABEL_TRY(plan->ops->l2norm_fwd(norms, 2, s));
  return gather(plan, plan->gathered, (const int64_t *const[2]){at, at}, 2, s);
}

/* What the own rows say of their anchors, from all ranks: own, rival, sum and lean of each side's (kernels/contrastive_panel.h). */
static babel_status gather_anchors(const babel_step_plan *plan, const babel_contrastive_panel_job panel[2], babel_stream *s) {
  enum { NUMBERS = 4 };
  const int size = babel_comm_size(plan->comm);
  float *arrays[2 * NUMBERS];
  const int64_t *places[2 * NUMBERS];
  int64_t at[size + 1];
  for (int r = 0; r <= size; r++) at[r] = babel_comm_part(panel->m, r, size);
  for (int i = 0; i < 2 * NUMBERS; i++) {
    arrays[i] = panel[i / NUMBERS].anchors + (int64_t)(i % NUMBERS) * panel->m;
    places[i] = at;
  }
  return gather(plan, arrays, places, 2 * NUMBERS, s);
}

/* job->na, nb, dna, dnb: this rank's rows. */
static babel_status shared_loss(const babel_step_plan *plan, const babel_contrastive_job *job, babel_stream *s) {
  const babel_ops *ops = plan->ops, *exact = ops->exact ? ops->exact : ops;
  const int m = job->m, d = job->d, first = plan->side[0].skip, rows = plan->side[0].samples;
  const int64_t block = BABEL_CONTRASTIVE_PANEL_NUMBERS * (int64_t)m, steps[2] = {job->dna_step, job->dnb_step};
  float *const anchors = plan->panel_anchors, *const cots[2] = {job->dna, job->dnb};
  babel_contrastive_panel_job panel[2];
  babel_linear_fwd_job cosines[2];
  babel_linear_bwd_data_job products[4];
  babel_l2norm_bwd_job back[4];
  BABEL_TRY(gather_unit_rows(plan, job, first, rows, s));
  for (int side = 0; side < 2; side++) {
    cosines[side] = (babel_linear_fwd_job){.y = plan->panel[side], .x = plan->gathered[side] + (int64_t)first * d, .w = plan->gathered[1 - side], .n = rows, .in = d, .out = m};
    panel[side] = (babel_contrastive_panel_job){.s = plan->panel[side], .other = plan->panel_other[side], .anchors = anchors + (side ? 0 : block), .loss = job->loss,
        .dlog_scale = job->dlog_scale, .hits = job->hits, .log_scale = job->log_scale, .first = first, .rows = rows, .m = m, .negatives_only = job->negatives_only,
        .one_way = 1};
  }
  BABEL_TRY(exact->linear_fwd(cosines, 2, s));
  for (int side = 1; side >= 0; side--) BABEL_TRY(ops->contrastive_panel_sums(&panel[side], s)); /* either writes an own logit of the other's too */
  BABEL_TRY(gather_anchors(plan, panel, s));
  BABEL_TRY(ops->copy(anchors + 2 * block, anchors, (size_t)block * sizeof(float), s));
  BABEL_TRY(ops->contrastive_panel_finish(&panel[0], s));
  BABEL_TRY(ops->copy(anchors, anchors + 2 * block, (size_t)block * sizeof(float), s));
  for (int side = 0; side < 2; side++) BABEL_TRY(ops->contrastive_panel_cotangents(&panel[side], s));
  for (int i = 0; i < 4; i++) {
    const int side = i / 2, way = i % 2;
    float *to = cots[side] + way * steps[side];
    products[i] = (babel_linear_bwd_data_job){.dx = to, .dy = side == way ? plan->panel[side] : plan->panel_other[side], .w = plan->gathered[1 - side], .n = rows,
                                              .in = d, .out = m, .mask_rows = rows};
    back[i] = (babel_l2norm_bwd_job){.dx = to, .dy = to, .y = cosines[side].x, .inv = plan->panel_inv[side], .n = rows, .d = d, .rows = rows};
  }
  BABEL_TRY(exact->linear_bwd_data(products, 4, s));
  BABEL_TRY(ops->l2norm_bwd(back, 4, s));
  return plan->request.replayed ? ops->synchronize(s) : BABEL_OK; /* the replayed pairs' loss uses the same memory on another stream */
}

babel_status babel_step_contrastive(const babel_step_plan *plan, const babel_contrastive_job *job, const babel_step_source *const from[2], babel_stream *s) {
  const babel_ops *ops = plan->ops;
  if (!plan->comm) return ops->contrastive(job, s);
  BABEL_RANGE("gather");
  if (!from && plan->panel_anchors) return shared_loss(plan, job, s);
  const int rank = babel_comm_rank(plan->comm), size = babel_comm_size(plan->comm);
  int64_t at[2][size + 1];
  size_t own[2];
  const float *const embedded[2] = {job->na, job->nb};
  babel_contrastive_job whole = *job;
  for (int side = 0; side < 2; side++) {
    places(plan, &plan->side[from ? from[side]->side : side], from ? from[side] : NULL, at[side]);
    own[side] = (size_t)(at[side][rank + 1] - at[side][rank]) * sizeof(float);
    if (own[side]) BABEL_TRY(ops->copy(plan->gathered[side] + at[side][rank], embedded[side], own[side], s));
  }
  BABEL_TRY(gather(plan, plan->gathered, (const int64_t *const[2]){at[0], at[1]}, 2, s));
  whole.na = plan->gathered[0];
  whole.nb = plan->gathered[1];
  whole.dna = plan->gathered_cot[0];
  whole.dnb = plan->gathered_cot[1];
  whole.dna_step = whole.dnb_step = 0;
  BABEL_TRY(ops->contrastive(&whole, s));
  for (int side = 0; side < 2; side++)
    for (int d = 0; d < 2 && own[side]; d++) {
      float *to = side ? job->dnb + d * job->dnb_step : job->dna + d * job->dna_step;
      BABEL_TRY(ops->copy(to, plan->gathered_cot[side] + d * (int64_t)job->m * job->d + at[side][rank], own[side], s));
    }
  return ops->synchronize(s); /* the next loss uses the same memory on another stream */
}

babel_status babel_step_sum_gradients(const babel_step_plan *plan) {
  if (!plan->comm) return BABEL_OK;
  BABEL_RANGE("sum");
  int arrays = 0;
  while (arrays < 3 && plan->grads[arrays]) arrays++;
  return sum(plan, plan->grads, arrays, plan->count);
}

babel_status babel_step_sum_means(const babel_step_plan *plan, float means[BABEL_MAX_SIDES]) {
  if (!plan->comm) return BABEL_OK;
  for (int s = 0; s < plan->sides; s++) means[s] *= (float)plan->side[s].samples / (float)plan->side[s].whole;
  return babel_comm_sum(plan->comm, means, plan->sides);
}

babel_status babel_step_broadcast(const babel_step_plan *plan) {
  float *const arrays[] = {plan->params, plan->moment1, plan->moment2, plan->teacher_params, (float *)plan->guarded};
  if (!plan->comm) return BABEL_OK;
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
    size_t bytes = (arrays[i] == (float *)plan->guarded ? 1 : (size_t)plan->count) * sizeof(float);
    float *host = plan->staging ? plan->staging : arrays[i];
    if (!arrays[i]) continue;
    if (plan->staging) BABEL_TRY(plan->ops->download(host, arrays[i], bytes, plan->stream));
    BABEL_TRY(babel_comm_broadcast(plan->comm, host, bytes));
    if (plan->staging) BABEL_TRY(plan->ops->upload(arrays[i], host, bytes, plan->stream));
  }
  return BABEL_OK;
}
