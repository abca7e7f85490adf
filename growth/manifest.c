#include "growth/manifest.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "growth/commit.h"

const char *babel_manifest_commit(void) {
  return BABEL_COMMIT;
}

static babel_status dump(json_t *object, char **json) {
  *json = object ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17)) : NULL;
  json_decref(object);
  return *json ? BABEL_OK : BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for a manifest");
}

static json_t *environment(const babel_ops *ops) {
  char backend[512];
  ops->describe(backend, sizeof backend);
  return json_pack("{s:s, s:s, s:s, s:s}", "program", "babel " BABEL_VERSION, "commit", BABEL_COMMIT, "backend", ops->name, "machine", backend);
}

babel_status babel_manifest_environment(const babel_ops *ops, char **json) {
  return dump(environment(ops), json);
}

static json_t *text_or_null(const char *text) {
  return text ? json_string(text) : json_null();
}

static json_t *bank_entry(const babel_bank *bank) {
  errno = 0;
  json_t *provenance = bank->provenance ? json_loads(bank->provenance, 0, NULL) : NULL;
  if (!provenance && errno == ENOMEM) return NULL;
  return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:o}", "modality", bank->modality, "dataset", bank->dataset, "split", bank->split,
                   "sha256", bank->sha256, "rows", bank->rows, "variants", bank->variants, "steps", bank->steps, "width", bank->width,
                   "provenance", provenance ? provenance : json_object());
}

/* Of the keys, each with its end, or null when all pairs are trained on. */
static json_t *keys_checksum(const babel_phase_options *options) {
  babel_sha256_state sum;
  char hex[65];
  if (!options->keys) return json_null();
  babel_sha256_begin(&sum);
  for (int i = 0; i < options->key_count; i++) babel_sha256_add(&sum, options->keys[i], strlen(options->keys[i]) + 1);
  babel_sha256_end(&sum, hex);
  return json_string(hex);
}

static json_t *inputs(const babel_config *config, const babel_phase_options *options, const babel_phase_plan *plan) {
  char *text;
  if (babel_config_json(config, &text) != BABEL_OK) return NULL;
  json_t *settings = json_loads(text, 0, NULL);
  free(text);
  return json_pack("{s:o, s:[o, o], s:{s:o, s:o, s:o}, s:o, s:i, s:i, s:I}", "config", settings, "banks", bank_entry(options->bank[0]),
                   bank_entry(options->bank[1]), "split", "sha256", text_or_null(options->split_sha256), "part", text_or_null(options->part), "keys", keys_checksum(options),
                   "neighbour_graph", text_or_null(*plan->graph_sha256 ? plan->graph_sha256 : NULL), "pairs", plan->pairs, "batch", plan->batch, "steps", (json_int_t)plan->steps);
}

babel_status babel_manifest_inputs(const babel_config *config, const babel_phase_options *options, const babel_phase_plan *plan, char **json) {
  return dump(inputs(config, options, plan), json);
}

babel_status babel_manifest_text(const babel_ops *ops, const babel_config *config, const babel_phase_options *options,
                                 const babel_phase_plan *plan, char **json) {
  json_t *all = inputs(config, options, plan), *machine = environment(ops);
  if (all) json_object_update(all, machine);
  json_decref(machine);
  return dump(all, json);
}

babel_status babel_manifest_history(const babel_phase_options *options, const babel_phase_plan *plan, char **json) {
  const babel_bank *a = options->bank[0], *b = options->bank[1];
  return dump(json_pack("[{s:s, s:s, s:s, s:s, s:i, s:I}]", "phase", "first", "a", a->modality, "b", b->modality, "dataset", a->dataset, "pairs",
                        plan->pairs, "steps", (json_int_t)plan->steps), json);
}
