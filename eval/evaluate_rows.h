/* From scores to rows of the table. Inside eval/ only. */
#ifndef BABEL_EVAL_EVALUATE_ROWS_H
#define BABEL_EVAL_EVALUATE_ROWS_H

#include "eval/evaluate.h"
#include "eval/inputs.h"
#include "eval/retrieval.h"
#include "eval/statistics.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Raw and ensemble rows use one seed of the slots. Ensemble: the embeddings of all seeds side by side. Plus raw: embedding and raw features side by
 * side. Best: highest score over the watched epochs, an upper bound that looked at the queries. */
typedef enum { BABEL_ROW_RAW, BABEL_ROW_ALIGNED, BABEL_ROW_ENSEMBLE, BABEL_ROW_PLUS_RAW, BABEL_ROW_BEST, BABEL_ROW_KINDS } babel_row_kind;

static inline bool babel_row_has_seeds(babel_row_kind kind) {
  return kind != BABEL_ROW_RAW && kind != BABEL_ROW_ENSEMBLE;
}

/* Scores of one fold in percent: values[kind][input][head][draw * seeds + seed], NaN = not measured. */
typedef struct {
  int draws, seeds;
  double *values;
  babel_retrieval retrieval[2][BABEL_MAX_SEEDS];
} babel_tally;

static inline double *babel_tally_slot(const babel_tally *tally, babel_row_kind kind, int input, int head) {
  return tally->values + (((size_t)kind * BABEL_INPUT_COUNT + (size_t)input) * BABEL_HEAD_COUNT + (size_t)head) * (size_t)tally->draws * (size_t)tally->seeds;
}

enum { BABEL_CLASS_REPORTS = 2 * BABEL_INPUT_COUNT * BABEL_HEAD_COUNT };
static inline int babel_class_index(babel_row_kind kind, int input, int head) {
  return ((int)kind * BABEL_INPUT_COUNT + input) * BABEL_HEAD_COUNT + head;
}

/* Data set, protocol, modalities, features, encoders, preset, head, fusion, scoring of a row; no numbers. */
babel_status babel_describe_row(const babel_evaluation *evaluation, const babel_trunk *trunk, babel_row_kind kind, int input, int head, babel_result *row);

babel_status babel_evaluate_rows(const babel_evaluation *evaluation, const babel_tally *tallies, babel_results *results);
babel_status babel_evaluate_classes(const babel_evaluation *evaluation, const babel_class_report *classes);

/* Fills kind BEST of this seed from a watch.jsonl: per draw the highest score over the epochs. Lines of other protocols are passed over. */
babel_status babel_watch_best(const char *path, const char *protocol, const babel_bank *const banks[2], const babel_tally *tally, int seed);

#ifdef __cplusplus
}
#endif
#endif
