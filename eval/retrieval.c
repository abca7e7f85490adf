#include "eval/retrieval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"

enum { LIST = 256, PANEL = 1 << 24, PANEL_DEVICE = 1 << 27 /* similarities at a time: a device wants many rows at once */ };

typedef struct {
  double recall[3], rank, top1;
} answer;

/* Rows of a against all rows of b; what the backend found of a panel of them: kernels/rank.h. */
typedef struct {
  const babel_ops *ops;
  const float *a, *b; /* (na, d), (nb, d) */
  int na, nb, d, rows; /* rows of a panel */
  float margin;
  void *memory[2];    /* backend: b, a panel of a, its similarities; the lists */
  float *there_b, *there_a, *there_y;
  int *there_found, *found; /* (2 + LIST) rows: above, close, which; backend and host */
} search;

/* Of row i of a panel. */
typedef struct {
  int above, close;
  const int *which;
} near;

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

static double length(const float *x, int n, int d) {
  double most = 0;
  for (int i = 0; i < n; i++) most = fmax(most, product(x + (size_t)i * (size_t)d, x + (size_t)i * (size_t)d, d));
  return sqrt(most);
}

/* A float sum of d products is within d 2^-23 of the lengths' product, on a tensor core that truncates too; two of them are compared. */
static float margin_of(const float *a, int na, const float *b, int nb, int d) {
  return (float)(4 * (d + 8.0) * 0x1p-23 * length(a, na, d) * length(b, nb, d));
}

static babel_status search_begin(search *s, const babel_ops *ops, const float *a, int na, const float *b, int nb, int d) {
  const size_t size = sizeof(float);
  void *host;
  *s = (search){.ops = ops->exact ? ops->exact : ops, .a = a, .b = b, .na = na, .nb = nb, .d = d, .rows = (ops->record_begin ? PANEL_DEVICE : PANEL) / nb, .margin = margin_of(a, na, b, nb, d)};
  if (s->rows < 1) s->rows = 1;
  if (s->rows > na) s->rows = na;
  const size_t rows = (size_t)s->rows, of_b = (size_t)nb * (size_t)d, of_a = rows * (size_t)d, of_y = rows * (size_t)nb;
  BABEL_TRY(ops->alloc(&s->memory[0], (of_b + of_a + of_y) * size));
  BABEL_TRY(ops->alloc(&s->memory[1], rows * (2 + LIST) * sizeof(int)));
  BABEL_TRY(babel_alloc(&host, rows * (2 + LIST), sizeof(int)));
  s->found = host;
  s->there_b = s->memory[0];
  s->there_a = s->there_b + of_b;
  s->there_y = s->there_a + of_a;
  s->there_found = s->memory[1];
  return ops->upload(s->there_b, b, of_b * size, NULL);
}

static void search_end(search *s) {
  for (int i = 0; i < 2; i++)
    if (s->memory[i]) s->ops->free(s->memory[i]);
  free(s->found);
}

/* Similarities of rows first .. first + count - 1 of a. */
static babel_status search_panel(search *s, int first, int count) {
  const size_t d = (size_t)s->d;
  BABEL_TRY(s->ops->upload(s->there_a, s->a + (size_t)first * d, (size_t)count * d * sizeof(float), NULL));
  babel_linear_fwd_job job = {.y = s->there_y, .x = s->there_a, .w = s->there_b, .n = count, .in = s->d, .out = s->nb};
  return s->ops->linear_fwd(&job, 1, NULL);
}

/* own: kernels/rank.h. */
static babel_status search_rank(search *s, int count, int own) {
  int *at = s->there_found;
  babel_rank_job job = {.above = at, .close = at + count, .which = at + 2 * count, .y = s->there_y, .own = own, .margin = s->margin, .n = count,
                        .columns = s->nb, .most = LIST};
  BABEL_TRY(s->ops->rank(&job, NULL));
  return s->ops->download(s->found, at, (size_t)count * (2 + LIST) * sizeof(int), NULL);
}

static near near_of(const search *s, int count, int i) {
  return (near){.above = s->found[i], .close = s->found[count + i], .which = s->found + 2 * count + (int64_t)i * LIST};
}

/* Candidate k of those that are near: all rows of b when the list was too short for them. */
static int candidate(const near *of, int k) {
  return of->close > LIST ? k : of->which[k];
}
static int candidates(const search *s, const near *of) {
  return of->close > LIST ? s->nb : of->close;
}

static double similarity(const search *s, int i, int j) {
  return product(s->a + (size_t)i * (size_t)s->d, s->b + (size_t)j * (size_t)s->d, s->d);
}

static void rank_among(const search *s, const near *of, int query, answer *out) {
  static const double depths[3] = {1, 5, 10};
  double own = similarity(s, query, query);
  int greater = of->close > LIST ? 0 : of->above, equal = 0;
  for (int k = 0; k < candidates(s, of); k++) {
    int j = candidate(of, k);
    if (j == query) continue;
    double other = similarity(s, query, j);
    greater += other > own;
    equal += other == own;
  }
  for (int k = 0; k < 3; k++) {
    double share = (depths[k] - greater) / (equal + 1);
    out->recall[k] = share < 0 ? 0 : share > 1 ? 1 : share;
  }
  out->rank = greater + 1 + equal / 2.0;
}

/* How many share the largest similarity to row `query`, and how many of them have this label. */
static void best_of(const search *s, const near *of, int query, const int *labels, int label, int *best, int *right) {
  double most = -INFINITY;
  for (int k = 0; k < candidates(s, of); k++) {
    int j = candidate(of, k);
    double other = similarity(s, query, j);
    if (other > most) most = other, *best = *right = 0;
    *best += other == most;
    *right += other == most && labels[j] == label;
  }
}

static babel_status answer_all(search *s, const int *labels, answer *answers) {
  for (int first = 0; first < s->na; first += s->rows) {
    int count = s->na - first < s->rows ? s->na - first : s->rows;
    BABEL_TRY(search_panel(s, first, count));
    BABEL_TRY(search_rank(s, count, first));
#pragma omp parallel for schedule(static)
    for (int i = 0; i < count; i++) {
      near of = near_of(s, count, i);
      rank_among(s, &of, first + i, &answers[first + i]);
    }
    BABEL_TRY(search_rank(s, count, -1));
#pragma omp parallel for schedule(static)
    for (int i = 0; i < count; i++) {
      near of = near_of(s, count, i);
      int best = 0, right = 0;
      best_of(s, &of, first + i, labels, labels[first + i], &best, &right);
      answers[first + i].top1 = (double)right / best;
    }
  }
  return BABEL_OK;
}

static int by_rank(const void *x, const void *y) {
  double a = ((const answer *)x)->rank, b = ((const answer *)y)->rank;
  return (a > b) - (a < b);
}

babel_status babel_retrieval_score(babel_retrieval *score, const babel_ops *ops, const float *a, const float *b, const int *labels, int n, int d) {
  search s;
  void *memory;
  double recall[3] = {0, 0, 0}, top1 = 0;
  if (n < 1 || d < 1) return BABEL_FAIL(BABEL_ERR_SHAPE, "retrieval needs rows and columns, found (%d, %d)", n, d);
  BABEL_TRY(check_finite("a", a, n, d));
  BABEL_TRY(check_finite("b", b, n, d));
  BABEL_TRY(babel_alloc(&memory, (size_t)n, sizeof(answer)));
  answer *answers = memory;
  babel_status status = search_begin(&s, ops, a, n, b, n, d);
  if (status == BABEL_OK) status = answer_all(&s, labels, answers);
  search_end(&s);
  for (int i = 0; i < n && status == BABEL_OK; i++) {
    for (int k = 0; k < 3; k++) recall[k] += 100 * answers[i].recall[k] / n;
    top1 += 100 * answers[i].top1 / n;
  }
  qsort(answers, (size_t)n, sizeof *answers, by_rank);
  *score = (babel_retrieval){.recall1 = recall[0], .recall5 = recall[1], .recall10 = recall[2], .class_top1 = top1,
                             .median_rank = (answers[(n - 1) / 2].rank + answers[n / 2].rank) / 2, .n = n};
  free(memory);
  return status;
}

static babel_status sum_top1(search *s, const int *labels_a, const int *labels_b, double *all) {
  for (int first = 0; first < s->na; first += s->rows) {
    int count = s->na - first < s->rows ? s->na - first : s->rows;
    double sum = 0;
    BABEL_TRY(search_panel(s, first, count));
    BABEL_TRY(search_rank(s, count, -1));
#pragma omp parallel for schedule(static) reduction(+ : sum)
    for (int i = 0; i < count; i++) {
      near of = near_of(s, count, i);
      int best = 0, right = 0;
      best_of(s, &of, first + i, labels_b, labels_a[first + i], &best, &right);
      sum += (double)(right * 840LL / best); /* whole numbers: the sum does not depend on its order */
    }
    *all += sum;
  }
  return BABEL_OK;
}

babel_status babel_retrieval_class_top1(double *percent, const babel_ops *ops, const float *a, const int *labels_a, int na, const float *b,
                                        const int *labels_b, int nb, int d) {
  search s;
  double sum = 0;
  if (na < 1 || nb < 1 || d < 1) return BABEL_FAIL(BABEL_ERR_SHAPE, "retrieval needs rows and columns, found (%d, %d) and (%d, %d)", na, d, nb, d);
  BABEL_TRY(check_finite("a", a, na, d));
  BABEL_TRY(check_finite("b", b, nb, d));
  babel_status status = search_begin(&s, ops, a, na, b, nb, d);
  if (status == BABEL_OK) status = sum_top1(&s, labels_a, labels_b, &sum);
  search_end(&s);
  *percent = 100 * sum / 840 / na;
  return status;
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
