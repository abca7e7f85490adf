/* Scores while training: what a line holds, and the upper bound that is made of the lines. */
#include <criterion/criterion.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/evaluate_rows.h"
#include "eval/watch.h"
#include "tests/eval/eval_rig.h"
#include "tests/support/comma_locale.h"
#include "tests/support/paths.h"

static const char *const names[BABEL_INPUT_COUNT] = {"imu", "skeleton", "imu+skeleton", "imu*skeleton", "imu|skeleton"};
static const char *const heads[2] = {"nearest", "ridge"};

static const char *scratch(const char *name) {
  static char ring[4][1100];
  static const char *folder;
  static int at;
  if (!folder) folder = babel_scratch();
  snprintf(ring[++at % 4], sizeof ring[0], "%s/%s", folder, name);
  return ring[at % 4];
}

static void score(const eval_rig *r, int trunk, const char *protocol, int step, FILE *lines) {
  const babel_bank *const banks[2] = {&r->banks[0], &r->banks[1]};
  cr_assert_eq(babel_watch_score(&r->trunks[trunk], banks, &r->draws[0], protocol, step, step / 2, lines), BABEL_OK, "%s", babel_error_last()->sentence);
}

/* Per draw scores of one trunk by way of the evaluation, all inputs and both heads: [input][head][draw]. */
static void expect(const eval_rig *r, int trunk, double out[BABEL_INPUT_COUNT][2][RIG_DRAWS]) {
  babel_paired paired;
  babel_inputs inputs;
  babel_episodes episodes;
  const babel_bank *const banks[2] = {&r->banks[0], &r->banks[1]};
  cr_assert_eq(babel_paired_create(&paired, banks), BABEL_OK);
  cr_assert_eq(babel_inputs_aligned(&inputs, &paired, &r->trunks[trunk]), BABEL_OK);
  cr_assert_eq(babel_episodes_from_draws(&episodes, &r->draws[0], paired.keys, paired.n), BABEL_OK);
  for (int input = 0; input < BABEL_INPUT_COUNT; input++)
    for (int d = 0; d < RIG_DRAWS; d++) {
      babel_points points = {inputs.x[input], paired.labels, paired.n, inputs.width[input]};
      babel_oneshot_job job = {.points = &points, .episode = &episodes.episodes[d], .heads = 3};
      cr_assert_eq(babel_oneshot_run(&job, 1, &r->trunks[trunk].config, NULL), BABEL_OK);
      for (int head = 0; head < 2; head++) out[input][head][d] = job.results[head].accuracy;
      babel_oneshot_destroy(&job, 1);
    }
  babel_episodes_destroy(&episodes);
  babel_inputs_destroy(&inputs);
  babel_paired_destroy(&paired);
}

static void check_line(const char *text, const eval_rig *r, int trunk, const char *protocol, int step) {
  double expected[BABEL_INPUT_COUNT][2][RIG_DRAWS];
  json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
  cr_assert_not_null(line, "%s", text);
  cr_assert_str_eq(json_string_value(json_object_get(line, "protocol")), protocol);
  cr_assert_eq(json_integer_value(json_object_get(line, "step")), step);
  cr_assert_eq(json_integer_value(json_object_get(line, "epoch")), step / 2);
  cr_assert_eq(json_object_size(line), 4);
  json_t *scores = json_object_get(line, "scores");
  cr_assert_eq(json_object_size(scores), BABEL_INPUT_COUNT);
  expect(r, trunk, expected);
  for (int input = 0; input < BABEL_INPUT_COUNT; input++)
    for (int head = 0; head < 2; head++) {
      json_t *list = json_object_get(json_object_get(scores, names[input]), heads[head]);
      cr_assert_eq(json_array_size(list), RIG_DRAWS);
      for (int d = 0; d < RIG_DRAWS; d++) cr_assert_float_eq(json_number_value(json_array_get(list, (size_t)d)), expected[input][head][d], 1e-6);
    }
  json_decref(line);
}

Test(eval_watch, a_line_holds_every_draw_of_every_input_and_head) {
  eval_rig r;
  char line[4096];
  const char *path = scratch("watch.jsonl");
  eval_rig_create(&r);
  FILE *lines = fopen(path, "w+");
  score(&r, 0, "paper", 10, lines);
  score(&r, 1, "strict", 20, lines);
  rewind(lines);
  cr_assert_not_null(fgets(line, sizeof line, lines));
  check_line(line, &r, 0, "paper", 10);
  cr_assert_not_null(fgets(line, sizeof line, lines));
  check_line(line, &r, 1, "strict", 20);
  cr_assert_null(fgets(line, sizeof line, lines));
  fclose(lines);
  eval_rig_destroy(&r);
}

Test(eval_watch, a_decimal_comma_changes_no_line) {
  eval_rig r;
  char line[4096];
  if (!babel_comma_locale()) cr_skip("no locale with a comma can be made here");
  eval_rig_create(&r);
  FILE *lines = fopen(scratch("comma.jsonl"), "w+");
  score(&r, 2, "paper", 2, lines);
  rewind(lines);
  cr_assert_not_null(fgets(line, sizeof line, lines));
  check_line(line, &r, 2, "paper", 2);
  fclose(lines);
  eval_rig_destroy(&r);
}

Test(eval_watch, a_protocol_that_would_break_the_line_is_refused) {
  static const char *const bad[] = {"a\"b", "a\\b", "a\nb"};
  eval_rig r;
  eval_rig_create(&r);
  const babel_bank *const banks[2] = {&r.banks[0], &r.banks[1]};
  for (int i = 0; i < 3; i++) cr_assert_eq(babel_watch_score(&r.trunks[0], banks, &r.draws[0], bad[i], 1, 1, stderr), BABEL_ERR_ARG);
  babel_error_take();
  eval_rig_destroy(&r);
}

/* ---- best on query --------------------------------------------------------------------------------------------------------------------------- */

/* Seed 0 has seen the matrices of trunks 0, 1, 2 at three epochs, seed 1 those of 1 and 2; lines of another protocol are better than any. */
static void write_watches(const eval_rig *r, const char *paths[2]) {
  paths[0] = scratch("seed0.jsonl");
  paths[1] = scratch("seed1.jsonl");
  for (int seed = 0; seed < 2; seed++) {
    FILE *lines = fopen(paths[seed], "w");
    fprintf(lines, "{\"protocol\": \"other\", \"scores\": 100}\n");
    for (int trunk = seed; trunk < 3; trunk++) score(r, trunk, "made_up", 10 * trunk, lines);
    fclose(lines);
  }
}

static const babel_result *find_best(const babel_results *results, int input, int head) {
  static const char *const fusions[] = {"", "", "sum", "weighted", "concat"};
  char text[64];
  for (int i = 0; i < results->count; i++) {
    const babel_result *row = &results->rows[i];
    if (row->kind != BABEL_RESULT_ONESHOT || strcmp(row->scoring, "best-on-query") || strcmp(row->head, heads[head]) || strcmp(row->fusion, fusions[input])) continue;
    if (input < BABEL_INPUT_SUM && strcmp(babel_names_join(&row->modalities, "+", text, sizeof text), names[input])) continue;
    return row;
  }
  return NULL;
}

static babel_results evaluate(const babel_evaluation *evaluation) {
  babel_results results = {0};
  cr_assert_eq(babel_evaluate(evaluation, &results), BABEL_OK, "%s", babel_error_last()->sentence);
  return results;
}

Test(eval_watch, best_on_query_is_the_highest_epoch_of_each_draw_and_seed) {
  double scores[3][BABEL_INPUT_COUNT][2][RIG_DRAWS];
  const char *paths[2];
  eval_rig r;
  eval_rig_create(&r);
  write_watches(&r, paths);
  babel_evaluation evaluation = eval_rig_evaluation(&r);
  evaluation.heads |= 1u << BABEL_HEAD_RIDGE;
  for (int seed = 0; seed < 2; seed++) evaluation.folds[0].watch[seed] = paths[seed];
  for (int trunk = 0; trunk < 3; trunk++) expect(&r, trunk, scores[trunk]);
  babel_results results = evaluate(&evaluation);
  int rises = 0;
  for (int input = 0; input < BABEL_INPUT_COUNT; input++)
    for (int head = 0; head < 2; head++) {
      double mean = 0, square = 0, v[RIG_DRAWS][2];
      for (int d = 0; d < RIG_DRAWS; d++) {
        v[d][1] = fmax(scores[1][input][head][d], scores[2][input][head][d]);
        v[d][0] = fmax(scores[0][input][head][d], v[d][1]);
        rises += v[d][0] > v[d][1];
        mean += (v[d][0] + v[d][1]) / (2 * RIG_DRAWS);
      }
      for (int d = 0; d < RIG_DRAWS; d++) square += (pow(v[d][0] - mean, 2) + pow(v[d][1] - mean, 2)) / (2 * RIG_DRAWS);
      const babel_result *row = find_best(&results, input, head);
      cr_assert_not_null(row);
      cr_assert_float_eq(row->mean, mean, 2e-6);
      cr_assert_float_eq(row->sd, sqrt(square), 2e-6);
      cr_assert(isfinite(row->gain) && row->draws == RIG_DRAWS && row->seeds == 2);
      cr_assert_str_eq(row->features, "aligned");
    }
  cr_assert_gt(rises, 0, "the first epoch must matter somewhere");
  babel_results_destroy(&results);
  evaluation.heads = 1u << BABEL_HEAD_NEAREST; /* only heads that were asked for */
  results = evaluate(&evaluation);
  cr_assert(find_best(&results, 0, 0) && !find_best(&results, 0, 1));
  babel_results_destroy(&results);
  eval_rig_destroy(&r);
}

Test(eval_watch, without_the_scores_of_every_run_there_is_no_such_row) {
  const char *paths[2];
  eval_rig r;
  eval_rig_create(&r);
  write_watches(&r, paths);
  babel_evaluation evaluation = eval_rig_evaluation(&r);
  const char *cases[][2] = {{paths[0], NULL}, {NULL, paths[1]}, {paths[0], "not-there.jsonl"}, {paths[0], scratch("empty.jsonl")}};
  fclose(fopen(cases[3][1], "w"));
  for (int i = 0; i < 4; i++) {
    for (int seed = 0; seed < 2; seed++) evaluation.folds[0].watch[seed] = cases[i][seed];
    babel_results results = evaluate(&evaluation);
    cr_assert_null(find_best(&results, 0, 0), "case %d", i);
    cr_assert_eq(results.count, 3 + 5 + 2);
    babel_results_destroy(&results);
  }
  evaluation.folds[0].watch[0] = paths[0];
  evaluation.folds[0].watch[1] = paths[1];
  evaluation.protocol = "unwatched";
  babel_results results = evaluate(&evaluation);
  cr_assert_null(find_best(&results, 0, 0));
  babel_results_destroy(&results);
  eval_rig_destroy(&r);
}

/* Three scores each, `list` in one place. */
static void write_damaged(const char *path, const char *list) {
  FILE *lines = fopen(path, "w");
  fprintf(lines, "{\"protocol\": \"other\"}\n{\"protocol\": \"made_up\", \"scores\": {");
  for (int input = 0; input < BABEL_INPUT_COUNT; input++)
    fprintf(lines, "%s\"%s\": {\"nearest\": [1, 2, 3.5], \"ridge\": %s}", input ? ", " : "", names[input], input == 2 ? list : "[1, 2, 3]");
  fprintf(lines, "}}\n");
  fclose(lines);
}

static void refused(const babel_evaluation *evaluation, const char *text) {
  babel_results results = {0};
  cr_assert_eq(babel_evaluate(evaluation, &results), BABEL_ERR_FORMAT, "%s", text);
  cr_assert_not_null(strstr(babel_error_last()->sentence, text), "%s", babel_error_last()->sentence);
  cr_assert_not_null(strstr(babel_error_last()->sentence, "damaged.jsonl: line 2"), "%s", babel_error_last()->sentence);
  babel_error_take();
}

Test(eval_watch, damaged_lines_are_named_with_file_and_line) {
  static const struct {
    const char *list, *text;
  } cases[] = {{"[1, 2]", "imu+skeleton, head ridge: expected 3 scores, found 2"}, {"[1, 2, 3, 4]", "found 4"}, {"5", "found 0"},
               {"[1, \"2\", 3]", "score 1 is no number from 0 to 100"}, {"[1, 2, 100.5]", "score 2 is no number"}, {"[-0.5, 2, 3]", "score 0 is no number"}};
  const char *path = scratch("damaged.jsonl");
  eval_rig r;
  eval_rig_create(&r);
  babel_evaluation evaluation = eval_rig_evaluation(&r);
  evaluation.folds[0].watch[1] = path;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_damaged(path, cases[i].list);
    refused(&evaluation, cases[i].text);
  }
  static const char *const broken[] = {"{\"protocol\": \"made_up\", \"sco", "[1, 2]", "{\"protocol\": 5}", "{\"a\": 1}",
                                       "{\"protocol\": \"x\", \"protocol\": \"made_up\"}"};
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    FILE *lines = fopen(path, "w");
    fprintf(lines, "{\"protocol\": \"other\"}\n%s\n", broken[i]);
    fclose(lines);
    refused(&evaluation, "expected a JSON object with a protocol");
  }
  eval_rig_destroy(&r);
}

/* More draws than a short line holds. */
Test(eval_watch, lines_may_be_long) {
  enum { DRAWS = 900 };
  const char *path = scratch("long.jsonl");
  eval_rig r;
  double values[BABEL_ROW_KINDS * BABEL_INPUT_COUNT * BABEL_HEAD_COUNT * DRAWS];
  babel_tally tally = {.draws = DRAWS, .seeds = 1, .values = values};
  eval_rig_create(&r);
  const babel_bank *const banks[2] = {&r.banks[0], &r.banks[1]};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) values[i] = (double)NAN;
  FILE *lines = fopen(path, "w");
  fprintf(lines, "{\"protocol\": \"p\", \"scores\": {");
  for (int input = 0; input < BABEL_INPUT_COUNT; input++)
    for (int head = 0; head < 2; head++) {
      if (!head) fprintf(lines, "%s\"%s\": {", input ? ", " : "", names[input]);
      fprintf(lines, "%s\"%s\": [", head ? ", " : "", heads[head]);
      for (int d = 0; d < DRAWS; d++) fprintf(lines, "%s%.6f", d ? ", " : "", d / 10.0);
      fprintf(lines, head ? "]}" : "]");
    }
  fprintf(lines, "}}\n");
  fclose(lines);
  cr_assert_eq(babel_watch_best(path, "p", banks, &tally, 0), BABEL_OK, "%s", babel_error_last()->sentence);
  for (int input = 0; input < BABEL_INPUT_COUNT; input++)
    for (int d = 0; d < DRAWS; d++) cr_assert_float_eq(babel_tally_slot(&tally, BABEL_ROW_BEST, input, 1)[d], d / 10.0, 1e-9);
  eval_rig_destroy(&r);
}
