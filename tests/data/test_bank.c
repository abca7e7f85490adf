#include <criterion/criterion.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "data/bank.h"
#include "tests/support/compare.h"
#include "tests/support/paths.h"

static const char *scratch(const char *name) {
  static char path[1200], folder[1000];
  if (!*folder) snprintf(folder, sizeof folder, "%s", babel_scratch());
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void set_text(char **text, const char *value) {
  free(*text);
  *text = strdup(value);
}

/* A complete bank; keys "k0", "k1", ... */
static babel_bank make(int rows, int variants, int steps, int width) {
  babel_bank bank;
  cr_assert_eq(babel_bank_create(&bank, "imu", rows, variants, steps, width), BABEL_OK, "%s", babel_error_last()->sentence);
  strcpy(bank.dataset, "utd_mhad");
  strcpy(bank.split, "utd_mhad_613_248.csv");
  set_text(&bank.provenance, "{\"encoder\": \"imu_stats\"}");
  for (int i = 0; i < rows; i++) {
    char key[16];
    snprintf(key, sizeof key, "k%d", i);
    set_text(&bank.keys[i], key);
    set_text(&bank.recordings[i], i % 2 ? "odd" : "even");
    bank.labels[i] = i % 27;
    bank.subjects[i] = i % 8 + 1;
    bank.first[i] = 10 * i;
    bank.last[i] = 10 * i + 10;
    for (int v = 0; bank.lengths && v <= variants; v++) bank.lengths[i * (1 + variants) + v] = 1 + (i + v) % steps;
  }
  size_t row = (size_t)steps * (size_t)width;
  babel_fill_floats("features", bank.features, (size_t)rows * row, 3);
  if (variants) babel_fill_floats("variants", bank.augmented, (size_t)rows * (size_t)variants * row, 5);
  return bank;
}

static void assert_equal(const babel_bank *a, const babel_bank *b) {
  size_t rows = (size_t)a->rows, row = (size_t)a->steps * (size_t)a->width, k = (size_t)a->variants;
  cr_assert(a->rows == b->rows && a->variants == b->variants && a->steps == b->steps && a->width == b->width);
  cr_assert_str_eq(a->modality, b->modality);
  cr_assert_str_eq(a->dataset, b->dataset);
  cr_assert_str_eq(a->split, b->split);
  cr_assert_str_eq(a->provenance, b->provenance);
  for (size_t i = 0; i < rows; i++) {
    cr_assert_str_eq(a->keys[i], b->keys[i]);
    cr_assert_str_eq(a->recordings[i], b->recordings[i]);
  }
  cr_assert_arr_eq(a->labels, b->labels, rows * sizeof(int));
  cr_assert_arr_eq(a->subjects, b->subjects, rows * sizeof(int));
  cr_assert_arr_eq(a->first, b->first, rows * sizeof(int));
  cr_assert_arr_eq(a->last, b->last, rows * sizeof(int));
  cr_assert_arr_eq(a->features, b->features, rows * row * sizeof(float));
  cr_assert_eq(a->lengths == NULL, b->lengths == NULL);
  if (a->lengths) cr_assert_arr_eq(a->lengths, b->lengths, rows * (1 + k) * sizeof(int));
  if (k) cr_assert_arr_eq(a->variant_ids, b->variant_ids, k * sizeof(int));
  if (k) cr_assert_arr_eq(a->augmented, b->augmented, rows * k * row * sizeof(float));
}

static void assert_sentence(babel_status got, babel_status expected, const char *words) {
  const char *sentence = babel_error_last()->sentence;
  cr_assert_eq(got, expected, "%s", sentence);
  cr_assert(strstr(sentence, words), "expected \"%s\" in: %s", words, sentence);
}

Test(data_bank, a_written_bank_reads_back_the_same) {
  static const int sizes[][4] = {{1, 0, 1, 1}, {33, 0, 1, 144}, {5, 16, 1, 7}, {3, 0, 4, 5}, {4, 3, 6, 2}, {2, 600, 1, 3}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    babel_bank a = make(sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3]), b;
    const char *path = scratch("bank.safetensors");
    cr_assert_eq(a.sha256[0], 0);
    cr_assert_eq(babel_bank_write(&a, path), BABEL_OK, "%s", babel_error_last()->sentence);
    char sum[65];
    cr_assert_eq(babel_file_sha256(path, sum), BABEL_OK);
    cr_assert_eq(babel_bank_read(&b, path), BABEL_OK, "%s", babel_error_last()->sentence);
    assert_equal(&a, &b);
    cr_assert(!strcmp(a.sha256, sum) && !strcmp(b.sha256, sum) && !strcmp(a.path, path) && !strcmp(b.path, path));
    cr_assert_eq(babel_bank_write(&b, scratch("again.safetensors")), BABEL_OK);
    cr_assert_str_eq(b.sha256, sum, "the same bank gives the same bytes");
    babel_bank_destroy(&a);
    babel_bank_destroy(&b);
  }
}

Test(data_bank, create_refuses_impossible_sizes_and_spreads_the_variants) {
  static const int wrong[][4] = {{0, 0, 1, 1}, {1, -1, 1, 1}, {1, 601, 1, 1}, {1, 0, 0, 1}, {1, 0, 1, 0}, {2147483647, 600, 2147483647, 2147483647}};
  babel_bank bank;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    cr_assert_eq(babel_bank_create(&bank, "imu", wrong[i][0], wrong[i][1], wrong[i][2], wrong[i][3]), BABEL_ERR_SHAPE, "case %zu", i);
    cr_assert_null(bank.keys);
  }
  cr_assert_eq(babel_bank_create(&bank, "IMU", 1, 0, 1, 1), BABEL_ERR_ARG);
  cr_assert_eq(babel_bank_create(&bank, "imu", 1, 16, 1, 1), BABEL_OK);
  cr_assert(bank.variant_ids[0] == 0 && bank.variant_ids[1] == 37 && bank.variant_ids[15] == 562 && !bank.lengths);
  babel_bank_destroy(&bank);
}

typedef void (*breaker)(babel_bank *bank);
static void no_key(babel_bank *b) {
  free(b->keys[2]);
  b->keys[2] = NULL;
}
static void empty_key(babel_bank *b) {
  b->keys[2][0] = 0;
}
static void two_lines(babel_bank *b) {
  b->keys[2][1] = '\n';
}
static void no_recording(babel_bank *b) {
  b->recordings[2][0] = 0;
}
static void same_key(babel_bank *b) {
  strcpy(b->keys[3], "k1");
}
static void negative_label(babel_bank *b) {
  b->labels[2] = -1;
}
static void negative_subject(babel_bank *b) {
  b->subjects[2] = -1;
}
static void backward_rows(babel_bank *b) {
  b->last[2] = b->first[2] - 1;
}
static void negative_rows(babel_bank *b) {
  b->first[2] = -1;
}
static void no_steps(babel_bank *b) {
  b->lengths[2 * 3 + 2] = 0;
}
static void too_many_steps(babel_bank *b) {
  b->lengths[2 * 3] = 7;
}
static void variant_600(babel_bank *b) {
  b->variant_ids[1] = 600;
}
static void variant_twice(babel_bank *b) {
  b->variant_ids[1] = b->variant_ids[0];
}
static void feature_nan(babel_bank *b) {
  b->features[(2 * 6 + 3) * 5 + 4] = NAN;
}
static void feature_infinite(babel_bank *b) {
  b->features[4 * 6 * 5 - 1] = -INFINITY;
}
static void variant_nan(babel_bank *b) {
  b->augmented[((2 * 2 + 1) * 6 + 3) * 5 + 4] = NAN;
}
static void bad_provenance(babel_bank *b) {
  set_text(&b->provenance, "[1, 2]");
}
static void no_provenance(babel_bank *b) {
  free(b->provenance);
  b->provenance = NULL;
}
static void bad_modality(babel_bank *b) {
  strcpy(b->modality, "a-b");
}
static void no_lengths(babel_bank *b) {
  free(b->lengths);
  b->lengths = NULL;
}

Test(data_bank, validate_names_what_is_wrong_and_nothing_is_written) {
  static const struct {
    breaker breaks;
    babel_status status;
    const char *words;
  } cases[] = {{no_key, BABEL_ERR_VALUE, "row 2"},
               {empty_key, BABEL_ERR_VALUE, "row 2"},
               {two_lines, BABEL_ERR_VALUE, "row 2"},
               {no_recording, BABEL_ERR_VALUE, "row 2"},
               {same_key, BABEL_ERR_VALUE, "key k1 stands in rows 1 and 3"},
               {negative_label, BABEL_ERR_VALUE, "key k2: label -1"},
               {negative_subject, BABEL_ERR_VALUE, "subject -1"},
               {backward_rows, BABEL_ERR_VALUE, "key k2: rows 20 to 19"},
               {negative_rows, BABEL_ERR_VALUE, "key k2: rows -1"},
               {no_steps, BABEL_ERR_VALUE, "key k2: sequence 2 has 0"},
               {too_many_steps, BABEL_ERR_VALUE, "key k2: sequence 0 has 7"},
               {variant_600, BABEL_ERR_VALUE, "variant number 600"},
               {variant_twice, BABEL_ERR_VALUE, "variant number 0"},
               {feature_nan, BABEL_ERR_VALUE, "row 2 (key k2), time step 3, column 4 is nan"},
               {feature_infinite, BABEL_ERR_VALUE, "key k3), time step 5, column 4 is -inf"},
               {variant_nan, BABEL_ERR_VALUE, "row 2 (key k2), variant 300, column 4 is nan"},
               {bad_provenance, BABEL_ERR_FORMAT, "provenance"},
               {no_provenance, BABEL_ERR_FORMAT, "provenance"},
               {bad_modality, BABEL_ERR_ARG, "a-b"},
               {no_lengths, BABEL_ERR_STATE, "lengths"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    babel_bank bank = make(4, 2, 6, 5);
    cr_assert_eq(babel_bank_validate(&bank), BABEL_OK);
    cases[i].breaks(&bank);
    assert_sentence(babel_bank_write(&bank, scratch("broken.safetensors")), cases[i].status, cases[i].words);
    cr_assert_not(babel_file_exists(scratch("broken.safetensors")));
    babel_bank_destroy(&bank);
  }
}

/* In a large bank with several bad values the first one is named, by any number of threads. */
Test(data_bank, the_first_bad_value_is_named_by_any_number_of_threads) {
  babel_bank bank = make(700, 0, 1, 300);
  bank.features[699 * 300 + 1] = NAN;
  bank.features[350 * 300 + 17] = NAN;
  bank.features[350 * 300 + 18] = INFINITY;
  for (int threads = 1; threads <= 5; threads += 2) {
    omp_set_num_threads(threads);
    assert_sentence(babel_bank_validate(&bank), BABEL_ERR_VALUE, "key k350), time step 0, column 17");
  }
  babel_bank_destroy(&bank);
}

Test(data_bank, every_key_is_found_by_many_threads_at_once) {
  babel_bank bank = make(5000, 0, 1, 1);
  int wrong = 0;
#pragma omp parallel for num_threads(8) reduction(+ : wrong)
  for (int i = 0; i < 6000; i++) {
    char key[16];
    snprintf(key, sizeof key, "k%d", i);
    wrong += babel_bank_row(&bank, key) != (i < 5000 ? i : -1);
  }
  cr_assert_eq(wrong, 0);
  cr_assert_eq(babel_bank_row(&bank, ""), -1);
  babel_bank_destroy(&bank);
}

Test(data_bank, pairs_by_keys_in_the_order_asked_for) {
  static const char *const keys[] = {"k4", "k0", "k2"};
  babel_bank a = make(6, 0, 1, 2), b = make(6, 0, 1, 3);
  int *rows_a, *rows_b, count;
  for (int i = 0; i < 6; i++) { /* b holds the same keys backwards */
    char key[16];
    snprintf(key, sizeof key, "k%d", 5 - i);
    set_text(&b.keys[i], key);
    b.labels[i] = 5 - i;
  }
  cr_assert_eq(babel_bank_pair(&a, &b, keys, 3, &rows_a, &rows_b, &count), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(count, 3);
  cr_assert(rows_a[0] == 4 && rows_a[1] == 0 && rows_a[2] == 2 && rows_b[0] == 1 && rows_b[1] == 5 && rows_b[2] == 3);
  free(rows_a);
  free(rows_b);
  cr_assert_eq(babel_bank_pair(&a, &b, NULL, 0, &rows_a, &rows_b, &count), BABEL_OK);
  cr_assert_eq(count, 6);
  for (int i = 0; i < 6; i++) cr_assert(rows_a[i] == i && rows_b[i] == 5 - i);
  free(rows_a);
  free(rows_b);
  b.labels[1] = 5;
  assert_sentence(babel_bank_pair(&a, &b, keys, 3, &rows_a, &rows_b, &count), BABEL_ERR_FORMAT, "key k4 has label 4");
  cr_assert(!rows_a && !rows_b && !count);
  assert_sentence(babel_bank_pair(&a, &b, keys, 0, &rows_a, &rows_b, &count), BABEL_ERR_ARG, "no keys");
  babel_bank_destroy(&a);
  babel_bank_destroy(&b);
}

Test(data_bank, pairing_names_the_first_ten_missing_keys_of_each_side) {
  static const char *const keys[] = {"k1", "k30"};
  babel_bank a = make(30, 0, 1, 2), b = make(40, 0, 1, 3);
  int *rows_a, *rows_b, count;
  for (int i = 0; i < 12; i++) b.keys[i][0] = 'x';
  assert_sentence(babel_bank_pair(&a, &b, NULL, 0, &rows_a, &rows_b, &count), BABEL_ERR_FORMAT,
                  "12 missing in the second: k0, k1, k2, k3, k4, k5, k6, k7, k8, k9, ...");
  cr_assert(strstr(babel_error_last()->sentence, "(30 rows)") && strstr(babel_error_last()->sentence, "(40 rows)"));
  cr_assert(strstr(babel_error_last()->sentence, "22 missing in the first: x0, x1,"), "keys of b alone count when all are paired");
  assert_sentence(babel_bank_pair(&a, &b, keys, 2, &rows_a, &rows_b, &count), BABEL_ERR_FORMAT,
                  "1 missing in the first: k30; 1 missing in the second: k1");
  babel_bank_destroy(&a);
  babel_bank_destroy(&b);
}

Test(data_bank, select_takes_the_rows_of_the_keys) {
  static const char *const keys[] = {"k3", "k0"}, *const twice[] = {"k3", "k3"}, *const absent[] = {"k3", "k9", "k8"};
  babel_bank in = make(4, 2, 6, 5), out;
  in.variant_ids[1] = 599;
  cr_assert_eq(babel_bank_select(&out, &in, keys, 2), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(babel_bank_validate(&out), BABEL_OK);
  cr_assert(out.rows == 2 && out.variants == 2 && out.steps == 6 && out.width == 5 && out.variant_ids[1] == 599);
  for (int i = 0; i < 2; i++) {
    int from = i ? 0 : 3;
    cr_assert_str_eq(out.keys[i], in.keys[from]);
    cr_assert_str_eq(out.recordings[i], in.recordings[from]);
    cr_assert(out.labels[i] == in.labels[from] && out.subjects[i] == in.subjects[from]);
    cr_assert(out.first[i] == in.first[from] && out.last[i] == in.last[from]);
    cr_assert_arr_eq(out.features + i * 30, in.features + from * 30, 30 * sizeof(float));
    cr_assert_arr_eq(out.augmented + i * 60, in.augmented + from * 60, 60 * sizeof(float));
    cr_assert_arr_eq(out.lengths + i * 3, in.lengths + from * 3, 3 * sizeof(int));
  }
  cr_assert_str_eq(out.provenance, in.provenance);
  babel_bank_destroy(&out);
  assert_sentence(babel_bank_select(&out, &in, twice, 2), BABEL_ERR_FORMAT, "k3 is wanted twice, as number 1 and 2");
  cr_assert_null(out.keys);
  assert_sentence(babel_bank_select(&out, &in, absent, 3), BABEL_ERR_FORMAT, "2 of the 3 wanted keys are missing: k9, k8");
  assert_sentence(babel_bank_select(&out, &in, keys, 0), BABEL_ERR_ARG, "no keys");
  babel_bank_destroy(&in);
}

/* Mean and population deviation as written down, over rows and valid steps. */
static void statistics_oracle(const babel_bank *b, const int *rows, int count, int column, double *mean, double *deviation) {
  double sum = 0, squares = 0, n = 0;
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < count; i++) {
      int row = rows ? rows[i] : i, valid = b->lengths ? b->lengths[row * (1 + b->variants)] : 1;
      for (int t = 0; t < valid; t++) {
        double x = b->features[(row * b->steps + t) * b->width + column];
        if (!pass) {
          sum += x;
          n++;
        } else
          squares += (x - sum / n) * (x - sum / n);
      }
    }
  *mean = sum / n;
  *deviation = sqrt(squares / n);
}

Test(data_bank, statistics_follow_their_formula_over_rows_and_valid_steps) {
  static const int some[] = {5, 5, 0, 31, 7};
  for (int timed = 0; timed < 2; timed++) {
    babel_bank b = make(33, timed ? 2 : 0, timed ? 6 : 1, 71);
    for (int i = 0; i < 33 * b.steps; i++) {
      b.features[i * 71 + 3] = 1e4f;                    /* constant */
      b.features[i * 71 + 4] = 1e4f + (i % 2) * 0.001f; /* below 1e-6 (1 + |mean|) */
      b.features[i * 71 + 5] = (i % 2) * 1e-5f;         /* above it: scaled by deviation + 1e-6 */
      b.features[i * 71 + 6] += 1000;
    }
    for (int subset = 0; subset < 2; subset++) {
      const int *rows = subset ? some : NULL;
      int count = subset ? 5 : 33, constant, again;
      float *mean = babel_guarded(71), *inv = babel_guarded(71), mean2[71], inv2[71];
      omp_set_num_threads(3);
      cr_assert_eq(babel_bank_statistics(&b, rows, count, mean, inv, &constant), BABEL_OK);
      cr_assert_eq(constant, 2);
      for (int c = 0; c < 71; c++) {
        double m, d;
        statistics_oracle(&b, rows, count, c, &m, &d);
        double expected = c == 3 || c == 4 ? 1 : 1 / (d + 1e-6);
        cr_assert(fabs(mean[c] - m) <= 1e-7 * (fabs(m) + 1e-3), "column %d mean %g, expected %g", c, (double)mean[c], m);
        cr_assert(fabs(inv[c] / expected - 1) <= 2e-7, "column %d scale %g, expected %g", c, (double)inv[c], expected);
      }
      omp_set_num_threads(1);
      cr_assert_eq(babel_bank_statistics(&b, rows, count, mean2, inv2, &again), BABEL_OK);
      cr_assert_arr_eq(mean, mean2, sizeof mean2);
      cr_assert_arr_eq(inv, inv2, sizeof inv2);
      cr_assert(babel_guard_check(mean, 71) && babel_guard_check(inv, 71));
      babel_guarded_free(mean);
      babel_guarded_free(inv);
    }
    int constant, outside[] = {33};
    float unused[71];
    cr_assert_eq(babel_bank_statistics(&b, outside, 1, unused, unused, &constant), BABEL_ERR_ARG);
    cr_assert_eq(babel_bank_statistics(&b, some, 0, unused, unused, &constant), BABEL_ERR_ARG);
    babel_bank_destroy(&b);
  }
}

Test(data_bank, overlapping_windows_are_counted_by_recording) {
  babel_bank b = make(6, 0, 1, 1);
  static const int ranges[][2] = {{0, 10}, {0, 10}, {9, 12}, {10, 20}, {0, 100}, {15, 15}};
  int64_t pairs;
  int recordings;
  double share;
  for (int i = 0; i < 6; i++) { /* even: 0-10, 9-12, 0-100; odd: 0-10, 10-20, an empty one */
    b.first[i] = ranges[i][0];
    b.last[i] = ranges[i][1];
  }
  cr_assert_eq(babel_bank_overlaps(&b, &pairs, &recordings, &share), BABEL_OK);
  cr_assert(pairs == 3 && recordings == 1, "%lld pairs in %d", (long long)pairs, recordings);
  cr_assert_eq(share, 1, "9-12 lies inside 0-100: %g", share);
  babel_bank_destroy(&b);
}
