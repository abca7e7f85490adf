#include "growth/trunk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/modality.h"
#include "core/rng.h"

/* Backend memory holding an initialised MLP. */
static babel_status create_mlp(const babel_ops *ops, babel_mlp *mlp, int layers, const int *widths, uint64_t seed,
                               uint64_t base) {
  void *host = NULL, *params = NULL;
  babel_status status;
  BABEL_TRY(babel_mlp_plan(mlp, layers, widths));
  size_t bytes = (size_t)mlp->count * sizeof(float);
  BABEL_TRY_OR(babel_alloc(&host, (size_t)mlp->count, sizeof(float)), fail);
  BABEL_TRY_OR(ops->alloc(&params, bytes), fail);
  babel_mlp_init(mlp, seed, base, host);
  BABEL_TRY_OR(ops->upload(params, host, bytes, NULL), fail);
  free(host);
  mlp->params = params;
  return BABEL_OK;
fail:
  free(host);
  if (params) ops->free(params);
  return status;
}

static babel_status create_prototype(const babel_trunk *trunk, babel_mlp *mlp, const char *stream) {
  const babel_config *config = &trunk->config;
  int widths[BABEL_MAX_LAYERS + 1];
  for (int i = 0; i <= config->proto_layers; i++)
    widths[i] = i == 0 || i == config->proto_layers ? config->embed_dim : config->hidden;
  return create_mlp(trunk->ops, mlp, config->proto_layers, widths, (uint64_t)config->seed, babel_hash64(stream, strlen(stream)));
}

babel_status babel_trunk_create(babel_trunk *trunk, const babel_ops *ops, const babel_config *config) {
  void *scale;
  memset(trunk, 0, sizeof *trunk);
  trunk->ops = ops;
  trunk->config = *config;
  babel_status status;
  BABEL_TRY_OR(create_prototype(trunk, &trunk->prototype, "prototype"), fail);
  BABEL_TRY_OR(ops->alloc(&scale, sizeof(float)), fail);
  trunk->log_scale = scale;
  float start = (float)log(1 / config->tau);
  BABEL_TRY_OR(ops->upload(scale, &start, sizeof start, NULL), fail);
  return BABEL_OK;
fail:
  babel_trunk_destroy(trunk);
  return status;
}

static void free_mlp(const babel_ops *ops, babel_mlp *mlp) {
  if (mlp->params) ops->free(mlp->params);
  memset(mlp, 0, sizeof *mlp);
}

void babel_trunk_destroy(babel_trunk *trunk) {
  if (!trunk || !trunk->ops) return;
  const babel_ops *ops = trunk->ops;
  for (int i = 0; i < trunk->tower_count; i++) {
    babel_tower *tower = &trunk->towers[i];
    free_mlp(ops, &tower->module);
    free_mlp(ops, &tower->post);
    free_mlp(ops, &tower->own);
    if (tower->mean) ops->free(tower->mean);
    if (tower->inv_std) ops->free(tower->inv_std);
    free(tower->provenance);
    babel_gauss_destroy(&tower->gauss);
    babel_moments_destroy(&tower->moments);
    babel_moments_destroy(&tower->post_moments);
  }
  free_mlp(ops, &trunk->prototype);
  babel_moments_destroy(&trunk->moments);
  if (trunk->log_scale) ops->free(trunk->log_scale);
  free(trunk->manifest);
  free(trunk->history);
  memset(trunk, 0, sizeof *trunk);
}

babel_tower *babel_trunk_tower(const babel_trunk *trunk, const char *name) {
  for (int i = 0; i < trunk->tower_count; i++)
    if (!strcmp(trunk->towers[i].name, name)) return (babel_tower *)&trunk->towers[i];
  return NULL;
}

/* The name without the digits at its end. */
static size_t sensor_length(const char *name) {
  size_t length = strlen(name);
  while (length > 1 && name[length - 1] >= '0' && name[length - 1] <= '9') length--;
  return length;
}

bool babel_same_sensor(const char *a, const char *b) {
  size_t n = sensor_length(a);
  return n == sensor_length(b) && !strncmp(a, b, n);
}

const babel_mlp *babel_trunk_prototype(const babel_trunk *trunk, const babel_tower *tower) {
  return tower->own.layers ? &tower->own : &trunk->prototype;
}

babel_status babel_trunk_set_statistics(babel_trunk *trunk, babel_tower *tower, const float *mean, const float *inv_std) {
  size_t bytes = (size_t)tower->in * sizeof(float);
  BABEL_TRY(trunk->ops->upload(tower->mean, mean, bytes, NULL));
  return trunk->ops->upload(tower->inv_std, inv_std, bytes, NULL);
}

babel_status babel_trunk_add_tower(babel_trunk *trunk, const char *name, int in) {
  const babel_config *config = &trunk->config;
  const babel_ops *ops = trunk->ops;
  int widths[BABEL_MAX_LAYERS + 1];
  void *memory = NULL;
  char stream[48];
  babel_status status;
  BABEL_TRY(babel_modality_check_name(name));
  if (babel_trunk_tower(trunk, name)) return BABEL_FAIL(BABEL_ERR_STATE, "the trunk already has a tower for %s", name);
  if (trunk->tower_count == BABEL_MAX_TOWERS)
    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "a trunk holds at most %d towers", BABEL_MAX_TOWERS);
  babel_tower *tower = &trunk->towers[trunk->tower_count++]; /* counted at once: destroy cleans up a failure */
  memset(tower, 0, sizeof *tower);
  strcpy(tower->name, name);
  tower->in = in;
  for (int i = 0; i <= config->concept_layers; i++)
    widths[i] = i == 0 ? in : i == config->concept_layers ? config->embed_dim : config->hidden;
  snprintf(stream, sizeof stream, "tower/%s", name);
  BABEL_TRY(create_mlp(ops, &tower->module, config->concept_layers, widths, (uint64_t)config->seed,
                       babel_hash64(stream, strlen(stream))));
  if (config->post_proj) {
    int square[2] = {config->embed_dim, config->embed_dim};
    snprintf(stream, sizeof stream, "post/%s", name);
    BABEL_TRY(create_mlp(ops, &tower->post, 1, square, (uint64_t)config->seed, babel_hash64(stream, strlen(stream))));
  }
  if (config->proto_policy == BABEL_POLICY_NONE) {
    snprintf(stream, sizeof stream, "prototype/%s", name);
    BABEL_TRY(create_prototype(trunk, &tower->own, stream));
  }
  BABEL_TRY(ops->alloc(&memory, (size_t)in * sizeof(float)));
  tower->mean = memory;
  BABEL_TRY(ops->alloc(&memory, (size_t)in * sizeof(float)));
  tower->inv_std = memory;
  float *ones;
  BABEL_TRY(babel_alloc(&memory, (size_t)in, sizeof(float)));
  ones = memory;
  for (int i = 0; i < in; i++) ones[i] = 1;
  status = ops->upload(tower->inv_std, ones, (size_t)in * sizeof(float), NULL);
  free(ones);
  return status;
}

babel_status babel_trunk_fits(const babel_config *then, const babel_config *now, const char *path) {
  static const char *const keys[] = {"embed_dim", "hidden", "concept_layers", "proto_layers", "post_proj", "standardise"};
  const babel_config_key *key;
  char old[64], new[64];
  for (int i = 0; (key = babel_config_key_at(i)); i++)
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
      if (strcmp(key->key, keys[k])) continue;
      babel_config_value_text(then, key, old, sizeof old);
      babel_config_value_text(now, key, new, sizeof new);
      if (strcmp(old, new)) return BABEL_FAIL(BABEL_ERR_ARG, "%s was grown with %s: %s, now %s: a trunk keeps its shape", path, keys[k], old, new);
    }
  if ((then->proto_policy == BABEL_POLICY_NONE) != (now->proto_policy == BABEL_POLICY_NONE))
    return BABEL_FAIL(BABEL_ERR_ARG, "%s: proto_policy: none gives every modality a prototype of its own from the first phase on; it cannot be taken up or left later", path);
  return BABEL_OK;
}
