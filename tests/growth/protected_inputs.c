#include "tests/growth/protected_inputs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/compare.h"

void protected_input(const char *name, int k, int i, int width, float *x) {
  char key[64];
  snprintf(key, sizeof key, "protected %s %d %d", name, k, i);
  babel_fill_floats(key, x, (size_t)width, 1);
}

void protected_moments(const char *name, const babel_mlp *mlp, babel_moments *moments) {
  cr_assert_eq(babel_moments_alloc(moments, mlp), BABEL_OK);
  for (int k = 0; k < moments->layers; k++) {
    const int width = moments->width[k];
    float *x = calloc((size_t)width, sizeof *x);
    cr_assert_not_null(x);
    for (int i = 0; i < PROTECTED_INPUTS; i++) {
      protected_input(name, k, i, width, x);
      for (int a = 0; a < width; a++)
        for (int b = 0; b < width; b++) moments->of[k][a * width + b] += x[a] * x[b] / PROTECTED_INPUTS;
    }
    free(x);
  }
}
