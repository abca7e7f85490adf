#include "bench/results.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* A row's numbers by their names in the file. */
#define NUMBERS(r)                                                                                                                    \
  {                                                                                                                                   \
    {"max_err", &(r)->error}, {"min_us", &(r)->min}, {"q1_us", &(r)->quartile1}, {"med_us", &(r)->median}, {"q3_us", &(r)->quartile3}, \
        {"bytes", &(r)->bytes}, {"flops", &(r)->flops}, {"launches", &(r)->counters.launches},                                        \
        {"bytes_read", &(r)->counters.bytes_read}, {"bytes_written", &(r)->counters.bytes_written},                                   \
        {"requests", &(r)->counters.requests}, {"sectors", &(r)->counters.sectors},                                                   \
        {"least_sectors", &(r)->counters.least_sectors}, {"wavefronts", &(r)->counters.wavefronts},                                   \
        {"least_wavefronts", &(r)->counters.least_wavefronts}, {"tensor_flops", &(r)->counters.tensor_flops},                         \
  }
enum { FIRST_TIME = 1, LAST_TIME = 4 };

static double unit(int i) {
  return i >= FIRST_TIME && i <= LAST_TIME ? 1e6 : 1;
}

static json_t *row_json(const babel_bench_result *result) {
  babel_bench_result copy = *result;
  const struct {
    const char *name;
    double *value;
  } numbers[] = NUMBERS(&copy);
  json_t *row = json_pack("{s:s, s:s, s:b, s:i}", "op", result->op, "shape", result->shape, "failed", result->failed, "iters", result->iters);
  for (size_t i = 0; row && i < sizeof numbers / sizeof *numbers; i++) /* NaN, a check's last word, has no number: null */
    json_object_set_new(row, numbers[i].name, *numbers[i].value == *numbers[i].value ? json_real(*numbers[i].value * unit((int)i)) : json_null());
  return row;
}

babel_status babel_bench_results_write(const babel_bench_results *results, const char *path) {
  json_t *rows = json_array(), *file = json_pack("{s:i, s:s, s:s, s:s, s:O}", "babel_bench", 1, "backend", results->backend, "device", results->device,
                                                 "commit", results->commit, "rows", rows);
  int failed = !file;
  for (int i = 0; i < results->count; i++) failed |= json_array_append_new(rows, row_json(&results->row[i]));
  failed = failed || json_dump_file(file, path, JSON_INDENT(1) | JSON_REAL_PRECISION(9) | JSON_PRESERVE_ORDER);
  json_decref(rows);
  json_decref(file);
  return failed ? BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be written", path) : BABEL_OK;
}

static bool text(const json_t *object, const char *key, char *to, size_t size) {
  const char *value = json_string_value(json_object_get(object, key));
  return value && snprintf(to, size, "%s", value) < (int)size;
}

static bool read_row(const json_t *row, babel_bench_result *result) {
  const struct {
    const char *name;
    double *value;
  } numbers[] = NUMBERS(result);
  if (!text(row, "op", result->op, sizeof result->op) || !text(row, "shape", result->shape, sizeof result->shape)) return false;
  result->failed = json_is_true(json_object_get(row, "failed"));
  result->iters = (int)json_integer_value(json_object_get(row, "iters"));
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) *numbers[i].value = json_number_value(json_object_get(row, numbers[i].name)) / unit((int)i);
  return true;
}

static babel_status read_file(const json_t *file, babel_bench_results *results, const char *path) {
  const json_t *rows = json_object_get(file, "rows");
  if (json_integer_value(json_object_get(file, "babel_bench")) != 1 || !json_is_array(rows) ||
      !text(file, "backend", results->backend, sizeof results->backend) || !text(file, "device", results->device, sizeof results->device) ||
      !text(file, "commit", results->commit, sizeof results->commit))
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: not a file that babel_bench --json has written", path);
  if (json_array_size(rows) > BABEL_BENCH_ROWS) return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: more than %d rows", path, BABEL_BENCH_ROWS);
  for (size_t i = 0; i < json_array_size(rows); i++)
    if (!read_row(json_array_get(rows, i), &results->row[results->count++]))
      return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: row %zu has no op or no shape", path, i + 1);
  return BABEL_OK;
}

babel_status babel_bench_results_read(babel_bench_results *results, const char *path) {
  json_error_t error;
  memset(results, 0, sizeof *results);
  json_t *file = json_load_file(path, 0, &error);
  if (!file && error.line < 0) return BABEL_FAIL(BABEL_ERR_IO, "%s: cannot be read: %s", path, error.text);
  if (!file) return BABEL_FAIL(BABEL_ERR_FORMAT, "%s, line %d: %s", path, error.line, error.text);
  babel_status status = read_file(file, results, path);
  json_decref(file);
  return status;
}
