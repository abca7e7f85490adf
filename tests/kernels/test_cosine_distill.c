#include "kernels/ops.h"
#include "tests/kernels/buffers.h"
#include "tests/support/device_ops.h"

#include <math.h>

/* Largest error of the gradient over its max. Measured 9.0e-8. */
#define LIMIT 4e-7

static double oracle_loss(const double *e, const double *t, int n, int d) {
  double loss = 0;
  for (int i = 0; i < n; i++) {
    double ee = 0, tt = 0, et = 0;
    for (int c = 0; c < d; c++) {
      ee += e[i * d + c] * e[i * d + c];
      tt += t[i * d + c] * t[i * d + c];
      et += e[i * d + c] * t[i * d + c];
    }
    loss += (1 - et / (fmax(sqrt(ee), 1e-12) * fmax(sqrt(tt), 1e-12))) / n;
  }
  return loss;
}

static void oracle_bwd(double *de, const double *e, const double *t, int n, int d, double weight) {
  for (int i = 0; i < n; i++) {
    const double *x = e + (size_t)i * d, *y = t + (size_t)i * d;
    double ee = 0, tt = 0, et = 0;
    for (int c = 0; c < d; c++) {
      ee += x[c] * x[c];
      tt += y[c] * y[c];
      et += x[c] * y[c];
    }
    double norm = sqrt(ee), other = fmax(sqrt(tt), 1e-12);
    for (int c = 0; c < d; c++)
      de[(size_t)i * d + c] = weight / n *
                              (norm > 1e-12 ? et * x[c] / (norm * norm * norm * other) - y[c] / (norm * other)
                                            : -y[c] / (1e-12 * other));
  }
}

Test(kernels_cosine_distill, loss_and_gradient_match_formula) {
  static const int shapes[][2] = {{1, 1}, {1, 31}, {33, 7}, {31, 32}, {128, 257}, {256, 512}};
  for (size_t k = 0; k < 2 * sizeof shapes / sizeof *shapes; k++) {
    int n = shapes[k / 2][0], d = shapes[k / 2][1], alias = k & 1;
    size_t size = (size_t)n * d;
    buffers b = {0};
    float *e = alias ? NULL : buffers_input(&b, "e", size, 4), *t = buffers_input(&b, "t", size, 0.1),
          *loss = buffers_output(&b, 1);
    float *de = alias ? buffers_state(&b, "e", size, 4) : buffers_output(&b, size);
    double *e64 = buffers_widen(&b, alias ? de : e, size), *t64 = buffers_widen(&b, t, size),
           *de64 = buffers_double(&b, size);
    double parts[BABEL_COSINE_DISTILL_PARTS] = {0};
    babel_cosine_distill_job job = {
        .loss = loss, .parts = parts, .de = de, .e = alias ? de : e, .t = t, .weight = 5, .n = n, .d = d};
    RUN_ANY_THREADS(&b, babel_test_ops()->cosine_distill(&job, 1, NULL));
    double expected = oracle_loss(e64, t64, n, d);
    cr_assert_float_eq(loss[0], expected, 1e-7 * expected + 1e-9);
    oracle_bwd(de64, e64, t64, n, d, 5);
    double error = d == 1 ? 0 : relative_error(de, de64, size);
    cr_assert(error <= LIMIT, "(%d, %d): %g", n, d, error);
    buffers_free(&b);
  }
}

/* Invariant 6 of algorithm.md section 13: exactly, or AdamW would follow the rounding. */
Test(kernels_cosine_distill, teacher_equal_to_student_gives_exact_zeros) {
  float e[33 * 257], de[33 * 257], loss = NAN;
  babel_fill_floats("e", e, 33 * 257, 0.37);
  double parts[BABEL_COSINE_DISTILL_PARTS] = {0};
  babel_cosine_distill_job job = {.loss = &loss, .parts = parts, .de = de, .e = e, .t = e, .weight = 5, .n = 33, .d = 257};
  cr_assert_eq(babel_test_ops()->cosine_distill(&job, 1, NULL), BABEL_OK);
  cr_assert_eq(loss, 0);
  for (int i = 0; i < 33 * 257; i++) cr_assert_eq(de[i], 0);
}

Test(kernels_cosine_distill, small_distances_keep_their_digits) {
  enum { D = 64 };
  float e[D], t[D], de[D], loss = NAN;
  double e64[D], t64[D], de64[D];
  for (uint32_t i = 0; i < D; i++) {
    e64[i] = (double)(e[i] = (float)babel_fill("e", i));
    t64[i] = (double)(t[i] = e[i] * (float)(1 + 1e-4 * babel_fill("t", i)));
  }
  double parts[BABEL_COSINE_DISTILL_PARTS] = {0};
  babel_cosine_distill_job job = {.loss = &loss, .parts = parts, .de = de, .e = e, .t = t, .weight = 1, .n = 1, .d = D};
  cr_assert_eq(babel_test_ops()->cosine_distill(&job, 1, NULL), BABEL_OK);
  double expected = oracle_loss(e64, t64, 1, D);
  cr_assert_float_eq(loss, expected, 1e-6 * expected);
  oracle_bwd(de64, e64, t64, 1, D, 1);
  cr_assert_lt(relative_error(de, de64, D), 1e-6);
}

Test(kernels_cosine_distill, zero_rows_stay_finite) {
  float e[4] = {0, 0, 3, 4}, t[4] = {1, 2, 0, 0}, de[4], loss;
  double parts[BABEL_COSINE_DISTILL_PARTS] = {0};
  babel_cosine_distill_job job = {.loss = &loss, .parts = parts, .de = de, .e = e, .t = t, .weight = 1, .n = 2, .d = 2};
  cr_assert_eq(babel_test_ops()->cosine_distill(&job, 1, NULL), BABEL_OK);
  cr_assert_eq(loss, 1);
  cr_assert_float_eq(de[0] / -1e12f, 0.5 / sqrt(5), 1e-6); /* -(weight / n) u(t) / eps */
  cr_assert_float_eq(de[1] / -1e12f, 1 / sqrt(5), 1e-6);
  cr_assert_eq(de[2], 0);
  cr_assert_eq(de[3], 0);
  e[2] = e[3] = 0;
  cr_assert_eq(babel_test_ops()->cosine_distill(&job, 1, NULL), BABEL_OK);
  cr_assert_eq(loss, 1);
  for (int i = 0; i < 4; i++) cr_assert(isfinite(de[i]));
}

/* Below eps the map is a multiplication by 1 / eps. */
Test(kernels_cosine_distill, rows_shorter_than_eps_follow_the_clamped_norm) {
  float e[2] = {6e-13f, 1e-13f}, t[2] = {3, -1}, de[2], loss;
  double e64[2] = {(double)e[0], (double)e[1]}, t64[2] = {3, -1}, de64[2];
  double parts[BABEL_COSINE_DISTILL_PARTS] = {0};
  babel_cosine_distill_job job = {.loss = &loss, .parts = parts, .de = de, .e = e, .t = t, .weight = 1, .n = 1, .d = 2};
  cr_assert_eq(babel_test_ops()->cosine_distill(&job, 1, NULL), BABEL_OK);
  cr_assert_float_eq(loss, oracle_loss(e64, t64, 1, 2), 1e-7);
  oracle_bwd(de64, e64, t64, 1, 2, 1);
  cr_assert_lt(relative_error(de, de64, 2), LIMIT);
}

typedef struct {
  double *e, *t;
} toy;

static double toy_loss(void *context) {
  toy *t = context;
  return 2.5 * oracle_loss(t->e, t->t, 3, 7);
}

Test(kernels_cosine_distill, oracle_backward_agrees_with_central_differences) {
  double e[21], t[21], de[21];
  for (uint32_t i = 0; i < 21; i++) {
    e[i] = babel_fill("e", i);
    t[i] = babel_fill("t", i);
  }
  toy both = {e, t};
  oracle_bwd(de, e, t, 3, 7, 2.5);
  for (int i = 0; i < 21; i++) cr_assert_float_eq(central_difference(toy_loss, &both, e + i), de[i], 1e-8);
}

Test(kernels_cosine_distill, bad_sizes_are_refused_before_any_pointer) {
  cr_assert_eq(babel_test_ops()->cosine_distill(&(babel_cosine_distill_job){.n = 0, .d = 1}, 1, NULL),
               BABEL_ERR_SHAPE);
  cr_assert_eq(babel_test_ops()->cosine_distill(&(babel_cosine_distill_job){.n = 1, .d = 0}, 1, NULL),
               BABEL_ERR_SHAPE);
}
