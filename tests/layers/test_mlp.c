#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "core/rng.h"
#include "layers/mlp.h"

Test(layers_mlp, plan_lays_weight_and_bias_of_each_layer_behind_each_other) {
  babel_mlp mlp;
  const int widths[] = {72, 256, 256, 512};
  cr_assert_eq(babel_mlp_plan(&mlp, 3, widths), BABEL_OK);
  cr_assert_eq(mlp.layers, 3);
  cr_assert_null(mlp.params);
  const int64_t weight[] = {0, 72 * 256 + 256, 72 * 256 + 256 + 256 * 256 + 256};
  for (int i = 0; i < 3; i++) {
    cr_assert_eq(mlp.weight_at[i], weight[i]);
    cr_assert_eq(mlp.bias_at[i], weight[i] + (int64_t)widths[i] * widths[i + 1]);
    cr_assert_eq(mlp.widths[i], widths[i]);
  }
  cr_assert_eq(mlp.widths[3], 512);
}

/* The figures of algorithm.md section 2.4. */
Test(layers_mlp, counts_are_those_of_the_specification) {
  static const struct {
    int in;
    int64_t count;
  } rows[] = {{72, 216064}, {60, 212992}, {512, 328704}, {900, 428032}, {1024, 459776}};
  babel_mlp mlp;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    cr_assert_eq(babel_mlp_plan(&mlp, 3, (const int[]){rows[i].in, 256, 256, 512}), BABEL_OK);
    cr_assert_eq(mlp.count, rows[i].count);
  }
  cr_assert_eq(babel_mlp_plan(&mlp, 2, (const int[]){512, 256, 512}), BABEL_OK);
  cr_assert_eq(mlp.count, 262912);
  cr_assert_eq(babel_mlp_plan(&mlp, 1, (const int[]){512, 512}), BABEL_OK);
  cr_assert_eq(mlp.count, 262656);
}

Test(layers_mlp, no_layers_are_an_empty_mlp) {
  babel_mlp mlp;
  cr_assert_eq(babel_mlp_plan(&mlp, 0, NULL), BABEL_OK);
  cr_assert_eq(mlp.count, 0);
}

Test(layers_mlp, bad_depths_and_widths_are_refused) {
  babel_mlp mlp;
  const int good[] = {4, 4, 4, 4, 4, 4, 4};
  cr_assert_eq(babel_mlp_plan(&mlp, BABEL_MAX_LAYERS, good), BABEL_OK);
  cr_assert_eq(babel_mlp_plan(&mlp, BABEL_MAX_LAYERS + 1, good), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_mlp_plan(&mlp, -1, good), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_mlp_plan(&mlp, 2, (const int[]){4, 0, 4}), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_mlp_plan(&mlp, 2, (const int[]){4, 4, (1 << 20) + 1}), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_mlp_plan(&mlp, 2, (const int[]){1 << 20, 1 << 20, 1 << 20}), BABEL_OK, "the count does not overflow");
  cr_assert_eq(mlp.count, 2 * (((int64_t)1 << 40) + (1 << 20)));
}

Test(layers_mlp, values_are_uniform_between_plus_and_minus_one_over_root_fan_in) {
  babel_mlp mlp;
  const int widths[] = {25, 100, 64};
  cr_assert_eq(babel_mlp_plan(&mlp, 2, widths), BABEL_OK);
  float *params = malloc((size_t)mlp.count * sizeof *params);
  cr_assert_not_null(params);
  babel_mlp_init(&mlp, 3, 1000, params);
  for (int k = 0; k < 2; k++) {
    double bound = 1 / sqrt(widths[k]), sum = 0, squares = 0, low = 1, high = -1;
    int64_t end = k ? mlp.count : mlp.weight_at[1], n = end - mlp.weight_at[k];
    for (int64_t i = mlp.weight_at[k]; i < end; i++) {
      double x = (double)params[i] / bound;
      sum += x;
      squares += x * x;
      low = fmin(low, x);
      high = fmax(high, x);
    }
    cr_assert(low >= -1 - 1e-6 && low < -0.99 && high <= 1 && high > 0.99, "layer %d: %g to %g", k, low, high);
    cr_assert(fabs(sum / n) < 4 / sqrt(3.0 * n), "layer %d: mean %g", k, sum / n);
    cr_assert(fabs(squares / n - 1.0 / 3) < 0.03, "layer %d: variance %g", k, squares / n);
  }
  cr_assert_eq(params[7], (2 * babel_rng_uniform(3, BABEL_RNG_INIT, 1007) - 1) * (1.0f / 5), "index = base + element");
  free(params);
}

Test(layers_mlp, values_depend_on_seed_and_base_alone) {
  babel_mlp mlp;
  float a[12], b[12], c[12], d[12];
  cr_assert_eq(babel_mlp_plan(&mlp, 1, (const int[]){3, 3}), BABEL_OK);
  babel_mlp_init(&mlp, 1, 5, a);
  babel_mlp_init(&mlp, 1, 5, b);
  babel_mlp_init(&mlp, 2, 5, c);
  babel_mlp_init(&mlp, 1, 500, d);
  cr_assert_arr_eq(a, b, sizeof a);
  cr_assert_arr_neq(a, c, sizeof a);
  cr_assert_arr_neq(a, d, sizeof a);
}
