/* Mean and covariance that a trunk keeps: exact where they must be, and rows drawn from them have them again. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "growth/gauss.h"
#include "tests/support/compare.h"

static void world(int n, int width, float **x, int **index, float **mean, float **inv) {
  *x = malloc((size_t)n * (size_t)width * sizeof **x);
  *index = malloc((size_t)n * sizeof **index);
  *mean = malloc((size_t)width * sizeof **mean);
  *inv = malloc((size_t)width * sizeof **inv);
  babel_fill_floats("x", *x, (size_t)n * (size_t)width, 1);
  for (int i = 0; i < n; i++) /* columns that hang together */
    for (int c = 1; c < width; c++) (*x)[i * width + c] += 0.7f * (*x)[i * width + c - 1];
  for (int i = 0; i < n; i++) (*index)[i] = n - 1 - i;
  for (int c = 0; c < width; c++) (*mean)[c] = 0.1f * (float)(c % 3), (*inv)[c] = 1 + 0.2f * (float)(c % 2);
}

/* Largest entry of |what the gauss says - the covariance of the rows|. */
static double worst(const babel_gauss *g, const float *x, int n, int width, const float *mean, const float *inv) {
  double *z = calloc((size_t)n * (size_t)width, sizeof *z), *centre = calloc((size_t)width, sizeof *centre), most = 0;
  for (int i = 0; i < n; i++)
    for (int c = 0; c < width; c++) {
      z[i * width + c] = ((double)x[i * width + c] - (double)(mean ? mean[c] : 0)) * (double)(inv ? inv[c] : 1);
      centre[c] += z[i * width + c] / n;
    }
  for (int a = 0; a < width; a++) {
    most = fmax(most, fabs(centre[a] - (double)g->mean[a]));
    for (int b = 0; b < width; b++) {
      double cov = 0, says = a == b ? (double)g->rest[a] * (double)g->rest[a] : 0;
      for (int i = 0; i < n; i++) cov += (z[i * width + a] - centre[a]) * (z[i * width + b] - centre[b]) / n;
      for (int k = 0; k < g->rank; k++) says += (double)g->factor[k * width + a] * (double)g->factor[k * width + b];
      most = fmax(most, fabs(cov - says));
    }
  }
  free(z);
  free(centre);
  return most;
}

Test(growth_gauss, covariance_is_exact_with_more_rows_than_columns_and_with_fewer) {
  static const int shapes[][2] = {{200, 17}, {9, 30}, {40, 40}, {1, 5}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    int n = shapes[i][0], width = shapes[i][1], *index;
    float *x, *mean, *inv;
    babel_gauss g;
    world(n, width, &x, &index, &mean, &inv);
    cr_assert_eq(babel_gauss_fit(&g, x, index, n, width, mean, inv), BABEL_OK, "%s", babel_error_last()->sentence);
    cr_assert_eq(g.rank, n < width ? n : width);
    cr_assert_lt(worst(&g, x, n, width, mean, inv), 1e-6, "%d rows of %d", n, width);
    babel_gauss_destroy(&g);
    free(x), free(index), free(mean), free(inv);
  }
}

/* Of wide features: the diagonal is exact, the rest as near as the leading directions come. */
Test(growth_gauss, wide_features_keep_their_diagonal) {
  enum { N = 300, WIDTH = 520 };
  int *index;
  float *x, *mean, *inv;
  babel_gauss g;
  world(N, WIDTH, &x, &index, &mean, &inv);
  cr_assert_eq(babel_gauss_fit(&g, x, index, N, WIDTH, mean, inv), BABEL_OK);
  cr_assert_eq(g.rank, BABEL_GAUSS_RANK);
  for (int c = 0; c < WIDTH; c++) {
    double says = (double)g.rest[c] * (double)g.rest[c], centre = 0, square = 0;
    for (int k = 0; k < g.rank; k++) says += (double)g.factor[k * WIDTH + c] * (double)g.factor[k * WIDTH + c];
    for (int i = 0; i < N; i++) {
      double z = ((double)x[i * WIDTH + c] - (double)mean[c]) * (double)inv[c];
      centre += z / N;
      square += z * z / N;
    }
    cr_assert(fabs(says - (square - centre * centre)) < 1e-5, "column %d: %g", c, says);
  }
  babel_gauss_destroy(&g);
  free(x), free(index), free(mean), free(inv);
}

Test(growth_gauss, drawn_rows_have_mean_and_covariance_and_depend_on_the_seed_alone) {
  enum { N = 60, WIDTH = 6, DRAWN = 40000 };
  int *index;
  float *x, *mean, *inv, *rows = malloc(DRAWN * WIDTH * sizeof *rows), again[3 * WIDTH];
  babel_gauss g;
  world(N, WIDTH, &x, &index, &mean, &inv);
  cr_assert_eq(babel_gauss_fit(&g, x, index, N, WIDTH, mean, inv), BABEL_OK);
  babel_gauss_draw(&g, 5, 1 << 20, DRAWN, rows);
  cr_assert_lt(worst(&g, rows, DRAWN, WIDTH, NULL, NULL), 0.03);
  babel_gauss_draw(&g, 5, 1 << 20, 3, again);
  cr_assert_eq(memcmp(again, rows, sizeof again), 0);
  babel_gauss_draw(&g, 6, 1 << 20, 3, again);
  cr_assert_neq(memcmp(again, rows, sizeof again), 0);
  babel_gauss_destroy(&g);
  free(x), free(index), free(mean), free(inv), free(rows);
}

Test(growth_gauss, no_rows_are_refused) {
  babel_gauss g;
  cr_assert_eq(babel_gauss_fit(&g, NULL, NULL, 0, 4, NULL, NULL), BABEL_ERR_ARG);
  cr_assert_eq(g.width, 0);
}
