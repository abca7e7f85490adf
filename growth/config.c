#include "growth/config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/file.h"
#include "core/nearest.h"

#define SHOWN 61 /* bytes of a user's text that a sentence repeats, terminator included */

/* The user's text as one line of limited length. */
static const char *shown(const char *text, char out[SHOWN]) {
  snprintf(out, SHOWN, "%s", text);
  for (char *at = out; *at; at++)
    if (iscntrl((unsigned char)*at)) *at = ' ';
  return out;
}

/* Place of `text` among "a|b|c", or -1. */
static int word_index(const char *words, const char *text) {
  size_t length = strlen(text);
  for (int i = 0;; i++) {
    size_t span = strcspn(words, "|");
    if (span == length && !memcmp(words, text, span)) return i;
    if (!words[span]) return -1;
    words += span + 1;
  }
}

static int word_count(const char *words) {
  int count = 1;
  for (; *words; words++) count += *words == '|';
  return count;
}

/* "a whole number from 0 to 600", "one of none, linear", ... */
static const char *expectation(const babel_config_key *key, char *text, size_t size) {
  char low[32], high[32];
  if (key->type == BABEL_KEY_BOOL) {
    snprintf(text, size, "true or false");
  } else if (key->type == BABEL_KEY_ENUM) {
    size_t at = (size_t)snprintf(text, size, "one of ");
    for (const char *word = key->words; *word && at + 2 < size; word++) {
      text[at++] = *word == '|' ? ',' : *word;
      if (*word == '|') text[at++] = ' ';
    }
    text[at] = 0;
  } else {
    babel_format_double(key->low, low);
    babel_format_double(key->high, high);
    snprintf(text, size, "a %snumber from %s to %s", key->type == BABEL_KEY_INT ? "whole " : "finite ", low, high);
  }
  return text;
}

static bool read_bool(const char *text, int *value) {
  static const char *const words[2] = {"false|no|off", "true|yes|on"};
  for (*value = 0; *value < 2; ++*value)
    if (word_index(words[*value], text) >= 0) return true;
  return false;
}

/* The field of `key` from text. Leaves it as it was on failure. */
static babel_status assign(babel_config *config, const babel_config_key *key, const char *text) {
  char expected[256], found[SHOWN];
  char *field = (char *)config + key->offset;
  int whole = 0;
  int64_t wide;
  double value;
  bool good;
  switch (key->type) {
  case BABEL_KEY_DOUBLE:
    good = babel_parse_double(text, &value) && value >= key->low && value <= key->high;
    if (good) memcpy(field, &value, sizeof value);
    break;
  case BABEL_KEY_INT:
    good = babel_parse_int(text, &wide) && (double)wide >= key->low && (double)wide <= key->high;
    whole = good ? (int)wide : 0;
    break;
  case BABEL_KEY_BOOL:
    good = read_bool(text, &whole);
    break;
  default:
    whole = word_index(key->words, text);
    good = whole >= 0;
  }
  if (good && key->type != BABEL_KEY_DOUBLE) memcpy(field, &whole, sizeof whole);
  if (good) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_ARG, "%s: expected %s, found %s%s%s", key->key, expectation(key, expected, sizeof expected),
                    *text ? "'" : "nothing", shown(text, found), *text ? "'" : "");
}

void babel_config_preset(babel_config *config, babel_preset preset) {
  memset(config, 0, sizeof *config);
  const babel_config_key *key;
  for (int i = 0; (key = babel_config_key_at(i)); i++) {
    babel_status status = assign(config, key, key->defaults[preset]);
    assert(status == BABEL_OK);
    (void)status;
  }
}

babel_status babel_config_preset_find(const char *name, babel_preset *preset) {
  char expected[256], found[SHOWN];
  const babel_config_key *key = babel_config_key_at(0);
  int index = word_index(key->words, name);
  if (index < 0)
    return BABEL_FAIL(BABEL_ERR_ARG, "preset: expected %s, found '%s'", expectation(key, expected, sizeof expected),
                      shown(name, found));
  *preset = (babel_preset)index;
  return BABEL_OK;
}

const char *babel_config_key_meant(const char *key, const char *value) {
  double number;
  return !strcmp(key, "temperature") && babel_parse_double(value, &number) ? "tau" : key;
}

babel_status babel_config_set(babel_config *config, const char *key, const char *value) {
  char found[SHOWN];
  const babel_config_key *row, *nearest = NULL;
  int least = 0;
  if (!strcmp(key, "preset"))
    return BABEL_FAIL(BABEL_ERR_ARG, "preset: it resets every other key, so it is chosen before them and cannot be set over them");
  key = babel_config_key_meant(key, value);
  shown(key, found);
  for (char *at = found; *at; at++) *at = (char)tolower((unsigned char)*at);
  for (int i = 0; (row = babel_config_key_at(i)); i++) {
    if (!strcmp(row->key, key)) return assign(config, row, value);
    int gap = babel_edit_distance(found, row->key);
    if (gap > 1 && strlen(found) > 3 && strstr(row->key, found)) gap = 1; /* dropout, warmup, momentum, ... */
    if (!nearest || gap < least) {
      nearest = row;
      least = gap;
    }
  }
  shown(key, found);
  if (least >= (int)strlen(found)) return BABEL_FAIL(BABEL_ERR_ARG, "unknown key '%s'; babel config lists them", found);
  return BABEL_FAIL(BABEL_ERR_ARG, "unknown key '%s'; the nearest is '%s'", found, nearest->key);
}

static bool in_range(const babel_config *config, const babel_config_key *key) {
  const char *field = (const char *)config + key->offset;
  double value;
  int whole;
  if (key->type == BABEL_KEY_DOUBLE) {
    memcpy(&value, field, sizeof value);
    return value >= key->low && value <= key->high;
  }
  memcpy(&whole, field, sizeof whole);
  if (key->type == BABEL_KEY_ENUM) return whole >= 0 && whole < word_count(key->words);
  return whole >= key->low && whole <= key->high;
}

static babel_status check_ranges(const babel_config *config) {
  char expected[256], text[64];
  const babel_config_key *key;
  for (int i = 0; (key = babel_config_key_at(i)); i++) {
    if (in_range(config, key)) continue;
    babel_config_value_text(config, key, text, sizeof text);
    return BABEL_FAIL(BABEL_ERR_ARG, "%s: expected %s, found %s", key->key, expectation(key, expected, sizeof expected), text);
  }
  return BABEL_OK;
}

babel_status babel_config_check(const babel_config *config) {
  BABEL_TRY(check_ranges(config));
  if (config->shuffle_pairs && config->targets != BABEL_TARGETS_PAIRS)
    return BABEL_FAIL(BABEL_ERR_ARG, "shuffle_pairs: the control needs targets: pairs, because neighbours would join what it takes apart");
  if (config->chunk && config->targets != BABEL_TARGETS_PAIRS)
    return BABEL_FAIL(BABEL_ERR_ARG, "chunk needs targets: pairs, because soft targets and masks are kept for all pairs of the batch at once");
  if (config->lr_final > config->lr)
    return BABEL_FAIL(BABEL_ERR_ARG, "lr_final (%g) must not be above lr (%g)", config->lr_final, config->lr);
  if (config->lr_warmup_start > config->lr)
    return BABEL_FAIL(BABEL_ERR_ARG, "lr_warmup_start (%g) must not be above lr (%g)", config->lr_warmup_start, config->lr);
  if (config->scale_min > config->scale_max)
    return BABEL_FAIL(BABEL_ERR_ARG, "scale_min (%g) must not be above scale_max (%g)", config->scale_min, config->scale_max);
  if (1 / config->tau < config->scale_min || 1 / config->tau > config->scale_max)
    return BABEL_FAIL(BABEL_ERR_ARG, "tau (%g): 1/tau = %g must lie between scale_min (%g) and scale_max (%g)", config->tau,
                      1 / config->tau, config->scale_min, config->scale_max);
  if (config->imu_pool == BABEL_IMU_POOL_AFTER && config->imu_stats != BABEL_IMU_STATS_MEAN)
    return BABEL_FAIL(BABEL_ERR_ARG, "imu_pool: after averages embeddings of single rows, so it needs imu_stats: mean");
  return BABEL_OK;
}

babel_status babel_config_json(const babel_config *config, char **json) {
  char text[64];
  size_t size;
  const babel_config_key *key;
  *json = NULL;
  BABEL_TRY(check_ranges(config));
  FILE *out = open_memstream(json, &size);
  if (!out) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for the configuration's text");
  for (int i = 0; (key = babel_config_key_at(i)); i++) {
    const char *quote = key->type == BABEL_KEY_ENUM ? "\"" : "";
    babel_config_value_text(config, key, text, sizeof text);
    fprintf(out, "%s\"%s\": %s%s%s", i ? ", " : "{", key->key, quote, text, quote);
  }
  fputc('}', out);
  int bad = ferror(out);
  if (!fclose(out) && !bad) return BABEL_OK;
  free(*json);
  *json = NULL;
  return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for the configuration's text");
}

/* The field of `key` from a JSON value; false when its type or range is wrong. */
static bool assign_json(babel_config *config, const babel_config_key *key, const json_t *item) {
  char *field = (char *)config + key->offset;
  double value;
  int whole = 0;
  if (key->type == BABEL_KEY_DOUBLE) {
    if (!json_is_number(item)) return false;
    value = json_number_value(item);
    memcpy(field, &value, sizeof value);
    return in_range(config, key);
  }
  if (key->type == BABEL_KEY_ENUM) {
    if (!json_is_string(item)) return false;
    whole = word_index(key->words, json_string_value(item));
  } else if (key->type == BABEL_KEY_BOOL) {
    if (!json_is_boolean(item)) return false;
    whole = json_is_true(item);
  } else {
    json_int_t wide = json_integer_value(item);
    if (!json_is_integer(item) || (double)wide < key->low || (double)wide > key->high) return false;
    whole = (int)wide;
  }
  memcpy(field, &whole, sizeof whole);
  return in_range(config, key);
}

/* What a network's shape cannot be read without. */
static bool is_shape(const char *key) {
  static const char *const keys[] = {"preset", "embed_dim", "hidden", "concept_layers", "proto_layers", "post_proj", "standardise"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    if (!strcmp(keys[i], key)) return true;
  return false;
}

/* A key that is not there did not exist yet when the text was written: it has the preset's default. */
static babel_status read_object(babel_config *config, json_t *root, const char *where) {
  char expected[256], found[SHOWN];
  const babel_config_key *key;
  int count = 0, missing = 0;
  if (!json_is_object(root)) return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: the configuration is not a JSON object", where);
  for (; (key = babel_config_key_at(count)); count++) {
    json_t *item = json_object_get(root, key->key);
    if (!item && is_shape(key->key)) return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: the configuration lacks the key '%s'", where, key->key);
    missing += !item;
    if (!item) continue;
    if (assign_json(config, key, item)) {
      if (!count) babel_config_preset(config, (babel_preset)config->preset); /* the first key: defaults for all that follow */
      continue;
    }
    char *text = json_dumps(item, JSON_ENCODE_ANY | JSON_COMPACT);
    shown(text ? text : "something else", found);
    free(text);
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: configuration key '%s': expected %s, found %s", where, key->key,
                      expectation(key, expected, sizeof expected), found);
  }
  if (json_object_size(root) + (size_t)missing == (size_t)count) return BABEL_OK;
  for (void *at = json_object_iter(root); at; at = json_object_iter_next(root, at)) {
    for (count = 0; (key = babel_config_key_at(count)) && strcmp(key->key, json_object_iter_key(at));) count++;
    if (!key)
      return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: the configuration has an unknown key '%s'", where,
                        shown(json_object_iter_key(at), found));
  }
  return BABEL_OK;
}

babel_status babel_config_from_json(babel_config *config, const char *json, const char *where) {
  json_error_t error;
  babel_config read;
  memset(&read, 0, sizeof read);
  errno = 0;
  json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, &error);
  if (!root && errno == ENOMEM) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for the configuration", where);
  if (!root)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: the configuration is not valid JSON: column %d: %s", where, error.position, error.text);
  babel_status status = read_object(&read, root, where);
  json_decref(root);
  if (status == BABEL_OK) *config = read;
  return status;
}
