/* What the heads see, against the rig's oracle. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "eval/evaluate_rows.h"
#include "tests/eval/eval_rig.h"
#include "tests/support/compare.h"

/* Features and unit rows are single precision: measured 2e-7. */
#define LIMIT 2e-6

typedef struct {
  eval_rig rig;
  babel_paired paired;
} pairs;

static void make(pairs *p) {
  eval_rig_create(&p->rig);
  const babel_bank *const banks[2] = {&p->rig.banks[0], &p->rig.banks[1]};
  cr_assert_eq(babel_paired_create(&p->paired, banks), BABEL_OK, "%s", babel_error_last()->sentence);
}

static void destroy(pairs *p) {
  babel_paired_destroy(&p->paired);
  eval_rig_destroy(&p->rig);
}

static void check(const pairs *p, const babel_inputs *inputs, int kind, int seed, int seeds) {
  static double expected[RIG_SAMPLES][RIG_WIDEST];
  for (int input = 0; input < BABEL_INPUT_COUNT; input++) {
    int width = eval_rig_input(&p->rig, kind, input, seed, seeds, expected);
    if (!width) {
      cr_assert_null(inputs->x[input]);
      continue;
    }
    cr_assert_eq(inputs->width[input], width, "kind %d input %d: width %d, expected %d", kind, input, inputs->width[input], width);
    for (int i = 0; i < RIG_SAMPLES; i++) cr_assert(babel_close("input", inputs->x[input] + i * width, expected[i], (size_t)width, LIMIT, 0), "kind %d input %d row %d", kind, input, i);
  }
}

static const char **train_keys(const pairs *p, int *count) {
  const char **keys;
  cr_assert_eq(babel_split_keys(&p->rig.split, BABEL_PART_TRAIN, &keys, count), BABEL_OK);
  return keys;
}

Test(eval_inputs, pairs_follow_the_first_bank_and_hold_both_members) {
  pairs p;
  make(&p);
  cr_assert_eq(p.paired.n, RIG_SAMPLES);
  for (int i = 0; i < RIG_SAMPLES; i++) {
    cr_assert_str_eq(p.paired.keys[i], p.rig.banks[0].keys[i]);
    cr_assert_str_eq(p.rig.banks[1].keys[p.paired.rows[1][i]], p.paired.keys[i]);
    cr_assert_eq(p.paired.labels[i], i % RIG_CLASSES);
    for (int s = 0; s < 2; s++)
      cr_assert_arr_eq(p.paired.features[s] + i * p.rig.banks[s].width, eval_rig_features(&p.rig, s, i), (size_t)p.rig.banks[s].width * sizeof(float));
  }
  cr_assert(!p.paired.lengths[0] && !p.paired.lengths[1]);
  destroy(&p);
}

Test(eval_inputs, banks_that_do_not_match_are_refused) {
  pairs p;
  make(&p);
  const babel_bank *const banks[2] = {&p.rig.banks[0], &p.rig.banks[1]};
  babel_paired paired;
  p.rig.banks[1].labels[3]++;
  cr_assert_eq(babel_paired_create(&paired, banks), BABEL_ERR_FORMAT);
  babel_error_take();
  destroy(&p);
}

Test(eval_inputs, aligned_rows_are_embeddings_alone_and_fused) {
  pairs p;
  babel_inputs inputs;
  make(&p);
  for (int seed = 0; seed < RIG_SEEDS; seed++) {
    cr_assert_eq(babel_inputs_aligned(&inputs, &p.paired, &p.rig.trunks[seed]), BABEL_OK, "%s", babel_error_last()->sentence);
    check(&p, &inputs, BABEL_ROW_ALIGNED, seed, 1);
    babel_inputs_destroy(&inputs);
  }
  destroy(&p);
}

Test(eval_inputs, raw_rows_are_standardised_by_the_training_part_alone) {
  pairs p;
  babel_inputs inputs;
  int count;
  make(&p);
  const char **keys = train_keys(&p, &count), *strangers[2] = {"nobody", "nothing"};
  cr_assert_eq(babel_inputs_raw(&inputs, &p.paired, keys, count), BABEL_OK, "%s", babel_error_last()->sentence);
  check(&p, &inputs, BABEL_ROW_RAW, 0, 1);
  babel_inputs_destroy(&inputs);
  cr_assert_eq(babel_inputs_raw(&inputs, &p.paired, strangers, 2), BABEL_ERR_FORMAT);
  cr_assert_not_null(strstr(babel_error_take().sentence, "none of the 2 training keys"));
  for (int input = 0; input < BABEL_INPUT_COUNT; input++) cr_assert_null(inputs.x[input]);
  free(keys);
  destroy(&p);
}

/* Keys of the split that the banks lack (damaged trials) do not take part in the statistics. */
Test(eval_inputs, unknown_training_keys_are_passed_over) {
  pairs p;
  babel_inputs a, b;
  int count;
  make(&p);
  const char **keys = train_keys(&p, &count), *more[RIG_TRAIN + 2] = {"nobody"};
  memcpy(more + 1, keys, (size_t)count * sizeof *keys);
  more[count + 1] = "nothing";
  cr_assert_eq(babel_inputs_raw(&a, &p.paired, keys, count), BABEL_OK);
  cr_assert_eq(babel_inputs_raw(&b, &p.paired, more, count + 2), BABEL_OK);
  cr_assert_arr_eq(a.x[BABEL_INPUT_CONCAT], b.x[BABEL_INPUT_CONCAT], RIG_SAMPLES * 8 * sizeof(float));
  babel_inputs_destroy(&a);
  babel_inputs_destroy(&b);
  free(keys);
  destroy(&p);
}

Test(eval_inputs, joined_rows_stand_side_by_side) {
  pairs p;
  babel_inputs seeds, next, raw, joined;
  int count;
  make(&p);
  const char **keys = train_keys(&p, &count);
  cr_assert_eq(babel_inputs_raw(&raw, &p.paired, keys, count), BABEL_OK);
  cr_assert_eq(babel_inputs_aligned(&next, &p.paired, &p.rig.trunks[0]), BABEL_OK);
  cr_assert_eq(babel_inputs_join(&joined, &next, &raw, RIG_SAMPLES), BABEL_OK);
  check(&p, &joined, BABEL_ROW_PLUS_RAW, 0, 1);
  babel_inputs_destroy(&joined);
  cr_assert_eq(babel_inputs_copy(&seeds, &next, RIG_SAMPLES), BABEL_OK);
  babel_inputs_destroy(&next);
  check(&p, &seeds, BABEL_ROW_ALIGNED, 0, 1); /* a copy lives on */
  for (int seed = 1; seed < RIG_SEEDS; seed++) {
    cr_assert_eq(babel_inputs_aligned(&next, &p.paired, &p.rig.trunks[seed]), BABEL_OK);
    cr_assert_eq(babel_inputs_join(&joined, &seeds, &next, RIG_SAMPLES), BABEL_OK);
    babel_inputs_destroy(&seeds);
    babel_inputs_destroy(&next);
    seeds = joined;
    check(&p, &seeds, BABEL_ROW_ENSEMBLE, 0, seed + 1);
  }
  babel_inputs_destroy(&seeds);
  babel_inputs_copy(&seeds, &raw, RIG_SAMPLES);
  check(&p, &seeds, BABEL_ROW_RAW, 0, 1);
  babel_inputs_destroy(&seeds);
  babel_inputs_destroy(&raw);
  free(keys);
  destroy(&p);
}

Test(eval_inputs, the_weighted_sum_takes_its_weight_from_the_trunk) {
  pairs p;
  babel_inputs inputs;
  make(&p);
  p.rig.trunks[0].config.fusion_weight = 1;
  cr_assert_eq(babel_inputs_aligned(&inputs, &p.paired, &p.rig.trunks[0]), BABEL_OK);
  cr_assert_arr_eq(inputs.x[BABEL_INPUT_WEIGHTED], inputs.x[BABEL_INPUT_SUM], RIG_SAMPLES * RIG_EMBED * sizeof(float));
  babel_inputs_destroy(&inputs);
  p.rig.trunks[0].config.fusion_weight = 1000; /* nearly the second alone */
  cr_assert_eq(babel_inputs_aligned(&inputs, &p.paired, &p.rig.trunks[0]), BABEL_OK);
  for (int i = 0; i < RIG_SAMPLES * RIG_EMBED; i++) cr_assert_float_eq(inputs.x[BABEL_INPUT_WEIGHTED][i], inputs.x[BABEL_INPUT_B][i], 2e-3);
  babel_inputs_destroy(&inputs);
  destroy(&p);
}

/* ---- sequences ---------------------------------------------------------------------------------------------------------------------------- */

enum { STEPS = 4 };

/* The imu bank as sequences whose valid steps have the old row as their mean; what lies behind them is far away. Lengths 1..4, of the original
 * and of one variant, which must not be mixed up. */
static void make_sequences(babel_bank *to, const babel_bank *from) {
  cr_assert_eq(babel_bank_create(to, "imu", from->rows, 1, STEPS, from->width), BABEL_OK);
  for (int i = 0; i < from->rows; i++) {
    int length = 1 + i % STEPS;
    to->keys[i] = strdup(from->keys[i]);
    to->recordings[i] = strdup(from->keys[i]);
    to->labels[i] = from->labels[i];
    to->lengths[2 * i] = length;
    to->lengths[2 * i + 1] = 1 + (i + 1) % STEPS;
    for (int t = 0; t < STEPS; t++)
      for (int j = 0; j < from->width; j++) {
        float shift = length == 1 ? 0 : (float)(t - 0.5 * (length - 1)) * 0.25f; /* symmetric about 0 over the valid steps */
        to->features[(i * STEPS + t) * from->width + j] = t < length ? from->features[i * from->width + j] + shift : 1e6f;
      }
  }
}

Test(eval_inputs, sequences_are_pooled_over_their_valid_steps) {
  pairs p;
  babel_bank sequences;
  babel_paired paired;
  babel_inputs inputs, still;
  int count;
  make(&p);
  make_sequences(&sequences, &p.rig.banks[0]);
  const babel_bank *const banks[2] = {&sequences, &p.rig.banks[1]};
  cr_assert_eq(babel_paired_create(&paired, banks), BABEL_OK);
  for (int i = 0; i < RIG_SAMPLES; i++) cr_assert_eq(paired.lengths[0][i], 1 + i % STEPS);
  cr_assert_null(paired.lengths[1]);

  cr_assert_eq(babel_inputs_aligned(&inputs, &paired, &p.rig.trunks[1]), BABEL_OK); /* linear towers: the mean of steps is the step of the mean */
  check(&p, &inputs, BABEL_ROW_ALIGNED, 1, 1);
  babel_inputs_destroy(&inputs);

  const char **keys = train_keys(&p, &count);
  float mean[3], inv_std[3];
  int constant, rows[RIG_TRAIN];
  for (int i = 0; i < RIG_TRAIN; i++) rows[i] = i;
  cr_assert_eq(babel_bank_statistics(&sequences, rows, RIG_TRAIN, mean, inv_std, &constant), BABEL_OK);
  cr_assert_eq(babel_inputs_raw(&inputs, &paired, keys, count), BABEL_OK);
  cr_assert_eq(babel_inputs_raw(&still, &p.paired, keys, count), BABEL_OK);
  for (int i = 0; i < RIG_SAMPLES; i++) {
    double z[3], squares = 0;
    for (int j = 0; j < 3; j++) z[j] = ((double)eval_rig_features(&p.rig, 0, i)[j] - (double)mean[j]) * (double)inv_std[j];
    for (int j = 0; j < 3; j++) squares += z[j] * z[j];
    for (int j = 0; j < 3; j++) z[j] /= sqrt(squares);
    cr_assert(babel_close("raw sequence", inputs.x[0] + 3 * i, z, 3, LIMIT, 0), "row %d", i);
  }
  cr_assert_arr_eq(inputs.x[1], still.x[1], RIG_SAMPLES * 5 * sizeof(float));
  babel_inputs_destroy(&inputs);
  babel_inputs_destroy(&still);
  free(keys);
  babel_paired_destroy(&paired);
  babel_bank_destroy(&sequences);
  destroy(&p);
}

Test(eval_inputs, features_that_are_no_numbers_are_refused) {
  pairs p;
  babel_inputs inputs;
  int count;
  make(&p);
  const char **keys = train_keys(&p, &count);
  p.paired.features[1][7 * 5 + 2] = p.rig.banks[1].features[7 * 5 + 2] = NAN;
  cr_assert_eq(babel_inputs_aligned(&inputs, &p.paired, &p.rig.trunks[0]), BABEL_ERR_VALUE);
  cr_assert_eq(babel_inputs_raw(&inputs, &p.paired, keys, count), BABEL_ERR_VALUE);
  babel_error_take();
  free(keys);
  destroy(&p);
}
