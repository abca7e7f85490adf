/* Six simulated sensors: the same bits for a seed, one label set, people apart, numbers as they were meant. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "data/bank.h"
#include "data/split.h"
#include "sim/banks.h"
#include "tests/support/paths.h"

static const char *scratch(void) {
  static char folder[512];
  if (!*folder) snprintf(folder, sizeof folder, "%.500s", babel_scratch());
  return folder;
}

static const struct {
  const char *set, *pair[2];
  int width[2];
} sets[] = {{"sim_utd_mhad", {"imu", "skeleton"}, {72, 60}},    {"sim_kinetics", {"video", "skeleton"}, {512, 60}}, {"sim_operanet", {"wifi", "skeleton"}, {900, 60}},
            {"sim_xrf55", {"mmwave", "wifi"}, {1024, 900}}, {"sim_mmfi", {"lidar", "video"}, {60, 512}},      {"sim_ut_har", {"wifi", "wifi2"}, {900, 128}}};
enum { SETS = sizeof sets / sizeof *sets };

static void folder_of(const char *name, char path[1024]) {
  snprintf(path, 1024, "%s/%s", scratch(), name);
}

static void simulate(const char *name, int seed) {
  char folder[1024];
  int64_t samples;
  folder_of(name, folder);
  cr_assert_eq(babel_sim_banks(folder, &(babel_sim_banks_options){.seed = (uint64_t)seed}, &samples), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_gt(samples, 5000);
}

static void read_bank(const char *folder, int set, int side, babel_bank *bank) {
  char path[1200];
  snprintf(path, sizeof path, "%s/%s/%s_%s.safetensors", scratch(), folder, sets[set].set, sets[set].pair[side]);
  cr_assert_eq(babel_bank_read(bank, path), BABEL_OK, "%s", babel_error_last()->sentence);
}

static void pairs_share_keys_and_labels_and_say_that_they_are_simulated(void) {
  for (int set = 0; set < SETS; set++) {
    babel_bank bank[2];
    int *rows[2], count, seen[27] = {0};
    for (int s = 0; s < 2; s++) {
      read_bank("a", set, s, &bank[s]);
      cr_assert_eq(bank[s].width, sets[set].width[s]);
      cr_assert_str_eq(bank[s].dataset, sets[set].set);
      cr_assert_not_null(strstr(bank[s].provenance, "\"simulated\":true"));
    }
    cr_assert_eq(babel_bank_pair(&bank[0], &bank[1], NULL, 0, &rows[0], &rows[1], &count), BABEL_OK, "%s", babel_error_last()->sentence);
    free(rows[0]);
    free(rows[1]);
    for (int i = 0; i < count; i++) seen[bank[0].labels[i]]++;
    for (int c = 0; c < 27; c++) cr_assert_gt(seen[c], 0);
    for (int s = 0; s < 2; s++) babel_bank_destroy(&bank[s]);
  }
}

static void nobody_is_in_both_parts_and_every_draw_supports_every_class_once(void) {
  for (int set = 0; set < SETS; set++) {
    babel_bank bank;
    babel_split split;
    babel_draws draws;
    char path[1200];
    bool in[2][32] = {{false}};
    read_bank("a", set, 0, &bank);
    snprintf(path, sizeof path, "%s/a/%s_split.csv", scratch(), sets[set].set);
    cr_assert_eq(babel_split_read(&split, path), BABEL_OK, "%s", babel_error_last()->sentence);
    cr_assert_eq(split.count, bank.rows);
    for (int i = 0; i < split.count; i++) in[split.parts[i] == BABEL_PART_TEST][bank.subjects[babel_bank_row(&bank, split.keys[i])]] = true;
    for (int p = 0; p < 32; p++) cr_assert(!(in[0][p] && in[1][p]), "%s: person %d", sets[set].set, p);
    snprintf(path, sizeof path, "%s/a/%s_draws.csv", scratch(), sets[set].set);
    cr_assert_eq(babel_draws_read(&draws, path), BABEL_OK, "%s", babel_error_last()->sentence);
    cr_assert_eq(draws.count, 10);
    for (int d = 0; d < draws.count; d++) {
      int seen[27] = {0};
      cr_assert_eq(draws.draws[d].support_count, 27);
      for (int i = 0; i < 27; i++) {
        int row = babel_bank_row(&bank, draws.draws[d].support[i]);
        cr_assert(row >= 0 && in[1][bank.subjects[row]] && !seen[bank.labels[row]]++);
      }
      for (int i = 0; i < draws.draws[d].query_count; i++) cr_assert(in[1][bank.subjects[babel_bank_row(&bank, draws.draws[d].query[i])]]);
    }
    babel_draws_destroy(&draws);
    babel_split_destroy(&split);
    babel_bank_destroy(&bank);
  }
}

/* Channel state is nearly the same whatever happens (algorithm.md section 4.3): spread over samples against size. */
static void wifi_is_nearly_constant_and_the_others_are_not(void) {
  for (int side = 0; side < 2; side++) {
    babel_bank bank;
    read_bank("a", 2, side, &bank);
    double spread = 0, size = 0;
    for (int c = 0; c < bank.width; c++) {
      double mean = 0, square = 0;
      for (int i = 0; i < bank.rows; i++) mean += (double)bank.features[i * bank.width + c] / bank.rows;
      for (int i = 0; i < bank.rows; i++) square += pow((double)bank.features[i * bank.width + c] - mean, 2) / bank.rows;
      spread += square;
      size += mean * mean;
    }
    double ratio = sqrt(spread / size);
    cr_assert(side ? ratio > 0.5 : ratio < 0.05, "%s: %g", bank.modality, ratio);
    babel_bank_destroy(&bank);
  }
}

Test(sim_banks, six_sensors_in_pairs_the_same_bits_for_a_seed) {
  char folder[1024];
  int64_t samples;
  simulate("a", 1);
  simulate("b", 1);
  simulate("c", 4);
  for (int set = 0; set < SETS; set++) {
    babel_bank bank[3];
    read_bank("a", set, 1, &bank[0]);
    read_bank("b", set, 1, &bank[1]);
    read_bank("c", set, 1, &bank[2]);
    cr_assert_str_eq(bank[0].sha256, bank[1].sha256);
    cr_assert_str_neq(bank[0].sha256, bank[2].sha256);
    for (int i = 0; i < 3; i++) babel_bank_destroy(&bank[i]);
  }
  pairs_share_keys_and_labels_and_say_that_they_are_simulated();
  nobody_is_in_both_parts_and_every_draw_supports_every_class_once();
  wifi_is_nearly_constant_and_the_others_are_not();
  folder_of("a", folder);
  cr_assert_eq(babel_sim_banks(folder, &(babel_sim_banks_options){.seed = 1}, &samples), BABEL_ERR_STATE);
}
