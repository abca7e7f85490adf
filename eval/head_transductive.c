#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "eval/heads.h"

enum { ROUNDS = 5 };
static const double sharpness = 10; /* weights exp(cos / 0.1) */

/* out = x / ||x||, zero rows stay zero. */
static void unit_row(double *out, const float *x, double norm, int d) {
  const double factor = norm > 0 ? 1 / norm : 0;
  for (int j = 0; j < d; j++) out[j] = (double)x[j] * factor;
}

static void normalise(double *x, int d) {
  double squares = 0;
  for (int j = 0; j < d; j++) squares += x[j] * x[j];
  const double factor = squares > 0 ? 1 / sqrt(squares) : 0;
  for (int j = 0; j < d; j++) x[j] *= factor;
}

static void cosines(double *scores, const double *queries, const double *centres, const babel_head_problem *problem) {
  const size_t d = (size_t)problem->d;
  for (int q = 0; q < problem->q; q++)
    for (int c = 0; c < problem->classes; c++) {
      const double *x = queries + (size_t)q * d, *y = centres + (size_t)c * d;
      double sum = 0;
#pragma omp simd reduction(+ : sum)
      for (size_t j = 0; j < d; j++) sum += x[j] * y[j];
      scores[(size_t)q * (size_t)problem->classes + (size_t)c] = sum;
    }
}

/* centres = unit(support sum + sum over queries of p_qc x_q), p the softmax of the scores. */
static void refine(double *centres, const double *scores, const double *queries, const double *support, const babel_head_problem *problem) {
  const size_t d = (size_t)problem->d, classes = (size_t)problem->classes;
  memcpy(centres, support, classes * d * sizeof *centres);
  for (int q = 0; q < problem->q; q++) {
    const double *score = scores + (size_t)q * classes, *x = queries + (size_t)q * d;
    double top = score[0], total = 0;
    for (size_t c = 1; c < classes; c++) top = fmax(top, score[c]);
    for (size_t c = 0; c < classes; c++) total += exp(sharpness * (score[c] - top));
    for (size_t c = 0; c < classes; c++) {
      const double share = exp(sharpness * (score[c] - top)) / total;
      double *centre = centres + c * d;
      for (size_t j = 0; j < d; j++) centre[j] += share * x[j];
    }
  }
  for (size_t c = 0; c < classes; c++) normalise(centres + c * d, problem->d);
}

babel_status babel_head_transductive(double *scores, const babel_head_problem *problem) {
  const size_t d = (size_t)problem->d, classes = (size_t)problem->classes, q = (size_t)problem->q;
  void *memory;
  BABEL_TRY(babel_alloc(&memory, (2 * classes + q + 1) * d, sizeof(double)));
  double *support = memory, *centres = support + classes * d, *queries = centres + classes * d, *row = queries + q * d;
  for (int s = 0; s < problem->n; s++) {
    unit_row(row, problem->x + (size_t)problem->rows[s] * d, problem->norm[s], problem->d);
    for (size_t j = 0; j < d; j++) support[(size_t)problem->target[s] * d + j] += row[j];
  }
  for (size_t c = 0; c < classes; c++) normalise(support + c * d, problem->d);
  for (size_t i = 0; i < q; i++)
    unit_row(queries + i * d, problem->x + (size_t)problem->rows[problem->n + (int)i] * d, problem->norm[problem->n + (int)i], problem->d);
  memcpy(centres, support, classes * d * sizeof *centres);
  cosines(scores, queries, centres, problem);
  for (int round = 0; round < ROUNDS; round++) {
    refine(centres, scores, queries, support, problem);
    cosines(scores, queries, centres, problem);
  }
  free(memory);
  return BABEL_OK;
}
