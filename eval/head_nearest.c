#include <math.h>
#include <stdlib.h>

#include "core/arena.h"
#include "eval/heads.h"

/* Everything comes from the Gram matrix: with u_s = x_s / ||x_s|| and class vector m_c = sum of u_s over the class,
 * cos(x, m_c) = sum_s <x, u_s> / (||x|| ||m_c||), ||m_c||^2 = sum_s sum_t <u_s, u_t>. The mean's divisor cancels. */
babel_status babel_head_nearest(double *scores, const babel_head_problem *problem) {
  int n = problem->n, classes = problem->classes;
  void *memory;
  BABEL_TRY(babel_alloc(&memory, (size_t)classes + (size_t)n, sizeof(double)));
  double *square = memory, *inverse = square + classes; /* ||m_c||^2 and 1/||x_s||: zero rows add nothing */
  for (int s = 0; s < n; s++) inverse[s] = problem->norm[s] > 0 ? 1 / problem->norm[s] : 0;
  for (int s = 0; s < n; s++)
    for (int t = 0; t < n; t++)
      if (problem->target[s] == problem->target[t])
        square[problem->target[s]] += problem->gram[(size_t)s * (size_t)n + (size_t)t] * inverse[s] * inverse[t];
  for (int q = 0; q < problem->q; q++) {
    const double *products = problem->gram + (size_t)(n + q) * (size_t)n;
    double *score = scores + (size_t)q * (size_t)classes, norm = problem->norm[n + q];
    for (int c = 0; c < classes; c++) score[c] = 0;
    for (int s = 0; s < n; s++) score[problem->target[s]] += products[s] * inverse[s];
    for (int c = 0; c < classes; c++) score[c] = norm > 0 && square[c] > 0 ? score[c] / (norm * sqrt(square[c])) : 0;
  }
  free(memory);
  return BABEL_OK;
}
