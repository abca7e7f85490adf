/* The table of results, out/results.json: a JSON list, one object a row.
 *
 * kind "one-shot": dataset, protocol, modalities (list), features ("raw", "aligned", "random", "shuffled", "ensemble": the
 *   seeds' embeddings side by side, "aligned+raw": both side by side), encoders (list), preset,
 *   head ("nearest", "ridge", "mlp", "transductive"), fusion ("sum", "weighted", "concat", null), mean, sd, ci95 (percent; ci95 null with one draw), gain, gain_ci95
 *   (percent points, null for raw), draws, seeds, scoring ("last", "best-on-query"), trunk_encoders (list: what the tower was grown with).
 * kind "retrieval": dataset, protocol, features, encoders, preset, seeds, trunk_encoders as above, and from, to, recall1, recall5,
 *   recall10, class_top1 (percent), median_rank, n (candidates).
 * kind "retention" (eval/retention.h): phase, policy, modalities (one, or from and to), measure ("one-shot", "class_top1", "recall1", "recall5", "recall10",
 *   "median_rank", "drift"), before, after, retained (percent; before and retained null where nothing was measured before the phase), chance (of the measure,
 *   eval/retention.h; null of drift, and where older files do not have it), emergent (the pair was never trained together). */
#ifndef BABEL_EVAL_RESULTS_H
#define BABEL_EVAL_RESULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { BABEL_RESULT_ONESHOT, BABEL_RESULT_RETRIEVAL, BABEL_RESULT_RETENTION } babel_result_kind;

#define BABEL_MAX_NAMES 16

typedef struct {
  int count;
  char names[BABEL_MAX_NAMES][32];
} babel_names;

/* BABEL_ERR_ARG when the list is full or the name too long. */
babel_status babel_names_add(babel_names *list, const char *name);
/* "imu+skeleton"; always terminated. Returns text. */
const char *babel_names_join(const babel_names *list, const char *between, char *text, size_t size);

typedef struct {
  babel_result_kind kind;
  char dataset[64], protocol[32], features[16], preset[32];
  babel_names encoders, trunk_encoders;
  int seeds;
  /* one-shot */
  babel_names modalities;
  char head[16], fusion[16], scoring[16]; /* fusion "" = null */
  double mean, sd, ci95, gain, gain_ci95; /* NaN = null; mean and sd must be finite */
  int draws;
  /* retrieval */
  char from[32], to[32];
  double recall1, recall5, recall10, class_top1, median_rank;
  int n;
  /* retention; and modalities */
  char phase[64], policy[32], measure[24];
  double before, after, retained, chance; /* NaN = null, but for after */
  bool emergent;
} babel_result;

typedef struct {
  int count, capacity;
  babel_result *rows;
} babel_results;

/* Copies the row, numbers rounded to six decimals. BABEL_ERR_ARG when a text is not one of those above, BABEL_ERR_VALUE when a number is not finite where it must be. */
babel_status babel_results_add(babel_results *results, const babel_result *row);
void babel_results_destroy(babel_results *results); /* accepts a zeroed one */

babel_status babel_results_write(const babel_results *results, const char *path); /* atomic */
/* Adds the rows behind those of the file, if there is one. Programs that append to files of one folder at the same time wait for each other,
 * so that no row is lost. */
babel_status babel_results_append(const babel_results *results, const char *path);
/* Into an empty or zeroed one. BABEL_ERR_FORMAT with file, row and field. */
babel_status babel_results_read(babel_results *results, const char *path);

#ifdef __cplusplus
}
#endif
#endif
