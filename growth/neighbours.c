#include "growth/neighbours.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "growth/windows.h"

enum { MOST_PAIRS = 20000 };

/* Standardised unit rows of one modality, times its scale, into columns at.. of u (n, width). */
static void place_unit_rows(double *u, size_t width, size_t at, const babel_bank *bank, const int *rows, int n, const float *mean,
                            const float *inv_std, double scale) {
  const size_t d = (size_t)bank->width;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < n; i++) {
    const float *x = bank->features + (size_t)rows[i] * d;
    double *y = u + (size_t)i * width + at, squares = 0;
    for (size_t j = 0; j < d; j++) {
      y[j] = ((double)x[j] - (double)mean[j]) * (double)inv_std[j];
      squares += y[j] * y[j];
    }
    const double factor = squares > 0 ? scale / sqrt(squares) : 0;
    for (size_t j = 0; j < d; j++) y[j] *= factor;
  }
}

static void normalise(double *u, size_t width, int n) {
#pragma omp parallel for schedule(static)
  for (int i = 0; i < n; i++) {
    double *y = u + (size_t)i * width, squares = 0;
    for (size_t j = 0; j < width; j++) squares += y[j] * y[j];
    const double factor = squares > 0 ? 1 / sqrt(squares) : 0;
    for (size_t j = 0; j < width; j++) y[j] *= factor;
  }
}

static double dot(const double *a, const double *b, size_t n) {
  double lane[8] = {0}, sum = 0;
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (size_t k = 0; k < 8; k++) lane[k] += a[i + k] * b[i + k];
  for (; i < n; i++) sum += a[i] * b[i];
  for (size_t k = 0; k < 8; k++) sum += lane[k];
  return sum;
}

/* Who cannot be whose neighbour. */
typedef struct {
  int *subjects; /* (n) others' subjects only; NULL = everybody is a candidate */
  babel_windows windows;
} exclusion;

static bool excluded(const exclusion *x, int i, int j) {
  return i == j || (x->subjects && x->subjects[i] == x->subjects[j]) || babel_windows_overlap(&x->windows, i, j);
}

/* S (n, n), symmetric, diagonal and excluded candidates -infinity. */
static void similarities(double *s, const double *u, size_t width, int n, const exclusion *x) {
#pragma omp parallel for schedule(dynamic, 8)
  for (int i = 0; i < n; i++)
    for (int j = i; j < n; j++) {
      double value = excluded(x, i, j) ? -INFINITY : dot(u + (size_t)i * width, u + (size_t)j * width, width);
      s[(size_t)i * (size_t)n + (size_t)j] = s[(size_t)j * (size_t)n + (size_t)i] = value;
    }
}

/* The k + 1 largest of a row by repeated insertion: k is small. Returns how many candidates there are, at most k + 1. */
static int largest(const double *row, int n, int k, int *index) {
  int count = 0;
  for (int j = 0; j < n; j++) {
    if (row[j] == -INFINITY || (count == k + 1 && !(row[j] > row[index[k]]))) continue;
    int at = count < k + 1 ? count++ : k;
    while (at > 0 && row[j] > row[index[at - 1]]) {
      index[at] = index[at - 1];
      at--;
    }
    index[at] = j;
  }
  return count;
}

static babel_status choose(babel_neighbours *graph, const double *s, double width) {
  const int n = graph->n, k = graph->k;
  void *memory;
  BABEL_TRY(babel_alloc(&memory, (size_t)k + 1, sizeof(int)));
  int *index = memory;
  for (int i = 0; i < n; i++) {
    const double *row = s + (size_t)i * (size_t)n;
    int count = largest(row, n, k, index);
    for (int a = 0; a < k; a++) {
      bool there = a < count;
      graph->neighbours[i * k + a] = there ? index[a] : -1;
      graph->similarity[(size_t)i * (size_t)(k + 1) + (size_t)a] = there ? row[index[a]] : (double)NAN;
      if (there) graph->weights[(size_t)i * (size_t)n + (size_t)index[a]] = (float)fmax(exp((row[index[a]] - 1) / width), (double)FLT_MIN);
    }
    graph->similarity[(size_t)i * (size_t)(k + 1) + (size_t)k] = count > k ? row[index[k]] : (double)NAN;
  }
  free(index);
  return BABEL_OK;
}

/* How much the graph tells, without labels. */
static void judge(babel_neighbours *graph, const double *s) {
  const size_t n = (size_t)graph->n;
  double near = 0, far = 0, squares = 0;
  int64_t edges = 0, both = 0, others = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      double value = s[i * n + j];
      if (value == -INFINITY) continue;
      if (graph->weights[i * n + j] > 0) {
        edges++;
        near += value;
        both += graph->weights[j * n + i] > 0;
      } else {
        others++;
        far += value;
        squares += value * value;
      }
    }
  double mean = others ? far / (double)others : 0, variance = others ? squares / (double)others - mean * mean : 0;
  graph->mutual = edges ? (double)both / (double)edges : 0;
  graph->gap = edges && variance > 0 ? (near / (double)edges - mean) / sqrt(variance) : 0;
}

/* Share of the edges of modality 0 alone that are edges of modality 1 alone, whatever their scales. */
static babel_status agree(babel_neighbours *graph, const babel_bank *const banks[2], int *const rows[2], float *const mean[2],
                          float *const inv_std[2], double *s, const exclusion *x) {
  const int n = graph->n, k = graph->k;
  void *memory;
  double *part;
  int64_t edges = 0, shared = 0;
  BABEL_TRY(babel_alloc(&memory, 2 * (size_t)n * (size_t)(k + 1), sizeof(int)));
  int *lists[2] = {memory, (int *)memory + (size_t)n * (size_t)(k + 1)};
  for (int side = 0; side < 2; side++) {
    size_t width = (size_t)banks[side]->width;
    babel_status status = babel_alloc_to(&part, (size_t)n * width, sizeof(double));
    if (status != BABEL_OK) {
      free(memory);
      return status;
    }
    place_unit_rows(part, width, 0, banks[side], rows[side], n, mean[side], inv_std[side], 1);
    similarities(s, part, width, n, x);
    free(part);
    for (int i = 0; i < n; i++) {
      int *list = lists[side] + (size_t)i * (size_t)(k + 1), count = largest(s + (size_t)i * (size_t)n, n, k, list);
      for (int a = count < k ? count : k; a <= k; a++) list[a] = -1; /* the first one not taken does not count */
    }
  }
  for (size_t i = 0; i < (size_t)n; i++)
    for (int a = 0; a < k; a++) {
      int found = lists[0][i * (size_t)(k + 1) + (size_t)a];
      if (found < 0) continue;
      edges++;
      for (int b = 0; b < k; b++) shared += lists[1][i * (size_t)(k + 1) + (size_t)b] == found;
    }
  graph->agreement = edges ? (double)shared / (double)edges : 0;
  free(memory);
  return BABEL_OK;
}

static babel_status check(const babel_bank *const banks[2], int count, const babel_neighbour_options *options) {
  if (options->k < 1 || options->k >= count) return BABEL_FAIL(BABEL_ERR_ARG, "neighbour graph: %d neighbours out of %d pairs", options->k, count);
  if (!(options->width > 0)) return BABEL_FAIL(BABEL_ERR_ARG, "neighbour graph: width %g, expected above 0", options->width);
  if (count > MOST_PAIRS)
    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "neighbour graph: %d pairs need a %d x %d matrix; at most %d pairs", count, count, count, MOST_PAIRS);
  for (int side = 0; side < 2; side++)
    if (banks[side]->steps > 1) return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s: a neighbour graph needs pooled features, this bank holds sequences", banks[side]->path);
  return BABEL_OK;
}

/* On failure x has something to destroy all the same. */
static babel_status exclude(exclusion *x, const babel_bank *bank, const int *rows, int n, bool other_subjects) {
  BABEL_TRY(babel_windows_create(&x->windows, bank, rows, n));
  if (!other_subjects) return BABEL_OK;
  BABEL_TRY(babel_alloc_to(&x->subjects, (size_t)n, sizeof(int)));
  for (int i = 0; i < n; i++) x->subjects[i] = bank->subjects ? bank->subjects[rows[i]] : 0;
  return BABEL_OK;
}

/* The rows that S is made of: both modalities' features side by side, or the embeddings. */
static babel_status vectors(double **u, size_t *width, const babel_bank *const banks[2], int *const rows[2], int n, float *const mean[2],
                            float *const inv_std[2], const babel_neighbour_options *options) {
  const size_t a = (size_t)banks[0]->width, b = (size_t)banks[1]->width;
  *width = options->embeddings ? (size_t)options->embedding_width : a + b;
  BABEL_TRY(babel_alloc_to(u, (size_t)n * *width, sizeof(double)));
  if (options->embeddings) {
    for (size_t i = 0; i < (size_t)n * *width; i++) (*u)[i] = (double)options->embeddings[i];
  } else {
    for (int side = 0; side < 2; side++)
      place_unit_rows(*u, *width, side ? a : 0, banks[side], rows[side], n, mean[side], inv_std[side], options->scale[side]);
  }
  normalise(*u, *width, n);
  return BABEL_OK;
}

babel_status babel_neighbours_create(babel_neighbours *graph, const babel_bank *const banks[2], int *const rows[2], int count,
                                     float *const mean[2], float *const inv_std[2], const babel_neighbour_options *options) {
  double *u = NULL, *s = NULL;
  size_t width;
  exclusion x = {0};
  babel_sha256_state sha256;
  babel_status status;
  memset(graph, 0, sizeof *graph);
  BABEL_TRY(check(banks, count, options));
  const size_t n = (size_t)count, k = (size_t)options->k;
  graph->n = count;
  graph->k = options->k;
  BABEL_TRY_OR(babel_alloc_to(&graph->neighbours, n * k, sizeof(int)), fail);
  BABEL_TRY_OR(babel_alloc_to(&graph->similarity, n * (k + 1), sizeof(double)), fail);
  BABEL_TRY_OR(babel_alloc_to(&graph->weights, n * n, sizeof(float)), fail);
  BABEL_TRY_OR(babel_alloc_to(&s, n * n, sizeof(double)), fail);
  BABEL_TRY_OR(exclude(&x, banks[0], rows[0], count, options->other_subjects), fail);
  BABEL_TRY_OR(vectors(&u, &width, banks, rows, count, mean, inv_std, options), fail);
  similarities(s, u, width, count, &x);
  BABEL_TRY_OR(choose(graph, s, options->width), fail);
  judge(graph, s);
  BABEL_TRY_OR(agree(graph, banks, rows, mean, inv_std, s, &x), fail);
  babel_sha256_begin(&sha256);
  babel_sha256_add(&sha256, graph->neighbours, n * k * sizeof(int));
  babel_sha256_add(&sha256, graph->weights, n * n * sizeof(float));
  babel_sha256_end(&sha256, graph->sha256);
fail:
  free(u);
  free(s);
  free(x.subjects);
  babel_windows_destroy(&x.windows);
  if (status != BABEL_OK) babel_neighbours_destroy(graph);
  return status;
}

void babel_neighbours_destroy(babel_neighbours *graph) {
  if (!graph) return;
  free(graph->neighbours);
  free(graph->similarity);
  free(graph->weights);
  memset(graph, 0, sizeof *graph);
}

bool babel_neighbours_doubtful(const babel_neighbours *graph, char *sentence, size_t size) {
  double chance = (double)graph->k / (double)(graph->n - 1);
  bool doubtful = graph->agreement < 4 * chance && graph->agreement < 0.25;
  if (doubtful)
    snprintf(sentence, size, "the neighbour graph is doubtful: only %.1f %% of the neighbours by one modality are neighbours by the other (chance %.1f %%), so this "
             "set may not repeat its activities; neighbour targets then align what does not belong together (targets=pairs turns them off)",
             100 * graph->agreement, 100 * chance);
  return doubtful;
}
