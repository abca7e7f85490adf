/* A dense graph as the lists that kernels take. */
#ifndef BABEL_TESTS_SUPPORT_NEIGHBOUR_LISTS_H
#define BABEL_TESTS_SUPPORT_NEIGHBOUR_LISTS_H

#include <stdlib.h>

typedef struct {
  int k;           /* the largest number of neighbours */
  int *neighbours; /* (n, k), -1 behind the last */
  float *weights;  /* (n, k) */
} neighbour_lists;

static inline neighbour_lists neighbour_lists_of(const float *graph, int n) {
  neighbour_lists lists = {.k = 1};
  for (int i = 0; i < n; i++) {
    int count = 0;
    for (int j = 0; j < n; j++) count += graph[i * n + j] > 0;
    if (count > lists.k) lists.k = count;
  }
  lists.neighbours = malloc((size_t)(n * lists.k) * sizeof *lists.neighbours);
  lists.weights = calloc((size_t)(n * lists.k), sizeof *lists.weights);
  for (int i = 0; i < n; i++) {
    int at = i * lists.k;
    for (int j = 0; j < n; j++)
      if (graph[i * n + j] > 0) {
        lists.weights[at] = graph[i * n + j];
        lists.neighbours[at++] = j;
      }
    while (at < (i + 1) * lists.k) lists.neighbours[at++] = -1;
  }
  return lists;
}

/* Windows of 5 rows of four recordings, 3 rows after the one before: those of samples 4 apart overlap. (n, 3), malloced. */
static inline int *overlapping_windows(int n) {
  int *of = malloc(3 * (size_t)n * sizeof *of);
  for (int i = 0; i < n; i++) of[3 * i] = i % 4, of[3 * i + 1] = i / 4 * 3, of[3 * i + 2] = i / 4 * 3 + 5;
  return of;
}

static inline void neighbour_lists_free(neighbour_lists *lists) {
  free(lists->neighbours);
  free(lists->weights);
}

#endif
