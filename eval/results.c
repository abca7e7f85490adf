#include "eval/results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

babel_status babel_names_add(babel_names *list, const char *name) {
  if (list->count < 0 || list->count >= BABEL_MAX_NAMES)
    return BABEL_FAIL(BABEL_ERR_ARG, "'%s' is more than the %d names that a result holds", name, BABEL_MAX_NAMES);
  if (!*name || strlen(name) >= sizeof list->names[0])
    return BABEL_FAIL(BABEL_ERR_ARG, "'%.60s': expected a name of 1 to %zu characters", name, sizeof list->names[0] - 1);
  strcpy(list->names[list->count++], name);
  return BABEL_OK;
}

const char *babel_names_join(const babel_names *list, const char *between, char *text, size_t size) {
  size_t used = 0;
  if (size) *text = 0;
  for (int i = 0; i < list->count && used < size; i++) {
    int wrote = snprintf(text + used, size - used, "%s%s", i ? between : "", list->names[i]);
    used += wrote > 0 ? (size_t)wrote : 0;
  }
  return text;
}

/* One of the words "a|b|c". */
static babel_status check_word(const char *field, const char *text, const char *words) {
  size_t length = strlen(text);
  for (const char *at = words; length;) {
    size_t span = strcspn(at, "|");
    if (span == length && !memcmp(at, text, span)) return BABEL_OK;
    if (!at[span]) break;
    at += span + 1;
  }
  return BABEL_FAIL(BABEL_ERR_ARG, "result: %s is '%s', expected one of %s", field, text, words);
}

static babel_status check_text(const char *field, const char *text) {
  if (*text) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_ARG, "result: %s is empty", field);
}

static babel_status check_number(const char *field, double value) {
  if (isfinite(value)) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_VALUE, "result: %s is %g, expected a finite number", field, value);
}

static babel_status check_nullable(const char *field, double value) {
  if (!isinf(value)) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_VALUE, "result: %s is infinite", field);
}

static babel_status check_oneshot(const babel_result *row) {
  if (!row->modalities.count) return BABEL_FAIL(BABEL_ERR_ARG, "result: the list of modalities is empty");
  BABEL_TRY(check_word("head", row->head, "nearest|ridge|mlp|transductive"));
  if (*row->fusion) BABEL_TRY(check_word("fusion", row->fusion, "sum|weighted|concat"));
  BABEL_TRY(check_word("scoring", row->scoring, "last|best-on-query"));
  BABEL_TRY(check_number("mean", row->mean));
  BABEL_TRY(check_number("sd", row->sd));
  BABEL_TRY(check_nullable("ci95", row->ci95));
  BABEL_TRY(check_nullable("gain", row->gain));
  BABEL_TRY(check_nullable("gain_ci95", row->gain_ci95));
  if (row->draws < 1) return BABEL_FAIL(BABEL_ERR_ARG, "result: %d draws, expected at least 1", row->draws);
  return BABEL_OK;
}

static babel_status check_retrieval(const babel_result *row) {
  BABEL_TRY(check_text("from", row->from));
  BABEL_TRY(check_text("to", row->to));
  BABEL_TRY(check_number("recall1", row->recall1));
  BABEL_TRY(check_number("recall5", row->recall5));
  BABEL_TRY(check_number("recall10", row->recall10));
  BABEL_TRY(check_number("class_top1", row->class_top1));
  BABEL_TRY(check_number("median_rank", row->median_rank));
  if (row->n < 1) return BABEL_FAIL(BABEL_ERR_ARG, "result: %d candidates, expected at least 1", row->n);
  return BABEL_OK;
}

static babel_status check_retention(const babel_result *row) {
  BABEL_TRY(check_text("phase", row->phase));
  BABEL_TRY(check_text("policy", row->policy));
  BABEL_TRY(check_word("measure", row->measure, "one-shot|class_top1|recall1|recall5|recall10|median_rank|drift"));
  if (row->modalities.count < 1 || row->modalities.count > 2) return BABEL_FAIL(BABEL_ERR_ARG, "result: %d modalities, expected one or two", row->modalities.count);
  BABEL_TRY(check_nullable("before", row->before));
  BABEL_TRY(check_number("after", row->after));
  BABEL_TRY(check_nullable("retained", row->retained));
  return check_nullable("chance", row->chance);
}

static babel_status check_row(const babel_result *row) {
  if (row->kind == BABEL_RESULT_RETENTION) return check_retention(row);
  BABEL_TRY(check_text("dataset", row->dataset));
  BABEL_TRY(check_text("protocol", row->protocol));
  BABEL_TRY(check_word("features", row->features, "raw|aligned|random|shuffled|ensemble|aligned+raw"));
  BABEL_TRY(check_text("preset", row->preset));
  if (row->seeds < 1) return BABEL_FAIL(BABEL_ERR_ARG, "result: %d seeds, expected at least 1", row->seeds);
  return row->kind == BABEL_RESULT_ONESHOT ? check_oneshot(row) : check_retrieval(row);
}

/* Six decimals are far below any difference that means something, and make 15 digits of the file read back to the same number. */
static void round_numbers(babel_result *row) {
  double *numbers[] = {&row->mean, &row->sd, &row->ci95, &row->gain, &row->gain_ci95, &row->recall1, &row->recall5, &row->recall10,
                       &row->class_top1, &row->median_rank, &row->before, &row->after, &row->retained, &row->chance};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) *numbers[i] = round(*numbers[i] * 1e6) / 1e6;
}

babel_status babel_results_add(babel_results *results, const babel_result *row) {
  BABEL_TRY(check_row(row));
  if (results->count == results->capacity) {
    int capacity = results->capacity ? 2 * results->capacity : 32;
    babel_result *rows = realloc(results->rows, (size_t)capacity * sizeof *rows);
    if (!rows) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for %d results", capacity);
    results->rows = rows;
    results->capacity = capacity;
  }
  results->rows[results->count] = *row;
  round_numbers(&results->rows[results->count++]);
  return BABEL_OK;
}

void babel_results_destroy(babel_results *results) {
  if (!results) return;
  free(results->rows);
  memset(results, 0, sizeof *results);
}
