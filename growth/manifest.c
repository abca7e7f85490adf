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

static json_t *environment(const babel_ops *ops, babel_comm *comm) {
  char backend[512];
  const int ranks = babel_comm_size(comm);
  const char *between = babel_device_comm_name(comm);
  ops->describe(backend, sizeof backend);
  json_t *found = json_pack("{s:s, s:s, s:s, s:s}", "program", "babel " BABEL_VERSION, "commit", BABEL_COMMIT, "backend", ops->name, "machine", backend);
  if (found && ranks > 1) json_object_set_new(found, "ranks", json_integer(ranks));
  if (found && between) json_object_set_new(found, "between_devices", json_string(between));
  return found;
}

babel_status babel_manifest_environment(const babel_ops *ops, babel_comm *comm, char **json) {
  return dump(environment(ops, comm), json);
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

/* Banks of the earlier phases that are rehearsed. */
static json_t *earlier_entries(const babel_phase_options *options) {
  json_t *list = json_array();
  for (int i = 0; i < options->earlier_count; i++)
    for (int s = 0; s < 2; s++) json_array_append_new(list, json_string(options->earlier[i].bank[s]->sha256));
  return list;
}

static json_t *inputs(const babel_config *config, const babel_phase_options *options, const babel_phase_plan *plan) {
  char *text;
  if (babel_config_json(config, &text) != BABEL_OK) return NULL;
  json_t *settings = json_loads(text, 0, NULL);
  free(text);
  return json_pack("{s:o, s:o, s:o, s:s, s:[o, o], s:{s:o, s:o, s:o}, s:o, s:i, s:i, s:I}", "config", settings, "from",
                   text_or_null(options->from_sha256 && *options->from_sha256 ? options->from_sha256 : NULL), "earlier", earlier_entries(options), "phase",
                   babel_phase_kind_name(plan->kind), "banks", bank_entry(options->bank[0]),
                   bank_entry(options->bank[1]), "split", "sha256", text_or_null(options->split_sha256), "part", text_or_null(options->part), "keys", keys_checksum(options),
                   "neighbour_graph", text_or_null(*plan->graph_sha256 ? plan->graph_sha256 : NULL), "pairs", plan->pairs, "batch", plan->batch, "steps", (json_int_t)plan->steps);
}

babel_status babel_manifest_inputs(const babel_config *config, const babel_phase_options *options, const babel_phase_plan *plan, char **json) {
  return dump(inputs(config, options, plan), json);
}

babel_status babel_manifest_text(const babel_ops *ops, const babel_config *config, const babel_phase_options *options,
                                 const babel_phase_plan *plan, char **json) {
  json_t *all = inputs(config, options, plan), *machine = environment(ops, options->comm);
  if (all) json_object_update(all, machine);
  json_decref(machine);
  return dump(all, json);
}

static json_t *history_bank(const babel_bank *bank) {
  return json_pack("{s:s, s:s, s:s, s:s, s:i}", "modality", bank->modality, "dataset", bank->dataset, "path", bank->path, "sha256", bank->sha256, "width", bank->width);
}

static json_t *history_entry(const babel_config *config, const babel_phase_options *options, const babel_phase_plan *plan) {
  char policy[64];
  const babel_config_key *key = NULL;
  for (int i = 0; (key = babel_config_key_at(i)) && strcmp(key->key, "proto_policy");) i++;
  babel_config_value_text(config, key, policy, sizeof policy);
  const babel_bank *a = options->bank[0], *b = options->bank[1];
  return json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:i, s:s, s:s, s:[o, o], s:o, s:o, s:o}", "phase", babel_phase_kind_name(plan->kind), "a", a->modality, "b",
                   b->modality, "dataset", a->dataset, "pairs", plan->pairs, "steps", (json_int_t)plan->steps, "seed", config->seed, "policy", policy, "trunk",
                   config->trunk ? "freeze" : "train", "banks", history_bank(a), history_bank(b), "split", text_or_null(options->split_path),
                   "split_sha256", text_or_null(options->split_sha256), "part", text_or_null(options->part));
}

babel_status babel_manifest_history(const babel_config *config, const babel_phase_options *options, const babel_phase_plan *plan, char **json) {
  json_t *list = *json ? json_loads(*json, 0, NULL) : json_array();
  if (!json_is_array(list) || json_array_append_new(list, history_entry(config, options, plan))) {
    json_decref(list);
    return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for a trunk's history");
  }
  free(*json);
  *json = NULL;
  return dump(list, json);
}

/* What decides the values of an encoder's output. */
static const char *const decisive[] = {"encoder", "encoder_output", "weights_sha256"};

babel_status babel_encoders_agree(const char *provenance, const babel_bank *bank) {
  json_t *then = json_loads(provenance ? provenance : "{}", 0, NULL), *now = json_loads(bank->provenance ? bank->provenance : "{}", 0, NULL);
  babel_status status = then && now ? BABEL_OK : BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for its provenance", bank->path);
  for (size_t i = 0; status == BABEL_OK && i < sizeof decisive / sizeof *decisive; i++) {
    const char *a = json_string_value(json_object_get(then, decisive[i])), *b = json_string_value(json_object_get(now, decisive[i]));
    if (a && b && strcmp(a, b))
      status = BABEL_FAIL(BABEL_ERR_ARG, "%s: its %s features have %s \"%s\", but the trunk's tower was grown with \"%s\"", bank->path, bank->modality,
                          decisive[i], b, a);
  }
  json_decref(then);
  json_decref(now);
  return status;
}
