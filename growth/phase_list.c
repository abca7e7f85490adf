#include "growth/phase_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "core/file.h"
#include "core/nearest.h"

typedef struct {
  yaml_document_t document;
  const char *path, *folder;
  babel_phase_list *list;
} reader;

static int line_of(const yaml_node_t *node) {
  return (int)node->start_mark.line + 1;
}

static babel_status expected(const reader *r, const yaml_node_t *node, const char *what, const char *wanted) {
  return BABEL_FAIL(BABEL_ERR_ARG, "%s: line %d: %s: expected %s", r->path, line_of(node), what, wanted);
}

static yaml_node_t *node_at(reader *r, int number) {
  return yaml_document_get_node(&r->document, number);
}

static babel_status text_of(const reader *r, const yaml_node_t *node, const char *what, char *to, size_t size) {
  if (node->type != YAML_SCALAR_NODE || !node->data.scalar.length || node->data.scalar.length >= size ||
      strlen((const char *)node->data.scalar.value) != node->data.scalar.length)
    return expected(r, node, what, "a text");
  snprintf(to, size, "%s", (const char *)node->data.scalar.value);
  return BABEL_OK;
}

/* `key` of pair i of a map: one of `known` (ends with NULL), met for the first time. */
static babel_status key_of(reader *r, const yaml_node_t *map, int i, const char *const *known, unsigned *met, int *which) {
  char key[48];
  yaml_node_t *node = node_at(r, map->data.mapping.pairs.start[i].key);
  BABEL_TRY(text_of(r, node, "a key", key, sizeof key));
  int count = 0;
  for (*which = -1; known[count]; count++)
    if (!strcmp(known[count], key)) *which = count;
  if (*which < 0) {
    const char *nearest = babel_nearest(key, known, count);
    return BABEL_FAIL(BABEL_ERR_ARG, "%s: line %d: unknown key '%s'%s%s%s", r->path, line_of(node), key, nearest ? "; the nearest is '" : "",
                      nearest ? nearest : "", nearest ? "'" : "");
  }
  if (*met & 1u << *which) return BABEL_FAIL(BABEL_ERR_ARG, "%s: line %d: '%s' stands twice", r->path, line_of(node), key);
  *met |= 1u << *which;
  return BABEL_OK;
}

static int pairs_of(const yaml_node_t *map) {
  return (int)(map->data.mapping.pairs.top - map->data.mapping.pairs.start);
}

static babel_status read_settings(reader *r, yaml_node_t *map, babel_phase_settings *set) {
  babel_config probe;
  if (map->type != YAML_MAPPING_NODE) return expected(r, map, "set", "a map of settings, {key: value, ..}");
  babel_config_preset(&probe, BABEL_PRESET_OURS);
  for (int i = 0; i < pairs_of(map); i++) {
    yaml_node_t *key = node_at(r, map->data.mapping.pairs.start[i].key), *value = node_at(r, map->data.mapping.pairs.start[i].value);
    if (set->count == BABEL_MOST_SETTINGS) return expected(r, key, "set", "fewer settings");
    BABEL_TRY(text_of(r, key, "set", set->item[set->count].key, sizeof set->item->key));
    BABEL_TRY(text_of(r, value, set->item[set->count].key, set->item[set->count].value, sizeof set->item->value));
    set->item[set->count].line = line_of(key);
    for (int k = 0; k < set->count; k++)
      if (!strcmp(set->item[k].key, set->item[set->count].key))
        return BABEL_FAIL(BABEL_ERR_ARG, "%s: line %d: '%s' stands twice", r->path, line_of(key), set->item[k].key);
    if (babel_config_set(&probe, set->item[set->count].key, set->item[set->count].value) != BABEL_OK) return babel_fail_context("%s: line %d: ", r->path, line_of(key));
    set->count++;
  }
  return BABEL_OK;
}

/* A file: as it stands when absolute, in the caller's folder, beside the schedule. */
static babel_status file_of(const reader *r, const yaml_node_t *node, const char *what, char to[1024]) {
  char text[1024];
  const char *slash = strrchr(r->path, '/');
  BABEL_TRY(text_of(r, node, what, text, sizeof text));
  snprintf(to, 1024, "%s", text);
  if (*text == '/') return babel_file_exists(to) ? BABEL_OK : BABEL_FAIL(BABEL_ERR_IO, "%s: line %d: %s: %s is not there", r->path, line_of(node), what, to);
  if (r->folder) {
    if ((size_t)snprintf(to, 1024, "%s/%s", r->folder, text) < 1024 && babel_file_exists(to)) return BABEL_OK;
  }
  if ((size_t)snprintf(to, 1024, "%.*s%s", slash ? (int)(slash - r->path + 1) : 0, r->path, text) < 1024 && babel_file_exists(to)) return BABEL_OK;
  if (!r->folder)
    return BABEL_FAIL(BABEL_ERR_IO, "%s: line %d: %s: %s is not beside the schedule; --banks DIR names another folder", r->path, line_of(node), what, text);
  return BABEL_FAIL(BABEL_ERR_IO, "%s: line %d: %s: %s is neither in %s nor beside the schedule", r->path, line_of(node), what, text, r->folder);
}

static babel_status read_phase(reader *r, yaml_node_t *map, babel_phase_entry *phase) {
  static const char *const known[] = {"name", "banks", "split", "part", "draws", "steps", "epochs", "test", "set", NULL};
  char number[32];
  int64_t steps;
  unsigned met = 0;
  int which;
  if (map->type != YAML_MAPPING_NODE) return expected(r, map, "a phase", "a map with name and banks");
  phase->line = line_of(map);
  for (int i = 0; i < pairs_of(map); i++) {
    yaml_node_t *value = node_at(r, map->data.mapping.pairs.start[i].value);
    BABEL_TRY(key_of(r, map, i, known, &met, &which));
    switch (which) {
      case 0:
        BABEL_TRY(text_of(r, value, "name", phase->name, sizeof phase->name));
        if (strspn(phase->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != strlen(phase->name))
          return expected(r, value, "name", "letters, digits, _ and -: a folder is called after it");
        break;
      case 1:
        if (value->type != YAML_SEQUENCE_NODE || value->data.sequence.items.top - value->data.sequence.items.start != 2)
          return expected(r, value, "banks", "a list of two files");
        for (int s = 0; s < 2; s++) BABEL_TRY(file_of(r, node_at(r, value->data.sequence.items.start[s]), "banks", phase->bank[s]));
        break;
      case 2: BABEL_TRY(file_of(r, value, "split", phase->split)); break;
      case 3: BABEL_TRY(text_of(r, value, "part", phase->part, sizeof phase->part)); break;
      case 4: BABEL_TRY(file_of(r, value, "draws", phase->draws)); break;
      case 5:
        BABEL_TRY(text_of(r, value, "steps", number, sizeof number));
        if (!babel_parse_int(number, &steps) || steps < 1 || steps > 100000000) return expected(r, value, "steps", "a whole number from 1 to 100000000");
        phase->steps = (int)steps;
        break;
      case 6:
        BABEL_TRY(text_of(r, value, "epochs", number, sizeof number));
        if (!babel_parse_double(number, &phase->epochs) || phase->epochs <= 0 || phase->epochs > 1e6) return expected(r, value, "epochs", "a number above 0");
        break;
      case 7: BABEL_TRY(file_of(r, value, "test", phase->test)); break;
      default: BABEL_TRY(read_settings(r, value, &phase->set));
    }
  }
  if (!*phase->name || !*phase->bank[0]) return expected(r, map, "a phase", "name and banks");
  if (phase->steps && phase->epochs > 0) return expected(r, map, phase->name, "steps or epochs, not both");
  if (!*phase->part) strcpy(phase->part, "train");
  return BABEL_OK;
}

static babel_status read_phases(reader *r, yaml_node_t *sequence) {
  babel_phase_list *list = r->list;
  if (sequence->type != YAML_SEQUENCE_NODE) return expected(r, sequence, "phases", "a list");
  for (yaml_node_item_t *item = sequence->data.sequence.items.start; item < sequence->data.sequence.items.top; item++) {
    yaml_node_t *node = node_at(r, *item);
    if (list->count == BABEL_MOST_PHASES) return expected(r, node, "phases", "at most 32 phases");
    babel_phase_entry *phase = &list->phase[list->count];
    BABEL_TRY(read_phase(r, node, phase));
    for (int i = 0; i < list->count; i++)
      if (!strcmp(list->phase[i].name, phase->name))
        return BABEL_FAIL(BABEL_ERR_ARG, "%s: line %d: phase %s stands twice (line %d)", r->path, phase->line, phase->name, list->phase[i].line);
    list->count++;
  }
  return list->count ? BABEL_OK : expected(r, sequence, "phases", "at least one phase");
}

static babel_status truth_of(const reader *r, const yaml_node_t *node, const char *what, bool *to) {
  char text[8];
  BABEL_TRY(text_of(r, node, what, text, sizeof text));
  *to = !strcmp(text, "true");
  return *to || !strcmp(text, "false") ? BABEL_OK : expected(r, node, what, "true or false");
}

static babel_status read_root(reader *r) {
  static const char *const known[] = {"name", "preset", "allow_disconnected", "shared_labels", "set", "phases", NULL};
  babel_phase_list *list = r->list;
  yaml_node_t *root = yaml_document_get_root_node(&r->document);
  babel_preset preset;
  char text[32];
  unsigned met = 0;
  int which;
  if (!root || root->type != YAML_MAPPING_NODE) return BABEL_FAIL(BABEL_ERR_ARG, "%s: expected a schedule: a map with name and phases", r->path);
  for (int i = 0; i < pairs_of(root); i++) {
    yaml_node_t *value = node_at(r, root->data.mapping.pairs.start[i].value);
    BABEL_TRY(key_of(r, root, i, known, &met, &which));
    switch (which) {
      case 0: BABEL_TRY(text_of(r, value, "name", list->name, sizeof list->name)); break;
      case 1:
        BABEL_TRY(text_of(r, value, "preset", text, sizeof text));
        if (babel_config_preset_find(text, &preset) != BABEL_OK) return babel_fail_context("%s: line %d: ", r->path, line_of(value));
        list->preset = (int)preset;
        break;
      case 2: BABEL_TRY(truth_of(r, value, "allow_disconnected", &list->allow_disconnected)); break;
      case 3: BABEL_TRY(truth_of(r, value, "shared_labels", &list->shared_labels)); break;
      case 4: BABEL_TRY(read_settings(r, value, &list->set)); break;
      default: BABEL_TRY(read_phases(r, value));
    }
  }
  return list->count ? BABEL_OK : BABEL_FAIL(BABEL_ERR_ARG, "%s: expected phases", r->path);
}

babel_status babel_phase_list_read(babel_phase_list *list, const char *path, const char *folder) {
  babel_file file;
  yaml_parser_t parser;
  reader r = {.path = path, .folder = folder, .list = list};
  memset(list, 0, sizeof *list);
  list->preset = -1;
  snprintf(list->path, sizeof list->path, "%s", path);
  BABEL_TRY(babel_file_open(&file, path));
  babel_status status = BABEL_OK;
  if (!yaml_parser_initialize(&parser)) {
    babel_file_close(&file);
    return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory to read it", path);
  }
  yaml_parser_set_input_string(&parser, file.data, file.size);
  if (!yaml_parser_load(&parser, &r.document)) {
    status = BABEL_FAIL(parser.error == YAML_MEMORY_ERROR ? BABEL_ERR_MEMORY : BABEL_ERR_FORMAT, "%s: line %zu: expected YAML: %s", path,
                        parser.problem_mark.line + 1, parser.problem ? parser.problem : "a syntax error");
  } else {
    status = read_root(&r);
    yaml_document_delete(&r.document);
  }
  yaml_parser_delete(&parser);
  babel_file_close(&file);
  return status;
}

static babel_status apply(const babel_phase_list *list, const babel_phase_settings *set, babel_config *config) {
  for (int i = 0; i < set->count; i++)
    if (babel_config_set(config, set->item[i].key, set->item[i].value) != BABEL_OK) return babel_fail_context("%s: line %d: ", list->path, set->item[i].line);
  return BABEL_OK;
}

babel_status babel_phase_list_settings(const babel_phase_list *list, int i, babel_config *config) {
  BABEL_TRY(apply(list, &list->set, config));
  return apply(list, &list->phase[i].set, config);
}
