#include "core/rng.h"
#include "kernels/ops.h"
#include "tests/kernels/buffers.h"
#include "tests/support/device_ops.h"

#include <math.h>
#include <stdint.h>

enum { BANK_ROWS = 9 };

typedef struct {
  int n, d, standardise, side;
  float dropout;
  int64_t step;
} trial;

static void check(trial t) {
  buffers b = {0};
  size_t size = (size_t)t.n * t.d;
  float *y = buffers_output(&b, size), *bank = buffers_input(&b, "bank", (size_t)BANK_ROWS * t.d, 5);
  float *mean = buffers_input(&b, "mean", (size_t)t.d, 1),
        *inv_std = buffers_input(&b, "inv_std", (size_t)t.d, 2);
  int rows[300];
  for (int i = 0; i < t.n; i++) rows[i] = (i * 5 + 2) % BANK_ROWS;
  const uint64_t seed = 0x123456789abcdefu;
  babel_input_gather_job job = {.y = y,
                                .bank = bank,
                                .rows = rows,
                                .mean = t.standardise ? mean : NULL,
                                .side = t.side,
                                .inv_std = t.standardise ? inv_std : NULL,
                                .n = t.n,
                                .d = t.d,
                                .bank_rows = BANK_ROWS,
                                .dropout = t.dropout,
                                .seed = seed};
  babel_step_state state = {.step = t.step};
  RUN_ANY_THREADS(&b, babel_test_ops()->input_gather(&job, 1, t.dropout > 0 ? &state : NULL, NULL));
  double *expected = buffers_double(&b, size);
  for (int i = 0; i < t.n; i++)
    for (int c = 0; c < t.d; c++) {
      uint64_t index =
          (((uint64_t)t.step * 2 + (uint64_t)t.side) * (uint64_t)t.n + (uint64_t)i) * (uint64_t)t.d +
          (uint64_t)c;
      double z = (double)bank[(size_t)rows[i] * t.d + c];
      if (t.standardise) z = (z - (double)mean[c]) * (double)inv_std[c];
      bool keep = t.dropout == 0 || babel_rng_uniform(seed, BABEL_RNG_DROPOUT, index) >= t.dropout;
      expected[(size_t)i * t.d + c] = keep ? z / (1 - (double)t.dropout) : 0;
      if (!keep) cr_assert_eq(y[(size_t)i * t.d + c], 0);
    }
  cr_assert(babel_close("y", y, expected, size, 1e-6, 3e-7), "(%d, %d) dropout %g", t.n, t.d,
            (double)t.dropout);
  buffers_free(&b);
}

/* Ranks each take a part: together they hide what one would. */
Test(kernels_input_gather, parts_of_a_batch_are_the_rows_of_the_whole) {
  enum { N = 33, D = 61 };
  buffers b = {0};
  float *whole = buffers_output(&b, N * D), *parts = buffers_output(&b, N * D), *bank = buffers_input(&b, "bank", BANK_ROWS * D, 5);
  int rows[N];
  babel_step_state state = {.step = 12};
  for (int i = 0; i < N; i++) rows[i] = (i * 5 + 2) % BANK_ROWS;
  babel_input_gather_job job = {.y = whole, .bank = bank, .rows = rows, .n = N, .d = D, .bank_rows = BANK_ROWS, .dropout = 0.5f, .seed = 9, .side = 1};
  cr_assert_eq(babel_test_ops()->input_gather(&job, 1, &state, NULL), BABEL_OK);
  for (int r = 0; r < 4; r++) {
    job.first = N * r / 4;
    job.n = N * (r + 1) / 4 - job.first;
    job.whole = N;
    job.rows = rows + job.first;
    job.y = parts + job.first * D;
    cr_assert_eq(babel_test_ops()->input_gather(&job, 1, &state, NULL), BABEL_OK);
  }
  for (int i = 0; i < N * D; i++) cr_assert_eq(parts[i], whole[i], "%d", i);
  const int bad[][2] = {{-1, N}, {1, 0}, {N - job.n + 1, N}, {0, -1}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    job.first = bad[i][0];
    job.whole = bad[i][1];
    cr_assert_eq(babel_test_ops()->input_gather(&job, 1, &state, NULL), BABEL_ERR_SHAPE, "%zu", i);
  }
  buffers_free(&b);
}

Test(kernels_input_gather, rows_match_formula_and_the_mask_the_counter) {
  static const int shapes[][2] = {{1, 1},     {5, 3},     {33, 31},  {7, 60}, {31, 78},
                                  {256, 144}, {256, 316}, {3, 1892}, {2, 257}};
  static const float dropouts[] = {0, 0.5f, 0.3f, 0.999f, 1e-7f};
  static const int64_t steps[] = {0, 1, 599, (int64_t)1 << 40};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
    for (int k = 0; k < 5; k++)
      check((trial){.n = shapes[s][0],
                    .d = shapes[s][1],
                    .standardise = k != 1,
                    .side = k & 1,
                    .dropout = dropouts[k],
                    .step = steps[((int)s + k) % 4]});
}

Test(kernels_input_gather, a_number_equal_to_the_dropout_is_kept) {
  float bank[8], y[8];
  int row = 0;
  for (int c = 0; c < 8; c++) bank[c] = 1;
  babel_step_state state = {.step = 0};
  for (int c = 0; c < 8; c++) {
    babel_input_gather_job job = {
        .y = y, .bank = bank, .rows = &row, .n = 1, .d = 8, .bank_rows = 1, .seed = 4};
    job.dropout = babel_rng_uniform(job.seed, BABEL_RNG_DROPOUT, (uint64_t)c);
    cr_assert_eq(babel_test_ops()->input_gather(&job, 1, &state, NULL), BABEL_OK);
    for (int k = 0; k < 8; k++)
      cr_assert_eq(y[k] != 0, babel_rng_uniform(job.seed, BABEL_RNG_DROPOUT, (uint64_t)k) >= job.dropout);
  }
}

Test(kernels_input_gather, half_is_dropped_and_the_mean_kept) {
  enum { N = 256, D = 316 };
  buffers b = {0};
  float *y = buffers_output(&b, N * D), *bank = buffers_input(&b, "bank", D, 1);
  int rows[N] = {0};
  for (int c = 0; c < D; c++) bank[c] = 1;
  babel_step_state state = {.step = 3};
  babel_input_gather_job job = {
      .y = y, .bank = bank, .rows = rows, .n = N, .d = D, .bank_rows = 1, .dropout = 0.5f, .seed = 1};
  cr_assert_eq(babel_test_ops()->input_gather(&job, 1, &state, NULL), BABEL_OK);
  double sum = 0;
  for (int i = 0; i < N * D; i++) {
    cr_assert(y[i] == 0 || y[i] == 2);
    sum += (double)y[i];
  }
  cr_assert_float_eq(sum / (N * D), 1, 0.02); /* deviation of the mean 0.0035 */
  buffers_free(&b);
}

Test(kernels_input_gather, dropped_elements_are_zero_even_where_the_bank_is_not_finite) {
  float bank[512], y[512];
  int row = 0, zeros = 0;
  for (int c = 0; c < 512; c++) bank[c] = c & 1 ? NAN : INFINITY;
  babel_step_state state = {.step = 0};
  babel_input_gather_job job = {
      .y = y, .bank = bank, .rows = &row, .n = 1, .d = 512, .bank_rows = 1, .dropout = 0.5f};
  cr_assert_eq(babel_test_ops()->input_gather(&job, 1, &state, NULL), BABEL_OK);
  for (int c = 0; c < 512; c++) {
    cr_assert(y[c] == 0 || !isfinite(y[c]));
    zeros += y[c] == 0;
  }
  cr_assert(zeros > 200 && zeros < 312);
}

Test(kernels_input_gather, bad_arguments_are_refused) {
  const babel_ops *ops = babel_test_ops();
  float bank[4] = {0}, y[4], mean[2] = {0};
  int rows[2] = {0, 1};
  const babel_input_gather_job good = {.y = y, .bank = bank, .rows = rows, .n = 2, .d = 2, .bank_rows = 2};
  cr_assert_eq(ops->input_gather(&good, 1, NULL, NULL), BABEL_OK);
  babel_input_gather_job job = good;
  job.n = 0;
  cr_assert_eq(ops->input_gather(&job, 1, NULL, NULL), BABEL_ERR_SHAPE);
  job = good;
  job.d = -3;
  cr_assert_eq(ops->input_gather(&job, 1, NULL, NULL), BABEL_ERR_SHAPE);
  job = good;
  job.bank_rows = 0;
  cr_assert_eq(ops->input_gather(&job, 1, NULL, NULL), BABEL_ERR_SHAPE);
  job = good;
  job.mean = mean;
  cr_assert_eq(ops->input_gather(&job, 1, NULL, NULL), BABEL_ERR_ARG);
  job = good;
  job.side = 2;
  cr_assert_eq(ops->input_gather(&job, 1, NULL, NULL), BABEL_ERR_ARG);
  static const float bad[] = {-0.1f, 1, NAN, 0.5f}; /* the last: no state */
  for (int i = 0; i < 4; i++) {
    job = good;
    job.dropout = bad[i];
    cr_assert_eq(ops->input_gather(&job, 1, NULL, NULL), BABEL_ERR_ARG);
  }
}

/* Row 1 asks for a row in front of the bank or behind it: refused where it can be seen, NaN where it cannot. */
Test(kernels_input_gather, rows_outside_the_bank_are_never_read) {
  float bank[4] = {1, 2, 3, 4}, y[4];
  static const int outside[] = {-1, 2, 1 << 30};
  for (int i = 0; i < 6; i++) {
    const int rows[2] = {0, outside[i / 2]};
    babel_step_state state = {.step = 0};
    const babel_input_gather_job job = {.y = y, .bank = bank, .rows = rows, .n = 2, .d = 2, .bank_rows = 2, .dropout = i & 1 ? 0.9f : 0};
    babel_status status = babel_test_ops()->input_gather(&job, 1, &state, NULL);
    cr_assert_eq(status, babel_test_on_device() ? BABEL_OK : BABEL_ERR_ARG);
    if (status == BABEL_OK) cr_assert(isnan(y[2]) && isnan(y[3]) && !isnan(y[0]));
  }
}
