#include "kernels/cpu/gemm.h"
#include "tests/kernels/buffers.h"

#include <math.h>
#include <string.h>

/* Both products that babel_gemm_cpu can be, against the sum itself. Sizes around the tile (6 x 16), the vector (8), the slab
 * (512) and the block of a transposed a (528). */
static const int shapes[][3] = {{1, 1, 1},      {5, 7, 3},     {6, 16, 8},     {7, 17, 9},
                                {12, 8, 16},    {13, 9, 17},   {66, 33, 31},   {67, 15, 511},
                                {11, 18, 512},  {31, 32, 513}, {32, 31, 1025}, {1, 300, 40},
                                {300, 1, 1600}, {527, 20, 33}, {529, 17, 514}, {97, 260, 60}};
#define SHAPES (sizeof shapes / sizeof *shapes)

static void oracle(double *c, const babel_gemm *g) {
  for (int i = 0; i < g->m; i++)
    for (int j = 0; j < g->n; j++) {
      double sum = 0;
      for (int p = 0; p < g->k; p++)
        sum += (double)g->a[g->transpose_a ? p * g->m + i : i * g->k + p] *
               (double)g->b[g->transpose_b ? j * g->k + p : p * g->n + j];
      sum += g->bias ? (double)g->bias[j] : 0;
      sum += g->accumulate ? c[i * g->n + j] : 0;
      if (g->relu && sum < 0) sum = 0;
      if (g->mask && g->mask[i % g->mask_rows * g->n + j] <= 0) sum = 0;
      c[i * g->n + j] = sum;
    }
}

static void check(babel_status (*product)(const babel_gemm *), bool any_threads, const int *shape,
                  int options) {
  const int m = shape[0], n = shape[1], k = shape[2];
  const size_t size = (size_t)m * n;
  buffers b = {0};
  babel_gemm g = {.m = m,
                  .n = n,
                  .k = k,
                  .transpose_a = options & 1,
                  .transpose_b = options & 2,
                  .accumulate = options & 4};
  g.c = g.accumulate ? buffers_state(&b, "c", size, 3) : buffers_output(&b, size);
  g.a = buffers_input(&b, "a", (size_t)m * k, 1);
  g.b = buffers_input(&b, "b", (size_t)k * n, 1);
  if (options & 8) g.bias = buffers_input(&b, "bias", (size_t)n, 2);
  g.relu = options & 16;
  g.mask_rows = m % 2 ? m : m / 2;
  if (options & 32) g.mask = buffers_input(&b, "mask", (size_t)g.mask_rows * n, 1);
  double *expected = g.accumulate ? buffers_widen(&b, g.c, size) : buffers_double(&b, size);
  if (any_threads)
    RUN_ANY_THREADS(&b, product(&g));
  else
    RUN_TWICE(&b, product(&g));
  oracle(expected, &g);
  double error = relative_error(g.c, expected, size);
  cr_assert(error <= 2e-6, "(%d, %d, %d), options %d: %g", m, n, k, options, error); /* measured 5.3e-7 */
  buffers_free(&b);
}

static void check_all(babel_status (*product)(const babel_gemm *), bool any_threads) {
  for (size_t s = 0; s < SHAPES; s++)
    for (int options = 0; options < 64; options += s < 8 ? 1 : 5)
      check(product, any_threads, shapes[s], (options + (int)s) % 64);
}

Test(kernels_gemm, product_matches_formula_at_every_edge) {
  check_all(babel_gemm_cpu, BABEL_GEMM_AVX2);
}

Test(kernels_gemm, onednn_and_the_pass_behind_it_match_formula_at_every_edge) {
  check_all(babel_gemm_dnnl, false);
}

#if BABEL_GEMM_AVX2
/* More than four threads share the packed left side. */
Test(kernels_gemm, many_threads_give_the_bits_of_one) {
  enum { M = 600, N = 150, K = 540 };
  buffers b = {0};
  float *a = buffers_input(&b, "a", M * K, 1), *w = buffers_input(&b, "w", N * K, 1);
  float *c = buffers_output(&b, M * N), *again = buffers_output(&b, M * N);
  babel_gemm g = {.c = c, .a = a, .b = w, .m = M, .n = N, .k = K, .transpose_a = true};
  buffers_threads(1);
  cr_assert_eq(babel_gemm_cpu(&g), BABEL_OK);
  g.c = again;
  for (int threads = 2; threads <= 7; threads++) {
    for (int i = 0; i < M * N; i++) again[i] = NAN;
    buffers_threads(threads);
    cr_assert_eq(babel_gemm_cpu(&g), BABEL_OK);
    cr_assert_eq(memcmp(c, again, M * N * sizeof *c), 0, "%d threads", threads);
  }
  buffers_free(&b);
}

/* Equal rows must give equal bits wherever they stand: the contrastive loss counts ties. */
Test(kernels_gemm, an_elements_bits_do_not_depend_on_its_neighbours) {
  enum { M = 100, N = 70, K = 533 };
  buffers b = {0};
  float *a = buffers_input(&b, "a", M * K, 1), *w = buffers_input(&b, "w", N * K, 1),
        *c = buffers_output(&b, M * N);
  for (int i = 0; i < M; i++) memcpy(a + i * K, a, K * sizeof *a);
  for (int j = 0; j < N; j++) memcpy(w + j * K, w, K * sizeof *w);
  cr_assert_eq(
      babel_gemm_cpu(&(babel_gemm){.c = c, .a = a, .b = w, .m = M, .n = N, .k = K, .transpose_b = true}),
      BABEL_OK);
  for (int i = 1; i < M * N; i++) cr_assert_eq(c[i], c[0]);
  buffers_free(&b);
}
#endif
