#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <jansson.h>

#include "core/file.h"
#include "eval/results.h"

/* The fields of a row, in the order of the file: one table for the writer and the reader. */
typedef enum { TEXT, NULLABLE_TEXT, NAMES, NUMBER, NULLABLE, LATER, COUNT, TRUTH } field_type; /* LATER: as NULLABLE, and missing in older files */
typedef struct {
  const char *name;
  field_type type;
  size_t offset, size;
} field;

#define FIELD(kind, name) {#name, kind, offsetof(babel_result, name), sizeof(((babel_result *)0)->name)}

static const field oneshot_fields[] = {
    FIELD(TEXT, dataset), FIELD(TEXT, protocol), FIELD(NAMES, modalities), FIELD(TEXT, features), FIELD(NAMES, encoders),
    FIELD(TEXT, preset), FIELD(TEXT, head), FIELD(NULLABLE_TEXT, fusion), FIELD(NUMBER, mean), FIELD(NUMBER, sd),
    FIELD(NULLABLE, ci95), FIELD(NULLABLE, gain), FIELD(NULLABLE, gain_ci95), FIELD(COUNT, draws), FIELD(COUNT, seeds),
    FIELD(TEXT, scoring), FIELD(NAMES, trunk_encoders), {NULL, TEXT, 0, 0}};

static const field retrieval_fields[] = {
    FIELD(TEXT, dataset), FIELD(TEXT, protocol), FIELD(TEXT, features), FIELD(NAMES, encoders), FIELD(TEXT, preset),
    FIELD(TEXT, from), FIELD(TEXT, to), FIELD(NUMBER, recall1), FIELD(NUMBER, recall5), FIELD(NUMBER, recall10),
    FIELD(NUMBER, median_rank), FIELD(NUMBER, class_top1), FIELD(COUNT, n), FIELD(COUNT, seeds), FIELD(NAMES, trunk_encoders),
    {NULL, TEXT, 0, 0}};

static const field retention_fields[] = {
    FIELD(TEXT, phase), FIELD(TEXT, policy), FIELD(NAMES, modalities), FIELD(TEXT, measure), FIELD(NULLABLE, before), FIELD(NUMBER, after),
    FIELD(NULLABLE, retained), FIELD(LATER, chance), FIELD(TRUTH, emergent), {NULL, TEXT, 0, 0}};

enum { KINDS = 3 };
static const char *const kind_names[KINDS] = {"one-shot", "retrieval", "retention"};
static const field *const kind_fields[KINDS] = {oneshot_fields, retrieval_fields, retention_fields};

static json_t *names_value(const babel_names *list) {
  json_t *array = json_array();
  for (int i = 0; array && i < list->count; i++)
    if (json_array_append_new(array, json_string(list->names[i]))) {
      json_decref(array);
      return NULL;
    }
  return array;
}

static json_t *value_of(const babel_result *row, const field *f) {
  const char *at = (const char *)row + f->offset;
  double number;
  int count;
  switch (f->type) {
  case TEXT: return json_string(at);
  case NULLABLE_TEXT: return *at ? json_string(at) : json_null();
  case NAMES: return names_value((const babel_names *)(const void *)at);
  case COUNT: memcpy(&count, at, sizeof count); return json_integer(count);
  case TRUTH: return json_boolean(*(const bool *)at);
  default: memcpy(&number, at, sizeof number); return isnan(number) ? json_null() : json_real(number);
  }
}

static json_t *row_value(const babel_result *row) {
  json_t *object = json_object();
  if (!object || json_object_set_new(object, "kind", json_string(kind_names[row->kind]))) goto fail;
  for (const field *f = kind_fields[row->kind]; f->name; f++)
    if (json_object_set_new(object, f->name, value_of(row, f))) goto fail;
  return object;
fail:
  json_decref(object);
  return NULL;
}

babel_status babel_results_write(const babel_results *results, const char *path) {
  json_t *list = json_array();
  char *text = NULL;
  bool good = list != NULL;
  for (int i = 0; good && i < results->count; i++) good = !json_array_append_new(list, row_value(&results->rows[i]));
  if (good) text = json_dumps(list, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
  json_decref(list);
  if (!text) return BABEL_FAIL(BABEL_ERR_ARG, "%s: the results cannot be written as JSON: a text is not UTF-8, or no memory", path);
  babel_status status = babel_file_write_text(path, text);
  free(text);
  return status;
}

static bool read_names(babel_names *list, const json_t *item) {
  if (!json_is_array(item)) return false;
  for (size_t i = 0; i < json_array_size(item); i++) {
    const char *name = json_string_value(json_array_get(item, i));
    if (!name || babel_names_add(list, name) != BABEL_OK) return false;
  }
  return true;
}

static bool read_field(babel_result *row, const field *f, const json_t *item) {
  char *at = (char *)row + f->offset;
  double number = NAN;
  int count;
  switch (f->type) {
  case NULLABLE_TEXT:
    if (json_is_null(item)) return true; /* stays "" */
    /* fall through */
  case TEXT:
    if (!json_is_string(item) || json_string_length(item) >= f->size) return false;
    strcpy(at, json_string_value(item));
    return true;
  case NAMES:
    return read_names((babel_names *)(void *)at, item);
  case COUNT:
    if (!json_is_integer(item) || json_integer_value(item) < 0 || json_integer_value(item) > 2147483647) return false;
    count = (int)json_integer_value(item);
    memcpy(at, &count, sizeof count);
    return true;
  case TRUTH:
    *(bool *)at = json_is_true(item);
    return json_is_boolean(item);
  default:
    if (json_is_number(item)) number = json_number_value(item);
    if (!json_is_number(item) && !(f->type != NUMBER && json_is_null(item))) return false;
    memcpy(at, &number, sizeof number);
    return true;
  }
}

static babel_status read_row(babel_result *row, const json_t *object, size_t number, const char *path) {
  static const char *const expected[] = {"a text", "a text or null", "a list of names", "a number", "a number or null", "a number or null", "a whole number", "true or false"};
  const char *kind = json_string_value(json_object_get(object, "kind"));
  memset(row, 0, sizeof *row);
  row->ci95 = row->gain = row->gain_ci95 = row->chance = NAN;
  int which = 0;
  while (kind && which < KINDS && strcmp(kind, kind_names[which])) which++;
  if (!kind || which == KINDS)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: row %zu: kind: expected \"one-shot\", \"retrieval\" or \"retention\"", path, number);
  row->kind = (babel_result_kind)which;
  for (const field *f = kind_fields[row->kind]; f->name; f++) {
    const json_t *item = json_object_get(object, f->name);
    if (!item && f->type == LATER) continue;
    if (!item) return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: row %zu: %s is missing", path, number, f->name);
    if (!read_field(row, f, item))
      return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: row %zu: %s: expected %s", path, number, f->name, expected[f->type]);
  }
  return BABEL_OK;
}

static babel_status read_list(babel_results *results, const json_t *list, const char *path) {
  babel_result row;
  if (!json_is_array(list)) return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected a list of results", path);
  for (size_t i = 0; i < json_array_size(list); i++) {
    BABEL_TRY(read_row(&row, json_array_get(list, i), i, path));
    if (babel_results_add(results, &row) == BABEL_OK) continue;
    babel_error error = babel_error_take();
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: row %zu: %s", path, i, error.sentence);
  }
  return BABEL_OK;
}

babel_status babel_results_read(babel_results *results, const char *path) {
  babel_file file;
  json_error_t error;
  memset(results, 0, sizeof *results);
  BABEL_TRY(babel_file_open(&file, path));
  errno = 0;
  json_t *list = json_loadb((const char *)file.data, file.size, JSON_REJECT_DUPLICATES, &error);
  babel_status status;
  if (!list && errno == ENOMEM)
    status = BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory to read it", path);
  else if (!list)
    status = BABEL_FAIL(BABEL_ERR_FORMAT, "%s: line %d: not valid JSON: %s", path, error.line, error.text);
  else
    status = read_list(results, list, path);
  json_decref(list);
  babel_file_close(&file);
  if (status != BABEL_OK) babel_results_destroy(results);
  return status;
}

static babel_status append(const babel_results *results, const char *path) {
  babel_results all = {0};
  babel_status status = BABEL_OK;
  if (babel_file_exists(path)) BABEL_TRY(babel_results_read(&all, path));
  for (int i = 0; i < results->count && status == BABEL_OK; i++) status = babel_results_add(&all, &results->rows[i]);
  if (status == BABEL_OK) status = babel_results_write(&all, path);
  babel_results_destroy(&all);
  return status;
}

babel_status babel_results_append(const babel_results *results, const char *path) {
  char folder[1024];
  snprintf(folder, sizeof folder, "%s", path);
  int lock = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* the file itself is replaced, so its folder is locked */
  if (lock < 0 || flock(lock, LOCK_EX)) {
    babel_status status = BABEL_FAIL(BABEL_ERR_IO, "%s: its folder cannot be locked: %s", path, strerror(errno));
    if (lock >= 0) close(lock);
    return status;
  }
  babel_status status = append(results, path);
  close(lock);
  return status;
}
