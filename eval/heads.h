/* The heads of eval/oneshot.h, from one problem to the scores of its queries. Inside eval/ only. */
#ifndef BABEL_EVAL_HEADS_H
#define BABEL_EVAL_HEADS_H

#include <stdint.h>

#include "growth/config.h"
#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* n support rows, q query rows, d columns; samples 0..n-1 are the support, n..n+q-1 the queries. */
typedef struct {
  int n, q, d, classes;
  const float *x;      /* the points, (.., d) */
  const int *rows;     /* (n + q) row numbers into x */
  const int *target;   /* (n) 0..classes-1, every class at least once */
  const double *gram;  /* (n + q, n) inner products with the support rows */
  const double *norm;  /* (n + q) Euclidean norms */
} babel_head_problem;

/* scores: (q, classes), the higher the better. */
babel_status babel_head_nearest(double *scores, const babel_head_problem *problem);
babel_status babel_head_ridge(double *scores, const babel_head_problem *problem);

/* Nearest class embedding whose class centres are refined on the unlabelled queries of the episode, five rounds of: weights p_qc = softmax over
 * classes of cos(q, centre_c) / 0.1; centre_c = unit(support embedding of c + sum_q p_qc unit(q)). It sees all queries at once: never compared
 * with the inductive heads without saying so. scores: cosines. */
babel_status babel_head_transductive(double *scores, const babel_head_problem *problem);

/* Input: sqrt(512) x (algorithm.md section 9.1: at unit norm and this learning rate it hardly trains). Weights and biases
 * uniform(+-1/sqrt(fan_in)), stream BABEL_RNG_HEAD, index = flat element of (W1 (hidden, d), b1, W2 (classes, hidden), b2).
 * Cross-entropy, SGD with momentum and weight decay on all parameters, head_lr (1 + cos(pi e / E)) / 2 in epoch e of E, batches of
 * head_batch support rows (the last one smaller) in an order of its own each epoch: index 2^40 + e n. scores: probabilities.
 *
 * Momentum and decay are linear in the parameters, and every gradient of W1 lies in the span of the support rows, so
 *   W1_t = a_t W1_0 + C_t^T X exactly, with a number a_t and C_t (n, hidden).
 * A step works on the n columns of C instead of the d columns of W1: 27 instead of 512 with one sample a class. */
babel_status babel_head_mlp(double *scores, const babel_head_problem *problem, const babel_config *config, uint64_t seed);

/* The same head in backend memory, in the plain parameters, all `count` of them in the same launches: a stage is one list of jobs, and an epoch one
 * recording. gram and norm are not read. Fused sums round otherwise than on the CPU: probabilities agree to 1e-4. */
typedef struct {
  double *scores;
  const babel_head_problem *problem;
  uint64_t seed;
} babel_mlp_head;
babel_status babel_head_mlp_device(const babel_mlp_head *wanted, int count, const babel_config *config, const babel_ops *ops);

/* Of both forms: what is refused; `count` numbers uniform(+-bound) from index `from`; softmax in double of logits `step` apart. */
babel_status babel_head_mlp_check(const babel_config *config);
void babel_head_uniform(float *out, uint64_t seed, uint64_t from, size_t count, float bound);
void babel_head_softmax(double *p, const float *logits, size_t step, int classes);

#define BABEL_HEAD_SHUFFLE ((uint64_t)1 << 40) /* index of the first epoch's order */

#ifdef __cplusplus
}
#endif
#endif
