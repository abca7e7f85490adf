/* A simulated data set through encoders into banks. */
#include <criterion/criterion.h>

#include <jansson.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/log.h"
#include "data/augment.h"
#include "data/window_set.h"
#include "encoders/encode_dataset.h"
#include "sim/utd_mhad.h"
#include "tests/data/window_files.h"
#include "tests/encoders/limu_synthetic.h"
#include "tests/support/paths.h"

enum { TRIALS = 8 }; /* actions 1 and 3 of subject 2 */

typedef struct {
  char folder[1100];
  babel_encoder *encoder;
  babel_encode_options options;
} rig;

static void make(rig *r, const char *encoder, babel_encoder_options encoder_options) {
  babel_sim_utd_options simulation = {.seed = 1, .actions = 5, .subjects = 2};
  memset(r, 0, sizeof *r);
  babel_log_set_level(BABEL_LOG_QUIET);
  snprintf(r->folder, sizeof r->folder, "%s/set", babel_scratch());
  cr_assert_eq(babel_sim_utd_mhad(r->folder, &simulation, NULL), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(babel_encoder_create(&r->encoder, encoder, &encoder_options), BABEL_OK, "%s", babel_error_last()->sentence);
  r->options = (babel_encode_options){.dataset = babel_dataset_row_find("utd_mhad"), .folder = r->folder, .modality = r->encoder->row->modality,
                                      .encoder = r->encoder, .split = "all"};
}

static void destroy(rig *r) {
  babel_encoder_destroy(r->encoder);
}

static void encode(const rig *r, const int *outputs, int count, babel_bank *banks) {
  cr_assert_eq(babel_encode_dataset(&r->options, outputs, count, banks), BABEL_OK, "%s", babel_error_last()->sentence);
}

static const int first_output[1] = {0};

static void file_of(const rig *r, const char *key, bool skeleton, char path[1200]) {
  snprintf(path, 1200, "%s/%s/%s_%s.mat", r->folder, skeleton ? "Skeleton" : "Inertial", key, skeleton ? "skeleton" : "inertial");
}

/* One version of one trial, by hand. Variant 0 = as recorded. */
static void by_hand(const rig *r, const char *key, int variant, int output, float *features, int *length) {
  babel_dataset set;
  babel_sample sample, changed;
  babel_time_map map;
  float *to[4] = {NULL};
  int lengths[4] = {0};
  to[output] = features;
  cr_assert_eq(r->options.dataset->scan(&set, r->folder), BABEL_OK);
  cr_assert_eq(r->options.dataset->read(&set, key, r->options.modality, &sample), BABEL_OK);
  cr_assert_eq(babel_time_map_create(&map, r->options.augment_seed, key, variant), BABEL_OK);
  cr_assert_eq(babel_augment(&changed, &sample, &map), BABEL_OK);
  cr_assert_eq(babel_encoder_run(r->encoder, &changed, to, lengths), BABEL_OK);
  *length = lengths[output];
  babel_sample_destroy(&sample);
  babel_sample_destroy(&changed);
  babel_dataset_destroy(&set);
}

static bool same_bank(const babel_bank *a, const babel_bank *b) {
  size_t n = (size_t)a->rows, stride = (size_t)a->steps * (size_t)a->width, k = (size_t)a->variants;
  bool same = a->rows == b->rows && a->steps == b->steps && a->width == b->width && a->variants == b->variants && !strcmp(a->provenance, b->provenance) &&
              !memcmp(a->features, b->features, n * stride * sizeof(float)) && !memcmp(a->labels, b->labels, n * sizeof(int)) && !a->lengths == !b->lengths;
  for (size_t i = 0; i < n && same; i++) same = !strcmp(a->keys[i], b->keys[i]);
  if (same && k) same = !memcmp(a->augmented, b->augmented, n * k * stride * sizeof(float)) && !memcmp(a->variant_ids, b->variant_ids, k * sizeof(int));
  return same && (!a->lengths || !memcmp(a->lengths, b->lengths, n * (1 + k) * sizeof(int)));
}

/* Every row and variant of a bank against encoding by hand. */
static void check_bank(const rig *r, const babel_bank *bank, int output) {
  size_t stride = (size_t)bank->steps * (size_t)bank->width;
  float *features = malloc(stride * sizeof(float));
  for (int i = 0; i < bank->rows; i++)
    for (int v = -1; v < bank->variants; v++) {
      const float *found = v < 0 ? bank->features + (size_t)i * stride : bank->augmented + ((size_t)i * (size_t)bank->variants + (size_t)v) * stride;
      int length, id = v < 0 ? 0 : bank->variant_ids[v];
      memset(features, 0, stride * sizeof(float));
      by_hand(r, bank->keys[i], id, output, features, &length);
      cr_assert_arr_eq(found, features, stride * sizeof(float), "%s, variant %d", bank->keys[i], id);
      if (bank->lengths) cr_assert_eq(bank->lengths[i * (1 + bank->variants) + v + 1], length);
    }
  free(features);
}

Test(encoders_encode_dataset, a_bank_holds_every_trial_in_the_order_of_its_numbers) {
  static const char *const keys[TRIALS] = {"a1_s2_t1", "a1_s2_t2", "a1_s2_t3", "a1_s2_t4", "a3_s2_t1", "a3_s2_t2", "a3_s2_t3", "a3_s2_t4"};
  rig r;
  babel_bank bank;
  make(&r, "imu_stats", (babel_encoder_options){0});
  encode(&r, first_output, 1, &bank);
  cr_assert(bank.rows == TRIALS && bank.variants == 0 && bank.steps == 1 && bank.width == 78);
  cr_assert_str_eq(bank.modality, "imu");
  cr_assert_str_eq(bank.dataset, "utd_mhad");
  cr_assert_str_eq(bank.split, "all");
  for (int i = 0; i < TRIALS; i++) {
    cr_assert_str_eq(bank.keys[i], keys[i]);
    cr_assert_str_eq(bank.recordings[i], keys[i]);
    cr_assert(bank.labels[i] == (i < 4 ? 0 : 2) && bank.subjects[i] == 2);
  }
  check_bank(&r, &bank, 0);
  cr_assert_eq(babel_bank_validate(&bank), BABEL_OK, "%s", babel_error_last()->sentence);
  babel_bank_destroy(&bank);
  destroy(&r);
}

Test(encoders_encode_dataset, variants_are_the_augmented_recordings) {
  rig r;
  babel_bank bank, other;
  make(&r, "imu_stats", (babel_encoder_options){0});
  r.options.variants = 4;
  r.options.augment_seed = 7;
  encode(&r, first_output, 1, &bank);
  for (int v = 0; v < 4; v++) cr_assert_eq(bank.variant_ids[v], 150 * v);
  check_bank(&r, &bank, 0);
  r.options.augment_seed = 8;
  encode(&r, first_output, 1, &other);
  cr_assert_arr_eq(bank.augmented, other.augmented, 2 * 78 * sizeof(float), "down-sampling draws nothing");
  cr_assert_arr_neq(bank.augmented + 2 * 78, other.augmented + 2 * 78, 78 * sizeof(float), "segmentation depends on the seed");
  babel_bank_destroy(&bank);
  babel_bank_destroy(&other);
  destroy(&r);
}

Test(encoders_encode_dataset, skeletons_too) {
  rig r;
  babel_bank banks[2], single;
  make(&r, "st_gcn", (babel_encoder_options){.random_weights = true, .seed = 3});
  static const char *const keys[] = {"a3_s2_t4"};
  r.options.keys = keys; /* one pass is slow */
  r.options.key_count = 1;
  encode(&r, (const int[]){1, 0}, 2, banks);
  check_bank(&r, &banks[0], 1);
  check_bank(&r, &banks[1], 0);
  encode(&r, (const int[]){1}, 1, &single);
  cr_assert(same_bank(&single, &banks[0]));
  babel_bank_destroy(&banks[0]);
  babel_bank_destroy(&banks[1]);
  babel_bank_destroy(&single);
  destroy(&r);
}

Test(encoders_encode_dataset, several_outputs_of_one_pass_are_the_single_ones) {
  static const int order[3] = {2, 0, 1}, widths[3] = {144, 397, 253};
  rig r;
  babel_bank banks[3], single;
  make(&r, "imu_motion", (babel_encoder_options){.random_weights = true, .seed = 5});
  r.options.variants = 2;
  encode(&r, order, 3, banks);
  for (int i = 0; i < 3; i++) {
    encode(&r, &order[i], 1, &single);
    cr_assert(same_bank(&single, &banks[i]), "output %d", order[i]);
    cr_assert_eq(banks[i].width, widths[i]);
    babel_bank_destroy(&single);
  }
  for (int i = 0; i < 3; i++) babel_bank_destroy(&banks[i]);
  destroy(&r);
}

Test(encoders_encode_dataset, sequences_keep_their_lengths) {
  rig r;
  babel_bank bank;
  make(&r, "limu_bert", (babel_encoder_options){.random_weights = true, .imu_pool = 2, .imu_window = 1});
  r.options.variants = 2;
  encode(&r, first_output, 1, &bank);
  cr_assert(bank.steps == 120 && bank.lengths);
  check_bank(&r, &bank, 0);
  int shortest = 120;
  for (int i = 0; i < TRIALS * 3; i++) shortest = bank.lengths[i] < shortest ? bank.lengths[i] : shortest;
  cr_assert(shortest >= 1 && shortest < 120, "a window of 20 Hz is not filled by these trials: %d", shortest);
  babel_bank_destroy(&bank);
  destroy(&r);
}

Test(encoders_encode_dataset, the_number_of_threads_changes_no_bit) {
  rig r;
  babel_bank one, many;
  make(&r, "limu_bert", (babel_encoder_options){.random_weights = true, .imu_pool = 2, .imu_window = 1});
  r.options.variants = 1;
  omp_set_num_threads(1);
  encode(&r, first_output, 1, &one);
  for (int threads = 2; threads <= 5; threads += 3) {
    omp_set_num_threads(threads);
    encode(&r, first_output, 1, &many);
    cr_assert(same_bank(&one, &many), "%d threads", threads);
    babel_bank_destroy(&many);
  }
  babel_bank_destroy(&one);
  destroy(&r);
}

static void refused(const rig *r, const int *outputs, int count, babel_status expected, const char *text) {
  babel_bank banks[4];
  cr_assert_eq(babel_encode_dataset(&r->options, outputs, count, banks), expected, "%s", text);
  cr_assert_not_null(strstr(babel_error_last()->sentence, text), "%s", babel_error_last()->sentence);
  for (int i = 0; i < count; i++) cr_assert(!banks[i].features && !banks[i].keys && !banks[i].provenance);
  babel_error_take();
}

Test(encoders_encode_dataset, chosen_trials_come_in_the_order_asked_for) {
  static const char *const keys[] = {"a3_s2_t2", "a1_s2_t4", "a3_s2_t1"}, *const strange[] = {"a3_s2_t2", "a9_s2_t1", "a1_s2_t4"};
  rig r;
  babel_bank bank;
  make(&r, "imu_stats", (babel_encoder_options){0});
  r.options.keys = keys;
  r.options.key_count = 3;
  r.options.split = "train";
  encode(&r, first_output, 1, &bank);
  cr_assert_eq(bank.rows, 3);
  for (int i = 0; i < 3; i++) cr_assert_str_eq(bank.keys[i], keys[i]);
  cr_assert_str_eq(bank.split, "train");
  check_bank(&r, &bank, 0);
  babel_bank_destroy(&bank);
  r.options.keys = strange;
  refused(&r, first_output, 1, BABEL_ERR_ARG, "trial a9_s2_t1 of the split is not there");
  r.options.skip_damaged = true;
  encode(&r, first_output, 1, &bank);
  cr_assert(bank.rows == 2 && !strcmp(bank.keys[1], "a1_s2_t4"));
  babel_bank_destroy(&bank);
  r.options.key_count = 0;
  refused(&r, first_output, 1, BABEL_ERR_FORMAT, "no complete trial");
  destroy(&r);
}

/* The other member is missing: no pair, so no row in either bank. */
Test(encoders_encode_dataset, incomplete_trials_are_left_out) {
  static const char *const keys[] = {"a1_s2_t3"};
  char path[1200];
  rig r;
  babel_bank bank;
  make(&r, "imu_stats", (babel_encoder_options){0});
  file_of(&r, "a1_s2_t3", true, path);
  cr_assert_eq(unlink(path), 0);
  encode(&r, first_output, 1, &bank);
  cr_assert_eq(bank.rows, TRIALS - 1);
  cr_assert_eq(babel_bank_row(&bank, "a1_s2_t3"), -1);
  babel_bank_destroy(&bank);
  r.options.keys = keys;
  r.options.key_count = 1;
  refused(&r, first_output, 1, BABEL_ERR_ARG, "a1_s2_t3");
  destroy(&r);
}

static void damage(const rig *r, const char *key) {
  char path[1200];
  file_of(r, key, false, path);
  cr_assert_eq(truncate(path, 200), 0);
}

Test(encoders_encode_dataset, the_first_damaged_trial_is_named_whatever_the_threads) {
  rig r;
  make(&r, "imu_stats", (babel_encoder_options){0});
  damage(&r, "a1_s2_t2");
  damage(&r, "a1_s2_t3");
  damage(&r, "a3_s2_t4");
  for (int round = 0; round < 20; round++) {
    omp_set_num_threads(1 + round % 4);
    refused(&r, first_output, 1, BABEL_ERR_FORMAT, "a1_s2_t2_inertial.mat");
  }
  destroy(&r);
}

Test(encoders_encode_dataset, damaged_trials_can_be_skipped_with_a_warning_each) {
  static const int outputs[2] = {1, 2};
  rig r;
  babel_bank banks[2];
  make(&r, "imu_motion", (babel_encoder_options){.random_weights = true});
  r.options.variants = 2;
  r.options.skip_damaged = true;
  damage(&r, "a1_s2_t1");
  damage(&r, "a3_s2_t4");
  int before = babel_warn_count();
  encode(&r, outputs, 2, banks);
  cr_assert_eq(babel_warn_count() - before, 2);
  for (int i = 0; i < 2; i++) {
    cr_assert_eq(banks[i].rows, TRIALS - 2);
    cr_assert_str_eq(banks[i].keys[0], "a1_s2_t2");
    cr_assert_str_eq(banks[i].keys[TRIALS - 3], "a3_s2_t3");
    check_bank(&r, &banks[i], outputs[i]);
    babel_bank_destroy(&banks[i]);
  }
  for (int i = 0; i < TRIALS; i++) {
    char key[16];
    snprintf(key, sizeof key, "a%d_s2_t%d", i < 4 ? 1 : 3, i % 4 + 1);
    damage(&r, key);
  }
  refused(&r, outputs, 2, BABEL_ERR_FORMAT, "no trial could be read");
  destroy(&r);
}

/* An encoder that gives a number that is none in column `spoilt` of one trial. */
static int spoilt;

static babel_status run_spoilt(const babel_encoder *encoder, const babel_sample *sample, float *const *outputs, int *lengths) {
  if (spoilt == 3) return BABEL_FAIL(BABEL_ERR_SHAPE, "too short");
  for (int i = 0; i < 3; i++) outputs[0][i] = 1;
  if (spoilt >= 0) outputs[0][spoilt] = spoilt ? INFINITY : NAN;
  return BABEL_OK;
}

Test(encoders_encode_dataset, failures_of_the_encoder_name_the_trial) {
  static const babel_encoder_row row = {.name = "spoilt", .modality = "imu", .run = run_spoilt};
  babel_encoder encoder = {.row = &row, .output_count = 1, .outputs = {{"all", 3, 1}}};
  char text[96];
  rig r;
  babel_bank bank;
  make(&r, "imu_stats", (babel_encoder_options){0});
  r.options.encoder = &encoder;
  for (spoilt = 0; spoilt < 3; spoilt++) {
    snprintf(text, sizeof text, "trial a1_s2_t1: encoder spoilt gives NaN or infinity in column %d", spoilt);
    refused(&r, first_output, 1, BABEL_ERR_VALUE, text);
  }
  refused(&r, first_output, 1, BABEL_ERR_SHAPE, "trial a1_s2_t1: too short");
  spoilt = -1;
  encode(&r, first_output, 1, &bank);
  babel_bank_destroy(&bank);
  destroy(&r);
}

/* ---- provenance ------------------------------------------------------------------------------------------------------------------------------ */

static json_t *provenance(const rig *r) {
  babel_bank bank;
  encode(r, first_output, 1, &bank);
  json_t *object = json_loads(bank.provenance, JSON_REJECT_DUPLICATES, NULL);
  cr_assert_not_null(object, "%s", bank.provenance);
  babel_bank_destroy(&bank);
  return object;
}

static void has_text(const json_t *object, const char *key, const char *expected) {
  const json_t *value = json_object_get(object, key);
  if (expected) cr_assert(json_is_string(value) && !strcmp(json_string_value(value), expected), "%s: %s", key, json_string_value(value));
  else cr_assert(json_is_null(value), "%s", key);
}

static void has_flag(const json_t *object, const char *key, bool expected) {
  cr_assert(expected ? json_is_true(json_object_get(object, key)) : json_is_false(json_object_get(object, key)), "%s", key);
}

Test(encoders_encode_dataset, provenance_of_an_encoder_without_weights) {
  rig r;
  make(&r, "imu_stats", (babel_encoder_options){0});
  r.options.simulated = true;
  r.options.commit = "abc123";
  r.options.variants = 2;
  r.options.augment_seed = 9;
  json_t *object = provenance(&r);
  has_text(object, "encoder", "imu_stats");
  has_text(object, "encoder_output", "stats");
  has_text(object, "weights_sha256", NULL);
  has_text(object, "trained_on", NULL);
  has_text(object, "licence", NULL);
  has_text(object, "preprocessing", r.encoder->preprocessing);
  has_text(object, "commit", "abc123");
  has_flag(object, "labels_seen", false);
  has_flag(object, "random_weights", false);
  has_flag(object, "simulated", true);
  cr_assert_eq(json_integer_value(json_object_get(object, "augment_seed")), 9);
  json_decref(object);
  r.options = (babel_encode_options){.dataset = r.options.dataset, .folder = r.folder, .modality = "imu", .encoder = r.encoder, .split = "all"};
  object = provenance(&r);
  has_text(object, "commit", "unknown");
  has_text(object, "augment_seed", NULL);
  has_flag(object, "simulated", false);
  json_decref(object);
  destroy(&r);
}

Test(encoders_encode_dataset, provenance_of_weights_and_of_random_ones) {
  rig r;
  char hex[65];
  make(&r, "limu_bert", (babel_encoder_options){.random_weights = true});
  json_t *object = provenance(&r);
  has_flag(object, "random_weights", true);
  has_text(object, "weights_sha256", NULL);
  has_text(object, "trained_on", NULL);
  has_text(object, "licence", NULL);
  json_decref(object);
  destroy(&r);
  const char *path = limu_synthetic_write(&(limu_synthetic){0});
  make(&r, "limu_bert", (babel_encoder_options){.weights = path});
  cr_assert_eq(babel_file_sha256(path, hex), BABEL_OK);
  object = provenance(&r);
  has_flag(object, "random_weights", false);
  has_text(object, "weights_sha256", hex);
  has_text(object, "trained_on", r.encoder->row->trained_on);
  has_text(object, "licence", r.encoder->row->licence);
  json_decref(object);
  destroy(&r);
}

/* ---- stopping, counting, refusing ------------------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t stop;

typedef struct {
  int last, calls, stop_at;
} counter;

static void count(void *user, int done, int all) {
  counter *c = user;
  c->calls++;
  cr_assert(done == c->last + 1 && all == TRIALS, "%d after %d of %d", done, c->last, all);
  c->last = done;
  if (done == c->stop_at) stop = 1;
}

Test(encoders_encode_dataset, progress_is_told_once_a_trial) {
  counter c = {0};
  rig r;
  babel_bank bank;
  make(&r, "imu_stats", (babel_encoder_options){0});
  omp_set_num_threads(3);
  r.options.user = &c;
  r.options.progress = count;
  encode(&r, first_output, 1, &bank);
  cr_assert(c.calls == TRIALS);
  babel_bank_destroy(&bank);
  destroy(&r);
}

Test(encoders_encode_dataset, a_stop_leaves_nothing) {
  counter c = {.stop_at = 2};
  rig r;
  make(&r, "imu_stats", (babel_encoder_options){0});
  omp_set_num_threads(2);
  r.options.stop = &stop;
  r.options.user = &c;
  r.options.progress = count;
  for (int skip = 0; skip < 2; skip++) {
    stop = 0;
    c = (counter){.stop_at = 2};
    r.options.skip_damaged = skip; /* an interruption is no damage */
    refused(&r, first_output, 1, BABEL_ERR_INTERRUPTED, "interrupted");
    cr_assert_lt(c.calls, TRIALS);
  }
  stop = 1;
  r.options.progress = NULL;
  refused(&r, first_output, 1, BABEL_ERR_INTERRUPTED, "nothing was written");
  destroy(&r);
}

Test(encoders_encode_dataset, senseless_requests_are_refused) {
  rig r;
  make(&r, "imu_stats", (babel_encoder_options){0});
  refused(&r, first_output, 0, BABEL_ERR_ARG, "no output is wanted");
  refused(&r, (const int[]){1}, 1, BABEL_ERR_ARG, "has no output 1");
  refused(&r, (const int[]){-1}, 1, BABEL_ERR_ARG, "has no output -1");
  refused(&r, (const int[]){0, 0}, 2, BABEL_ERR_ARG, "output stats is wanted twice");
  r.options.variants = 601;
  refused(&r, first_output, 1, BABEL_ERR_ARG, "601 variants");
  r.options.variants = -1;
  refused(&r, first_output, 1, BABEL_ERR_ARG, "-1 variants");
  r.options.variants = 0;
  r.options.modality = "skeleton";
  refused(&r, first_output, 1, BABEL_ERR_ARG, "encoder imu_stats takes imu, not skeleton");
  r.options.modality = "wifi";
  refused(&r, first_output, 1, BABEL_ERR_ARG, "has no modality wifi");
  r.options.modality = "imu";
  r.options.folder = "/nowhere/at/all";
  refused(&r, first_output, 1, BABEL_ERR_IO, "/nowhere/at/all");
  destroy(&r);
}

/* Windows: variants are cuts of the described frames, the same ones for the other modality; the bank says where each window lies. */
Test(encoders_encode_dataset, windows_keep_their_place_in_the_recording_and_are_only_cut) {
  babel_encoder *radar, *imu;
  babel_bank banks[2];
  babel_dataset set;
  babel_sample sample, rows, cut;
  babel_time_map map;
  float out[396], *to[4] = {out};
  const char *folder = babel_scratch();
  mmego_write(folder, 1, 40);
  cr_assert_eq(babel_encoder_create(&radar, "radar_stats", &(babel_encoder_options){0}), BABEL_OK);
  cr_assert_eq(babel_encoder_create(&imu, "imu_stats", &(babel_encoder_options){0}), BABEL_OK);
  babel_encode_options options = {.dataset = babel_dataset_row_find("mmego"), .folder = folder, .modality = "mmwave", .encoder = radar, .split = "all", .variants = 4};
  cr_assert_eq(babel_encode_dataset(&options, first_output, 1, &banks[0]), BABEL_OK, "%s", babel_error_last()->sentence);
  options.modality = "imu";
  options.encoder = imu;
  cr_assert_eq(babel_encode_dataset(&options, first_output, 1, &banks[1]), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(banks[0].rows, 6);
  for (int i = 0; i < 6; i++) {
    cr_assert_str_eq(banks[0].keys[i], banks[1].keys[i]);
    cr_assert_str_eq(banks[0].recordings[i], i < 3 ? "a01_r05" : "a01_r08");
    cr_assert(banks[0].first[i] == i % 3 * 5 && banks[0].last[i] == banks[0].first[i] + 30 && banks[0].labels[i] == 0);
  }
  for (int v = 0; v < 4; v++) cr_assert_eq(banks[0].variant_ids[v], v ? 225 + 75 * v : 0);
  cr_assert_arr_eq(banks[0].augmented, banks[0].features, 396 * sizeof(float));
  cr_assert_eq(babel_dataset_row_find("mmego")->scan(&set, folder), BABEL_OK);
  cr_assert_eq(babel_window_set_read(&set, banks[0].keys[4], "mmwave", &sample), BABEL_OK);
  cr_assert_eq(babel_encoder_prepare(radar, &sample, &rows), BABEL_OK);
  for (int v = 1; v < 4; v++) {
    cr_assert_eq(babel_time_map_create(&map, 0, banks[0].keys[4], banks[0].variant_ids[v]), BABEL_OK);
    cr_assert_eq(babel_augment(&cut, &rows, &map), BABEL_OK);
    cr_assert_eq(babel_encoder_run(radar, &cut, to, NULL), BABEL_OK);
    cr_assert_arr_eq(out, banks[0].augmented + (4 * 4 + v) * 396, sizeof out);
    babel_sample_destroy(&cut);
  }
  babel_sample_destroy(&sample);
  babel_sample_destroy(&rows);
  babel_dataset_destroy(&set);
  for (int i = 0; i < 2; i++) babel_bank_destroy(&banks[i]);
  babel_encoder_destroy(radar);
  babel_encoder_destroy(imu);
}
