/* The trunk's file: layout in trunk.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "growth/trunk.h"

static const char format[] = "babel-trunk 1";
enum { MOST_FEATURES = 1 << 20 };

/* Host copies that the writer borrows until commit. */
typedef struct {
  float *copies[5 * BABEL_MAX_TOWERS + 2];
  int count;
} host_copies;

static babel_status host_copy(host_copies *copies, const babel_ops *ops, const float *from, int64_t count, const char *name, float **to) {
  void *memory;
  BABEL_TRY(babel_alloc(&memory, (size_t)count, sizeof(float)));
  copies->copies[copies->count++] = memory;
  *to = memory;
  BABEL_TRY(ops->download(memory, from, (size_t)count * sizeof(float), NULL));
  for (int64_t i = 0; i < count; i++)
    if (!isfinite((*to)[i])) return BABEL_FAIL(BABEL_ERR_VALUE, "%s holds NaN or infinity: such a trunk is not written", name);
  return BABEL_OK;
}

static babel_status write_mlp(babel_safetensors_writer *writer, host_copies *copies, const babel_ops *ops, const babel_mlp *mlp,
                              const char *prefix) {
  char name[96];
  float *params;
  if (!mlp->layers) return BABEL_OK;
  BABEL_TRY(host_copy(copies, ops, mlp->params, mlp->count, prefix, &params));
  for (int i = 0; i < mlp->layers; i++) {
    int64_t weight[2] = {mlp->widths[i + 1], mlp->widths[i]};
    snprintf(name, sizeof name, "%s.%d.weight", prefix, i);
    BABEL_TRY(babel_safetensors_writer_floats(writer, name, params + mlp->weight_at[i], 2, weight));
    snprintf(name, sizeof name, "%s.%d.bias", prefix, i);
    BABEL_TRY(babel_safetensors_writer_floats(writer, name, params + mlp->bias_at[i], 1, weight));
  }
  return BABEL_OK;
}

/* Host memory already: the writer borrows it. */
static babel_status write_gauss(babel_safetensors_writer *writer, const babel_tower *tower) {
  const babel_gauss *g = &tower->gauss;
  const int64_t shape[2] = {g->rank, g->width}, width[1] = {g->width};
  char name[96];
  if (!g->width) return BABEL_OK;
  snprintf(name, sizeof name, "gauss.%s.mean", tower->name);
  BABEL_TRY(babel_safetensors_writer_floats(writer, name, g->mean, 1, width));
  snprintf(name, sizeof name, "gauss.%s.factor", tower->name);
  BABEL_TRY(babel_safetensors_writer_floats(writer, name, g->factor, 2, shape));
  snprintf(name, sizeof name, "gauss.%s.rest", tower->name);
  return babel_safetensors_writer_floats(writer, name, g->rest, 1, width);
}

/* Host memory too. `what` is between "moment" and the layer's number. */
static babel_status write_moments(babel_safetensors_writer *writer, const babel_moments *moments, const char *what, const char *tower) {
  char name[96];
  for (int k = 0; k < moments->layers; k++) {
    const int64_t shape[2] = {moments->width[k], moments->width[k]};
    snprintf(name, sizeof name, "moment%s%s.%d", what, tower, k);
    BABEL_TRY(babel_safetensors_writer_floats(writer, name, moments->of[k], 2, shape));
  }
  return BABEL_OK;
}

static babel_status write_tower(babel_safetensors_writer *writer, host_copies *copies, const babel_ops *ops, const babel_tower *tower) {
  char name[96];
  float *values;
  int64_t width[1] = {tower->in};
  snprintf(name, sizeof name, "tower.%s", tower->name);
  BABEL_TRY(write_mlp(writer, copies, ops, &tower->module, name));
  snprintf(name, sizeof name, "post.%s", tower->name);
  BABEL_TRY(write_mlp(writer, copies, ops, &tower->post, name));
  snprintf(name, sizeof name, "prototype.%s", tower->name);
  BABEL_TRY(write_mlp(writer, copies, ops, &tower->own, name));
  BABEL_TRY(write_gauss(writer, tower));
  BABEL_TRY(write_moments(writer, &tower->moments, ".", tower->name));
  BABEL_TRY(write_moments(writer, &tower->post_moments, "_post.", tower->name));
  snprintf(name, sizeof name, "tower.%s.mean", tower->name);
  BABEL_TRY(host_copy(copies, ops, tower->mean, tower->in, name, &values));
  BABEL_TRY(babel_safetensors_writer_floats(writer, name, values, 1, width));
  snprintf(name, sizeof name, "tower.%s.inv_std", tower->name);
  BABEL_TRY(host_copy(copies, ops, tower->inv_std, tower->in, name, &values));
  BABEL_TRY(babel_safetensors_writer_floats(writer, name, values, 1, width));
  snprintf(name, sizeof name, "provenance.%s", tower->name);
  return babel_safetensors_writer_metadata(writer, name, tower->provenance ? tower->provenance : "{}");
}

static babel_status write_all(babel_safetensors_writer *writer, host_copies *copies, const babel_trunk *trunk) {
  char names[BABEL_MAX_TOWERS * 33 + 1] = "", *config = NULL;
  float *scale;
  int64_t one[1] = {1};
  for (int i = 0; i < trunk->tower_count; i++) {
    BABEL_TRY(write_tower(writer, copies, trunk->ops, &trunk->towers[i]));
    snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? "," : "", trunk->towers[i].name);
  }
  BABEL_TRY(write_mlp(writer, copies, trunk->ops, &trunk->prototype, "prototype"));
  BABEL_TRY(write_moments(writer, &trunk->moments, "_prototype", ""));
  BABEL_TRY(host_copy(copies, trunk->ops, trunk->log_scale, 1, "log_scale", &scale));
  BABEL_TRY(babel_safetensors_writer_floats(writer, "log_scale", scale, 1, one));
  BABEL_TRY(babel_safetensors_writer_metadata(writer, "format", format));
  BABEL_TRY(babel_safetensors_writer_metadata(writer, "towers", names));
  BABEL_TRY(babel_config_json(&trunk->config, &config));
  babel_status status = babel_safetensors_writer_metadata(writer, "config", config);
  free(config);
  BABEL_TRY(status);
  BABEL_TRY(babel_safetensors_writer_metadata(writer, "manifest", trunk->manifest ? trunk->manifest : "{}"));
  return babel_safetensors_writer_metadata(writer, "history", trunk->history ? trunk->history : "[]");
}

babel_status babel_trunk_write(babel_trunk *trunk, const char *path) {
  host_copies copies = {0};
  babel_safetensors_writer *writer = NULL;
  babel_status status;
  BABEL_TRY_OR(babel_safetensors_writer_create(&writer), fail);
  BABEL_TRY_OR(write_all(writer, &copies, trunk), fail);
  BABEL_TRY_OR(babel_safetensors_writer_commit(writer, path), fail);
  BABEL_TRY_OR(babel_file_sha256(path, trunk->sha256), fail);
  snprintf(trunk->path, sizeof trunk->path, "%s", path);
fail:
  babel_safetensors_writer_destroy(writer);
  for (int i = 0; i < copies.count; i++) free(copies.copies[i]);
  return status;
}

static babel_status read_floats(const babel_trunk *trunk, const babel_safetensors *st, const char *name, int rank, const int64_t *shape,
                                float *to) {
  const babel_tensor *tensor;
  int64_t count;
  BABEL_TRY(babel_safetensors_require(st, name, BABEL_F32, rank, shape, &tensor));
  BABEL_TRY(babel_tensor_count(tensor, &count));
  for (int64_t i = 0; i < count; i++)
    if (!isfinite(babel_tensor_get(tensor, i)))
      return BABEL_FAIL(BABEL_ERR_VALUE, "%s: tensor %s holds NaN or infinity at element %lld", st->file.path, name, (long long)i);
  return trunk->ops->upload(to, tensor->data, (size_t)count * sizeof(float), NULL);
}

static babel_status read_mlp(const babel_trunk *trunk, const babel_safetensors *st, const babel_mlp *mlp, const char *prefix) {
  char name[96];
  for (int i = 0; i < mlp->layers; i++) {
    int64_t weight[2] = {mlp->widths[i + 1], mlp->widths[i]};
    snprintf(name, sizeof name, "%s.%d.weight", prefix, i);
    BABEL_TRY(read_floats(trunk, st, name, 2, weight, mlp->params + mlp->weight_at[i]));
    snprintf(name, sizeof name, "%s.%d.bias", prefix, i);
    BABEL_TRY(read_floats(trunk, st, name, 1, weight, mlp->params + mlp->bias_at[i]));
  }
  return BABEL_OK;
}

/* Whether the file holds an MLP of these widths: asked before memory is taken for one, so that a small file cannot claim a large trunk. */
static babel_status require_mlp(const babel_safetensors *st, const char *prefix, int layers, int in, int hidden, int out) {
  char name[96];
  const babel_tensor *tensor;
  for (int i = 0; i < layers; i++) {
    int64_t weight[2] = {i + 1 < layers ? hidden : out, i ? hidden : in};
    snprintf(name, sizeof name, "%s.%d.weight", prefix, i);
    BABEL_TRY(babel_safetensors_require(st, name, BABEL_F32, 2, weight, &tensor));
    snprintf(name, sizeof name, "%s.%d.bias", prefix, i);
    BABEL_TRY(babel_safetensors_require(st, name, BABEL_F32, 1, weight, &tensor));
  }
  return BABEL_OK;
}

static babel_status read_host(const babel_safetensors *st, const char *name, int rank, const int64_t *shape, float *to, int64_t count) {
  const babel_tensor *tensor;
  BABEL_TRY(babel_safetensors_require(st, name, BABEL_F32, rank, shape, &tensor));
  for (int64_t i = 0; i < count; i++) {
    double value = babel_tensor_get(tensor, i);
    if (!isfinite(value)) return BABEL_FAIL(BABEL_ERR_VALUE, "%s: tensor %s holds NaN or infinity at element %lld", st->file.path, name, (long long)i);
    to[i] = (float)value;
  }
  return BABEL_OK;
}

/* Optional: of features with time steps and in older files there is none. */
static babel_status read_gauss(const babel_safetensors *st, babel_tower *tower) {
  const babel_tensor *factor;
  char name[96];
  int64_t shape[2] = {-1, tower->in};
  snprintf(name, sizeof name, "gauss.%s.factor", tower->name);
  if (!babel_safetensors_find(st, name)) return BABEL_OK;
  BABEL_TRY(babel_safetensors_require(st, name, BABEL_F32, 2, shape, &factor));
  shape[0] = factor->shape[0];
  if (shape[0] < 1 || shape[0] > tower->in)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: tensor %s has %lld rows, expected 1 to %d", st->file.path, name, (long long)shape[0], tower->in);
  BABEL_TRY(babel_gauss_alloc(&tower->gauss, tower->in, (int)shape[0]));
  BABEL_TRY(read_host(st, name, 2, shape, tower->gauss.factor, shape[0] * tower->in));
  snprintf(name, sizeof name, "gauss.%s.mean", tower->name);
  BABEL_TRY(read_host(st, name, 1, shape + 1, tower->gauss.mean, tower->in));
  snprintf(name, sizeof name, "gauss.%s.rest", tower->name);
  return read_host(st, name, 1, shape + 1, tower->gauss.rest, tower->in);
}

/* Optional: of proto_policy=grad_proj; all layers of an MLP or none. */
static babel_status read_moments(const babel_safetensors *st, babel_moments *moments, const babel_mlp *mlp, const char *what, const char *tower) {
  char name[96];
  const babel_tensor *tensor;
  snprintf(name, sizeof name, "moment%s%s.0", what, tower);
  if (!mlp->layers || !babel_safetensors_find(st, name)) return BABEL_OK;
  for (int pass = 0; pass < 2; pass++) { /* memory is taken only for what is there */
    if (pass) BABEL_TRY(babel_moments_alloc(moments, mlp));
    for (int k = 0; k < mlp->layers; k++) {
      const int64_t width = mlp->widths[k], shape[2] = {width, width};
      snprintf(name, sizeof name, "moment%s%s.%d", what, tower, k);
      BABEL_TRY(pass ? read_host(st, name, 2, shape, moments->of[k], width * width) : babel_safetensors_require(st, name, BABEL_F32, 2, shape, &tensor));
    }
  }
  return BABEL_OK;
}

static babel_status read_tower(babel_trunk *trunk, const babel_safetensors *st, const char *tower_name) {
  char name[96];
  const babel_tensor *mean;
  int64_t any[1] = {-1};
  snprintf(name, sizeof name, "tower.%s.mean", tower_name);
  BABEL_TRY(babel_safetensors_require(st, name, BABEL_F32, 1, any, &mean));
  if (mean->shape[0] < 1 || mean->shape[0] > MOST_FEATURES)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: tensor %s has %lld values, expected 1 to %d", st->file.path, name, (long long)mean->shape[0], MOST_FEATURES);
  const babel_config *config = &trunk->config;
  snprintf(name, sizeof name, "tower.%s", tower_name);
  BABEL_TRY(require_mlp(st, name, config->concept_layers, (int)mean->shape[0], config->hidden, config->embed_dim));
  snprintf(name, sizeof name, "post.%s", tower_name);
  BABEL_TRY(require_mlp(st, name, config->post_proj ? 1 : 0, config->embed_dim, 0, config->embed_dim));
  snprintf(name, sizeof name, "prototype.%s", tower_name);
  if (config->proto_policy == BABEL_POLICY_NONE)
    BABEL_TRY(require_mlp(st, name, config->proto_layers, config->embed_dim, config->hidden, config->embed_dim));
  if (babel_trunk_add_tower(trunk, tower_name, (int)mean->shape[0]) != BABEL_OK) return babel_fail_context("%s: ", st->file.path);
  babel_tower *tower = &trunk->towers[trunk->tower_count - 1];
  int64_t width[1] = {tower->in};
  snprintf(name, sizeof name, "tower.%s.mean", tower_name);
  BABEL_TRY(read_floats(trunk, st, name, 1, width, tower->mean));
  snprintf(name, sizeof name, "tower.%s.inv_std", tower_name);
  BABEL_TRY(read_floats(trunk, st, name, 1, width, tower->inv_std));
  snprintf(name, sizeof name, "tower.%s", tower_name);
  BABEL_TRY(read_mlp(trunk, st, &tower->module, name));
  snprintf(name, sizeof name, "post.%s", tower_name);
  BABEL_TRY(read_mlp(trunk, st, &tower->post, name));
  snprintf(name, sizeof name, "prototype.%s", tower_name);
  BABEL_TRY(read_mlp(trunk, st, &tower->own, name));
  BABEL_TRY(read_gauss(st, tower));
  BABEL_TRY(read_moments(st, &tower->moments, &tower->module, ".", tower_name));
  BABEL_TRY(read_moments(st, &tower->post_moments, &tower->post, "_post.", tower_name));
  snprintf(name, sizeof name, "provenance.%s", tower_name);
  const char *provenance = babel_safetensors_metadata(st, name);
  tower->provenance = strdup(provenance ? provenance : "{}");
  return tower->provenance ? BABEL_OK : BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for a provenance text");
}

/* All that a trunk needs was found under its name: any further tensor is one that nobody would use. */
static babel_status check_count(const babel_trunk *trunk, const babel_safetensors *st) {
  int expected = 1 + 2 * trunk->prototype.layers + trunk->moments.layers;
  for (int i = 0; i < trunk->tower_count; i++) {
    const babel_tower *tower = &trunk->towers[i];
    expected += 2 + 2 * (tower->module.layers + tower->post.layers + tower->own.layers) + (tower->gauss.width ? 3 : 0) + tower->moments.layers + tower->post_moments.layers;
  }
  if (st->count == expected) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: %d tensors, but its configuration and tower list account for %d", st->file.path, st->count, expected);
}

static babel_status read_all(babel_trunk *trunk, const babel_ops *ops, const babel_safetensors *st) {
  babel_config config;
  int64_t one[1] = {1};
  const char *found = babel_safetensors_metadata(st, "format"), *towers = babel_safetensors_metadata(st, "towers");
  const char *json = babel_safetensors_metadata(st, "config");
  if (!found || strcmp(found, format) || !towers || !json)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected a trunk (\"%s\"), found %s%s", st->file.path, format,
                      found ? "format " : "a safetensors file of another kind", found ? found : "");
  BABEL_TRY(babel_config_from_json(&config, json, st->file.path));
  BABEL_TRY(require_mlp(st, "prototype", config.proto_layers, config.embed_dim, config.hidden, config.embed_dim));
  BABEL_TRY(babel_trunk_create(trunk, ops, &config));
  for (const char *at = towers; *at;) {
    char name[33];
    size_t length = strcspn(at, ",");
    if (!length || length > 31) return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: bad tower list \"%.80s\"", st->file.path, towers);
    memcpy(name, at, length);
    name[length] = 0;
    BABEL_TRY(read_tower(trunk, st, name));
    at += length + (at[length] == ',');
  }
  BABEL_TRY(read_mlp(trunk, st, &trunk->prototype, "prototype"));
  BABEL_TRY(read_moments(st, &trunk->moments, &trunk->prototype, "_prototype", ""));
  BABEL_TRY(read_floats(trunk, st, "log_scale", 1, one, trunk->log_scale));
  BABEL_TRY(check_count(trunk, st));
  const char *manifest = babel_safetensors_metadata(st, "manifest"), *history = babel_safetensors_metadata(st, "history");
  trunk->manifest = strdup(manifest ? manifest : "{}");
  trunk->history = strdup(history ? history : "[]");
  return trunk->manifest && trunk->history ? BABEL_OK : BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for the manifest");
}

babel_status babel_trunk_read(babel_trunk *trunk, const babel_ops *ops, const char *path) {
  babel_safetensors st = {0};
  babel_status status;
  memset(trunk, 0, sizeof *trunk);
  BABEL_TRY(babel_safetensors_open(&st, path));
  BABEL_TRY_OR(read_all(trunk, ops, &st), fail);
  babel_sha256(st.file.data, st.file.size, trunk->sha256);
  snprintf(trunk->path, sizeof trunk->path, "%s", path);
  babel_safetensors_close(&st);
  return BABEL_OK;
fail:
  babel_safetensors_close(&st);
  babel_trunk_destroy(trunk);
  return status;
}
