#include <criterion/criterion.h>
#include <string.h>

#include "kernels/linear_panel.h"
#include "tests/support/compare.h"

static void check_shape(int n, int in, int out, bool bias) {
  size_t rows = (size_t)n, width = (size_t)in, features = (size_t)out,
         packed_size = babel_linear_panel_size(in, out);
  float *x = babel_guarded(rows * width), *w = babel_guarded(features * width), *b = babel_guarded(features);
  float *packed = babel_guarded(packed_size), *y = babel_guarded(rows * features),
        *again = babel_guarded(rows * features);
  double *want = malloc(rows * features * sizeof *want);
  babel_fill_floats("x", x, rows * width, 1);
  babel_fill_floats("w", w, features * width, 1);
  babel_fill_floats("b", b, features, 1);
  for (size_t i = 0; i < rows; i++)
    for (size_t o = 0; o < features; o++) {
      double sum = bias ? (double)b[o] : 0;
      for (size_t k = 0; k < width; k++) sum += (double)x[i * width + k] * (double)w[o * width + k];
      want[i * features + o] = sum;
    }
  cr_assert_eq(babel_linear_panel_pack_cpu(packed, w, bias ? b : NULL, in, out), BABEL_OK);
  cr_assert_eq(babel_linear_panel_fwd_cpu(y, x, packed, n, in, out, NULL), BABEL_OK);
  cr_assert_eq(babel_linear_panel_fwd_cpu(again, x, packed, n, in, out, NULL), BABEL_OK);
  cr_assert(babel_close("linear panel", y, want, rows * features, 1e-5, 1e-5), "%d x %d x %d", n, in, out);
  cr_assert_eq(memcmp(y, again, rows * features * sizeof *y), 0);
  cr_assert(babel_guard_check(packed, packed_size) && babel_guard_check(y, rows * features));
  float *all[] = {x, w, b, packed, y, again};
  for (size_t i = 0; i < 6; i++) babel_guarded_free(all[i]);
  free(want);
}

Test(kernels_linear_panel, fwd_matches_formula_at_tile_borders) {
  static const int rows[] = {1, 3, 4, 5, 120}, outs[] = {1, 6, 23, 24, 25, 72, 216};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (size_t j = 0; j < sizeof outs / sizeof *outs; j++)
      for (int in = 1; in < 100; in += 71) check_shape(rows[i], in, outs[j], (i + j) % 2);
}

Test(kernels_linear_panel, a_row_does_not_depend_on_the_rows_beside_it) {
  enum { IN = 72, OUT = 72 };
  float *packed = babel_guarded(babel_linear_panel_size(IN, OUT)), w[OUT * IN], x[7 * IN], y[7 * OUT],
        one[OUT];
  babel_fill_floats("w", w, OUT * IN, 1);
  babel_fill_floats("x", x, 7 * IN, 1);
  cr_assert_eq(babel_linear_panel_pack_cpu(packed, w, NULL, IN, OUT), BABEL_OK);
  cr_assert_eq(babel_linear_panel_fwd_cpu(y, x, packed, 7, IN, OUT, NULL), BABEL_OK);
  for (int i = 0; i < 7; i++) {
    cr_assert_eq(babel_linear_panel_fwd_cpu(one, x + i * IN, packed, 1, IN, OUT, NULL), BABEL_OK);
    cr_assert_eq(memcmp(one, y + i * OUT, sizeof one), 0);
  }
  babel_guarded_free(packed);
}

Test(kernels_linear_panel, bad_sizes_are_refused) {
  cr_assert_eq(babel_linear_panel_pack_cpu(NULL, NULL, NULL, 0, 4), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_linear_panel_fwd_cpu(NULL, NULL, NULL, -1, 4, 4, NULL), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_linear_panel_fwd_cpu(NULL, NULL, NULL, 1, 4, 0, NULL), BABEL_ERR_SHAPE);
}
