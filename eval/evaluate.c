#include "eval/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/range.h"
#include "eval/evaluate_rows.h"

static babel_status create_tally(babel_tally *tally, int draws, int seeds) {
  void *memory;
  size_t count = (size_t)BABEL_ROW_KINDS * BABEL_INPUT_COUNT * BABEL_HEAD_COUNT * (size_t)draws * (size_t)seeds;
  *tally = (babel_tally){.draws = draws, .seeds = seeds};
  BABEL_TRY(babel_alloc(&memory, count, sizeof(double)));
  tally->values = memory;
  for (size_t i = 0; i < count; i++) tally->values[i] = (double)NAN;
  return BABEL_OK;
}

typedef struct {
  const babel_evaluation *evaluation;
  const babel_paired *paired;
  const babel_fold *fold;
  babel_episodes episodes;
  babel_tally *tally;
  babel_inputs raw, seeds;     /* raw features; embeddings of all seeds side by side */
  babel_class_report *classes; /* [kind][input][head], kinds raw and aligned, or NULL */
} fold_job;

/* What a prediction line or class line is called. */
static babel_status describe(const fold_job *job, babel_row_kind kind, int input, int head, babel_result *row) {
  return babel_describe_row(job->evaluation, job->fold->trunks[0], kind, input, head, row);
}

static babel_status keep(fold_job *job, babel_row_kind kind, int seed, const babel_inputs *inputs, unsigned heads, const babel_oneshot_job *jobs) {
  int count = job->episodes.count;
  for (int input = 0, at = 0; input < BABEL_INPUT_COUNT; input++) {
    if (!inputs->x[input]) continue;
    for (int draw = 0; draw < count; draw++, at++)
      for (int head = 0; head < BABEL_HEAD_COUNT; head++) {
        if (!(heads >> head & 1)) continue;
        const babel_oneshot *result = &jobs[at].results[head];
        babel_result row;
        babel_tally_slot(job->tally, kind, input, head)[draw * job->tally->seeds + seed] = result->accuracy;
        if (job->classes && kind <= BABEL_ROW_ALIGNED)
          BABEL_TRY(babel_class_report_add(&job->classes[babel_class_index(kind, input, head)], jobs[at].points, jobs[at].episode, result));
        if (!job->evaluation->predictions) continue;
        BABEL_TRY(describe(job, kind, input, head, &row));
        BABEL_TRY(babel_predictions_add(job->evaluation->predictions, &row, babel_row_has_seeds(kind) ? job->fold->trunks[seed]->config.seed : 0, draw, job->paired->keys, result));
      }
  }
  return BABEL_OK;
}

/* All inputs of one seed (or the raw ones) through all heads and draws. */
static babel_status score(fold_job *job, babel_row_kind kind, int seed, const babel_inputs *inputs) {
  babel_points points[BABEL_INPUT_COUNT];
  void *memory;
  int count = 0;
  const babel_config *config = &job->fold->trunks[seed]->config;
  const bool extra = kind == BABEL_ROW_ENSEMBLE || kind == BABEL_ROW_PLUS_RAW; /* rows beside the others: the headline head says enough */
  const unsigned heads = extra ? job->evaluation->heads & 1u << BABEL_HEAD_NEAREST : job->evaluation->heads;
  BABEL_TRY(babel_alloc(&memory, (size_t)BABEL_INPUT_COUNT * (size_t)job->episodes.count, sizeof(babel_oneshot_job)));
  babel_oneshot_job *jobs = memory;
  for (int input = 0; input < BABEL_INPUT_COUNT; input++) {
    if (!inputs->x[input]) continue;
    points[input] = (babel_points){.x = inputs->x[input], .labels = job->paired->labels, .rows = job->paired->n, .width = inputs->width[input]};
    for (int draw = 0; draw < job->episodes.count; draw++)
      jobs[count++] = (babel_oneshot_job){.points = &points[input], .episode = &job->episodes.episodes[draw], .heads = heads,
                                          .seed = babel_head_seed(config->seed, draw)};
  }
  babel_status status = babel_oneshot_run(jobs, count, config, job->fold->trunks[seed]->ops);
  if (status == BABEL_OK) {
    status = keep(job, kind, seed, inputs, heads, jobs);
    babel_oneshot_destroy(jobs, count);
  }
  free(jobs);
  return status;
}

static babel_status score_raw(fold_job *job) {
  const char **train = NULL;
  int count = 0;
  BABEL_TRY(babel_split_keys(job->fold->split, BABEL_PART_TRAIN, &train, &count));
  babel_status status = babel_inputs_raw(&job->raw, job->paired, train, count);
  free(train);
  BABEL_TRY(status);
  return score(job, BABEL_ROW_RAW, 0, &job->raw);
}

/* Embedding and raw features side by side, and the seeds' embeddings so far side by side. */
static babel_status score_extra(fold_job *job, int seed, const babel_inputs *aligned) {
  babel_inputs joined;
  BABEL_TRY(babel_inputs_join(&joined, aligned, &job->raw, job->paired->n));
  babel_status status = score(job, BABEL_ROW_PLUS_RAW, seed, &joined);
  babel_inputs_destroy(&joined);
  BABEL_TRY(status);
  if (!seed) return babel_inputs_copy(&job->seeds, aligned, job->paired->n);
  BABEL_TRY(babel_inputs_join(&joined, &job->seeds, aligned, job->paired->n));
  babel_inputs_destroy(&job->seeds);
  job->seeds = joined;
  return BABEL_OK;
}

/* Retrieval among the samples that take part in the protocol, both directions, on the aligned output. */
static babel_status score_retrieval(fold_job *job, int seed) {
  const babel_trunk *trunk = job->fold->trunks[seed];
  size_t width = (size_t)trunk->config.embed_dim, n = (size_t)job->paired->n;
  void *memory;
  float *x[2] = {NULL};
  int *labels = NULL, used = 0;
  babel_status status = BABEL_OK;
  for (int s = 0; s < 2; s++) {
    BABEL_TRY_OR(babel_alloc(&memory, n * width, sizeof(float)), done);
    x[s] = memory;
    BABEL_TRY_OR(babel_paired_embed(job->paired, s, trunk, BABEL_OUTPUT_ALIGNED, x[s]), done);
  }
  BABEL_TRY_OR(babel_alloc(&memory, 2 * n, sizeof(int)), done);
  labels = memory;
  int *taken = labels + n;
  for (int draw = 0; draw < job->episodes.count; draw++) {
    const babel_episode *episode = &job->episodes.episodes[draw];
    for (int i = 0; i < episode->support_count; i++) taken[episode->support[i]] = 1;
    for (int i = 0; i < episode->query_count; i++) taken[episode->query[i]] = 1;
  }
  for (size_t i = 0; i < n; i++) {
    if (!taken[i]) continue;
    for (int s = 0; s < 2; s++) memmove(x[s] + (size_t)used * width, x[s] + i * width, width * sizeof(float));
    labels[used++] = job->paired->labels[i];
  }
  for (int direction = 0; direction < 2 && status == BABEL_OK; direction++)
    status = babel_retrieval_score(&job->tally->retrieval[direction][seed], trunk->ops, x[direction], x[!direction], labels, used, (int)width);
done:
  free(x[0]);
  free(x[1]);
  free(labels);
  return status;
}

static babel_status run_fold(fold_job *job) {
  const babel_evaluation *evaluation = job->evaluation;
  int seeds = job->fold->seeds;
  if (job->fold->draws) BABEL_TRY(babel_episodes_from_draws(&job->episodes, job->fold->draws, job->paired->keys, job->paired->n));
  else BABEL_TRY(babel_episodes_from_split(&job->episodes, job->fold->split, job->paired->keys, job->paired->n));
  BABEL_TRY(create_tally(job->tally, job->episodes.count, seeds));
  if (evaluation->raw) BABEL_TRY(score_raw(job));
  for (int seed = 0; seed < seeds; seed++) {
    babel_inputs inputs;
    BABEL_TRY(babel_inputs_aligned(&inputs, job->paired, job->fold->trunks[seed]));
    babel_status status = score(job, BABEL_ROW_ALIGNED, seed, &inputs);
    if (status == BABEL_OK && evaluation->extra) status = score_extra(job, seed, &inputs);
    babel_inputs_destroy(&inputs);
    BABEL_TRY(status);
    BABEL_TRY(score_retrieval(job, seed));
    if (job->fold->watch[seed]) BABEL_TRY(babel_watch_best(job->fold->watch[seed], evaluation->protocol, evaluation->bank, job->tally, seed));
  }
  return evaluation->extra && seeds > 1 ? score(job, BABEL_ROW_ENSEMBLE, 0, &job->seeds) : BABEL_OK;
}

/* A text that labels rows: it must fit its field and keep the columns of the CSV files apart. */
static babel_status check_label(const char *what, const char *text, size_t size) {
  if (strlen(text) >= size) return BABEL_FAIL(BABEL_ERR_ARG, "%s %.60s: longer than %zu characters", what, text, size - 1);
  if (!*text || strpbrk(text, ",\"\r\n"))
    return BABEL_FAIL(BABEL_ERR_ARG, "%s \"%s\": expected a text without commas, quotes and line ends", what, text);
  return BABEL_OK;
}

static int draw_count(const babel_fold *fold) {
  return fold->draws ? fold->draws->count : 1;
}

static babel_status check_fold(const babel_evaluation *evaluation, int f) {
  const babel_fold *fold = &evaluation->folds[f], *first = &evaluation->folds[0];
  const char *protocol = evaluation->protocol;
  if (fold->seeds < 1) return BABEL_FAIL(BABEL_ERR_ARG, "protocol %s: fold %d has no trunk", protocol, f);
  if (!fold->draws && !fold->split) return BABEL_FAIL(BABEL_ERR_ARG, "protocol %s: fold %d has neither draws nor a split", protocol, f);
  if (fold->seeds != first->seeds) return BABEL_FAIL(BABEL_ERR_ARG, "protocol %s: fold %d has %d trunks, fold 0 has %d", protocol, f, fold->seeds, first->seeds);
  if (draw_count(fold) != draw_count(first))
    return BABEL_FAIL(BABEL_ERR_ARG, "protocol %s: fold %d has %d draws, fold 0 has %d", protocol, f, draw_count(fold), draw_count(first));
  if (evaluation->raw && !fold->split)
    return BABEL_FAIL(BABEL_ERR_ARG, "protocol %s: raw rows need the split file: its train part gives their statistics", protocol);
  for (int seed = 0; seed < fold->seeds; seed++)
    for (int s = 0; s < 2; s++)
      if (!babel_trunk_tower(fold->trunks[seed], evaluation->bank[s]->modality))
        return BABEL_FAIL(BABEL_ERR_ARG, "%s has no tower for %s", fold->trunks[seed]->path, evaluation->bank[s]->modality);
  return BABEL_OK;
}

static babel_status check(const babel_evaluation *evaluation) {
  const babel_bank *const *bank = evaluation->bank;
  babel_result row; /* for the sizes of its fields */
  BABEL_TRY(check_label("protocol", evaluation->protocol, sizeof row.protocol));
  if (evaluation->name) BABEL_TRY(check_label("name", evaluation->name, sizeof row.preset));
  if (!strcmp(bank[0]->modality, bank[1]->modality))
    return BABEL_FAIL(BABEL_ERR_ARG, "%s and %s both hold %s: a pair needs two modalities", bank[0]->path, bank[1]->path, bank[0]->modality);
  if (evaluation->extra && !evaluation->raw) return BABEL_FAIL(BABEL_ERR_ARG, "protocol %s: aligned + raw rows need the raw ones", evaluation->protocol);
  if (evaluation->fold_count < 1) return BABEL_FAIL(BABEL_ERR_ARG, "protocol %s: no trunk to evaluate", evaluation->protocol);
  for (int f = 0; f < evaluation->fold_count; f++) BABEL_TRY(check_fold(evaluation, f));
  return BABEL_OK;
}

static int class_count(const babel_paired *paired) {
  int most = 0;
  for (int i = 0; i < paired->n; i++)
    if (paired->labels[i] >= most) most = paired->labels[i] + 1;
  return most;
}

babel_status babel_evaluate(const babel_evaluation *evaluation, babel_results *results) {
  BABEL_RANGE("evaluation");
  babel_tally tallies[BABEL_MAX_FOLDS] = {0};
  babel_class_report classes[BABEL_CLASS_REPORTS] = {0};
  babel_paired paired;
  babel_status status;
  BABEL_TRY(check(evaluation));
  BABEL_TRY(babel_paired_create(&paired, evaluation->bank));
  paired.member = evaluation->member;
  for (int i = 0; i < BABEL_CLASS_REPORTS && evaluation->classes; i++) BABEL_TRY_OR(babel_class_report_create(&classes[i], class_count(&paired)), done);
  for (int f = 0; f < evaluation->fold_count; f++) {
    fold_job job = {.evaluation = evaluation, .paired = &paired, .fold = &evaluation->folds[f], .tally = &tallies[f], .classes = evaluation->classes ? classes : NULL};
    status = run_fold(&job);
    babel_episodes_destroy(&job.episodes);
    babel_inputs_destroy(&job.raw);
    babel_inputs_destroy(&job.seeds);
    if (status != BABEL_OK) goto done;
  }
  BABEL_TRY_OR(babel_evaluate_rows(evaluation, tallies, results), done);
  if (evaluation->classes) status = babel_evaluate_classes(evaluation, classes);
done:
  for (int f = 0; f < BABEL_MAX_FOLDS; f++) free(tallies[f].values);
  for (int i = 0; i < BABEL_CLASS_REPORTS; i++) babel_class_report_destroy(&classes[i]);
  babel_paired_destroy(&paired);
  return status;
}
