/* Cross-modal retrieval (algorithm.md section 9.3): every row of `a` looks for its synchronised partner, the row of the same number
 * of `b`, among all rows of `b`, by inner product of unit embeddings.
 *
 * With g candidates better than the partner and e others equal to it, the partner's rank is any of g+1 .. g+1+e with the same
 * chance: recall@k counts clamp((k - g) / (e + 1), 0, 1), the rank is g + 1 + e/2 (50 equal candidates: recall@1 = 1/50).
 * Class top-1 counts the share of the best candidates (the partner is one of them) that carry the query's label.
 *
 * The inner products are made on the backend, unrounded operands, float sums; what they leave open, candidates within their error of the partner or of
 * the best, is computed again in double. So the numbers are those of inner products in double, on every backend and with any number of threads. */
#ifndef BABEL_EVAL_RETRIEVAL_H
#define BABEL_EVAL_RETRIEVAL_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  double recall1, recall5, recall10, class_top1; /* [%] */
  double median_rank;                            /* from 1; the mean of the middle two when n is even */
  int n;
} babel_retrieval;

/* a, b: (n, d); labels: (n); in memory of the host. BABEL_ERR_SHAPE on n < 1 or d < 1, BABEL_ERR_VALUE on NaN or infinity (row and column). */
babel_status babel_retrieval_score(babel_retrieval *score, const babel_ops *ops, const float *a, const float *b, const int *labels, int n, int d);

/* Class top-1 [%] of samples that have no partner: every row of a (na, d) among all rows of b (nb, d). */
babel_status babel_retrieval_class_top1(double *percent, const babel_ops *ops, const float *a, const int *labels_a, int na, const float *b,
                                        const int *labels_b, int nb, int d);

/* Means over seeds (median_rank too); n must agree. */
babel_status babel_retrieval_mean(babel_retrieval *mean, const babel_retrieval *scores, int count);

#ifdef __cplusplus
}
#endif
#endif
