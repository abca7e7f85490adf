#include "growth/projection.h"

#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/range.h"

static babel_status take(babel_projection *p, float **to, size_t count) {
  void *memory;
  BABEL_TRY(p->ops->alloc(&memory, count * sizeof(float)));
  *to = memory;
  p->bytes += count * sizeof(float);
  return BABEL_OK;
}

/* V and -V^T to the backend. */
static babel_status send_basis(babel_projection *p, babel_projected_layer *l, const float *v) {
  const size_t rank = (size_t)l->rank, width = (size_t)l->width, bytes = rank * width * sizeof(float);
  void *host;
  BABEL_TRY(take(p, &l->v, rank * width));
  BABEL_TRY(take(p, &l->minus_v, rank * width));
  BABEL_TRY(babel_alloc(&host, rank * width, sizeof(float)));
  float *minus = host;
  for (size_t k = 0; k < rank; k++)
    for (size_t c = 0; c < width; c++) minus[c * rank + k] = -v[k * width + c];
  babel_status status = p->ops->upload(l->v, v, bytes, NULL);
  if (status == BABEL_OK) status = p->ops->upload(l->minus_v, minus, bytes, NULL);
  free(host);
  return status;
}

static babel_status add_layer(babel_projection *p, const babel_step_plan *plan, const babel_mlp *mlp, int k, int64_t at, const float *moment) {
  babel_projected_layer *l = &p->layer[p->layers];
  float *v;
  *l = (babel_projected_layer){.width = mlp->widths[k], .out = mlp->widths[k + 1], .weight_at = at + mlp->weight_at[k]};
  BABEL_TRY(babel_moments_basis(moment, l->width, plan->config.proj_energy, &v, &l->rank));
  if (!l->rank) return BABEL_OK;
  p->layers++; /* counted at once: destroy cleans up a failure */
  babel_status status = send_basis(p, l, v);
  free(v);
  BABEL_TRY(status);
  const size_t size = (size_t)l->out * (size_t)l->width;
  BABEL_TRY(take(p, &l->start, size));
  BABEL_TRY(take(p, &l->moved, size));
  BABEL_TRY(take(p, &l->part, 2 * (size_t)l->out * (size_t)l->rank));
  return p->ops->copy(l->start, plan->params + l->weight_at, size * sizeof(float), plan->stream);
}

static babel_status add_mlp(babel_projection *p, const babel_step_plan *plan, const babel_mlp *mlp, int64_t at, const babel_moments *moments, const char *name) {
  if (mlp->layers && !moments->layers)
    return BABEL_FAIL(BABEL_ERR_STATE, "proto_policy: grad_proj needs the second moments of what %s was fed in earlier phases, and the trunk does not hold them: "
                      "grow every phase from the first on with proto_policy: grad_proj, or choose another policy", name);
  for (int k = 0; k < mlp->layers; k++) BABEL_TRY(add_layer(p, plan, mlp, k, at, moments->of[k]));
  return BABEL_OK;
}

babel_status babel_projection_create(babel_projection *projection, const babel_step_plan *plan, const babel_trunk *trunk) {
  const babel_step_request *request = &plan->request;
  const float signs[2] = {1, -1};
  babel_status status;
  *projection = (babel_projection){.ops = plan->ops};
  for (int s = 0; s < 2; s++) {
    const babel_tower *tower = request->towers[s];
    if (request->module[s] != BABEL_LEARNS_PROJECTED) continue;
    BABEL_TRY_OR(add_mlp(projection, plan, &tower->module, plan->side[s].module_at, &tower->moments, tower->name), fail);
    BABEL_TRY_OR(add_mlp(projection, plan, &tower->post, plan->side[s].post_at, &tower->post_moments, tower->name), fail);
  }
  if (request->prototype == BABEL_LEARNS_PROJECTED)
    BABEL_TRY_OR(add_mlp(projection, plan, &trunk->prototype, plan->prototype_at, &trunk->moments, "the prototype"), fail);
  if (!projection->layers) return BABEL_OK;
  BABEL_TRY_OR(take(projection, &projection->signs, 2), fail);
  BABEL_TRY_OR(plan->ops->upload(projection->signs, signs, sizeof signs, NULL), fail);
  BABEL_TRY_OR(plan->ops->synchronize(plan->stream), fail);
  return BABEL_OK;
fail:
  babel_projection_destroy(projection);
  return status;
}

void babel_projection_destroy(babel_projection *projection) {
  for (int i = 0; i < projection->layers; i++) {
    babel_projected_layer *l = &projection->layer[i];
    float *pieces[] = {l->v, l->minus_v, l->start, l->moved, l->part};
    for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++)
      if (pieces[k]) projection->ops->free(pieces[k]);
  }
  if (projection->signs) projection->ops->free(projection->signs);
  memset(projection, 0, sizeof *projection);
}

/* part = x V^T, y -= part V. */
static void project(const babel_projected_layer *l, float *y, const float *x, float *part, babel_linear_fwd_job *into, babel_linear_fwd_job *out) {
  *into = (babel_linear_fwd_job){.y = part, .x = x, .w = l->v, .n = l->out, .in = l->width, .out = l->rank};
  *out = (babel_linear_fwd_job){.y = y, .x = part, .w = l->minus_v, .n = l->out, .in = l->rank, .out = l->width, .accumulate = 1};
}

static babel_status run(const babel_step_plan *plan, const babel_linear_fwd_job *into, const babel_linear_fwd_job *out, int n) {
  BABEL_TRY(plan->ops->linear_fwd(into, n, plan->stream));
  return plan->ops->linear_fwd(out, n, plan->stream);
}

babel_status babel_projection_gradient(const babel_projection *projection, const babel_step_plan *plan) {
  BABEL_RANGE("project gradient");
  babel_linear_fwd_job into[2 * BABEL_PROJECTED_LAYERS], out[2 * BABEL_PROJECTED_LAYERS];
  int n = 0;
  for (int i = 0; i < projection->layers; i++)
    for (int d = 0; d < 2 && plan->grads[d]; d++, n++) {
      const babel_projected_layer *l = &projection->layer[i];
      float *g = plan->grads[d] + l->weight_at;
      project(l, g, g, l->part + (int64_t)d * l->out * l->rank, &into[n], &out[n]);
    }
  return n ? run(plan, into, out, n) : BABEL_OK;
}

babel_status babel_projection_step(const babel_projection *projection, const babel_step_plan *plan) {
  BABEL_RANGE("project step");
  babel_combine_job moved[BABEL_PROJECTED_LAYERS];
  babel_linear_fwd_job into[BABEL_PROJECTED_LAYERS], out[BABEL_PROJECTED_LAYERS];
  for (int i = 0; i < projection->layers; i++) {
    const babel_projected_layer *l = &projection->layer[i];
    float *w = plan->params + l->weight_at;
    moved[i] = (babel_combine_job){.y = l->moved, .weights = projection->signs, .x0 = w, .x1 = l->start, .n = (int64_t)l->out * l->width};
    project(l, w, l->moved, l->part, &into[i], &out[i]);
  }
  if (!projection->layers) return BABEL_OK;
  BABEL_TRY(plan->ops->combine(moved, projection->layers, plan->stream));
  return run(plan, into, out, projection->layers);
}
