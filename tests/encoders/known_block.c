#include "tests/encoders/known_block.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

void known_near(const char *what, const char *part, double found, double expected, double tolerance) {
  cr_assert(fabs(found - expected) <= tolerance * fmax(1, fabs(expected)), "%s, %s: %.9g, expected %.9g", what, part, found, expected);
}

void known_block_check(const known_block *known, const double *x, double tolerance) {
  double sum = 0, squares = 0;
  for (int i = 0; i < known->n; i++) {
    sum += x[i];
    squares += x[i] * x[i];
  }
  for (int i = 0; i < 3; i++) known_near(known->what, "one of the first three", x[i], known->first[i], tolerance);
  known_near(known->what, "last", x[known->n - 1], known->last, tolerance);
  known_near(known->what, "sum", sum, known->sum, tolerance);
  known_near(known->what, "L2", sqrt(squares), known->l2, tolerance);
}

void known_block_check_floats(const known_block *known, const float *x, double tolerance) {
  double *wide = malloc((size_t)known->n * sizeof *wide);
  cr_assert_not_null(wide);
  for (int i = 0; i < known->n; i++) wide[i] = (double)x[i];
  known_block_check(known, wide, tolerance);
  free(wide);
}
