#include "kernels/ops.h"
#include "tests/kernels/buffers.h"
#include "tests/support/device_ops.h"

#include <math.h>

static double oracle(double *dz, const double *z, const int *labels, int n, int c) {
  double loss = 0;
  for (int i = 0; i < n; i++) {
    const double *row = z + (size_t)i * c;
    double top = row[0], sum = 0, others = 0;
    for (int k = 0; k < c; k++) top = fmax(top, row[k]);
    for (int k = 0; k < c; k++) sum += exp(row[k] - top);
    for (int k = 0; k < c; k++) others += k == labels[i] ? 0 : exp(row[k] - top) / sum;
    loss += (top - row[labels[i]] + log(sum)) / n;
    if (!dz) continue;
    for (int k = 0; k < c; k++)
      dz[(size_t)i * c + k] = (k == labels[i] ? -others : exp(row[k] - top) / sum) / n;
  }
  return loss;
}

Test(kernels_softmax_xent, loss_and_gradient_match_formula) {
  static const int shapes[][2] = {{1, 1}, {1, 2}, {16, 27}, {33, 31}, {31, 257}, {256, 60}, {300, 255}};
  static const double scales[] = {1, 100};
  for (size_t k = 0; k < 6 * sizeof shapes / sizeof *shapes; k++) {
    int n = shapes[k / 6][0], c = shapes[k / 6][1],
        way = (int)(k % 3); /* 0 with gradient, 1 in place, 2 loss only */
    size_t size = (size_t)n * c;
    int labels[300];
    for (int i = 0; i < n; i++) labels[i] = (i * 7 + 3) % c;
    buffers b = {0};
    float *z = way == 1 ? buffers_state(&b, "z", size, scales[k / 3 % 2])
                        : buffers_input(&b, "z", size, scales[k / 3 % 2]);
    float *dz = way == 0 ? buffers_output(&b, size) : way == 1 ? z : NULL, *loss = buffers_output(&b, 1);
    double *z64 = buffers_widen(&b, z, size), *dz64 = buffers_double(&b, size);
    babel_softmax_xent_job job = {.loss = loss, .dz = dz, .z = z, .labels = labels, .n = n, .c = c};
    RUN_ANY_THREADS(&b, babel_test_ops()->softmax_xent(&job, 1, NULL));
    double expected = oracle(dz64, z64, labels, n, c);
    cr_assert_float_eq(loss[0], expected, 1e-6 * expected, "(%d, %d): %g, expected %g", n, c, (double)loss[0],
                       expected);
    double error = dz ? relative_error(dz, dz64, size) : 0;
    /* z - top is rounded once: that is a relative error of the exponential. Measured 3.0e-7 and 1.9e-6. */
    cr_assert_lt(error, 6e-7 + 4e-8 * scales[k / 3 % 2], "(%d, %d), scale %g: %g", n, c, scales[k / 3 % 2],
                 error);
    buffers_free(&b);
  }
}

Test(kernels_softmax_xent, confident_rows_keep_their_digits) {
  float z[3] = {20, 0, -3}, dz[3], loss;
  int label = 0;
  babel_softmax_xent_job job = {.loss = &loss, .dz = dz, .z = z, .labels = &label, .n = 1, .c = 3};
  cr_assert_eq(babel_test_ops()->softmax_xent(&job, 1, NULL), BABEL_OK);
  double others = exp(-20.0) + exp(-23.0);
  cr_assert_float_eq(loss, log1p(others), 1e-6 * others);
  cr_assert_float_eq(dz[0], -others / (1 + others), 1e-6 * others);
}

typedef struct {
  double *z;
  const int *labels;
} toy;

static double toy_loss(void *context) {
  toy *t = context;
  return oracle(NULL, t->z, t->labels, 4, 5);
}

Test(kernels_softmax_xent, oracle_backward_agrees_with_central_differences) {
  double z[20], dz[20];
  static const int labels[4] = {0, 4, 2, 2};
  for (uint32_t i = 0; i < 20; i++) z[i] = 3 * babel_fill("z", i);
  toy t = {z, labels};
  oracle(dz, z, labels, 4, 5);
  for (int i = 0; i < 20; i++) cr_assert_float_eq(central_difference(toy_loss, &t, z + i), dz[i], 1e-8);
}

Test(kernels_softmax_xent, nan_reaches_the_loss) {
  float z[9] = {0}, loss = 0;
  int label = 2;
  z[7] = NAN;
  cr_assert_eq(
      babel_test_ops()->softmax_xent(
          &(babel_softmax_xent_job){.loss = &loss, .z = z, .labels = &label, .n = 1, .c = 9}, 1, NULL),
      BABEL_OK);
  cr_assert(isnan(loss));
}

Test(kernels_softmax_xent, bad_sizes_and_labels_are_refused) {
  const babel_ops *ops = babel_test_ops();
  cr_assert_eq(ops->softmax_xent(&(babel_softmax_xent_job){.n = 0, .c = 1}, 1, NULL), BABEL_ERR_SHAPE);
  cr_assert_eq(ops->softmax_xent(&(babel_softmax_xent_job){.n = 1, .c = 0}, 1, NULL), BABEL_ERR_SHAPE);
  static const int bad[] = {-1, 3};
  float z[3] = {1, 2, 3}, loss = 0;
  for (int i = 0; i < 2; i++) {
    babel_status status = ops->softmax_xent(&(babel_softmax_xent_job){.loss = &loss, .z = z, .n = 1, .c = 3, .labels = bad + i}, 1, NULL);
    cr_assert_eq(status, babel_test_on_device() ? BABEL_OK : BABEL_ERR_ARG);
    cr_assert(isnan(loss) || status != BABEL_OK); /* a device cannot be asked beforehand */
  }
}
