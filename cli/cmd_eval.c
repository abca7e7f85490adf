#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli/backend.h"
#include "cli/command.h"
#include "cli/table.h"
#include "core/arena.h"
#include "core/file.h"
#include "core/log.h"
#include "data/key_index.h"
#include "eval/evaluate.h"
#include "eval/members.h"
#include "growth/manifest.h"

static const babel_option options[] = {
    {"protocol", "NAME", "paper, release, strict or strict-folds (any name; it labels the rows)"},
    {"bank", "FILE", "a feature bank; stands twice, in the order of the trunk's growth"},
    {"member", "FILE", "features of a further tower (wifi2) of a bank's sensor (wifi), same samples: that modality is the mean of both (wifi_members: mean)"},
    {"split", "FILE", "split of the draws that follow: its train part gives the statistics of the raw rows"},
    {"draws", "FILE", "draws of one fold; the trunks that follow are its seeds. `release` takes support and query from --split instead"},
    {"trunk", "FILE", "a trunk of the fold before it; one a seed"},
    {"name", "NAME", "what the rows are called instead of the trunk's preset: for ablations"},
    {"heads", "LIST", "of nearest, ridge, mlp, transductive (default nearest,ridge,mlp)"},
    {"extra", NULL, "also the ensemble of the seeds and embedding + raw features side by side"},
    {"no-raw", NULL, "leave out the rows of raw features (and with them the gains)"},
    {"features", "NAME", "label: aligned, random or shuffled (default: from the trunk and the banks)"},
    {"out", "FILE", "results.json to append rows to (made when absent)"},
    {"predictions", "FILE", "every single answer, as CSV"},
    {"classes", "FILE", "per-class accuracy and confusion, as CSV"},
    {NULL, NULL, NULL},
};

/* Files in the order of the command line. */
typedef struct {
  const babel_ops *ops;
  babel_bank bank[2], member;
  babel_split splits[BABEL_MAX_FOLDS];
  babel_draws draws[BABEL_MAX_FOLDS];
  int split_count, draw_count, trunk_count;
  babel_trunk *trunks; /* (most) */
  char (*watch)[1100];
  babel_evaluation evaluation;
  babel_results results;
} eval_job;

static babel_status new_fold(eval_job *job, babel_fold **fold) {
  if (job->evaluation.fold_count == BABEL_MAX_FOLDS) return BABEL_FAIL(BABEL_ERR_ARG, "more than %d folds", BABEL_MAX_FOLDS);
  *fold = &job->evaluation.folds[job->evaluation.fold_count++];
  (*fold)->split = job->split_count ? &job->splits[job->split_count - 1] : NULL;
  return BABEL_OK;
}

static babel_status add_trunk(eval_job *job, babel_fold *fold, const char *path) {
  if (fold->seeds == BABEL_MAX_SEEDS) return BABEL_FAIL(BABEL_ERR_ARG, "more than %d trunks in a fold", BABEL_MAX_SEEDS);
  int i = job->trunk_count;
  BABEL_TRY(babel_trunk_read(&job->trunks[i], job->ops, path));
  job->trunk_count++;
  const char *slash = strrchr(path, '/');
  snprintf(job->watch[i], sizeof job->watch[i], "%.*swatch.jsonl", slash ? (int)(slash - path + 1) : 0, path);
  fold->watch[fold->seeds] = job->watch[i];
  fold->trunks[fold->seeds++] = &job->trunks[i];
  return BABEL_OK;
}

/* --split, --draws and --trunk are read in order: each trunk belongs to the draws before it. */
static babel_status read_folds(const babel_args *args, eval_job *job) {
  babel_fold *fold = NULL;
  for (int i = 0; i < args->given_count; i++) {
    const char *name = args->given[i].option->name, *value = args->given[i].value;
    if (!strcmp(name, "split")) {
      if (job->split_count == BABEL_MAX_FOLDS) return BABEL_FAIL(BABEL_ERR_ARG, "more than %d splits", BABEL_MAX_FOLDS);
      BABEL_TRY(babel_split_read(&job->splits[job->split_count], value));
      job->split_count++;
      fold = NULL;
    } else if (!strcmp(name, "draws")) {
      BABEL_TRY(new_fold(job, &fold));
      BABEL_TRY(babel_draws_read(&job->draws[job->draw_count], value));
      fold->draws = &job->draws[job->draw_count++];
    } else if (!strcmp(name, "trunk")) {
      if (!fold) BABEL_TRY(new_fold(job, &fold)); /* protocol release: support and query from the split */
      BABEL_TRY(add_trunk(job, fold, value));
    }
  }
  return BABEL_OK;
}

static babel_status read_heads(const babel_args *args, unsigned *heads) {
  const char *list = babel_args_value(args, "heads");
  *heads = 0;
  if (!list) list = "nearest,ridge,mlp";
  for (const char *at = list; *at;) {
    size_t length = strcspn(at, ",");
    int found = -1;
    for (int h = 0; h < BABEL_HEAD_COUNT; h++)
      if (strlen(babel_head_name((babel_head)h)) == length && !strncmp(at, babel_head_name((babel_head)h), length)) found = h;
    if (found < 0) return BABEL_FAIL(BABEL_ERR_ARG, "--heads %s: expected nearest, ridge, mlp, transductive, with commas between", list);
    *heads |= 1u << found;
    at += length + (at[length] == ',');
  }
  return *heads ? BABEL_OK : BABEL_FAIL(BABEL_ERR_ARG, "--heads is empty");
}

/* Whether a bank's provenance says yes under this key. */
static babel_status provenance_says(const babel_bank *bank, const char *key, bool *yes) {
  errno = 0;
  json_t *provenance = json_loads(bank->provenance ? bank->provenance : "{}", 0, NULL);
  if (!provenance && errno == ENOMEM) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for its provenance", bank->path);
  *yes = json_is_true(json_object_get(provenance, key));
  json_decref(provenance);
  return BABEL_OK;
}

/* What the rows are called: a control is never printed as a result. */
static babel_status label(const babel_args *args, eval_job *job) {
  const char *features = babel_args_value(args, "features");
  bool random[2], simulated;
  for (int s = 0; s < 2; s++) BABEL_TRY(provenance_says(&job->bank[s], "random_weights", &random[s]));
  if (!features) features = job->trunks[0].config.shuffle_pairs ? "shuffled" : random[0] || random[1] ? "random" : "aligned";
  job->evaluation.features = features;
  job->evaluation.name = babel_args_value(args, "name");
  babel_bank *const banks[3] = {&job->bank[0], &job->bank[1], &job->member};
  for (int s = 0; s < 3; s++) {
    babel_bank *bank = banks[s];
    BABEL_TRY(provenance_says(bank, "simulated", &simulated));
    if (simulated) strcpy(bank->dataset + (strlen(bank->dataset) < 50 ? strlen(bank->dataset) : 50), " (simulated)");
  }
  return BABEL_OK;
}

/* What would fail after the work fails before it. */
static babel_status check_out(const char *out) {
  babel_results there = {0};
  if (babel_file_exists(out)) BABEL_TRY(babel_results_read(&there, out));
  babel_results_destroy(&there);
  return babel_file_probe(out);
}

/* Rows name both encoders; what is not meant should be seen before. */
static babel_status warn_of_encoders(eval_job *job) {
  for (int s = 0; s < 2; s++)
    for (int i = 0; i < job->trunk_count; i++) {
      const babel_tower *tower = babel_trunk_tower(&job->trunks[i], job->bank[s].modality);
      babel_status status = tower ? babel_encoders_agree(tower->provenance, &job->bank[s]) : BABEL_OK;
      if (status == BABEL_OK) continue;
      if (status != BABEL_ERR_ARG) return status;
      babel_warn("%s", babel_error_take().sentence);
      break;
    }
  return BABEL_OK;
}

/* Queries that the trunk was trained on, going by the split. */
static babel_status warn_of_trained(const babel_fold *fold) {
  babel_key_index index = {0};
  int trained = 0, all = 0;
  if (!fold->split || !fold->draws) return BABEL_OK;
  BABEL_TRY(babel_key_index_create(&index, fold->split->keys, fold->split->count));
  for (int d = 0; d < fold->draws->count; d++)
    for (int q = 0; q < fold->draws->draws[d].query_count; q++, all++) {
      int at = babel_key_index_find(&index, fold->draws->draws[d].query[q]);
      trained += at >= 0 && fold->split->parts[at] == BABEL_PART_TRAIN;
    }
  babel_key_index_destroy(&index);
  if (trained) babel_warn("%s: %d of %d queries are in the train part of %s: what was trained on is tested", fold->draws->path, trained, all, fold->split->path);
  return BABEL_OK;
}

/* --member: every trunk takes the mean of the towers. */
static babel_status read_member(const babel_args *args, eval_job *job) {
  const char *path = babel_args_value(args, "member");
  if (!path) return BABEL_OK;
  BABEL_TRY(babel_bank_read(&job->member, path));
  job->evaluation.member = &job->member;
  bool joins = !babel_same_sensor(job->bank[0].modality, job->bank[1].modality);
  for (int i = 0; i < job->trunk_count && joins; i++) {
    job->trunks[i].config.wifi_members = BABEL_MEMBERS_MEAN;
    joins = false;
    for (int s = 0; s < 2; s++) joins |= babel_member_fits(&job->trunks[i], &job->bank[s], NULL, job->bank[s].rows, &job->member);
  }
  if (joins) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_ARG, "--member %s: its %s features belong to no --bank: expected a further tower (say wifi2) of one bank's sensor (wifi) and not of the other's, "
                    "of the same data set and keys, that every trunk knows", path, job->member.modality);
}

static babel_status evaluate(const babel_args *args, eval_job *job) {
  const char *banks[3], *out, *predictions_path = babel_args_value(args, "predictions"), *classes_path = babel_args_value(args, "classes");
  babel_predictions predictions = {0};
  babel_file_writer classes = {0};
  babel_status status;
  BABEL_TRY(babel_args_require(args, "protocol", &job->evaluation.protocol));
  BABEL_TRY(babel_args_require(args, "out", &out));
  if (babel_args_values(args, "bank", banks, 3) != 2) return BABEL_FAIL(BABEL_ERR_ARG, "expected --bank twice");
  for (int s = 0; s < 2; s++) {
    BABEL_TRY(babel_bank_read(&job->bank[s], banks[s]));
    job->evaluation.bank[s] = &job->bank[s];
  }
  BABEL_TRY(read_heads(args, &job->evaluation.heads));
  BABEL_TRY(read_folds(args, job));
  if (!job->trunk_count) return BABEL_FAIL(BABEL_ERR_ARG, "--trunk is needed");
  BABEL_TRY(warn_of_encoders(job));
  for (int f = 0; f < job->evaluation.fold_count; f++) BABEL_TRY(warn_of_trained(&job->evaluation.folds[f]));
  BABEL_TRY(read_member(args, job));
  BABEL_TRY(label(args, job));
  job->evaluation.raw = !babel_args_flag(args, "no-raw");
  job->evaluation.extra = babel_args_flag(args, "extra");
  BABEL_TRY(check_out(out));
  if (predictions_path) {
    BABEL_TRY_OR(babel_predictions_create(&predictions, predictions_path), done);
    job->evaluation.predictions = &predictions;
  }
  if (classes_path) {
    BABEL_TRY_OR(babel_file_create(&classes, classes_path), done);
    job->evaluation.classes = classes.stream;
    int most = 0;
    for (int i = 0; i < job->bank[0].rows; i++)
      if (job->bank[0].labels[i] >= most) most = job->bank[0].labels[i] + 1;
    babel_evaluate_class_header(classes.stream, most);
  }
  BABEL_TRY_OR(babel_evaluate(&job->evaluation, &job->results), done);
  if (classes_path) BABEL_TRY_OR(babel_file_commit(&classes), done);
  if (predictions_path) BABEL_TRY_OR(babel_predictions_commit(&predictions), done);
  BABEL_TRY_OR(babel_results_append(&job->results, out), done);
  babel_print_table(&job->results, 0, false);
done:
  babel_predictions_abort(&predictions);
  babel_file_abort(&classes);
  return status;
}

static babel_status run(const babel_args *args) {
  eval_job *job;
  void *memory;
  BABEL_TRY(babel_alloc(&memory, 1, sizeof *job));
  job = memory;
  int most = 0;
  for (int i = 0; i < args->given_count; i++) most += !strcmp(args->given[i].option->name, "trunk");
  babel_status status = babel_alloc(&memory, (size_t)most, sizeof *job->trunks);
  job->trunks = memory;
  if (status == BABEL_OK) status = babel_backend_choose(args, BABEL_PRECISION_FP32, &job->ops);
  if (status == BABEL_OK) {
    status = babel_alloc(&memory, (size_t)most, sizeof *job->watch);
    job->watch = memory;
  }
  if (status == BABEL_OK) status = evaluate(args, job);
  for (int i = 0; i < job->trunk_count; i++) babel_trunk_destroy(&job->trunks[i]);
  for (int i = 0; i < BABEL_MAX_FOLDS; i++) {
    babel_split_destroy(&job->splits[i]);
    babel_draws_destroy(&job->draws[i]);
  }
  for (int s = 0; s < 2; s++) babel_bank_destroy(&job->bank[s]);
  babel_bank_destroy(&job->member);
  babel_results_destroy(&job->results);
  free(job->trunks);
  free(job->watch);
  free(job);
  return status;
}

const babel_command babel_eval_command = {
    .name = "eval",
    .usage = "--protocol NAME --bank A --bank B [--split FILE] --draws FILE --trunk FILE.. --out results.json [options]",
    .sentence = "one-shot recognition, fusion and retrieval with grown trunks",
    .details = "Heads: nearest class embedding (headline), ridge, MLP. Rows: each modality, fused by sum and by concatenation, raw features beside them.\n"
               "Several folds: --split, --draws and --trunk stand once more for each; the trunks of a fold are its seeds.\n"
               "Scores are those of the last step; \"best-on-query\" rows, from the watch files of the runs, are an upper bound that looked at the queries.",
    .examples = "  babel eval --protocol paper --bank imu.safetensors --bank skeleton.safetensors --split utd_mhad_613_248.csv \\\n"
                "      --draws utd_mhad_draws_paper.csv --trunk seed0/trunk.safetensors --trunk seed1/trunk.safetensors --out results.json\n",
    .options = options,
    .run = run,
};
