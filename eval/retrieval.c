#include "eval/retrieval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"

typedef struct {
  double recall[3], rank, top1;
} answer;

static babel_status check_finite(const char *side, const float *x, int n, int d) {
  for (int i = 0; i < n; i++)
    for (int j = 0; j < d; j++)
      if (!isfinite(x[(size_t)i * (size_t)d + (size_t)j]))
        return BABEL_FAIL(BABEL_ERR_VALUE, "retrieval: side %s, row %d, column %d is %g: expected a finite number", side, i, j,
                          (double)x[(size_t)i * (size_t)d + (size_t)j]);
  return BABEL_OK;
}

/* In double, and in the same order for every pair: equal rows give equal products. */
static double product(const float *x, const float *y, int d) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int j = 0; j < d; j++) sum += (double)x[j] * (double)y[j];
  return sum;
}

static answer look_up(const float *a, const float *b, const int *labels, int n, int d, int query) {
  static const double depths[3] = {1, 5, 10};
  const float *row = a + (size_t)query * (size_t)d;
  double own = product(row, b + (size_t)query * (size_t)d, d), most = -INFINITY;
  int greater = 0, equal = 0, best = 0, right = 0;
  answer out;
  for (int i = 0; i < n; i++) {
    double s = i == query ? own : product(row, b + (size_t)i * (size_t)d, d);
    greater += s > own;
    equal += s == own && i != query;
    if (s > most) {
      most = s;
      best = right = 0;
    }
    best += s == most;
    right += s == most && labels[i] == labels[query];
  }
  for (int k = 0; k < 3; k++) {
    double share = (depths[k] - greater) / (equal + 1);
    out.recall[k] = share < 0 ? 0 : share > 1 ? 1 : share;
  }
  out.rank = greater + 1 + equal / 2.0;
  out.top1 = (double)right / best;
  return out;
}

static int by_rank(const void *x, const void *y) {
  double a = ((const answer *)x)->rank, b = ((const answer *)y)->rank;
  return (a > b) - (a < b);
}

babel_status babel_retrieval_score(babel_retrieval *score, const float *a, const float *b, const int *labels, int n, int d) {
  void *memory;
  double recall[3] = {0, 0, 0}, top1 = 0;
  if (n < 1 || d < 1) return BABEL_FAIL(BABEL_ERR_SHAPE, "retrieval needs rows and columns, found (%d, %d)", n, d);
  BABEL_TRY(check_finite("a", a, n, d));
  BABEL_TRY(check_finite("b", b, n, d));
  BABEL_TRY(babel_alloc(&memory, (size_t)n, sizeof(answer)));
  answer *answers = memory;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < n; i++) answers[i] = look_up(a, b, labels, n, d, i);
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < 3; k++) recall[k] += 100 * answers[i].recall[k] / n;
    top1 += 100 * answers[i].top1 / n;
  }
  qsort(answers, (size_t)n, sizeof *answers, by_rank);
  *score = (babel_retrieval){.recall1 = recall[0], .recall5 = recall[1], .recall10 = recall[2], .class_top1 = top1,
                             .median_rank = (answers[(n - 1) / 2].rank + answers[n / 2].rank) / 2, .n = n};
  free(memory);
  return BABEL_OK;
}

babel_status babel_retrieval_mean(babel_retrieval *mean, const babel_retrieval *scores, int count) {
  if (count < 1) return BABEL_FAIL(BABEL_ERR_ARG, "the mean of retrieval scores needs at least one, found %d", count);
  memset(mean, 0, sizeof *mean);
  mean->n = scores[0].n;
  for (int i = 0; i < count; i++) {
    if (scores[i].n != mean->n)
      return BABEL_FAIL(BABEL_ERR_ARG, "retrieval scores among %d and %d candidates have no mean", mean->n, scores[i].n);
    mean->recall1 += scores[i].recall1 / count;
    mean->recall5 += scores[i].recall5 / count;
    mean->recall10 += scores[i].recall10 / count;
    mean->class_top1 += scores[i].class_top1 / count;
    mean->median_rank += scores[i].median_rank / count;
  }
  return BABEL_OK;
}
