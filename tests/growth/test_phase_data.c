/* Which rows make up a batch. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "growth/phase_data.h"
#include "tests/growth/phase_banks.h"

typedef struct {
  babel_bank banks[2];
  babel_config config;
  babel_phase_options options;
  babel_phase_data data;
  babel_trunk trunk;
  babel_step_plan plan; /* the batch is written into it */
} rig;

static void make(rig *r, int pairs, int batch, int variants, int steps, bool shuffled) {
  memset(r, 0, sizeof *r);
  babel_log_set_level(BABEL_LOG_QUIET);
  for (int v = 0; v < 2; v++) phase_bank(&r->banks[v], v, pairs, variants, v ? 1 : steps);
  r->config = phase_config();
  r->config.batch = batch;
  r->config.variants = variants;
  r->config.shuffle_pairs = shuffled;
  r->options = phase_options(r->banks, "data");
  cr_assert_eq(babel_phase_data_create(&r->data, babel_ops_cpu(), &r->config, &r->options), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(babel_phase_data_upload(&r->data, &r->options), BABEL_OK);
  cr_assert_eq(babel_trunk_create(&r->trunk, babel_ops_cpu(), &r->config), BABEL_OK);
  babel_tower *towers[2];
  for (int v = 0; v < 2; v++) cr_assert_eq(babel_trunk_add_tower(&r->trunk, r->banks[v].modality, r->banks[v].width), BABEL_OK);
  for (int v = 0; v < 2; v++) towers[v] = &r->trunk.towers[v];
  cr_assert_eq(babel_step_plan_create(&r->plan, &r->trunk, (babel_step_request[]){babel_step_pair(towers, r->data.steps, r->data.batch, -1, 1)}), BABEL_OK);
}

static void done(rig *r) {
  babel_step_plan_destroy(&r->plan);
  babel_trunk_destroy(&r->trunk);
  babel_phase_data_destroy(&r->data);
  for (int v = 0; v < 2; v++) babel_bank_destroy(&r->banks[v]);
}

static void draw(rig *r, int64_t step) {
  babel_phase_data_batch(&r->data, &r->config, step, &r->plan.host);
}

/* Windows of 6 rows of two recordings, `apart` rows after the one before. */
static void cut(rig *r, int apart) {
  for (int i = 0; i < 20; i++) {
    babel_bank *bank = &r->banks[0];
    free(bank->recordings[i]);
    bank->recordings[i] = strdup(i % 2 ? "run b" : "run a");
    bank->first[i] = i / 2 * apart;
    bank->last[i] = bank->first[i] + 6;
  }
  babel_phase_data_destroy(&r->data);
  cr_assert_eq(babel_phase_data_create(&r->data, babel_ops_cpu(), &r->config, &r->options), BABEL_OK, "%s", babel_error_last()->sentence);
}

Test(growth_phase_data, windows_that_overlap_are_known_where_they_are_to_be_masked) {
  rig r;
  make(&r, 20, 5, 1, 1, false);
  cr_assert(!r.data.windows.overlap, "nothing is cut");
  cut(&r, 6);
  cr_assert(!r.data.windows.overlap, "windows beside each other");
  cut(&r, 5);
  cr_assert(r.data.windows.overlap);
  for (int i = 0; i < 20; i++)
    for (int j = 0; j < 20; j++) {
      const int a = r.data.source[0][i], b = r.data.source[0][j];
      cr_assert_eq(babel_windows_overlap(&r.data.windows, i, j), a % 2 == b % 2 && abs(a / 2 - b / 2) < 2);
    }
  r.config.shuffle_pairs = true;
  cut(&r, 5);
  cr_assert(!r.data.windows.overlap, "partners that change places");
  r.config.shuffle_pairs = false;
  r.config.mask_overlaps = false;
  cut(&r, 5);
  cr_assert(!r.data.windows.overlap);
  done(&r);
}

Test(growth_phase_data, an_epoch_visits_every_pair_once_and_both_members_alike) {
  rig r;
  make(&r, 48, 12, 5, 1, false);
  int seen[5] = {0}, differs = 0, last[48] = {0};
  for (int epoch = 0; epoch < 30; epoch++) {
    int visits[48] = {0};
    for (int step = 0; step < 4; step++) {
      draw(&r, epoch * 4 + step);
      for (int i = 0; i < 12; i++) {
        int row = r.plan.host.rows[0][i];
        cr_assert_eq(row, r.plan.host.rows[1][i], "the same pair and the same variant");
        cr_assert(row >= 0 && row < 48 * 5);
        visits[row / 5]++;
        seen[row % 5]++;
        differs += last[step * 12 + i] != row / 5;
        last[step * 12 + i] = row / 5;
      }
    }
    for (int i = 0; i < 48; i++) cr_assert_eq(visits[i], 1);
  }
  cr_assert_gt(differs, 30 * 48 * 9 / 10, "another order every epoch");
  for (int v = 0; v < 5; v++) cr_assert(seen[v] > 288 - 80 && seen[v] < 288 + 80, "variant %d was drawn %d times, 288 expected", v, seen[v]);
  done(&r);
}

Test(growth_phase_data, the_rest_of_an_epoch_is_dropped) {
  rig r;
  make(&r, 50, 16, 0, 1, false);
  cr_assert_eq(r.data.steps_per_epoch, 3);
  int visits[50] = {0};
  for (int step = 0; step < 3; step++) {
    draw(&r, step);
    for (int i = 0; i < 16; i++) visits[r.plan.host.rows[0][i]]++;
  }
  int once = 0;
  for (int i = 0; i < 50; i++) once += visits[i] == 1;
  cr_assert_eq(once, 48);
  done(&r);
}

/* A step's batch depends on the step alone: a continued run draws the same. */
Test(growth_phase_data, any_step_can_be_asked_for_in_any_order) {
  rig r;
  make(&r, 40, 8, 3, 1, true);
  int forward[20][2][8];
  for (int step = 0; step < 20; step++) {
    draw(&r, step);
    for (int s = 0; s < 2; s++) memcpy(forward[step][s], r.plan.host.rows[s], sizeof forward[step][s]);
  }
  for (int step = 19; step >= 0; step -= 3) {
    draw(&r, step);
    for (int s = 0; s < 2; s++) cr_assert_arr_eq(forward[step][s], r.plan.host.rows[s], sizeof forward[step][s]);
  }
  r.config.seed = 1;
  draw(&r, 0);
  cr_assert_arr_neq(forward[0][0], r.plan.host.rows[0], sizeof forward[0][0]);
  done(&r);
}

static int ascending(const void *a, const void *b) {
  return *(const int *)a - *(const int *)b;
}

Test(growth_phase_data, shuffled_partners_come_from_the_same_batch) {
  rig r;
  make(&r, 64, 16, 3, 1, true);
  int kept = 0;
  for (int step = 0; step < 40; step++) {
    draw(&r, step);
    int a[16], b[16];
    memcpy(a, r.plan.host.rows[0], sizeof a);
    memcpy(b, r.plan.host.rows[1], sizeof b);
    for (int i = 0; i < 16; i++) kept += a[i] == b[i];
    qsort(a, 16, sizeof *a, ascending);
    qsort(b, 16, sizeof *b, ascending);
    cr_assert_arr_eq(a, b, sizeof a);
  }
  cr_assert_lt(kept, 90, "one pair a batch stays together by chance: 40 expected, found %d", kept);
  done(&r);
}

Test(growth_phase_data, rows_are_the_bank_s_originals_and_variants) {
  rig r;
  make(&r, 20, 10, 4, 3, false);
  for (int s = 0; s < 2; s++) {
    const babel_bank *bank = &r.banks[s];
    size_t stride = (size_t)bank->steps * (size_t)bank->width;
    for (int i = 0; i < 20; i++)
      for (int v = 0; v < 4; v++) {
        size_t row = (size_t)r.data.source[s][i];
        const float *expected = bank->augmented + (row * 4 + (size_t)v) * stride; /* variant ids 0, 150, 300, 450: as asked for */
        cr_assert_arr_eq(r.data.rows[s] + ((size_t)i * 4 + (size_t)v) * stride, expected, stride * sizeof(float));
      }
  }
  for (int step = 0; step < 6; step++) {
    draw(&r, step);
    for (int i = 0; i < 10; i++) {
      int first = r.plan.host.rows[0][i * 3], row = first / 3;
      for (int t = 0; t < 3; t++) cr_assert_eq(r.plan.host.rows[0][i * 3 + t], first + t, "time steps stay together");
      cr_assert_eq(row, r.plan.host.rows[1][i]);
      cr_assert_eq(r.plan.host.lengths[0][i], r.banks[0].lengths[r.data.source[0][row / 4] * 5 + row % 4 + 1]);
    }
  }
  done(&r);
}

Test(growth_phase_data, equal_and_empty_sequences_are_counted_whole) {
  rig r;
  make(&r, 20, 10, 0, 3, false);
  babel_phase_data again;
  size_t stride = (size_t)r.banks[0].steps * (size_t)r.banks[0].width;
  float *x = r.banks[0].features;
  memcpy(x + 9 * stride, x + 7 * stride, stride * sizeof *x);
  memcpy(x + 11 * stride, x + 7 * stride, (stride - 1) * sizeof *x); /* all but its last number */
  memset(x + 3 * stride, 0, stride * sizeof *x);
  memset(x + 5 * stride, 0, (stride - 1) * sizeof *x);
  x[6 * stride - 1] = 1;
  cr_assert_eq(babel_phase_data_create(&again, babel_ops_cpu(), &r.config, &r.options), BABEL_OK);
  cr_assert_eq(again.equal_rows[0], 2);
  cr_assert_eq(again.zero_rows[0], 1);
  babel_phase_data_destroy(&again);
  done(&r);
}

Test(growth_phase_data, fewer_variants_are_the_even_share_of_the_bank_s) {
  rig r;
  make(&r, 20, 10, 8, 1, false);
  babel_phase_data two;
  r.config.variants = 2; /* ids 0 and 300 of 0, 75, 150, .. */
  cr_assert_eq(babel_phase_data_create(&two, babel_ops_cpu(), &r.config, &r.options), BABEL_OK);
  cr_assert_eq(two.columns[0][0], 0);
  cr_assert_eq(two.columns[0][1], 4);
  babel_phase_data_destroy(&two);
  r.config.variants = 1; /* the original alone */
  cr_assert_eq(babel_phase_data_create(&two, babel_ops_cpu(), &r.config, &r.options), BABEL_OK);
  cr_assert_eq(two.columns[0][0], 0);
  babel_phase_data_destroy(&two);
  r.config.variants = 0;
  cr_assert_eq(babel_phase_data_create(&two, babel_ops_cpu(), &r.config, &r.options), BABEL_OK);
  cr_assert_eq(two.variants, 1);
  cr_assert_eq(two.columns[1][0], 0);
  babel_phase_data_destroy(&two);
  done(&r);
}
