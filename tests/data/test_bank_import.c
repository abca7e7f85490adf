#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/log.h"
#include "core/npy.h"
#include "data/bank.h"
#include "tests/support/paths.h"

static const char *scratch(const char *name) {
  static char paths[4][1200], folder[1000];
  static int at;
  if (!*folder) snprintf(folder, sizeof folder, "%s", babel_scratch());
  at = (at + 1) % 4;
  snprintf(paths[at], sizeof paths[at], "%s/%s", folder, name);
  return paths[at];
}

static void write_array(const char *name, const void *data, babel_dtype dtype, int rank, int64_t a, int64_t b, int64_t c) {
  babel_tensor tensor = {.data = data, .dtype = dtype, .rank = rank, .shape = {a, b, c}};
  cr_assert_eq(babel_npy_write(scratch(name), &tensor), BABEL_OK);
}

static void assert_refused(const char *keys, const char *words) {
  babel_bank bank;
  cr_assert_eq(babel_file_write_text(scratch("keys.csv"), keys), BABEL_OK);
  cr_assert_neq(babel_bank_import(&bank, scratch("x.npy"), scratch("keys.csv"), "imu"), BABEL_OK, "%s", words);
  cr_assert(strstr(babel_error_last()->sentence, words), "expected \"%s\" in: %s", words, babel_error_last()->sentence);
  cr_assert_null(bank.keys);
}

#define THREE_KEYS "key,label,subject\na,0,1\nb,1,2\nc,0,3\n"

Test(data_bank_import, features_and_keys_become_a_bank) {
  static const double x[6] = {1, 2, 3, 4, 5.5, 6};
  babel_bank bank;
  write_array("x.npy", x, BABEL_F64, 2, 3, 2, 0);
  cr_assert_eq(babel_file_write_text(scratch("keys.csv"), THREE_KEYS), BABEL_OK);
  cr_assert_eq(babel_bank_import(&bank, scratch("x.npy"), scratch("keys.csv"), "uwb_2"), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert(bank.rows == 3 && bank.width == 2 && bank.steps == 1 && bank.variants == 0 && !strcmp(bank.modality, "uwb_2"));
  for (int i = 0; i < 6; i++) cr_assert_eq(bank.features[i], (float)x[i]);
  cr_assert(!strcmp(bank.keys[1], "b") && !strcmp(bank.recordings[1], "b") && bank.labels[1] == 1 && bank.subjects[2] == 3);
  cr_assert(bank.first[1] == 0 && bank.last[1] == 0 && !bank.path[0] && !bank.sha256[0]);
  cr_assert_eq(babel_bank_write(&bank, scratch("bank.safetensors")), BABEL_OK, "%s", babel_error_last()->sentence);
  babel_bank_destroy(&bank);
  write_array("x.npy", x, BABEL_F64, 3, 3, 2, 1);
  cr_assert_eq(babel_bank_import(&bank, scratch("x.npy"), scratch("keys.csv"), "imu"), BABEL_OK);
  cr_assert(bank.steps == 2 && bank.width == 1 && bank.lengths[0] == 2 && bank.lengths[2] == 2);
  babel_bank_destroy(&bank);
}

Test(data_bank_import, arrays_and_keys_that_do_not_fit_are_refused) {
  float x[6] = {1, 2, 3, 4, 5, 6};
  babel_bank bank;
  write_array("x.npy", x, BABEL_F32, 2, 3, 2, 0);
  assert_refused("key,label,subject\na,0,1\nb,1,2\n", "3 rows");
  assert_refused("key,label,subject\na,0,1\nb,1,2\n", "2 keys");
  assert_refused(THREE_KEYS "d,0,0\n", "4 keys");
  assert_refused("key,label\na,0\n", "header");
  assert_refused("key,label,subject\na,-1,1\n", "line 2: expected a label");
  assert_refused("key,label,subject\na,one,1\n", "line 2: expected a label");
  assert_refused("key,label,subject\na,0,\n", "line 2: expected a subject");
  assert_refused("key,label,subject\n,0,1\n", "line 2: an empty key");
  assert_refused("key,label,subject\na,0,1\nb,0,1\na,0,1\n", "rows 0 and 2");
  assert_refused("key,label,subject,recording,first,last\na,0,1,r,5,4\n", "line 2: expected a last row");
  assert_refused("key,label,subject,recording,first,last\na,0,1,,0,4\n", "line 2: an empty key or recording");
  assert_refused("key,label,subject,recording,first,last\na,0,1\n", "line 2: expected 6 fields, found 3");
  x[3] = NAN;
  write_array("x.npy", x, BABEL_F32, 2, 3, 2, 0);
  assert_refused(THREE_KEYS, "row 1 (key b), time step 0, column 1 is nan");
  assert_refused(THREE_KEYS, "x.npy");
  write_array("x.npy", x, BABEL_F32, 1, 6, 0, 0);
  assert_refused(THREE_KEYS, "found (6)");
  write_array("x.npy", x, BABEL_F32, 2, 0, 2, 0);
  assert_refused(THREE_KEYS, "(0, 2)");
  cr_assert_eq(babel_bank_import(&bank, scratch("x.npy"), scratch("keys.csv"), "Wi-Fi"), BABEL_ERR_ARG);
  cr_assert_eq(babel_bank_import(&bank, scratch("nothing.npy"), scratch("keys.csv"), "imu"), BABEL_ERR_IO);
  write_array("x.npy", (double[]){1, 1e300, 3, 4, 5, 6}, BABEL_F64, 2, 3, 2, 0);
  assert_refused(THREE_KEYS, "column 1 is inf");
}

/* 12 recordings of 20 windows, 120 long, every 24 rows: a window overlaps its next four, 70 pairs a recording. */
Test(data_bank_import, overlapping_windows_of_one_recording_are_warned_about) {
  static float x[240];
  static char keys[20000];
  size_t used = (size_t)snprintf(keys, sizeof keys, "key,label,subject,recording,first,last\n");
  for (int i = 0; i < 240; i++)
    used += (size_t)snprintf(keys + used, sizeof keys - used, "w%04d,%d,%d,rec%02d,%d,%d\n", i, i / 20 % 4, i / 20 % 3 + 1, i / 20,
                             i % 20 * 24, i % 20 * 24 + 120);
  write_array("x.npy", x, BABEL_F32, 2, 240, 1, 0);
  cr_assert_eq(babel_file_write_text(scratch("keys.csv"), keys), BABEL_OK);
  babel_bank bank;
  int before = babel_warn_count();
  cr_assert_eq(babel_bank_import(&bank, scratch("x.npy"), scratch("keys.csv"), "imu"), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(babel_warn_count(), before + 1);
  int64_t pairs;
  int recordings;
  double share;
  cr_assert_eq(babel_bank_overlaps(&bank, &pairs, &recordings, &share), BABEL_OK);
  cr_assert(pairs == 840 && recordings == 12 && share == 0.8, "%lld in %d, %g", (long long)pairs, recordings, share);
  cr_assert(bank.first[21] == 24 && bank.last[21] == 144 && !strcmp(bank.recordings[21], "rec01"));
  babel_bank_destroy(&bank);
}
