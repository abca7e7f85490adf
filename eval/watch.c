#include "eval/watch.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/file.h"
#include "core/range.h"
#include "eval/evaluate_rows.h"

static const unsigned watched_heads = 1u << BABEL_HEAD_NEAREST | 1u << BABEL_HEAD_RIDGE;

/* "imu", "skeleton", "imu+skeleton", "imu*skeleton" (weighted sum), "imu|skeleton" (concatenated). */
static void input_name(const babel_bank *const banks[2], int input, char name[80]) {
  if (input < BABEL_INPUT_SUM) snprintf(name, 80, "%s", banks[input]->modality);
  else snprintf(name, 80, "%s%c%s", banks[0]->modality, input == BABEL_INPUT_SUM ? '+' : input == BABEL_INPUT_WEIGHTED ? '*' : '|', banks[1]->modality);
}

static void write_scores(FILE *lines, const babel_bank *const banks[2], const babel_oneshot_job *jobs, int draws) {
  char name[80], number[32];
  for (int input = 0; input < BABEL_INPUT_COUNT; input++) {
    input_name(banks, input, name);
    fprintf(lines, "%s\"%s\": {", input ? ", " : "", name);
    for (int head = 0; head <= BABEL_HEAD_RIDGE; head++) {
      fprintf(lines, "%s\"%s\": [", head ? ", " : "", babel_head_name((babel_head)head));
      for (int d = 0; d < draws; d++) {
        babel_format_double(round(1e6 * jobs[input * draws + d].results[head].accuracy) / 1e6, number);
        fprintf(lines, "%s%s", d ? ", " : "", number);
      }
      fputc(']', lines);
    }
    fputc('}', lines);
  }
}

babel_status babel_watch_score(const babel_trunk *trunk, const babel_bank *const banks[2], const babel_draws *draws, const char *protocol,
                               int64_t step, int epoch, FILE *lines) {
  BABEL_RANGE("evaluation");
  babel_paired paired = {0};
  babel_inputs inputs = {0};
  babel_episodes episodes = {0};
  babel_oneshot_job *jobs = NULL;
  babel_points points[BABEL_INPUT_COUNT];
  void *memory;
  int count = BABEL_INPUT_COUNT * draws->count;
  babel_status status;
  for (const char *c = protocol; *c; c++)
    if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ') return BABEL_FAIL(BABEL_ERR_ARG, "protocol %s: quotes, backslashes and control characters cannot name scores", protocol);
  BABEL_TRY_OR(babel_paired_create(&paired, banks), done);
  BABEL_TRY_OR(babel_episodes_from_draws(&episodes, draws, paired.keys, paired.n), done);
  BABEL_TRY_OR(babel_inputs_aligned(&inputs, &paired, trunk), done);
  BABEL_TRY_OR(babel_alloc(&memory, (size_t)count, sizeof *jobs), done);
  jobs = memory;
  for (int i = 0; i < count; i++) {
    int input = i / draws->count;
    points[input] = (babel_points){.x = inputs.x[input], .labels = paired.labels, .rows = paired.n, .width = inputs.width[input]};
    jobs[i] = (babel_oneshot_job){.points = &points[input], .episode = &episodes.episodes[i % draws->count], .heads = watched_heads};
  }
  BABEL_TRY_OR(babel_oneshot_run(jobs, count, &trunk->config, trunk->ops), done);
  fprintf(lines, "{\"protocol\": \"%s\", \"step\": %lld, \"epoch\": %d, \"scores\": {", protocol, (long long)step, epoch);
  write_scores(lines, banks, jobs, draws->count);
  fprintf(lines, "}}\n");
  babel_oneshot_destroy(jobs, count);
done:
  free(jobs);
  babel_inputs_destroy(&inputs);
  babel_episodes_destroy(&episodes);
  babel_paired_destroy(&paired);
  return status;
}

/* One list of scores into the running maximum. */
static babel_status take_list(const json_t *list, const char *where, double *best, const babel_tally *tally) {
  if (json_array_size(list) != (size_t)tally->draws)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected %d scores, found %zu", where, tally->draws, json_array_size(list));
  for (int d = 0; d < tally->draws; d++) {
    const json_t *score = json_array_get(list, (size_t)d);
    double value = json_number_value(score);
    if (!json_is_number(score) || value < 0 || value > 100) return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: score %d is no number from 0 to 100", where, d);
    if (!(best[d * tally->seeds] >= value)) best[d * tally->seeds] = value;
  }
  return BABEL_OK;
}

static babel_status take_best(const json_t *line, const char *path, int number, const babel_bank *const banks[2], const babel_tally *tally, int seed) {
  char name[80], where[1200];
  for (int input = 0; input < BABEL_INPUT_COUNT; input++) {
    input_name(banks, input, name);
    const json_t *scores = json_object_get(json_object_get(line, "scores"), name);
    for (int head = 0; head <= BABEL_HEAD_RIDGE; head++) {
      const char *head_name = babel_head_name((babel_head)head);
      snprintf(where, sizeof where, "%s: line %d: %s, head %s", path, number, name, head_name);
      BABEL_TRY(take_list(json_object_get(scores, head_name), where, babel_tally_slot(tally, BABEL_ROW_BEST, input, head) + seed, tally));
    }
  }
  return BABEL_OK;
}

babel_status babel_watch_best(const char *path, const char *protocol, const babel_bank *const banks[2], const babel_tally *tally, int seed) {
  babel_file file;
  void *memory = NULL;
  if (!babel_file_exists(path)) return BABEL_OK;
  if (babel_file_open(&file, path) != BABEL_OK) { /* empty: the run watched nothing */
    babel_error error = babel_error_take();
    if (error.status == BABEL_ERR_FORMAT) return BABEL_OK;
    babel_error_put(&error);
    return error.status;
  }
  babel_status status = babel_alloc(&memory, file.size + 1, 1); /* room for the longest line there can be */
  char *text = memory;
  babel_lines lines = {.file = &file};
  while (status == BABEL_OK && babel_lines_next(&lines, text, file.size + 1, &status)) {
    json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const char *name = json_string_value(json_object_get(line, "protocol"));
    if (!name) status = BABEL_FAIL(BABEL_ERR_FORMAT, "%s: line %d: expected a JSON object with a protocol", path, lines.number);
    else if (!strcmp(name, protocol)) status = take_best(line, path, lines.number, banks, tally, seed);
    json_decref(line);
  }
  free(text);
  babel_file_close(&file);
  return status;
}
