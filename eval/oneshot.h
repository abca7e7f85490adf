/* One-shot classification from embeddings (algorithm.md sections 9.1, 9.2): a few labelled support samples, every query
 * sample answered by a head that sees nothing but them.
 *
 * Heads, all with frozen embeddings:
 *   nearest  class embedding = renormalised mean of the class's unit support embeddings; the highest cosine wins. The headline.
 *   ridge    one-hot targets, centred on the support set, lambda = 0.1 trace(K) / n with K the centred Gram matrix; dual form
 *            in double: score(q) = mean target + k(q) (K + lambda I)^-1 (Y - mean target).
 *   mlp      linear(d, hidden), ReLU, linear(hidden, classes); trained as eval/heads.h says.
 *   transductive  nearest, with class centres refined on the unlabelled queries (eval/heads.h): a row of its own, not a rival of the others.
 * Ties: when the best score is shared by k classes and the true one is among them, the query counts 1/k (scores within 1e-12
 * are equal: all are computed in double from inner products in double).
 * NaN or infinity in a row that takes part is BABEL_ERR_VALUE with row and column. */
#ifndef BABEL_EVAL_ONESHOT_H
#define BABEL_EVAL_ONESHOT_H

#include <stdint.h>

#include "data/split.h"
#include "growth/config.h"
#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const float *x;    /* (rows, width): unit rows, or concatenations of unit blocks (eval/fusion.h) */
  const int *labels; /* (rows), 0-based */
  int rows, width;
} babel_points;

/* A draw as row numbers of the points. */
typedef struct {
  int support_count, query_count;
  int *support, *query;
} babel_episode;

typedef struct {
  int count;
  babel_episode *episodes;
} babel_episodes;

/* keys: (rows) of the points, unique. BABEL_ERR_FORMAT when a draw names keys that are not among them: the first ten of them and their count. */
babel_status babel_episodes_from_draws(babel_episodes *episodes, const babel_draws *draws, const char *const *keys, int rows);
/* Protocol `release`: one episode, support = hold-out part, query = test part of the split. */
babel_status babel_episodes_from_split(babel_episodes *episodes, const babel_split *split, const char *const *keys, int rows);
void babel_episodes_destroy(babel_episodes *episodes); /* accepts a zeroed one */

typedef enum { BABEL_HEAD_NEAREST, BABEL_HEAD_RIDGE, BABEL_HEAD_MLP, BABEL_HEAD_TRANSDUCTIVE, BABEL_HEAD_COUNT } babel_head;
const char *babel_head_name(babel_head head); /* "nearest", "ridge", "mlp", "transductive" */

typedef struct {
  int row;              /* of the points */
  int truth, predicted; /* labels; predicted is the lowest of tied ones */
  float score;          /* of the predicted class: cosine, ridge output, probability */
  float credit;         /* 1, 0, or 1/k */
  int tied;             /* classes that share the best score, usually 1 */
} babel_prediction;

typedef struct {
  int count;
  babel_prediction *predictions; /* (count), in the order of the episode's query rows */
  double accuracy;               /* mean credit in percent; a query whose class has no support counts 0 */
} babel_oneshot;

/* One episode with some heads. results[head] is filled for every head whose bit (1u << head) is set. */
typedef struct {
  const babel_points *points;
  const babel_episode *episode;
  unsigned heads;
  uint64_t seed; /* of the mlp head: its initialisation and order. Use babel_head_seed. */
  babel_oneshot results[BABEL_HEAD_COUNT];
} babel_oneshot_job;

uint64_t babel_head_seed(int seed, int draw);

/* All jobs, over the threads of OpenMP: one job is one thread's work, so that results do not depend on the number of threads.
 * ops: with a device's the mlp heads train there, together (eval/heads.h); with the CPU's, or NULL, all is the threads' work.
 * head_*: keys of config that are read. On failure nothing is left to destroy. */
babel_status babel_oneshot_run(babel_oneshot_job *jobs, int count, const babel_config *config, const babel_ops *ops);
void babel_oneshot_destroy(babel_oneshot_job *jobs, int count); /* accepts zeroed results */

#ifdef __cplusplus
}
#endif
#endif
