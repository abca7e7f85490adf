#include "eval/evaluate_rows.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "core/file.h"

static void copy_text(char *to, size_t size, const char *from) {
  snprintf(to, size, "%s", from);
}

/* Name of the encoder in a provenance text; a user's own features have none. */
static babel_status add_encoder(babel_names *names, const char *provenance) {
  errno = 0;
  json_t *object = json_loads(provenance ? provenance : "{}", 0, NULL);
  if (!object && errno == ENOMEM) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for a provenance");
  const char *encoder = json_string_value(json_object_get(object, "encoder"));
  babel_status status = babel_names_add(names, encoder ? encoder : "user");
  json_decref(object);
  return status;
}

static bool uses(int input, int side) {
  return input == side || input >= BABEL_INPUT_SUM;
}

static const char *features_of(const babel_evaluation *evaluation, babel_row_kind kind) {
  if (kind == BABEL_ROW_RAW) return "raw";
  return kind == BABEL_ROW_ENSEMBLE ? "ensemble" : kind == BABEL_ROW_PLUS_RAW ? "aligned+raw" : evaluation->features;
}

static const char *fusion_of(int input) {
  return input == BABEL_INPUT_SUM ? "sum" : input == BABEL_INPUT_WEIGHTED ? "weighted" : input == BABEL_INPUT_CONCAT ? "concat" : "";
}

babel_status babel_describe_row(const babel_evaluation *evaluation, const babel_trunk *trunk, babel_row_kind kind, int input, int head, babel_result *row) {
  memset(row, 0, sizeof *row);
  row->kind = BABEL_RESULT_ONESHOT;
  copy_text(row->dataset, sizeof row->dataset, evaluation->bank[0]->dataset);
  copy_text(row->protocol, sizeof row->protocol, evaluation->protocol);
  copy_text(row->features, sizeof row->features, features_of(evaluation, kind));
  copy_text(row->preset, sizeof row->preset, evaluation->name ? evaluation->name : babel_config_preset_name(trunk->config.preset));
  copy_text(row->head, sizeof row->head, babel_head_name((babel_head)head));
  copy_text(row->fusion, sizeof row->fusion, fusion_of(input));
  copy_text(row->scoring, sizeof row->scoring, kind == BABEL_ROW_BEST ? "best-on-query" : "last");
  for (int s = 0; s < 2; s++) {
    const babel_tower *tower = babel_trunk_tower(trunk, evaluation->bank[s]->modality);
    BABEL_TRY(add_encoder(&row->trunk_encoders, tower ? tower->provenance : NULL));
    if (!uses(input, s)) continue;
    BABEL_TRY(babel_names_add(&row->modalities, evaluation->bank[s]->modality));
    BABEL_TRY(add_encoder(&row->encoders, evaluation->bank[s]->provenance));
  }
  return BABEL_OK;
}

/* One fold's numbers, or all folds joined. Raw rows know one seed. */
static babel_status join(const babel_tally *tallies, int folds, babel_row_kind kind, int input, int head, babel_statistics *s, babel_statistics *gain) {
  babel_statistics values[BABEL_MAX_FOLDS], gains[BABEL_MAX_FOLDS];
  int baseline_input = input >= BABEL_INPUT_SUM ? BABEL_INPUT_CONCAT : input;
  bool has_gain = kind != BABEL_ROW_RAW;
  for (int f = 0; f < folds; f++) {
    const babel_tally *tally = &tallies[f];
    const double *slot = babel_tally_slot(tally, kind, input, head), *raw = babel_tally_slot(tally, BABEL_ROW_RAW, baseline_input, head);
    double column[1024], baseline[1024];
    int seeds = babel_row_has_seeds(kind) ? tally->seeds : 1;
    if (tally->draws * tally->seeds > 1024) return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "more than 1024 draws x seeds");
    for (int i = 0; i < tally->draws * seeds; i++) column[i] = slot[i / seeds * tally->seeds + i % seeds];
    BABEL_TRY(babel_statistics_of(&values[f], column, tally->draws, seeds));
    for (int d = 0; d < tally->draws; d++) {
      baseline[d] = raw[d * tally->seeds];
      has_gain = has_gain && isfinite(baseline[d]);
    }
    if (has_gain) BABEL_TRY(babel_statistics_gain(&gains[f], column, baseline, tally->draws, seeds, 1));
  }
  *gain = (babel_statistics){.mean = (double)NAN, .ci95 = (double)NAN};
  if (folds == 1) {
    *s = values[0];
    if (has_gain) *gain = gains[0];
    return BABEL_OK;
  }
  BABEL_TRY(babel_statistics_folds(s, values, folds));
  return has_gain ? babel_statistics_folds(gain, gains, folds) : BABEL_OK;
}

/* Every draw and seed of every fold: scores of some runs alone are no row. */
static bool is_measured(const babel_evaluation *evaluation, const babel_tally *tallies, babel_row_kind kind, int input, int head) {
  for (int f = 0; f < evaluation->fold_count; f++) {
    const double *slot = babel_tally_slot(&tallies[f], kind, input, head);
    int seeds = babel_row_has_seeds(kind) ? tallies[f].seeds : 1;
    for (int i = 0; i < tallies[f].draws * seeds; i++)
      if (!isfinite(slot[i / seeds * tallies[f].seeds + i % seeds])) return false;
  }
  return true;
}

static babel_status add_oneshot(const babel_evaluation *evaluation, const babel_tally *tallies, babel_row_kind kind, int input, int head, babel_results *results) {
  babel_statistics s, gain;
  babel_result row;
  bool wanted = evaluation->heads >> head & 1;
  if (!wanted || !is_measured(evaluation, tallies, kind, input, head)) return BABEL_OK;
  BABEL_TRY(join(tallies, evaluation->fold_count, kind, input, head, &s, &gain));
  BABEL_TRY(babel_describe_row(evaluation, evaluation->folds[0].trunks[0], kind, input, head, &row));
  row.mean = s.mean;
  row.sd = s.sd;
  row.ci95 = s.ci95;
  row.gain = gain.mean;
  row.gain_ci95 = gain.ci95;
  row.draws = s.draws;
  row.seeds = s.seeds;
  return babel_results_add(results, &row);
}

static babel_status add_retrieval(const babel_evaluation *evaluation, const babel_tally *tallies, int direction, babel_results *results) {
  babel_retrieval scores[BABEL_MAX_FOLDS], mean;
  babel_result row;
  int n = 0;
  for (int f = 0; f < evaluation->fold_count; f++) {
    BABEL_TRY(babel_retrieval_mean(&scores[f], tallies[f].retrieval[direction], tallies[f].seeds));
    n = f && scores[f].n > n ? n : scores[f].n;
  }
  memset(&mean, 0, sizeof mean);
  for (int f = 0; f < evaluation->fold_count; f++) { /* folds differ by one sample: a mean of their means */
    double share = 1.0 / evaluation->fold_count;
    mean.recall1 += scores[f].recall1 * share;
    mean.recall5 += scores[f].recall5 * share;
    mean.recall10 += scores[f].recall10 * share;
    mean.class_top1 += scores[f].class_top1 * share;
    mean.median_rank += scores[f].median_rank * share;
  }
  BABEL_TRY(babel_describe_row(evaluation, evaluation->folds[0].trunks[0], BABEL_ROW_ALIGNED, BABEL_INPUT_CONCAT, 0, &row));
  row.kind = BABEL_RESULT_RETRIEVAL;
  row.seeds = tallies[0].seeds;
  copy_text(row.from, sizeof row.from, evaluation->bank[direction]->modality);
  copy_text(row.to, sizeof row.to, evaluation->bank[!direction]->modality);
  row.recall1 = mean.recall1;
  row.recall5 = mean.recall5;
  row.recall10 = mean.recall10;
  row.class_top1 = mean.class_top1;
  row.median_rank = mean.median_rank;
  row.n = n;
  return babel_results_add(results, &row);
}

babel_status babel_evaluate_rows(const babel_evaluation *evaluation, const babel_tally *tallies, babel_results *results) {
  for (int kind = 0; kind < BABEL_ROW_KINDS; kind++)
    for (int input = 0; input < BABEL_INPUT_COUNT; input++)
      for (int head = 0; head < BABEL_HEAD_COUNT; head++) BABEL_TRY(add_oneshot(evaluation, tallies, (babel_row_kind)kind, input, head, results));
  for (int direction = 0; direction < 2; direction++) BABEL_TRY(add_retrieval(evaluation, tallies, direction, results));
  return BABEL_OK;
}

void babel_evaluate_class_header(FILE *out, int classes) {
  fprintf(out, "dataset,protocol,modalities,features,preset,head,fusion,class,queries,accuracy");
  for (int c = 0; c < classes; c++) fprintf(out, ",to_%d", c);
  fprintf(out, ",tied\n");
}

/* With a decimal point in any locale, to four places. */
static void put_number(FILE *out, double value) {
  char text[32];
  babel_format_double(round(1e4 * value) / 1e4, text);
  fprintf(out, ",%s", text);
}

babel_status babel_evaluate_classes(const babel_evaluation *evaluation, const babel_class_report *classes) {
  FILE *out = evaluation->classes;
  char modalities[128];
  for (int kind = 0; kind <= BABEL_ROW_ALIGNED; kind++)
    for (int input = 0; input < BABEL_INPUT_COUNT; input++)
      for (int head = 0; head < BABEL_HEAD_COUNT; head++) {
        const babel_class_report *report = &classes[babel_class_index((babel_row_kind)kind, input, head)];
        babel_result row;
        BABEL_TRY(babel_describe_row(evaluation, evaluation->folds[0].trunks[0], (babel_row_kind)kind, input, head, &row));
        for (int c = 0; c < report->classes; c++) {
          if (report->queries[c] <= 0) continue;
          fprintf(out, "%s,%s,%s,%s,%s,%s,%s,%d,%.0f", row.dataset, row.protocol, babel_names_join(&row.modalities, "+", modalities, sizeof modalities),
                  row.features, row.preset, row.head, row.fusion, c, report->queries[c]);
          put_number(out, babel_class_report_accuracy(report, c));
          for (int to = 0; to <= report->classes; to++) put_number(out, report->confusion[c * (report->classes + 1) + to]);
          fputc('\n', out);
        }
      }
  return ferror(out) ? BABEL_FAIL(BABEL_ERR_IO, "the per-class file cannot be written") : BABEL_OK;
}
