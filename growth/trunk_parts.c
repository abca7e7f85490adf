#include "growth/trunk_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"

/* A piece of a trunk, named as in its file, `*` for all layers of a module: everything is on the backend but covariances and second moments. */
typedef struct {
  char name[96];
  const float *values;
  int64_t count;
  bool host, moment;
} part;

enum { PARTS_OF_TOWER = 9 + BABEL_MAX_LAYERS, MOST_PARTS = PARTS_OF_TOWER * BABEL_MAX_TOWERS + 2 + BABEL_MAX_LAYERS };

/* kind.tower.what; tower or what may be "". */
static void add(part *parts, int *n, const char *kind, const char *tower, const char *what, const float *values, int64_t count, bool host) {
  part *p = &parts[(*n)++];
  *p = (part){.values = values, .count = count, .host = host};
  snprintf(p->name, sizeof p->name, "%s%s%s%s%s", kind, *tower ? "." : "", tower, *what ? "." : "", what);
}

static void add_moments(part *parts, int *n, const char *kind, const char *tower, const babel_moments *moments) {
  for (int k = 0; k < moments->layers; k++) {
    part *p = &parts[(*n)++];
    *p = (part){.values = moments->of[k], .count = (int64_t)moments->width[k] * moments->width[k], .host = true, .moment = true};
    snprintf(p->name, sizeof p->name, "%s%s%s.%d", kind, *tower ? "." : "", tower, k);
  }
}

static int list_tower(const babel_tower *t, part *parts) {
  int n = 0;
  add(parts, &n, "tower", t->name, "*", t->module.params, t->module.count, false);
  add(parts, &n, "tower", t->name, "mean", t->mean, t->in, false);
  add(parts, &n, "tower", t->name, "inv_std", t->inv_std, t->in, false);
  if (t->post.layers) add(parts, &n, "post", t->name, "*", t->post.params, t->post.count, false);
  if (t->own.layers) add(parts, &n, "prototype", t->name, "*", t->own.params, t->own.count, false);
  add_moments(parts, &n, "moment", t->name, &t->moments);
  add_moments(parts, &n, "moment_post", t->name, &t->post_moments);
  if (!t->gauss.width) return n;
  add(parts, &n, "gauss", t->name, "mean", t->gauss.mean, t->gauss.width, true);
  add(parts, &n, "gauss", t->name, "factor", t->gauss.factor, (int64_t)t->gauss.rank * t->gauss.width, true);
  add(parts, &n, "gauss", t->name, "rest", t->gauss.rest, t->gauss.width, true);
  return n;
}

static int list_all(const babel_trunk *trunk, part parts[MOST_PARTS]) {
  int n = 0;
  add(parts, &n, "prototype", "", "*", trunk->prototype.params, trunk->prototype.count, false);
  add(parts, &n, "log_scale", "", "", trunk->log_scale, 1, false);
  add_moments(parts, &n, "moment_prototype", "", &trunk->moments);
  for (int i = 0; i < trunk->tower_count; i++) n += list_tower(&trunk->towers[i], parts + n);
  return n;
}

static babel_status fetch(const babel_trunk *trunk, const part *p, float **copy) {
  void *memory;
  size_t bytes = (size_t)p->count * sizeof(float);
  BABEL_TRY(babel_alloc(&memory, (size_t)p->count, sizeof(float)));
  *copy = memory;
  if (!p->host) return trunk->ops->download(memory, p->values, bytes, NULL);
  memcpy(memory, p->values, bytes);
  return BABEL_OK;
}

static babel_status differ(const babel_trunk *a, const part *pa, const babel_trunk *b, const part *pb, babel_trunk_difference *d) {
  float *x = NULL, *y = NULL;
  double gap = 0, size = 0;
  memcpy(d->name, pa->name, sizeof d->name);
  d->count = pa->count;
  d->moment = pa->moment;
  if (pa->count != pb->count) {
    d->only_in = 3;
    return BABEL_OK;
  }
  babel_status status = fetch(a, pa, &x);
  if (status == BABEL_OK) status = fetch(b, pb, &y);
  d->identical = status == BABEL_OK && !memcmp(x, y, (size_t)pa->count * sizeof *x);
  for (int64_t i = 0; i < pa->count && status == BABEL_OK; i++) {
    double difference = fabs((double)x[i] - (double)y[i]);
    gap += difference * difference;
    size += (double)x[i] * (double)x[i];
    if (difference > d->largest) d->largest = difference;
  }
  d->relative = gap == 0 ? 0 : size > 0 ? sqrt(gap / size) : INFINITY;
  free(x);
  free(y);
  return status;
}

static const part *find(const part *parts, int n, const char *name) {
  for (int i = 0; i < n; i++)
    if (!strcmp(parts[i].name, name)) return &parts[i];
  return NULL;
}

babel_status babel_trunk_compare(const babel_trunk *a, const babel_trunk *b, babel_trunk_difference **differences, int *count) {
  part in_a[MOST_PARTS], in_b[MOST_PARTS];
  int na = list_all(a, in_a), nb = list_all(b, in_b);
  void *memory;
  *count = 0;
  BABEL_TRY(babel_alloc(&memory, (size_t)(na + nb), sizeof **differences));
  *differences = memory;
  babel_status status = BABEL_OK;
  for (int i = 0; i < na && status == BABEL_OK; i++) {
    const part *other = find(in_b, nb, in_a[i].name);
    babel_trunk_difference *d = &(*differences)[(*count)++];
    if (other) {
      status = differ(a, &in_a[i], b, other, d);
    } else {
      *d = (babel_trunk_difference){.only_in = 1, .count = in_a[i].count, .moment = in_a[i].moment};
      memcpy(d->name, in_a[i].name, sizeof d->name);
    }
  }
  for (int i = 0; i < nb && status == BABEL_OK; i++) {
    if (find(in_a, na, in_b[i].name)) continue;
    babel_trunk_difference *d = &(*differences)[(*count)++];
    *d = (babel_trunk_difference){.only_in = 2, .count = in_b[i].count, .moment = in_b[i].moment};
    memcpy(d->name, in_b[i].name, sizeof d->name);
  }
  if (status == BABEL_OK) return BABEL_OK;
  free(*differences);
  *differences = NULL;
  *count = 0;
  return status;
}

static babel_status copy_text(char **to, const char *from) {
  free(*to);
  *to = from ? strdup(from) : NULL;
  return *to || !from ? BABEL_OK : BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for a text");
}

static babel_status copy_values(const babel_ops *ops, float *to, const float *from, int64_t count) {
  return count ? ops->copy(to, from, (size_t)count * sizeof(float), NULL) : BABEL_OK;
}

static babel_status copy_tower(babel_trunk *out, const babel_tower *from) {
  const babel_ops *ops = out->ops;
  BABEL_TRY(babel_trunk_add_tower(out, from->name, from->in));
  babel_tower *to = &out->towers[out->tower_count - 1];
  BABEL_TRY(copy_values(ops, to->module.params, from->module.params, from->module.count));
  BABEL_TRY(copy_values(ops, to->post.params, from->post.params, from->post.count));
  BABEL_TRY(copy_values(ops, to->own.params, from->own.params, from->own.count));
  BABEL_TRY(copy_values(ops, to->mean, from->mean, from->in));
  BABEL_TRY(copy_values(ops, to->inv_std, from->inv_std, from->in));
  BABEL_TRY(copy_text(&to->provenance, from->provenance));
  BABEL_TRY(babel_moments_copy(&to->moments, &from->moments));
  BABEL_TRY(babel_moments_copy(&to->post_moments, &from->post_moments));
  const babel_gauss *g = &from->gauss;
  if (!g->width) return BABEL_OK;
  BABEL_TRY(babel_gauss_alloc(&to->gauss, g->width, g->rank));
  memcpy(to->gauss.mean, g->mean, (size_t)g->width * sizeof(float));
  memcpy(to->gauss.factor, g->factor, (size_t)g->rank * (size_t)g->width * sizeof(float));
  memcpy(to->gauss.rest, g->rest, (size_t)g->width * sizeof(float));
  return BABEL_OK;
}

/* Everything of `from` but its towers. */
static babel_status copy_base(babel_trunk *out, const babel_trunk *from) {
  BABEL_TRY(babel_trunk_create(out, from->ops, &from->config));
  BABEL_TRY(copy_values(from->ops, out->prototype.params, from->prototype.params, from->prototype.count));
  BABEL_TRY(copy_values(from->ops, out->log_scale, from->log_scale, 1));
  BABEL_TRY(babel_moments_copy(&out->moments, &from->moments));
  BABEL_TRY(copy_text(&out->manifest, from->manifest));
  return copy_text(&out->history, from->history);
}

babel_status babel_trunk_extract(babel_trunk *out, const babel_trunk *from, const char *const *names, int count) {
  babel_status status;
  memset(out, 0, sizeof *out);
  for (int i = 0; i < count; i++)
    if (!babel_trunk_tower(from, names[i])) return BABEL_FAIL(BABEL_ERR_ARG, "%s: no tower is called %s", from->path, names[i]);
  BABEL_TRY_OR(copy_base(out, from), fail);
  for (int i = 0; i < count; i++) BABEL_TRY_OR(copy_tower(out, babel_trunk_tower(from, names[i])), fail);
  status = from->ops->synchronize(NULL);
fail:
  if (status != BABEL_OK) babel_trunk_destroy(out);
  return status;
}

/* What both have must be the same. */
static babel_status check_common(const babel_trunk *a, const babel_trunk *b) {
  babel_trunk_difference *differences;
  int count;
  babel_status status = babel_trunk_fits(&a->config, &b->config, a->path);
  if (status == BABEL_OK) status = babel_trunk_compare(a, b, &differences, &count);
  if (status != BABEL_OK) return status;
  for (int i = 0; i < count && status == BABEL_OK; i++) {
    const babel_trunk_difference *d = &differences[i];
    if (d->only_in == 1 || d->only_in == 2 || d->identical || d->moment || !strcmp(d->name, "log_scale")) continue;
    status = BABEL_FAIL(BABEL_ERR_ARG, "%s and %s cannot be merged: they differ in %s. Trunks can when each grew on the same one with trunk: freeze", a->path, b->path, d->name);
  }
  free(differences);
  return status;
}

babel_status babel_trunk_merge(babel_trunk *out, const babel_trunk *a, const babel_trunk *b) {
  babel_status status;
  memset(out, 0, sizeof *out);
  BABEL_TRY(check_common(a, b));
  BABEL_TRY_OR(copy_base(out, a), fail);
  for (int i = 0; i < a->tower_count; i++) BABEL_TRY_OR(copy_tower(out, &a->towers[i]), fail);
  for (int i = 0; i < b->tower_count; i++)
    if (!babel_trunk_tower(a, b->towers[i].name)) BABEL_TRY_OR(copy_tower(out, &b->towers[i]), fail);
  babel_moments_forget(out); /* the prototype's are of a's phases or of b's, never of both */
  status = a->ops->synchronize(NULL);
fail:
  if (status != BABEL_OK) babel_trunk_destroy(out);
  return status;
}
