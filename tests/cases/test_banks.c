/* A user's features through import, growth and evaluation: cases PC33, PC34, PC41, PC43, PC44 (README.md). */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cases/program.h"

TestSuite(cases_banks, .init = enter_scratch, .timeout = 200);

#define SMALL "--set hidden=32 --set embed_dim=32"

static void save_keys(int count, int labels) {
  static char text[1 << 15];
  size_t used = (size_t)snprintf(text, sizeof text, "key,label,subject\n");
  for (int i = 0; i < count; i++) used += (size_t)snprintf(text + used, sizeof text - used, "k%04d,%d,%d\n", i, i % labels, i % 8 + 1);
  save_text("keys.csv", text);
}

static void import(const char *name, const float *x, int rows, int columns) {
  char path[40];
  snprintf(path, sizeof path, "%s.npy", name);
  save_rows(path, x, rows, columns);
  cr_assert_eq(run("bank import --features %s --keys keys.csv --modality %s --out %s.bank", path, name, name), 0, "%s", errors());
}

/* Two banks a, b that see the same 16 hidden numbers. */
static void make_pair(int count, int wide_a, int wide_b, void (*spoil)(float *a)) {
  static float hidden[515 * 16], mix[16 * 900], x[515 * 900];
  save_keys(count, 27);
  fill_normal(hidden, (size_t)count * 16, 8);
  for (int s = 0; s < 2; s++) {
    int width = s ? wide_b : wide_a;
    fill_normal(mix, 16 * (size_t)width, 9 + (unsigned)s);
    for (int i = 0; i < count; i++)
      for (int c = 0; c < width; c++) {
        float sum = 0;
        for (int k = 0; k < 16; k++) sum += hidden[i * 16 + k] * mix[k * width + c];
        x[i * width + c] = tanhf(sum);
      }
    if (!s && spoil) spoil(x);
    import(s ? "b" : "a", x, count, width);
  }
}

/* The last line of metrics.jsonl must be finite; returns its number under `key`. */
static double last_metric(const char *folder, const char *key) {
  char path[80], line[1024], last[1024] = "", quoted[40];
  snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
  FILE *file = fopen(path, "r");
  cr_assert_not_null(file, "%s", path);
  while (fgets(line, sizeof line, file)) strcpy(last, line);
  fclose(file);
  snprintf(quoted, sizeof quoted, "\"%s\": ", key);
  const char *at = strstr(last, quoted);
  cr_assert(at && !strstr(last, "null"), "%s: %s", path, last);
  return strtod(at + strlen(quoted), NULL);
}

Test(cases_banks, pc33_fewer_pairs_than_a_batch) {
  make_pair(200, 72, 60, NULL);
  cr_assert_eq(run("grow --bank a.bank --bank b.bank --out run --set batch=256 --set max_steps=10 " SMALL), 0, "%s", errors());
  cr_assert(strstr(errors(), "200 pairs are fewer than a batch of 256: the batch is 200"), "%s", errors());
  cr_assert_eq(last_metric("run", "step"), 10);
  cr_assert_gt(last_metric("run", "loss_ab"), 1, "of about ln 200");
}

static void zero_and_equal_rows(float *a) {
  memset(a + 7 * 72, 0, 72 * sizeof *a);
  for (int i = 21; i < 60; i++) memcpy(a + i * 72, a + 20 * 72, 72 * sizeof *a);
}

Test(cases_banks, pc34_zero_and_equal_rows_stay_finite_and_are_counted) {
  static const char *const presets[] = {"ours", "paper", "best", "best_mask"};
  make_pair(300, 72, 60, zero_and_equal_rows);
  for (int i = 0; i < 4; i++) {
    cr_assert_eq(run("grow --bank a.bank --bank b.bank --out run%d --preset %s --set max_steps=10 " SMALL, i, presets[i]), 0, "%s", errors());
    cr_assert(strstr(errors(), "1 of 300 samples are all zero") && strstr(errors(), "40 of 300 samples equal another one"), "%s", errors());
    char folder[20];
    snprintf(folder, sizeof folder, "run%d", i);
    cr_assert(isfinite(last_metric(folder, "loss_ba")) && isfinite(last_metric(folder, "w_ab")));
  }
  refused(2, run("grow --bank a.bank --bank b.bank --out one --set batch=1"), "batch: expected a whole number from 2");
}

Test(cases_banks, pc41_ties_share_their_ranks_and_nan_is_named) {
  static float x[50 * 64];
  char draws[2000] = "draw,role,key\n";
  save_keys(50, 10);
  for (int i = 0; i < 50; i++) snprintf(draws + strlen(draws), sizeof draws - strlen(draws), "0,%s,k%04d\n", i < 10 ? "support" : "query", i);
  save_text("draws.csv", draws);
  for (int i = 0; i < 50; i++) fill_normal(x + i * 64, 64, 3); /* 50 equal rows */
  import("a", x, 50, 64);
  import("b", x, 50, 64);
  cr_assert_eq(run("grow --bank a.bank --bank b.bank --out run --set max_steps=2 --quiet " SMALL), 0, "%s", errors());
  cr_assert(strstr(errors(), "50 of 50 samples equal another one"), "%s", errors());
  save_text("split.csv", "key,part\nk0000,train\nk0001,train\n");
  cr_assert_eq(run("eval --protocol ties --bank a.bank --bank b.bank --split split.csv --draws draws.csv --trunk run/trunk.safetensors --heads nearest --out r.json"), 0,
               "%s", errors());
  cr_assert(strstr(output(), "2.0 / 10.0 / 20.0") && strstr(output(), "25.5"), "recall@1/5/10 and median rank over ties: %s", output());
  x[13 * 64] = NAN;
  save_rows("b.npy", x, 50, 64);
  cr_assert_eq(unlink("b.bank"), 0);
  refused(1, run("bank import --features b.npy --keys keys.csv --modality b --out b.bank"), "row 13");
  cr_assert(access("b.bank", F_OK), "nothing is written");
}

Test(cases_banks, pc43_odd_widths_and_batches) {
  static const int widths[3][2] = {{78, 60}, {7, 513}, {1, 900}}, batches[4] = {256, 255, 129, 2};
  for (int w = 0; w < 3; w++) {
    make_pair(515, widths[w][0], widths[w][1], NULL);
    for (int b = 0; b < 4; b++) {
      cr_assert_eq(run("grow --bank a.bank --bank b.bank --out run --force --quiet --set batch=%d --set max_steps=10 " SMALL, batches[b]), 0, "%s", errors());
      double loss = last_metric("run", "loss_ab");
      cr_assert(loss > 0 && loss < log(batches[b]) + 1, "widths %d and %d, batch %d: loss %g", widths[w][0], widths[w][1], batches[b], loss);
    }
  }
}

Test(cases_banks, pc44_overlapping_windows_are_told_at_import) {
  static float x[240 * 72];
  static char keys[1 << 14];
  size_t used = (size_t)snprintf(keys, sizeof keys, "key,label,subject,recording,first,last\n");
  for (int i = 0; i < 240; i++)
    used += (size_t)snprintf(keys + used, sizeof keys - used, "w%04d,%d,%d,rec%02d,%d,%d\n", i, i / 20 % 4, i / 20 % 3 + 1, i / 20, i % 20 * 24, i % 20 * 24 + 120);
  fill_normal(x, 240 * 72, 44);
  save_text("keys.csv", keys);
  import("x", x, 240, 72);
  cr_assert(strstr(errors(), "240 windows") && strstr(errors(), "up to 80 %") && strstr(errors(), "split by recording or by subject"), "%s", errors());
}
