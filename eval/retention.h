/* What a trunk can do with every modality and every ordered pair, on held-out data, and what a growth phase changed of it (algorithm.md sections 9.3, 9.5).
 *
 * A set is what one phase's pair gives for testing: two banks and the keys of its test part, with draws where one-shot is wanted. A modality is measured on
 * the first set that holds it. An ordered pair is measured on the first set that holds both; one that was never paired is *emergent*: on the keys that two
 * sets of one data set share, or else, where a label means the same in all sets, between the test samples of both modalities, which are then not
 * synchronised: only the class can be right there, and instance measures are missing.
 *   one-shot    nearest class embedding, mean over the draws of that set, whatever keys they name [%]   modalities: one
 *   class_top1, recall1, recall5, recall10 [%], median_rank     retrieval.h      modalities: from, to
 *   drift       mean cosine of the test embeddings to those before the phase     modalities: one
 * chance, of an answer drawn at random [%]: one-shot: 100 / classes of the support, mean over the draws; class_top1: 100 sum_c p_c q_c, p and q the shares of
 * class c among queries and candidates; recall@k: 100 k / candidates; median_rank: (candidates + 1) / 2.
 * retained = after / before, [%] of a share, (before / after for median_rank); null where nothing was measured before. */
#ifndef BABEL_EVAL_RETENTION_H
#define BABEL_EVAL_RETENTION_H

#include "eval/results.h"
#include "growth/trunk.h"
#include "data/split.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const babel_bank *bank[2];
  const char *const *keys; /* test part; NULL = all */
  int key_count;
  const babel_draws *draws; /* NULL = no one-shot */
} babel_retention_set;

typedef struct {
  char measure[24], from[32], to[32]; /* to "" for a single modality */
  bool emergent;
  double value, chance; /* chance NaN: none */
} babel_measure;

/* A moment of a trunk. */
typedef struct {
  int count, capacity;
  babel_measure *measures;
  int towers, samples[BABEL_MAX_TOWERS], width;
  float *embeddings[BABEL_MAX_TOWERS]; /* (samples, width) of each tower's test samples */
} babel_retention;

enum { BABEL_MAX_SETS = 32 };

/* Towers without a set are left out, and emergent pairs that no chain of trained pairs joins yet. The sentences of what is called. */
babel_status babel_retention_measure(babel_retention *now, const babel_trunk *trunk, const babel_retention_set *sets, int set_count, bool shared_labels);
void babel_retention_destroy(babel_retention *retention); /* accepts a zeroed one */

/* Whether pairs of the sets, at most BABEL_MAX_SETS, lead from one modality to the other: towers of two components have nothing to do with each other. */
bool babel_retention_connected(const babel_retention_set *sets, int set_count, const char *from, const char *to);

const babel_measure *babel_retention_find(const babel_retention *retention, const char *measure, const char *from, const char *to); /* or NULL */

/* One row each measure of `now`, with what `before` (zeroed: nothing) has of it, and the drift. */
babel_status babel_retention_rows(babel_results *results, const babel_retention *before, const babel_retention *now, const babel_trunk *trunk,
                                  const char *phase, const char *policy);

#ifdef __cplusplus
}
#endif
#endif
