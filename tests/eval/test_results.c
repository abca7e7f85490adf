#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "core/file.h"
#include "eval/results.h"
#include "tests/support/comma_locale.h"
#include "tests/support/paths.h"

static char folder[256], path[300];

static const char *file(void) {
  if (!*folder) snprintf(folder, sizeof folder, "%s", babel_scratch());
  snprintf(path, sizeof path, "%s/results.json", folder);
  return path;
}

static babel_result oneshot(void) {
  babel_result r = {.kind = BABEL_RESULT_ONESHOT, .dataset = "utd_mhad", .protocol = "paper", .features = "aligned", .preset = "ours",
                    .seeds = 3, .head = "nearest", .fusion = "sum", .scoring = "last", .mean = 83.7, .sd = 1.0 / 3, .ci95 = 1.5,
                    .gain = 7.25, .gain_ci95 = 0.5, .draws = 10};
  babel_names_add(&r.modalities, "imu");
  babel_names_add(&r.modalities, "skeleton");
  babel_names_add(&r.encoders, "limu_bert");
  babel_names_add(&r.encoders, "shift_gcn");
  babel_names_add(&r.trunk_encoders, "limu_bert");
  babel_names_add(&r.trunk_encoders, "shift_gcn");
  return r;
}

static babel_result retrieval(void) {
  babel_result r = {.kind = BABEL_RESULT_RETRIEVAL, .dataset = "utd_mhad", .protocol = "paper", .features = "aligned", .preset = "ours",
                    .seeds = 3, .from = "imu", .to = "skeleton", .recall1 = 16.5, .recall5 = 40, .recall10 = 60, .class_top1 = 72,
                    .median_rank = 7.5, .n = 215};
  babel_names_add(&r.encoders, "limu_bert");
  return r;
}

Test(eval_results, file_has_exactly_the_agreed_fields) {
  static const char *const fields[] = {"dataset", "protocol", "modalities", "features", "encoders", "preset", "head", "fusion", "mean", "sd",
                                       "ci95", "gain", "gain_ci95", "draws", "seeds", "scoring", "kind", "trunk_encoders"};
  static const char *const retrieval_fields[] = {"kind", "from", "to", "recall1", "recall5", "recall10", "median_rank", "class_top1", "n"};
  babel_results results = {0};
  babel_result row = oneshot(), other = retrieval();
  cr_assert_eq(babel_results_add(&results, &row), BABEL_OK);
  cr_assert_eq(babel_results_add(&results, &other), BABEL_OK);
  cr_assert_eq(babel_results_write(&results, file()), BABEL_OK);
  json_t *list = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
  cr_assert_eq(json_array_size(list), 2);
  json_t *first = json_array_get(list, 0), *second = json_array_get(list, 1);
  cr_assert_eq(json_object_size(first), sizeof fields / sizeof *fields);
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) cr_assert_not_null(json_object_get(first, fields[i]), "%s", fields[i]);
  for (size_t i = 0; i < sizeof retrieval_fields / sizeof *retrieval_fields; i++)
    cr_assert_not_null(json_object_get(second, retrieval_fields[i]), "%s", retrieval_fields[i]);
  cr_assert_str_eq(json_string_value(json_object_get(first, "kind")), "one-shot");
  cr_assert_str_eq(json_string_value(json_object_get(second, "kind")), "retrieval");
  cr_assert_eq(json_real_value(json_object_get(first, "mean")), 83.7);
  cr_assert_eq(json_integer_value(json_object_get(first, "draws")), 10);
  cr_assert_str_eq(json_string_value(json_array_get(json_object_get(first, "modalities"), 1)), "skeleton");
  cr_assert_eq(json_integer_value(json_object_get(second, "n")), 215);
  json_decref(list);
  babel_results_destroy(&results);
}

Test(eval_results, nulls_stand_where_said) {
  babel_results results = {0};
  babel_result row = oneshot();
  strcpy(row.features, "raw");
  strcpy(row.fusion, "");
  row.ci95 = row.gain = row.gain_ci95 = NAN;
  cr_assert_eq(babel_results_add(&results, &row), BABEL_OK);
  cr_assert_eq(babel_results_write(&results, file()), BABEL_OK);
  json_t *list = json_load_file(path, 0, NULL), *first = json_array_get(list, 0);
  cr_assert(json_is_null(json_object_get(first, "fusion")));
  cr_assert(json_is_null(json_object_get(first, "ci95")));
  cr_assert(json_is_null(json_object_get(first, "gain")));
  cr_assert(json_is_null(json_object_get(first, "gain_ci95")));
  json_decref(list);
  babel_results back;
  cr_assert_eq(babel_results_read(&back, path), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert(isnan(back.rows[0].ci95) && isnan(back.rows[0].gain) && isnan(back.rows[0].gain_ci95));
  cr_assert_str_eq(back.rows[0].fusion, "");
  babel_results_destroy(&back);
  babel_results_destroy(&results);
}

Test(eval_results, round_trip_is_exact) {
  babel_results results = {0}, back;
  for (int i = 0; i < 100; i++) { /* past the first block of memory */
    babel_result row = i % 3 ? oneshot() : retrieval();
    row.mean += i / 7.0;
    row.sd = 1e-6 * i;
    row.median_rank += i;
    cr_assert_eq(babel_results_add(&results, &row), BABEL_OK);
  }
  cr_assert_eq(babel_results_write(&results, file()), BABEL_OK);
  cr_assert_eq(babel_results_read(&back, path), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(back.count, 100);
  cr_assert_eq(back.rows[1].mean, 83.842857, "six decimals");
  for (int i = 0; i < 100; i++) {
    char x[200], y[200];
    babel_result *a = &results.rows[i], *b = &back.rows[i];
    cr_assert_eq(a->kind, b->kind);
    cr_assert_str_eq(babel_names_join(&a->encoders, "+", x, sizeof x), babel_names_join(&b->encoders, "+", y, sizeof y));
    cr_assert_str_eq(babel_names_join(&a->trunk_encoders, "+", x, sizeof x), babel_names_join(&b->trunk_encoders, "+", y, sizeof y));
    cr_assert_str_eq(a->preset, b->preset);
    cr_assert_eq(a->seeds, b->seeds);
    if (a->kind == BABEL_RESULT_ONESHOT) {
      cr_assert_str_eq(babel_names_join(&b->modalities, "+", y, sizeof y), "imu+skeleton");
      cr_assert(a->mean == b->mean && a->sd == b->sd && a->ci95 == b->ci95 && a->gain == b->gain && a->gain_ci95 == b->gain_ci95);
      cr_assert(!strcmp(a->head, b->head) && !strcmp(a->fusion, b->fusion) && !strcmp(a->scoring, b->scoring) && a->draws == b->draws);
    } else {
      cr_assert(!strcmp(a->from, b->from) && !strcmp(a->to, b->to) && a->n == b->n && a->median_rank == b->median_rank);
      cr_assert(a->recall1 == b->recall1 && a->recall5 == b->recall5 && a->recall10 == b->recall10 && a->class_top1 == b->class_top1);
    }
  }
  babel_results_destroy(&back);
  babel_results_destroy(&results);
}

Test(eval_results, numbers_do_not_depend_on_the_locale) {
  babel_results results = {0}, back;
  babel_result row = oneshot();
  if (!babel_comma_locale()) cr_skip("no comma locale on this machine");
  cr_assert_eq(babel_results_add(&results, &row), BABEL_OK);
  cr_assert_eq(babel_results_write(&results, file()), BABEL_OK);
  cr_assert_eq(babel_results_read(&back, path), BABEL_OK);
  cr_assert_eq(back.rows[0].mean, 83.7);
  babel_results_destroy(&back);
  babel_results_destroy(&results);
}

static void refused(babel_result row, babel_status status, const char *sentence) {
  babel_results results = {0};
  cr_assert_eq(babel_results_add(&results, &row), status, "%s", sentence);
  cr_assert_str_eq(babel_error_last()->sentence, sentence);
  cr_assert_eq(results.count, 0);
}

/* Two evaluations into one file, which is a usual way to use two processors. */
Test(eval_results, programs_that_append_at_the_same_time_lose_no_row) {
  enum { PROGRAMS = 4, TIMES = 10 };
  babel_results results = {0};
  babel_result row = oneshot();
  cr_assert_eq(babel_results_add(&results, &row), BABEL_OK);
  file();
  for (int p = 0; p < PROGRAMS; p++) {
    pid_t child = fork();
    cr_assert_neq(child, -1);
    if (child) continue;
    for (int i = 0; i < TIMES; i++)
      if (babel_results_append(&results, path) != BABEL_OK) _exit(1);
    _exit(0);
  }
  for (int p = 0, status; p < PROGRAMS; p++) cr_assert(wait(&status) > 0 && !status);
  babel_results_destroy(&results);
  cr_assert_eq(babel_results_read(&results, path), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(results.count, PROGRAMS * TIMES);
  cr_assert_eq(babel_results_append(&results, "/nowhere/results.json"), BABEL_ERR_IO);
  babel_results_destroy(&results);
}

Test(eval_results, rows_that_break_the_agreement_are_refused) {
  babel_result r = oneshot();
  strcpy(r.head, "knn");
  refused(r, BABEL_ERR_ARG, "result: head is 'knn', expected one of nearest|ridge|mlp|transductive");
  r = oneshot();
  strcpy(r.head, "");
  refused(r, BABEL_ERR_ARG, "result: head is '', expected one of nearest|ridge|mlp|transductive");
  r = oneshot();
  strcpy(r.features, "align");
  refused(r, BABEL_ERR_ARG, "result: features is 'align', expected one of raw|aligned|random|shuffled|ensemble|aligned+raw");
  r = oneshot();
  strcpy(r.fusion, "mean");
  refused(r, BABEL_ERR_ARG, "result: fusion is 'mean', expected one of sum|weighted|concat");
  r = oneshot();
  strcpy(r.scoring, "best");
  refused(r, BABEL_ERR_ARG, "result: scoring is 'best', expected one of last|best-on-query");
  r = oneshot();
  r.mean = NAN;
  refused(r, BABEL_ERR_VALUE, "result: mean is nan, expected a finite number");
  r = oneshot();
  r.gain = INFINITY;
  refused(r, BABEL_ERR_VALUE, "result: gain is infinite");
  r = oneshot();
  r.modalities.count = 0;
  refused(r, BABEL_ERR_ARG, "result: the list of modalities is empty");
  r = oneshot();
  r.seeds = 0;
  refused(r, BABEL_ERR_ARG, "result: 0 seeds, expected at least 1");
  r = oneshot();
  strcpy(r.dataset, "");
  refused(r, BABEL_ERR_ARG, "result: dataset is empty");
  r = retrieval();
  r.recall5 = NAN;
  refused(r, BABEL_ERR_VALUE, "result: recall5 is nan, expected a finite number");
  r = retrieval();
  strcpy(r.to, "");
  refused(r, BABEL_ERR_ARG, "result: to is empty");
}

Test(eval_results, every_agreed_word_is_taken) {
  static const char *const features[] = {"raw", "aligned", "random", "shuffled", "ensemble", "aligned+raw"}, *const fusions[] = {"", "sum", "weighted", "concat"};
  static const char *const heads[] = {"nearest", "ridge", "mlp", "transductive"};
  babel_results results = {0};
  for (int i = 0; i < 6 * 4 * 4; i++) {
    babel_result row = oneshot();
    strcpy(row.features, features[i % 6]);
    strcpy(row.fusion, fusions[i / 6 % 4]);
    strcpy(row.head, heads[i / 24]);
    cr_assert_eq(babel_results_add(&results, &row), BABEL_OK, "%s", babel_error_last()->sentence);
  }
  babel_results_destroy(&results);
}

Test(eval_results, lists_of_names_are_bounded) {
  babel_names list = {0};
  char text[12];
  cr_assert_eq(babel_names_add(&list, "a name that is far longer than a list can hold"), BABEL_ERR_ARG);
  cr_assert_eq(babel_names_add(&list, ""), BABEL_ERR_ARG);
  cr_assert_str_eq(babel_names_join(&list, "+", text, sizeof text), "");
  for (int i = 0; i < BABEL_MAX_NAMES; i++) cr_assert_eq(babel_names_add(&list, "modality"), BABEL_OK);
  cr_assert_eq(babel_names_add(&list, "modality"), BABEL_ERR_ARG);
  cr_assert_str_eq(babel_names_join(&list, "+", text, sizeof text), "modality+mo");
}

/* One written row with a piece replaced. */
static void bad_file(const char *piece, const char *with, const char *sentence) {
  babel_results results = {0};
  babel_result row = oneshot();
  char text[4096], expected[400];
  babel_file written;
  cr_assert_eq(babel_results_add(&results, &row), BABEL_OK);
  cr_assert_eq(babel_results_write(&results, file()), BABEL_OK);
  babel_results_destroy(&results);
  cr_assert_eq(babel_file_open(&written, path), BABEL_OK);
  snprintf(text, sizeof text, "%.*s", (int)written.size, (const char *)written.data);
  babel_file_close(&written);
  char *at = strstr(text, piece), changed[5000];
  cr_assert_not_null(at, "%s", piece);
  snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, with, at + strlen(piece));
  cr_assert_eq(babel_file_write_text(path, changed), BABEL_OK);
  cr_assert_eq(babel_results_read(&results, path), BABEL_ERR_FORMAT, "%s", with);
  snprintf(expected, sizeof expected, "%s: %s", path, sentence);
  cr_assert_eq(strncmp(babel_error_last()->sentence, expected, strlen(expected)), 0, "%s", babel_error_last()->sentence);
  cr_assert_eq(results.count, 0);
  cr_assert_null(results.rows);
}

Test(eval_results, damaged_files_are_refused_with_row_and_field) {
  bad_file("\"mean\": 83.7", "\"mean\": \"83.7\"", "row 0: mean: expected a number");
  bad_file("\"mean\": 83.7", "\"mean\": null", "row 0: mean: expected a number");
  bad_file("\"mean\": 83.7", "\"average\": 83.7", "row 0: mean is missing");
  bad_file("\"draws\": 10", "\"draws\": 10.5", "row 0: draws: expected a whole number");
  bad_file("\"draws\": 10", "\"draws\": 3000000000", "row 0: draws: expected a whole number");
  bad_file("\"head\": \"nearest\"", "\"head\": null", "row 0: head: expected a text");
  bad_file("\"head\": \"nearest\"", "\"head\": \"a head with a name that is too long\"", "row 0: head: expected a text");
  bad_file("\"head\": \"nearest\"", "\"head\": \"knn\"", "row 0: result: head is 'knn'");
  bad_file("\"fusion\": \"sum\"", "\"fusion\": 1", "row 0: fusion: expected a text or null");
  bad_file("\"skeleton\"", "7", "row 0: modalities: expected a list of names");
  bad_file("\"ci95\": 1.5", "\"ci95\": \"x\"", "row 0: ci95: expected a number or null");
  bad_file("\"one-shot\"", "\"two-shot\"", "row 0: kind: expected \"one-shot\", \"retrieval\" or \"retention\"");
  bad_file("[", "", "line ");
  bad_file("\"mean\": 83.7", "\"mean\": NaN", "line ");
  babel_results results;
  cr_assert_eq(babel_file_write_text(path, "{}"), BABEL_OK);
  cr_assert_eq(babel_results_read(&results, path), BABEL_ERR_FORMAT);
  cr_assert_eq(babel_file_write_text(path, "[7]"), BABEL_OK);
  cr_assert_eq(babel_results_read(&results, path), BABEL_ERR_FORMAT);
  cr_assert_eq(babel_file_write_text(path, "[]"), BABEL_OK);
  cr_assert_eq(babel_results_read(&results, path), BABEL_OK);
  cr_assert_eq(results.count, 0);
  cr_assert_eq(babel_results_read(&results, "/nowhere/results.json"), BABEL_ERR_IO);
}

Test(eval_results, unwritable_folder_is_reported) {
  babel_results results = {0};
  cr_assert_eq(babel_results_write(&results, "/nowhere/results.json"), BABEL_ERR_IO);
}
