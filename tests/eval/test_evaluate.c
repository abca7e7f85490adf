/* Every row of an evaluation against numbers worked out from the rig's matrices. */
#include <criterion/criterion.h>

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/evaluate_rows.h"
#include "tests/eval/eval_rig.h"
#include "tests/support/paths.h"

#define NEAREST (1u << BABEL_HEAD_NEAREST)
#define RIDGE (1u << BABEL_HEAD_RIDGE)
#define TRANSDUCTIVE (1u << BABEL_HEAD_TRANSDUCTIVE)
#define LIMIT 2e-6 /* results are rounded to six decimals */

static int sample_of(const char *key) {
  return atoi(key + 1);
}

/* Accuracy [%] of the nearest class embedding, from the definition: support samples are one a class or averaged as unit vectors. */
static double nearest(double x[RIG_SAMPLES][RIG_WIDEST], int width, char *const *support, int supports, char *const *query, int queries) {
  double centre[RIG_CLASSES][RIG_WIDEST] = {{0}}, credit = 0;
  for (int i = 0; i < supports; i++) {
    const double *row = x[sample_of(support[i])];
    double norm = 0;
    for (int j = 0; j < width; j++) norm += row[j] * row[j];
    for (int j = 0; j < width; j++) centre[sample_of(support[i]) % RIG_CLASSES][j] += row[j] / sqrt(norm);
  }
  for (int i = 0; i < queries; i++) {
    double best = -2, mine = -2;
    int label = sample_of(query[i]) % RIG_CLASSES;
    for (int c = 0; c < RIG_CLASSES; c++) {
      double dot = 0, norm = 0;
      for (int j = 0; j < width; j++) {
        dot += centre[c][j] * x[sample_of(query[i])][j];
        norm += centre[c][j] * centre[c][j];
      }
      dot = norm > 0 ? dot / sqrt(norm) : -1;
      if (c == label) mine = dot;
      best = fmax(best, dot);
    }
    credit += mine == best;
  }
  return 100 * credit / queries;
}

static double draw_accuracy(const eval_rig *r, const babel_draws *draws, int draw, int kind, int input, int seed, int seeds) {
  static double x[RIG_SAMPLES][RIG_WIDEST];
  const babel_draw *d = &draws->draws[draw];
  int width = eval_rig_input(r, kind, input, seed, seeds, x);
  return nearest(x, width, d->support, d->support_count, d->query, d->query_count);
}

typedef struct {
  double mean, sd, ci95;
} summary;

/* v[draw][seed]. */
static summary summarise(double v[RIG_DRAWS][RIG_SEEDS], int draws, int seeds) {
  summary s = {0, 0, 0};
  double means[RIG_DRAWS] = {0}, spread = 0;
  for (int d = 0; d < draws; d++)
    for (int k = 0; k < seeds; k++) {
      means[d] += v[d][k] / seeds;
      s.mean += v[d][k] / (draws * seeds);
    }
  for (int d = 0; d < draws; d++) {
    spread += pow(means[d] - s.mean, 2) / draws;
    for (int k = 0; k < seeds; k++) s.sd += pow(v[d][k] - s.mean, 2) / (draws * seeds);
  }
  s.sd = sqrt(s.sd);
  s.ci95 = draws > 1 ? 1.96 * sqrt(spread) / sqrt(draws) : NAN;
  return s;
}

/* Scores of one fold, and their gains over the raw rows of the same draws. Draw -1 of `draws` NULL = the release episode. */
static void fold_summary(const eval_rig *r, const babel_draws *draws, int kind, int input, int first_seed, int seeds, summary *score, summary *gain) {
  double v[RIG_DRAWS][RIG_SEEDS], g[RIG_DRAWS][RIG_SEEDS];
  int columns = kind == BABEL_ROW_RAW || kind == BABEL_ROW_ENSEMBLE ? 1 : seeds, raw = input >= BABEL_INPUT_SUM ? BABEL_INPUT_CONCAT : input;
  for (int d = 0; d < draws->count; d++)
    for (int k = 0; k < columns; k++) {
      v[d][k] = draw_accuracy(r, draws, d, kind, input, first_seed + k, seeds);
      g[d][k] = v[d][k] - draw_accuracy(r, draws, d, BABEL_ROW_RAW, raw, 0, 1);
    }
  *score = summarise(v, draws->count, columns);
  *gain = summarise(g, draws->count, columns);
}

static const babel_result *find(const babel_results *results, int kind, const char *features, int input, const char *head, const char *scoring) {
  static const char *const modalities[] = {"imu", "skeleton", "imu+skeleton", "imu+skeleton", "imu+skeleton"}, *const fusions[] = {"", "", "sum", "weighted", "concat"};
  const babel_result *found = NULL;
  char text[128];
  for (int i = 0; i < results->count; i++) {
    const babel_result *row = &results->rows[i];
    if ((int)row->kind != kind || strcmp(row->features, features) || strcmp(row->head, head) || strcmp(row->scoring, scoring)) continue;
    if (strcmp(babel_names_join(&row->modalities, "+", text, sizeof text), modalities[input]) || strcmp(row->fusion, fusions[input])) continue;
    cr_assert_null(found, "the row stands twice");
    found = row;
  }
  return found;
}

static void check_number(const char *what, double found, double expected) {
  cr_assert(isnan(expected) ? isnan(found) : fabs(found - expected) <= LIMIT, "%s: %.7f, expected %.7f", what, found, expected);
}

static void check_row(const babel_result *row, summary score, const summary *gain, int draws, int seeds) {
  cr_assert_not_null(row);
  check_number("mean", row->mean, score.mean);
  check_number("sd", row->sd, score.sd);
  check_number("ci95", row->ci95, score.ci95);
  check_number("gain", row->gain, gain ? gain->mean : NAN);
  check_number("gain_ci95", row->gain_ci95, gain ? gain->ci95 : NAN);
  cr_assert(row->draws == draws && row->seeds == seeds);
}

static const char *const kind_features[] = {"raw", "aligned", "ensemble", "aligned+raw"};

static void check_kind(const eval_rig *r, const babel_results *results, int kind, int seeds) {
  for (int input = 0; input < BABEL_INPUT_COUNT; input++) {
    const babel_result *row = find(results, BABEL_RESULT_ONESHOT, kind_features[kind], input, "nearest", "last");
    summary score, gain;
    if (kind == BABEL_ROW_RAW && (input == BABEL_INPUT_SUM || input == BABEL_INPUT_WEIGHTED)) {
      cr_assert_null(row);
      continue;
    }
    fold_summary(r, &r->draws[0], kind, input, 0, seeds, &score, &gain);
    check_row(row, score, kind == BABEL_ROW_RAW ? NULL : &gain, RIG_DRAWS, babel_row_has_seeds((babel_row_kind)kind) ? seeds : 1);
  }
}

static void run(const babel_evaluation *evaluation, babel_results *results) {
  memset(results, 0, sizeof *results);
  cr_assert_eq(babel_evaluate(evaluation, results), BABEL_OK, "%s", babel_error_last()->sentence);
}

Test(eval_evaluate, raw_and_aligned_rows_are_the_means_over_draws_and_seeds) {
  eval_rig r;
  babel_results results;
  eval_rig_create(&r);
  babel_evaluation evaluation = eval_rig_evaluation(&r);
  run(&evaluation, &results);
  cr_assert_eq(results.count, 3 + 5 + 2, "three raw rows, five aligned, two of retrieval");
  check_kind(&r, &results, BABEL_ROW_RAW, 2);
  check_kind(&r, &results, BABEL_ROW_ALIGNED, 2);
  const babel_result *a = find(&results, BABEL_RESULT_ONESHOT, "aligned", BABEL_INPUT_A, "nearest", "last");
  const babel_result *sum = find(&results, BABEL_RESULT_ONESHOT, "aligned", BABEL_INPUT_SUM, "nearest", "last");
  cr_assert(a->mean > 20 && a->mean < 100 && sum->sd > 0, "the rig must leave something to measure: %g, %g", a->mean, sum->sd);
  babel_results_destroy(&results);
  eval_rig_destroy(&r);
}

Test(eval_evaluate, rows_say_what_they_were_made_of) {
  eval_rig r;
  babel_results results;
  eval_rig_create(&r);
  babel_evaluation evaluation = eval_rig_evaluation(&r);
  run(&evaluation, &results);
  const babel_result *a = find(&results, BABEL_RESULT_ONESHOT, "aligned", BABEL_INPUT_A, "nearest", "last");
  cr_assert_str_eq(a->dataset, "tiny");
  cr_assert_str_eq(a->protocol, "made_up");
  cr_assert_str_eq(a->preset, "best");
  cr_assert(a->encoders.count == 1 && !strcmp(a->encoders.names[0], "user"), "a bank without an encoder holds a user's own features");
  cr_assert(a->trunk_encoders.count == 2 && !strcmp(a->trunk_encoders.names[0], "imu_stats") && !strcmp(a->trunk_encoders.names[1], "shift_gcn"));
  const babel_result *b = find(&results, BABEL_RESULT_ONESHOT, "aligned", BABEL_INPUT_WEIGHTED, "nearest", "last");
  cr_assert(b->encoders.count == 2 && !strcmp(b->encoders.names[1], "st_gcn"));
  babel_results_destroy(&results);

  evaluation.name = "best_shuffled";
  evaluation.features = "shuffled";
  run(&evaluation, &results);
  for (int i = 0; i < results.count; i++) cr_assert_str_eq(results.rows[i].preset, "best_shuffled");
  cr_assert_null(find(&results, BABEL_RESULT_ONESHOT, "aligned", BABEL_INPUT_A, "nearest", "last"));
  check_number("shuffled", find(&results, BABEL_RESULT_ONESHOT, "shuffled", BABEL_INPUT_A, "nearest", "last")->mean,
               draw_accuracy(&r, &r.draws[0], 0, BABEL_ROW_ALIGNED, 0, 0, 1) / 6 + draw_accuracy(&r, &r.draws[0], 0, BABEL_ROW_ALIGNED, 0, 1, 1) / 6 +
                   draw_accuracy(&r, &r.draws[0], 1, BABEL_ROW_ALIGNED, 0, 0, 1) / 6 + draw_accuracy(&r, &r.draws[0], 1, BABEL_ROW_ALIGNED, 0, 1, 1) / 6 +
                   draw_accuracy(&r, &r.draws[0], 2, BABEL_ROW_ALIGNED, 0, 0, 1) / 6 + draw_accuracy(&r, &r.draws[0], 2, BABEL_ROW_ALIGNED, 0, 1, 1) / 6);
  cr_assert_not_null(find(&results, BABEL_RESULT_ONESHOT, "raw", BABEL_INPUT_A, "nearest", "last"), "raw rows stay raw");
  babel_results_destroy(&results);
  eval_rig_destroy(&r);
}

Test(eval_evaluate, extra_rows_are_the_seeds_side_by_side_and_embedding_beside_raw) {
  eval_rig r;
  babel_results results;
  eval_rig_create(&r);
  babel_evaluation evaluation = eval_rig_evaluation(&r);
  evaluation.extra = true;
  evaluation.folds[0].seeds = 3;
  evaluation.folds[0].trunks[2] = &r.trunks[2];
  run(&evaluation, &results);
  cr_assert_eq(results.count, 3 + 5 + 5 + 5 + 2);
  for (int kind = BABEL_ROW_RAW; kind <= BABEL_ROW_PLUS_RAW; kind++) check_kind(&r, &results, kind, 3);
  babel_results_destroy(&results);

  evaluation.folds[0].seeds = 1; /* one seed is no ensemble */
  run(&evaluation, &results);
  cr_assert_eq(results.count, 3 + 5 + 5 + 2);
  check_kind(&r, &results, BABEL_ROW_PLUS_RAW, 1);
  babel_results_destroy(&results);
  eval_rig_destroy(&r);
}

Test(eval_evaluate, without_raw_rows_there_are_no_gains) {
  eval_rig r;
  babel_results results;
  eval_rig_create(&r);
  babel_evaluation evaluation = eval_rig_evaluation(&r);
  evaluation.raw = false;
  evaluation.folds[0].split = NULL;
  run(&evaluation, &results);
  cr_assert_eq(results.count, 5 + 2);
  for (int input = 0; input < BABEL_INPUT_COUNT; input++) {
    summary score, gain;
    fold_summary(&r, &r.draws[0], BABEL_ROW_ALIGNED, input, 0, 2, &score, &gain);
    check_row(find(&results, BABEL_RESULT_ONESHOT, "aligned", input, "nearest", "last"), score, NULL, RIG_DRAWS, 2);
  }
  babel_results_destroy(&results);
  eval_rig_destroy(&r);
}

/* Fold 0: first draws, trunks 0 and 1; fold 1: second draws, trunks 1 and 2. */
Test(eval_evaluate, folds_are_averaged_with_the_deviation_of_their_means) {
  eval_rig r;
  babel_results results;
  eval_rig_create(&r);
  babel_evaluation evaluation = eval_rig_evaluation(&r);
  evaluation.fold_count = 2;
  evaluation.folds[1] = (babel_fold){.draws = &r.draws[1], .split = &r.split, .seeds = 2, .trunks = {&r.trunks[1], &r.trunks[2]}};
  run(&evaluation, &results);
  for (int kind = BABEL_ROW_RAW; kind <= BABEL_ROW_ALIGNED; kind++)
    for (int input = 0; input < BABEL_INPUT_COUNT; input++) {
      summary score[2], gain[2];
      if (kind == BABEL_ROW_RAW && input != BABEL_INPUT_CONCAT && input >= BABEL_INPUT_SUM) continue;
      for (int f = 0; f < 2; f++) fold_summary(&r, &r.draws[f], kind, input, f, 2, &score[f], &gain[f]);
      summary mean = {(score[0].mean + score[1].mean) / 2, fabs(score[0].mean - score[1].mean) / 2, 0};
      summary gained = {(gain[0].mean + gain[1].mean) / 2, 0, 1.96 * fabs(gain[0].mean - gain[1].mean) / 2 / sqrt(2)};
      mean.ci95 = 1.96 * mean.sd / sqrt(2);
      check_row(find(&results, BABEL_RESULT_ONESHOT, kind_features[kind], input, "nearest", "last"), mean, kind ? &gained : NULL, RIG_DRAWS, kind ? 2 : 1);
    }
  babel_results_destroy(&results);
  eval_rig_destroy(&r);
}

/* Support: six hold-out samples, of which two classes have two; queries: the whole test part; one draw. */
Test(eval_evaluate, release_takes_support_and_queries_from_the_split) {
  eval_rig r;
  babel_results results;
  char *support[RIG_TEST - RIG_TRAIN], *query[RIG_SAMPLES - RIG_TEST];
  eval_rig_create(&r);
  babel_evaluation evaluation = eval_rig_evaluation(&r);
  evaluation.folds[0].draws = NULL;
  run(&evaluation, &results);
  for (int i = 0; i < RIG_TEST - RIG_TRAIN; i++) support[i] = r.split.keys[RIG_TRAIN + i];
  for (int i = 0; i < RIG_SAMPLES - RIG_TEST; i++) query[i] = r.split.keys[RIG_TEST + i];
  babel_draw draw = {.support_count = RIG_TEST - RIG_TRAIN, .query_count = RIG_SAMPLES - RIG_TEST, .support = support, .query = query};
  babel_draws draws = {.count = 1, .draws = &draw};
  for (int input = 0; input < BABEL_INPUT_COUNT; input++) {
    summary score, gain;
    fold_summary(&r, &draws, BABEL_ROW_ALIGNED, input, 0, 2, &score, &gain);
    check_row(find(&results, BABEL_RESULT_ONESHOT, "aligned", input, "nearest", "last"), score, &gain, 1, 2);
    cr_assert(isnan(score.ci95));
  }
  babel_results_destroy(&results);
  eval_rig_destroy(&r);
}

/* Every head's rows carry that head's own scores, of the seed and draw that they belong to. */
Test(eval_evaluate, other_heads_fill_rows_of_their_own) {
  static double x[RIG_SAMPLES][RIG_WIDEST];
  float points[RIG_SAMPLES * RIG_WIDEST];
  int labels[RIG_SAMPLES];
  const char *keys[RIG_SAMPLES];
  eval_rig r;
  babel_results results;
  babel_episodes episodes;
  eval_rig_create(&r);
  babel_evaluation evaluation = eval_rig_evaluation(&r);
  evaluation.heads = RIDGE | TRANSDUCTIVE | 1u << BABEL_HEAD_MLP;
  run(&evaluation, &results);
  cr_assert_eq(results.count, 3 * (3 + 5) + 2);
  cr_assert_null(find(&results, BABEL_RESULT_ONESHOT, "aligned", 0, "nearest", "last"));
  for (int i = 0; i < RIG_SAMPLES; i++) {
    keys[i] = r.split.keys[i];
    labels[i] = i % RIG_CLASSES;
  }
  cr_assert_eq(babel_episodes_from_draws(&episodes, &r.draws[0], keys, RIG_SAMPLES), BABEL_OK);
  for (int input = 0; input < BABEL_INPUT_COUNT; input++) {
    double v[BABEL_HEAD_COUNT][RIG_DRAWS][RIG_SEEDS];
    for (int seed = 0; seed < 2; seed++) {
      int width = eval_rig_input(&r, BABEL_ROW_ALIGNED, input, seed, 1, x);
      for (int i = 0; i < RIG_SAMPLES; i++)
        for (int j = 0; j < width; j++) points[i * width + j] = (float)x[i][j];
      babel_points p = {points, labels, RIG_SAMPLES, width};
      for (int d = 0; d < RIG_DRAWS; d++) {
        babel_oneshot_job job = {.points = &p, .episode = &episodes.episodes[d], .heads = evaluation.heads, .seed = babel_head_seed(40 + seed, d)};
        cr_assert_eq(babel_oneshot_run(&job, 1, &r.trunks[seed].config, NULL), BABEL_OK);
        for (int head = 0; head < BABEL_HEAD_COUNT; head++) v[head][d][seed] = job.results[head].accuracy;
        babel_oneshot_destroy(&job, 1);
      }
    }
    for (int head = BABEL_HEAD_RIDGE; head < BABEL_HEAD_COUNT; head++) {
      const babel_result *row = find(&results, BABEL_RESULT_ONESHOT, "aligned", input, babel_head_name((babel_head)head), "last");
      cr_assert_not_null(row);
      check_number(row->head, row->mean, summarise(v[head], RIG_DRAWS, 2).mean);
      check_number(row->head, row->sd, summarise(v[head], RIG_DRAWS, 2).sd);
    }
  }
  babel_episodes_destroy(&episodes);
  babel_results_destroy(&results);
  eval_rig_destroy(&r);
}

/* ---- retrieval ------------------------------------------------------------------------------------------------------------------------------ */

typedef struct {
  double recall[3], top1, median;
} searched;

static int ascending(const void *a, const void *b) {
  return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/* Samples 18 to 27 take part in the first draws: ten of the twelve of the test part. */
enum { TAKEN = 10 };

static searched search(const eval_rig *r, int from, int seed) {
  static double x[2][RIG_SAMPLES][RIG_WIDEST];
  double ranks[TAKEN];
  searched s = {{0}, 0, 0};
  for (int side = 0; side < 2; side++) eval_rig_input(r, BABEL_ROW_ALIGNED, side, seed, 1, x[side]);
  for (int i = 0; i < TAKEN; i++) {
    double own = 0, most = -2;
    int better = 0, best = 0;
    for (int c = 0; c < RIG_EMBED; c++) own += x[from][RIG_TEST + i][c] * x[!from][RIG_TEST + i][c];
    for (int j = 0; j < TAKEN; j++) {
      double cosine = 0;
      for (int c = 0; c < RIG_EMBED; c++) cosine += x[from][RIG_TEST + i][c] * x[!from][RIG_TEST + j][c];
      better += j != i && cosine > own;
      if (cosine > most) best = j;
      most = fmax(most, cosine);
    }
    ranks[i] = better + 1;
    for (int k = 0; k < 3; k++) s.recall[k] += 100.0 * (better < (const int[]){1, 5, 10}[k]) / TAKEN;
    s.top1 += 100.0 * (best % RIG_CLASSES == i % RIG_CLASSES) / TAKEN;
  }
  qsort(ranks, TAKEN, sizeof *ranks, ascending);
  s.median = (ranks[TAKEN / 2 - 1] + ranks[TAKEN / 2]) / 2;
  return s;
}

Test(eval_evaluate, retrieval_is_among_the_samples_that_take_part) {
  eval_rig r;
  babel_results results;
  eval_rig_create(&r);
  babel_evaluation evaluation = eval_rig_evaluation(&r);
  run(&evaluation, &results);
  for (int from = 0; from < 2; from++) {
    const babel_result *row = &results.rows[results.count - 2 + from];
    searched a = search(&r, from, 0), b = search(&r, from, 1);
    cr_assert(row->kind == BABEL_RESULT_RETRIEVAL && row->n == TAKEN && row->seeds == 2, "%d candidates", row->n);
    cr_assert_str_eq(row->from, from ? "skeleton" : "imu");
    cr_assert_str_eq(row->to, from ? "imu" : "skeleton");
    check_number("recall@1", row->recall1, (a.recall[0] + b.recall[0]) / 2);
    check_number("recall@5", row->recall5, (a.recall[1] + b.recall[1]) / 2);
    check_number("recall@10", row->recall10, (a.recall[2] + b.recall[2]) / 2);
    check_number("class top-1", row->class_top1, (a.top1 + b.top1) / 2);
    check_number("median rank", row->median_rank, (a.median + b.median) / 2);
  }
  babel_results_destroy(&results);

  evaluation.fold_count = 2; /* the same once more, with other trunks: the mean of the folds' means */
  evaluation.folds[1] = (babel_fold){.draws = &r.draws[0], .split = &r.split, .seeds = 2, .trunks = {&r.trunks[2], &r.trunks[2]}};
  run(&evaluation, &results);
  searched a = search(&r, 0, 0), b = search(&r, 0, 1), c = search(&r, 0, 2);
  check_number("class top-1 of folds", results.rows[results.count - 2].class_top1, ((a.top1 + b.top1) / 2 + c.top1) / 2);
  check_number("median rank of folds", results.rows[results.count - 2].median_rank, ((a.median + b.median) / 2 + c.median) / 2);
  check_number("recall@5 of folds", results.rows[results.count - 2].recall5, ((a.recall[1] + b.recall[1]) / 2 + c.recall[1]) / 2);
  babel_results_destroy(&results);
  eval_rig_destroy(&r);
}

/* ---- files of single answers ----------------------------------------------------------------------------------------------------------------- */

enum { COLUMNS = 20 };

/* Fields of a line without quotes, in place; empty ones stay. */
static int split_line(char *line, char *fields[COLUMNS]) {
  int count = 0;
  line[strcspn(line, "\n")] = 0;
  for (char *at = line; at && count < COLUMNS;) {
    fields[count++] = at;
    at = strchr(at, ',');
    if (at) *at++ = 0;
  }
  return count;
}

static int input_of(const char *modalities, const char *fusion) {
  if (!*fusion) return strcmp(modalities, "imu") ? BABEL_INPUT_B : BABEL_INPUT_A;
  return !strcmp(fusion, "sum") ? BABEL_INPUT_SUM : !strcmp(fusion, "weighted") ? BABEL_INPUT_WEIGHTED : BABEL_INPUT_CONCAT;
}

/* Both files of one evaluation with two seeds and three draws. */
static void write_files(const eval_rig *r, char predictions_path[1100], char classes_path[1100]) {
  const char *folder = babel_scratch();
  babel_predictions predictions;
  babel_results results;
  babel_evaluation evaluation = eval_rig_evaluation(r);
  snprintf(predictions_path, 1100, "%s/predictions.csv", folder);
  snprintf(classes_path, 1100, "%s/classes.csv", folder);
  cr_assert_eq(babel_predictions_create(&predictions, predictions_path), BABEL_OK);
  evaluation.predictions = &predictions;
  evaluation.classes = fopen(classes_path, "w");
  babel_evaluate_class_header(evaluation.classes, RIG_CLASSES);
  run(&evaluation, &results);
  fclose(evaluation.classes);
  cr_assert_eq(babel_predictions_commit(&predictions), BABEL_OK);
  babel_results_destroy(&results);
}

Test(eval_evaluate, predictions_hold_every_answer_of_every_row) {
  eval_rig r;
  char path[1100], other[1100], line[1024], *f[COLUMNS];
  double credit[2][BABEL_INPUT_COUNT][RIG_SEEDS][RIG_DRAWS] = {{{{0}}}};
  int count[2][BABEL_INPUT_COUNT][RIG_SEEDS][RIG_DRAWS] = {{{{0}}}};
  eval_rig_create(&r);
  write_files(&r, path, other);
  FILE *file = fopen(path, "r");
  cr_assert_not_null(fgets(line, sizeof line, file));
  cr_assert_str_eq(line, "dataset,protocol,modalities,features,preset,head,fusion,scoring,seed,draw,key,true,predicted,score,credit\n");
  while (fgets(line, sizeof line, file)) {
    cr_assert_eq(split_line(line, f), 15);
    cr_assert(!strcmp(f[0], "tiny") && !strcmp(f[1], "made_up") && !strcmp(f[4], "best") && !strcmp(f[5], "nearest") && !strcmp(f[7], "last"));
    int aligned = !strcmp(f[3], "aligned"), input = input_of(f[2], f[6]), seed = atoi(f[8]) - (aligned ? 40 : 0), draw = atoi(f[9]);
    cr_assert(seed >= 0 && seed < 2 && draw >= 0 && draw < RIG_DRAWS, "seed %s, draw %s", f[8], f[9]);
    cr_assert_eq(atoi(f[11]), sample_of(f[10]) % RIG_CLASSES, "the truth");
    cr_assert_eq(atof(f[14]) > 0, !strcmp(f[11], f[12]));
    credit[aligned][input][seed][draw] += atof(f[14]);
    count[aligned][input][seed][draw]++;
  }
  fclose(file);
  for (int aligned = 0; aligned < 2; aligned++)
    for (int input = 0; input < BABEL_INPUT_COUNT; input++)
      for (int seed = 0; seed < 2; seed++)
        for (int d = 0; d < RIG_DRAWS; d++) {
          bool there = aligned || (!seed && (input < BABEL_INPUT_SUM || input == BABEL_INPUT_CONCAT));
          int n = count[aligned][input][seed][d];
          cr_assert_eq(n, there ? 6 : 0);
          if (there) check_number("credit", 100 * credit[aligned][input][seed][d] / n, draw_accuracy(&r, &r.draws[0], d, aligned, input, seed, 1));
        }
  eval_rig_destroy(&r);
}

Test(eval_evaluate, the_class_file_sums_over_draws_and_seeds) {
  eval_rig r;
  char path[1100], other[1100], line[1024], *f[COLUMNS];
  double right[2][BABEL_INPUT_COUNT] = {{0}}, all[2][BABEL_INPUT_COUNT] = {{0}};
  int lines = 0;
  eval_rig_create(&r);
  write_files(&r, other, path);
  FILE *file = fopen(path, "r");
  cr_assert_not_null(fgets(line, sizeof line, file));
  cr_assert_str_eq(line, "dataset,protocol,modalities,features,preset,head,fusion,class,queries,accuracy,to_0,to_1,to_2,to_3,tied\n");
  for (; fgets(line, sizeof line, file); lines++) {
    cr_assert_eq(split_line(line, f), 15);
    int aligned = !strcmp(f[3], "aligned"), input = input_of(f[2], f[6]), label = atoi(f[7]), queries = 0;
    double sum = 0, accuracy = atof(f[9]);
    for (int d = 0; d < RIG_DRAWS; d++)
      for (int i = 0; i < 6; i++) queries += sample_of(r.draws[0].draws[d].query[i]) % RIG_CLASSES == label;
    cr_assert_eq(atoi(f[8]), queries * (aligned ? 2 : 1), "class %d: %s queries", label, f[8]);
    for (int c = 0; c <= RIG_CLASSES; c++) sum += atof(f[10 + c]);
    cr_assert_float_eq(sum, atof(f[8]), 1e-3, "every query went somewhere");
    cr_assert_float_eq(accuracy, 100 * atof(f[10 + label]) / atof(f[8]), 1e-3);
    right[aligned][input] += atof(f[10 + label]);
    all[aligned][input] += atof(f[8]);
  }
  fclose(file);
  cr_assert_eq(lines, (3 + 5) * RIG_CLASSES);
  for (int input = 0; input < BABEL_INPUT_COUNT; input++) {
    summary score, gain;
    fold_summary(&r, &r.draws[0], BABEL_ROW_ALIGNED, input, 0, 2, &score, &gain);
    cr_assert_float_eq(100 * right[1][input] / all[1][input], score.mean, 1e-3);
  }
  eval_rig_destroy(&r);
}

/* ---- the rest -------------------------------------------------------------------------------------------------------------------------------- */

Test(eval_evaluate, the_number_of_threads_changes_nothing) {
  eval_rig r;
  babel_results a, b;
  eval_rig_create(&r);
  babel_evaluation evaluation = eval_rig_evaluation(&r);
  evaluation.heads = NEAREST | RIDGE | TRANSDUCTIVE;
  evaluation.extra = true;
  omp_set_num_threads(1);
  run(&evaluation, &a);
  omp_set_num_threads(3);
  run(&evaluation, &b);
  cr_assert_eq(a.count, b.count);
  cr_assert_arr_eq(a.rows, b.rows, (size_t)a.count * sizeof *a.rows);
  babel_results_destroy(&a);
  babel_results_destroy(&b);
  eval_rig_destroy(&r);
}

static void refused(const babel_evaluation *evaluation, babel_status expected, const char *text) {
  babel_results results = {0};
  cr_assert_eq(babel_evaluate(evaluation, &results), expected, "expected: %s", text);
  cr_assert_not_null(strstr(babel_error_last()->sentence, text), "%s", babel_error_last()->sentence);
  cr_assert_eq(results.count, 0);
  babel_error_take();
}

Test(eval_evaluate, folds_that_do_not_fit_are_refused) {
  eval_rig r;
  eval_rig_create(&r);
  const babel_evaluation good = eval_rig_evaluation(&r);
  babel_evaluation bad = good;
  bad.fold_count = 0;
  refused(&bad, BABEL_ERR_ARG, "no trunk to evaluate");
  bad = good;
  bad.folds[0].seeds = 0;
  refused(&bad, BABEL_ERR_ARG, "fold 0 has no trunk");
  bad = good;
  bad.folds[0].draws = NULL;
  bad.folds[0].split = NULL;
  bad.raw = false;
  refused(&bad, BABEL_ERR_ARG, "neither draws nor a split");
  bad = good;
  bad.folds[0].split = NULL;
  refused(&bad, BABEL_ERR_ARG, "raw rows need the split file");
  bad = good;
  bad.fold_count = 2;
  bad.folds[1] = good.folds[0];
  bad.folds[1].seeds = 1;
  refused(&bad, BABEL_ERR_ARG, "fold 1 has 1 trunks, fold 0 has 2");
  babel_draws fewer = r.draws[1];
  fewer.count = 2;
  bad.folds[1] = good.folds[0];
  bad.folds[1].draws = &fewer;
  refused(&bad, BABEL_ERR_ARG, "fold 1 has 2 draws, fold 0 has 3");
  bad = good;
  bad.raw = false;
  bad.extra = true;
  refused(&bad, BABEL_ERR_ARG, "need the raw ones");
  eval_rig_destroy(&r);
}

Test(eval_evaluate, banks_and_trunks_that_do_not_fit_are_refused) {
  eval_rig r;
  eval_rig_create(&r);
  const babel_evaluation good = eval_rig_evaluation(&r);
  babel_evaluation bad = good;
  bad.bank[1] = good.bank[0];
  refused(&bad, BABEL_ERR_ARG, "both hold imu");
  strcpy(r.trunks[1].towers[1].name, "video");
  refused(&good, BABEL_ERR_ARG, "trunk1.safetensors has no tower for skeleton");
  strcpy(r.trunks[1].towers[1].name, "skeleton");
  babel_bank wide;
  cr_assert_eq(babel_bank_create(&wide, "skeleton", RIG_SAMPLES, 0, 1, 2), BABEL_OK);
  strcpy(wide.path, "narrow.safetensors");
  for (int i = 0; i < RIG_SAMPLES; i++) {
    wide.keys[i] = strdup(r.banks[1].keys[i]);
    wide.recordings[i] = strdup("x");
    wide.labels[i] = r.banks[1].labels[i];
    wide.features[2 * i] = (float)i;
    wide.features[2 * i + 1] = 1;
  }
  bad.bank[1] = &wide;
  refused(&bad, BABEL_ERR_SHAPE, "narrow.safetensors: 2 features a sample, but the tower skeleton of trunk0.safetensors was grown with 5");
  babel_bank_destroy(&wide);
  free(r.draws[0].draws[1].query[2]);
  r.draws[0].draws[1].query[2] = strdup("nobody");
  refused(&good, BABEL_ERR_FORMAT, "nobody");
  eval_rig_destroy(&r);
}

Test(eval_evaluate, labels_that_would_break_the_tables_are_refused) {
  eval_rig r;
  eval_rig_create(&r);
  babel_evaluation bad = eval_rig_evaluation(&r);
  bad.name = "a,b";
  refused(&bad, BABEL_ERR_ARG, "without commas");
  bad.name = "a name of thirty-two characters.";
  refused(&bad, BABEL_ERR_ARG, "longer than 31 characters");
  bad.name = "";
  refused(&bad, BABEL_ERR_ARG, "expected a text");
  bad.name = NULL;
  bad.protocol = "x\ny";
  refused(&bad, BABEL_ERR_ARG, "protocol");
  eval_rig_destroy(&r);
}
