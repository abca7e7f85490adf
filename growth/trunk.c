include "core/rng.h"#include "core/arena.h"
include "core/rng.h"#include "growth/trunk.h"
include "core/rng.h"
include "core/rng.h"#include <math.h>
include "core/rng.h"#include <stdlib.h>
include "core/rng.h"#include <string.h>
include "core/rng.h"
include "core/rng.h"#include "core/modality.h"
#include "core/rng.h"
include "core/rng.h"
include "core/rng.h"/* Backend memory holding an initialised MLP. */
include "core/rng.h"static babel_status create_mlp(const babel_ops *ops, babel_mlp *mlp, int layers, const int *widths, uint64_t seed,
include "core/rng.h"                               uint64_t base) {
include "core/rng.h"  void *host = NULL, *params = NULL;
include "core/rng.h"  babel_status status;
include "core/rng.h"  BABEL_TRY(babel_mlp_plan(mlp, layers, widths));
include "core/rng.h"  size_t bytes = (size_t)mlp->count * sizeof(float);
include "core/rng.h"  BABEL_TRY_OR(babel_alloc(&host, (size_t)mlp->count, sizeof(float)), fail);
include "core/rng.h"  BABEL_TRY_OR(ops->alloc(&params, bytes), fail);
include "core/rng.h"  babel_mlp_init(mlp, seed, base, host);
include "core/rng.h"  BABEL_TRY_OR(ops->upload(params, host, bytes, NULL), fail);
include "core/rng.h"  free(host);
include "core/rng.h"  mlp->params = params;
include "core/rng.h"  return BABEL_OK;
include "core/rng.h"fail:
include "core/rng.h"  free(host);
include "core/rng.h"  if (params) ops->free(params);
include "core/rng.h"  return status;
include "core/rng.h"}
include "core/rng.h"
include "core/rng.h"babel_status babel_trunk_create(babel_trunk *trunk, const babel_ops *ops, const babel_config *config) {
include "core/rng.h"  int widths[BABEL_MAX_LAYERS + 1];
include "core/rng.h"  void *scale;
include "core/rng.h"  memset(trunk, 0, sizeof *trunk);
include "core/rng.h"  trunk->ops = ops;
include "core/rng.h"  trunk->config = *config;
include "core/rng.h"  for (int i = 0; i <= config->proto_layers; i++)
include "core/rng.h"    widths[i] = i == 0 || i == config->proto_layers ? config->embed_dim : config->hidden;
include "core/rng.h"  babel_status status;
include "core/rng.h"  BABEL_TRY_OR(create_mlp(ops, &trunk->prototype, config->proto_layers, widths, (uint64_t)config->seed, babel_hash64("prototype", 9)),
include "core/rng.h"               fail);
include "core/rng.h"  BABEL_TRY_OR(ops->alloc(&scale, sizeof(float)), fail);
include "core/rng.h"  trunk->log_scale = scale;
include "core/rng.h"  float start = (float)log(1 / config->tau);
include "core/rng.h"  BABEL_TRY_OR(ops->upload(scale, &start, sizeof start, NULL), fail);
include "core/rng.h"  return BABEL_OK;
include "core/rng.h"fail:
include "core/rng.h"  babel_trunk_destroy(trunk);
include "core/rng.h"  return status;
include "core/rng.h"}
include "core/rng.h"
include "core/rng.h"static void free_mlp(const babel_ops *ops, babel_mlp *mlp) {
include "core/rng.h"  if (mlp->params) ops->free(mlp->params);
include "core/rng.h"  memset(mlp, 0, sizeof *mlp);
include "core/rng.h"}
include "core/rng.h"
include "core/rng.h"void babel_trunk_destroy(babel_trunk *trunk) {
include "core/rng.h"  if (!trunk || !trunk->ops) return;
include "core/rng.h"  const babel_ops *ops = trunk->ops;
include "core/rng.h"  for (int i = 0; i < trunk->tower_count; i++) {
include "core/rng.h"    babel_tower *tower = &trunk->towers[i];
include "core/rng.h"    free_mlp(ops, &tower->module);
include "core/rng.h"    free_mlp(ops, &tower->post);
include "core/rng.h"    if (tower->mean) ops->free(tower->mean);
include "core/rng.h"    if (tower->inv_std) ops->free(tower->inv_std);
include "core/rng.h"    free(tower->provenance);
include "core/rng.h"  }
include "core/rng.h"  free_mlp(ops, &trunk->prototype);
include "core/rng.h"  if (trunk->log_scale) ops->free(trunk->log_scale);
include "core/rng.h"  free(trunk->manifest);
include "core/rng.h"  free(trunk->history);
include "core/rng.h"  memset(trunk, 0, sizeof *trunk);
include "core/rng.h"}
include "core/rng.h"
include "core/rng.h"babel_tower *babel_trunk_tower(const babel_trunk *trunk, const char *name) {
include "core/rng.h"  for (int i = 0; i < trunk->tower_count; i++)
include "core/rng.h"    if (!strcmp(trunk->towers[i].name, name)) return (babel_tower *)&trunk->towers[i];
include "core/rng.h"  return NULL;
include "core/rng.h"}
include "core/rng.h"
include "core/rng.h"babel_status babel_trunk_set_statistics(babel_trunk *trunk, babel_tower *tower, const float *mean, const float *inv_std) {
include "core/rng.h"  size_t bytes = (size_t)tower->in * sizeof(float);
include "core/rng.h"  BABEL_TRY(trunk->ops->upload(tower->mean, mean, bytes, NULL));
include "core/rng.h"  return trunk->ops->upload(tower->inv_std, inv_std, bytes, NULL);
include "core/rng.h"}
include "core/rng.h"
include "core/rng.h"babel_status babel_trunk_add_tower(babel_trunk *trunk, const char *name, int in) {
include "core/rng.h"  const babel_config *config = &trunk->config;
include "core/rng.h"  const babel_ops *ops = trunk->ops;
include "core/rng.h"  int widths[BABEL_MAX_LAYERS + 1];
include "core/rng.h"  void *memory = NULL;
include "core/rng.h"  char stream[48];
include "core/rng.h"  babel_status status;
include "core/rng.h"  BABEL_TRY(babel_modality_check_name(name));
include "core/rng.h"  if (babel_trunk_tower(trunk, name)) return BABEL_FAIL(BABEL_ERR_STATE, "the trunk already has a tower for %s", name);
include "core/rng.h"  if (trunk->tower_count == BABEL_MAX_TOWERS)
include "core/rng.h"    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "a trunk holds at most %d towers", BABEL_MAX_TOWERS);
include "core/rng.h"  babel_tower *tower = &trunk->towers[trunk->tower_count++]; /* counted at once: destroy cleans up a failure */
include "core/rng.h"  memset(tower, 0, sizeof *tower);
include "core/rng.h"  strcpy(tower->name, name);
include "core/rng.h"  tower->in = in;
include "core/rng.h"  for (int i = 0; i <= config->concept_layers; i++)
include "core/rng.h"    widths[i] = i == 0 ? in : i == config->concept_layers ? config->embed_dim : config->hidden;
include "core/rng.h"  snprintf(stream, sizeof stream, "tower/%s", name);
include "core/rng.h"  BABEL_TRY(create_mlp(ops, &tower->module, config->concept_layers, widths, (uint64_t)config->seed,
include "core/rng.h"                       babel_hash64(stream, strlen(stream))));
include "core/rng.h"  if (config->post_proj) {
include "core/rng.h"    int square[2] = {config->embed_dim, config->embed_dim};
include "core/rng.h"    snprintf(stream, sizeof stream, "post/%s", name);
include "core/rng.h"    BABEL_TRY(create_mlp(ops, &tower->post, 1, square, (uint64_t)config->seed, babel_hash64(stream, strlen(stream))));
include "core/rng.h"  }
include "core/rng.h"  BABEL_TRY(ops->alloc(&memory, (size_t)in * sizeof(float)));
include "core/rng.h"  tower->mean = memory;
include "core/rng.h"  BABEL_TRY(ops->alloc(&memory, (size_t)in * sizeof(float)));
include "core/rng.h"  tower->inv_std = memory;
include "core/rng.h"  float *ones;
include "core/rng.h"  BABEL_TRY(babel_alloc(&memory, (size_t)in, sizeof(float)));
include "core/rng.h"  ones = memory;
include "core/rng.h"  for (int i = 0; i < in; i++) ones[i] = 1;
include "core/rng.h"  status = ops->upload(tower->inv_std, ones, (size_t)in * sizeof(float), NULL);
include "core/rng.h"  free(ones);
include "core/rng.h"  return status;
include "core/rng.h"}
