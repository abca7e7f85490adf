/* One protocol on a set of trunks: every row of the table that follows from them (algorithm.md sections 9.1 to 9.3, 15).
 *
 * Inputs of the heads: each modality alone, and the pair fused by sum and by concatenation. Raw rows (standardised features, unit length;
 * fused by concatenation only) stand beside the aligned ones and are the baseline of the paired gains. A fold is a set of draws with the trunks
 * that were grown without its test subjects, one a seed; protocols without folds have one. Nothing here chooses anything. */
#ifndef BABEL_EVAL_EVALUATE_H
#define BABEL_EVAL_EVALUATE_H

#include "eval/class_report.h"
#include "eval/predictions.h"
#include "eval/results.h"
#include "growth/trunk.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_MAX_SEEDS 32
#define BABEL_MAX_FOLDS 16

typedef struct {
  const babel_draws *draws;   /* NULL: protocol release, support and query from the split */
  const babel_split *split;   /* its train part gives the statistics of the raw rows */
  int seeds;
  const babel_trunk *trunks[BABEL_MAX_SEEDS];
  const char *watch[BABEL_MAX_SEEDS]; /* watch.jsonl of each run, NULL = no best-on-query rows */
} babel_fold;

typedef struct {
  const char *protocol, *features; /* features: "aligned", "random" or "shuffled" */
  const char *name;                /* column preset of the rows; NULL = the trunks' preset */
  const babel_bank *bank[2];
  const babel_bank *member;        /* of a further tower of one of the two sensors, for trunks with wifi_members: mean (members.h); NULL = none */
  unsigned heads;                  /* bits 1 << babel_head */
  bool raw;                        /* also the raw rows */
  bool extra;                      /* also the ensemble of the seeds and aligned + raw, nearest class embedding alone; needs raw */
  int fold_count;
  babel_fold folds[BABEL_MAX_FOLDS];
  babel_predictions *predictions;  /* NULL = not wanted */
  FILE *classes;                   /* per-class lines (CSV, header by babel_evaluate_class_header), NULL = not wanted */
} babel_evaluation;

/* Appends rows. BABEL_ERR_ARG, before any work, when folds differ in seeds or draws, when a trunk lacks a tower, when a label does not fit; the
 * sentences of what is called. A best-on-query row needs the scores of every run. */
babel_status babel_evaluate(const babel_evaluation *evaluation, babel_results *results);

void babel_evaluate_class_header(FILE *out, int classes);

#ifdef __cplusplus
}
#endif
#endif
