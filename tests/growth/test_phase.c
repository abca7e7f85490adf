#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/log.h"
#include "tests/growth/phase_banks.h"

typedef struct {
  babel_bank banks[2];
  babel_config config;
} setting;

static setting make(int pairs, int variants, int steps) {
  setting s;
  babel_log_set_level(BABEL_LOG_QUIET);
  for (int v = 0; v < 2; v++) phase_bank(&s.banks[v], v, pairs, variants, v ? 1 : steps);
  s.config = phase_config();
  return s;
}

static void done(setting *s) {
  for (int v = 0; v < 2; v++) babel_bank_destroy(&s->banks[v]);
}

/* Runs a phase; the trunk is the caller's when it is wanted. */
static babel_status run(const setting *s, const babel_phase_options *options, babel_trunk *trunk) {
  babel_trunk own;
  if (!trunk) trunk = &own;
  cr_assert_eq(babel_trunk_create(trunk, babel_ops_cpu(), &s->config), BABEL_OK);
  babel_status status = babel_phase_run(trunk, options);
  if (trunk == &own) babel_trunk_destroy(trunk);
  return status;
}

static void run_well(const setting *s, const babel_phase_options *options, babel_trunk *trunk) {
  cr_assert_eq(run(s, options, trunk), BABEL_OK, "%s", babel_error_last()->sentence);
}

static bool exists(const char *folder, const char *name) {
  char path[1200];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return babel_file_exists(path);
}

static double metric(const char *folder, int line, const char *key) {
  size_t size;
  char *bytes = phase_bytes(folder, "metrics.jsonl", &size), *at = bytes;
  for (; line > 0; line--) at = strchr(at, '\n') + 1;
  *strchr(at, '\n') = 0;
  json_t *object = json_loads(at, JSON_REJECT_DUPLICATES, NULL);
  cr_assert(json_is_number(json_object_get(object, key)), "%s in %s", key, at);
  double value = json_number_value(json_object_get(object, key));
  json_decref(object);
  free(bytes);
  return value;
}

static babel_status prepare(const babel_config *config, const babel_phase_options *options, babel_phase_plan *plan) {
  babel_trunk trunk;
  cr_assert_eq(babel_trunk_create(&trunk, babel_ops_cpu(), config), BABEL_OK);
  babel_status status = babel_phase_prepare(&trunk, options, plan);
  babel_trunk_destroy(&trunk);
  return status;
}

Test(growth_phase, loss_falls_and_retrieval_rises_on_learnable_data) {
  setting s = make(64, 0, 1);
  s.config.max_steps = 240;
  babel_phase_options options = phase_options(s.banks, "learn");
  babel_trunk trunk, start;
  cr_assert_eq(babel_trunk_create(&start, babel_ops_cpu(), &s.config), BABEL_OK);
  for (int v = 0; v < 2; v++) cr_assert_eq(babel_trunk_add_tower(&start, s.banks[v].modality, s.banks[v].width), BABEL_OK);
  run_well(&s, &options, &trunk);
  cr_assert_eq(metric(options.out, 0, "step"), 10);
  cr_assert_eq(metric(options.out, 23, "step"), 240);
  cr_assert_eq(metric(options.out, 23, "epoch"), 119);
  cr_assert_lt(metric(options.out, 23, "loss_ab"), 0.5 * metric(options.out, 0, "loss_ab"));
  cr_assert_lt(metric(options.out, 23, "loss_ba"), 0.5 * metric(options.out, 0, "loss_ba"));
  cr_assert_gt(metric(options.out, 23, "batch_top1_ab"), 0.4);
  cr_assert_float_eq(metric(options.out, 5, "w_ab") + metric(options.out, 5, "w_ba"), 1, 1e-6);
  cr_assert_lt(phase_retrieval(&start, s.banks), 0.2);
  cr_assert_gt(phase_retrieval(&trunk, s.banks), 0.7);
  cr_assert(exists(options.out, "trunk.safetensors") && !exists(options.out, "state.safetensors") && !exists(options.out, "state.previous.safetensors"));
  babel_trunk_destroy(&start);
  babel_trunk_destroy(&trunk);
  done(&s);
}

Test(growth_phase, result_carries_manifest_history_statistics_and_provenance) {
  setting s = make(40, 0, 1);
  s.config.max_steps = 3;
  babel_phase_options options = phase_options(s.banks, "carry");
  options.split_sha256 = "0123";
  options.part = "train";
  run_well(&s, &options, NULL);
  char path[1200];
  babel_trunk trunk;
  snprintf(path, sizeof path, "%s/trunk.safetensors", options.out);
  cr_assert_eq(babel_trunk_read(&trunk, babel_ops_cpu(), path), BABEL_OK, "%s", babel_error_last()->sentence);
  json_t *manifest = json_loads(trunk.manifest, JSON_REJECT_DUPLICATES, NULL), *history = json_loads(trunk.history, JSON_REJECT_DUPLICATES, NULL);
  const char *sha = NULL, *part = NULL, *dataset = NULL, *a = NULL;
  int pairs = 0, seed = -1;
  cr_assert_eq(json_unpack(manifest, "{s:[{s:s}, {}], s:{s:s}, s:i, s:{s:i}}", "banks", "sha256", &sha, "split", "part", &part, "pairs", &pairs,
                           "config", "seed", &seed), 0, "%s", trunk.manifest);
  cr_assert_str_eq(sha, s.banks[0].sha256);
  cr_assert_str_eq(part, "train");
  cr_assert(pairs == 40 && seed == 0);
  cr_assert(json_is_string(json_object_get(manifest, "commit")) && json_is_string(json_object_get(manifest, "machine")));
  cr_assert_eq(json_unpack(history, "[{s:s, s:s, s:i}]", "dataset", &dataset, "a", &a, "pairs", &pairs), 0, "%s", trunk.history);
  cr_assert_str_eq(dataset, "made \"up\"");
  cr_assert_str_eq(a, "imu");
  for (int v = 0; v < 2; v++) {
    const babel_tower *tower = babel_trunk_tower(&trunk, s.banks[v].modality);
    for (int c = 0; c < tower->in; c++) {
      double mean = 0, square = 0;
      for (int i = 0; i < 40; i++) mean += (double)s.banks[v].features[i * tower->in + c] / 40;
      for (int i = 0; i < 40; i++) square += pow((double)s.banks[v].features[i * tower->in + c] - mean, 2) / 40;
      cr_assert_float_eq(tower->mean[c], mean, 1e-5);
      cr_assert_float_eq(tower->inv_std[c], 1 / (sqrt(square) + 1e-6), 1e-3);
    }
    cr_assert_str_eq(tower->provenance, s.banks[v].provenance);
  }
  json_decref(manifest);
  json_decref(history);
  babel_trunk_destroy(&trunk);
  done(&s);
}

Test(growth_phase, same_seed_same_bits_and_another_seed_others) {
  setting s = make(40, 3, 1);
  s.config.variants = 3;
  const char *folders[3];
  for (int i = 0; i < 3; i++) {
    babel_phase_options options = phase_options(s.banks, (const char *[]){"first", "second", "third"}[i]);
    s.config.seed = i == 2;
    folders[i] = options.out;
    run_well(&s, &options, NULL);
  }
  cr_assert(phase_same_file(folders[0], folders[1], "trunk.safetensors"));
  cr_assert(phase_same_file(folders[0], folders[1], "metrics.jsonl"));
  cr_assert_neq(metric(folders[0], 5, "loss_ab"), metric(folders[2], 5, "loss_ab"));
  cr_assert_not(phase_same_file(folders[0], folders[2], "trunk.safetensors"));
  done(&s);
}

/* Control: partners permuted inside each batch teach nothing. */
Test(growth_phase, shuffled_pairs_leave_retrieval_at_chance) {
  setting s = make(64, 0, 1);
  s.config.max_steps = 120;
  s.config.shuffle_pairs = 1;
  babel_phase_options options = phase_options(s.banks, "shuffled");
  babel_trunk trunk;
  run_well(&s, &options, &trunk);
  cr_assert_lt(phase_retrieval(&trunk, s.banks), 0.2);
  cr_assert_gt(metric(options.out, 11, "loss_ab"), 3);
  babel_trunk_destroy(&trunk);
  done(&s);
}

Test(growth_phase, every_preset_runs_and_time_steps_too) {
  for (int preset = 0; preset < BABEL_PRESET_COUNT; preset++)
    for (int steps = 1; steps < (preset < BABEL_PRESET_BEST ? 5 : 2); steps += 3) { /* a neighbour graph needs pooled features */
      setting s = make(40, 0, steps);
      babel_config small = s.config;
      babel_config_preset(&s.config, (babel_preset)preset);
      s.config.embed_dim = small.embed_dim;
      s.config.hidden = small.hidden;
      s.config.batch = 16;
      s.config.max_steps = 12;
      s.config.lr = s.config.lr_final = 1e-3;
      babel_phase_options options = phase_options(s.banks, "preset");
      run_well(&s, &options, NULL);
      cr_assert(isfinite(metric(options.out, 1, "loss_ab")));
      double scale = metric(options.out, 1, "scale");
      cr_assert_eq(fabs(scale - 1 / 0.07) < 1e-4, s.config.temperature == BABEL_TEMPERATURE_FIXED, "scale %g", scale);
      done(&s);
    }
}

/* ---- what a plan says, and what it refuses ------------------------------------------------------------------------------------------------ */

static void refused(const setting *s, const babel_phase_options *options, babel_status status, const char *word) {
  babel_phase_plan plan;
  cr_assert_eq(prepare(&s->config, options, &plan), status, "%s", babel_error_last()->sentence);
  cr_assert(strstr(babel_error_last()->sentence, word), "\"%s\" should hold \"%s\"", babel_error_last()->sentence, word);
  cr_assert_eq(run(s, options, NULL), status);
  cr_assert(!exists(options->out, "trunk.safetensors") && !exists(options->out, "state.safetensors"));
}

Test(growth_phase, plan_says_what_a_run_would_do) {
  setting s = make(70, 4, 3);
  s.config.variants = 4;
  babel_phase_options options = phase_options(s.banks, "plan");
  babel_phase_plan plan;
  cr_assert_eq(prepare(&s.config, &options, &plan), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert(plan.pairs == 70 && plan.batch == 32 && plan.steps_per_epoch == 2 && plan.variants == 4 && plan.steps == 60);
  int64_t towers = 10 * 24 + 14 * 24 + 2 * (24 + 24 * 24 + 24 + 24 * 32 + 32), prototype = 32 * 24 + 24 + 24 * 32 + 32;
  cr_assert_eq(plan.parameters, towers + prototype + 1);
  cr_assert_gt(plan.bytes, (size_t)(70 * 4 * (3 * 10 + 14) + 4 * plan.parameters) * sizeof(float));
  const char *keys[] = {"s3", "s5", "s69"};
  options.keys = keys;
  options.key_count = 3;
  cr_assert_eq(prepare(&s.config, &options, &plan), BABEL_OK);
  cr_assert(plan.pairs == 3 && plan.batch == 3 && plan.steps_per_epoch == 1, "a batch larger than the pairs becomes their number");
  done(&s);
}

static void read_notes(char *text, size_t size) {
  FILE *notes = cr_get_redirected_stderr();
  size_t used = 0;
  fflush(stderr);
  while (used + 1 < size && fgets(text + used, (int)(size - used), notes)) used += strlen(text + used);
}

Test(growth_phase, what_differs_from_the_wish_is_said_aloud, .init = cr_redirect_stderr) {
  char notes[2048] = "";
  setting s = make(20, 0, 1);
  babel_log_set_level(BABEL_LOG_NOTE);
  s.config.variants = 16;
  memset(s.banks[0].features + 3 * 10, 0, 10 * sizeof(float));
  for (int i = 0; i < 2; i++) memcpy(s.banks[1].features + (6 + 4 * i) * 14, s.banks[1].features + 2 * 14, 14 * sizeof(float));
  babel_phase_options options = phase_options(s.banks, "aloud");
  babel_phase_plan plan;
  cr_assert_eq(prepare(&s.config, &options, &plan), BABEL_OK);
  fclose(stderr);
  read_notes(notes, sizeof notes);
  cr_assert(strstr(notes, "20 pairs are fewer than a batch of 32"), "%s", notes);
  cr_assert(strstr(notes, "no augmented variants"), "%s", notes);
  cr_assert(strstr(notes, "1 of 20 samples are all zero"), "%s", notes);
  cr_assert(strstr(notes, "3 of 20 samples equal another one"), "%s", notes);
  done(&s);
}

Test(growth_phase, too_few_pairs_and_banks_that_do_not_match_are_refused) {
  setting s = make(5, 0, 1), other = make(6, 0, 1);
  babel_phase_options options = phase_options(s.banks, "refused");
  const char *one[] = {"s2"}, *unknown[] = {"s2", "s77"};
  options.keys = one;
  options.key_count = 1;
  refused(&s, &options, BABEL_ERR_ARG, "at least 2");
  options.keys = unknown;
  options.key_count = 2;
  refused(&s, &options, BABEL_ERR_FORMAT, "s77");
  options.keys = NULL;
  options.key_count = 0;
  options.bank[1] = &other.banks[1];
  refused(&s, &options, BABEL_ERR_FORMAT, "s5");
  options.bank[1] = &s.banks[1];
  s.banks[1].labels[3] = 0;
  refused(&s, &options, BABEL_ERR_FORMAT, "s3");
  s.banks[1].labels[3] = 3;
  options.bank[1] = &s.banks[0];
  refused(&s, &options, BABEL_ERR_ARG, "imu");
  options.bank[1] = &s.banks[1];
  s.config.lr = NAN;
  refused(&s, &options, BABEL_ERR_ARG, "lr");
  done(&s);
  done(&other);
}

Test(growth_phase, variants_that_a_bank_lacks_are_named) {
  setting s = make(20, 4, 1), plain = make(20, 0, 1);
  babel_phase_options options = phase_options(s.banks, "variants");
  s.config.variants = 16;
  refused(&s, &options, BABEL_ERR_ARG, "--variants 16");
  s.config.variants = 4;
  options.bank[1] = &plain.banks[1];
  refused(&s, &options, BABEL_ERR_FORMAT, "time map");
  babel_phase_options originals = phase_options(plain.banks, "originals");
  babel_phase_plan plan;
  plain.config.variants = 16;
  cr_assert_eq(prepare(&plain.config, &originals, &plan), BABEL_OK, "no variants at all: the originals, with a note");
  cr_assert_eq(plan.variants, 1);
  done(&s);
  done(&plain);
}

Test(growth_phase, zero_and_constant_features_stay_finite) {
  for (int standardise = 0; standardise < 2; standardise++) {
    setting s = make(40, 0, 1);
    s.config.standardise = standardise;
    for (int i = 0; i < 40; i++) s.banks[0].features[i * 10 + 4] = 7;
    memset(s.banks[1].features + 3 * 14, 0, 14 * sizeof(float));
    memset(s.banks[0].features + 8 * 10, 0, 10 * sizeof(float));
    memset(s.banks[0].features + 9 * 10, 0, 10 * sizeof(float));
    for (int i = 0; i < 40; i++) s.banks[0].features[i * 10 + 5] = 0;
    babel_phase_options options = phase_options(s.banks, "zeros");
    babel_phase_plan plan;
    cr_assert_eq(prepare(&s.config, &options, &plan), BABEL_OK);
    cr_assert(plan.zero_rows[0] == 2 && plan.zero_rows[1] == 1);
    cr_assert(plan.equal_rows[0] == 2 && plan.equal_rows[1] == 0);
    cr_assert_eq(plan.constant[0], standardise);
    run_well(&s, &options, NULL);
    cr_assert(isfinite(metric(options.out, 5, "loss_ab")));
    done(&s);
  }
}

Test(growth_phase, training_that_breaks_down_says_so) {
  setting s = make(40, 0, 1);
  s.config.standardise = 0;
  for (int i = 0; i < 40 * 10; i++) s.banks[0].features[i] *= 1e38f;
  babel_phase_options options = phase_options(s.banks, "broken");
  cr_assert_eq(run(&s, &options, NULL), BABEL_ERR_VALUE);
  cr_assert(strstr(babel_error_last()->sentence, "training broke down at step 1: imu, row "), "%s", babel_error_last()->sentence);
  cr_assert(!exists(options.out, "trunk.safetensors"));
  done(&s);
}

Test(growth_phase, folders_that_cannot_be_written_are_named) {
  setting s = make(20, 0, 1);
  babel_phase_options options = phase_options(s.banks, "unwritable");
  options.out = "no/such/folder";
  cr_assert_eq(run(&s, &options, NULL), BABEL_ERR_IO);
  cr_assert(strstr(babel_error_last()->sentence, "no/such/folder/metrics.jsonl"), "%s", babel_error_last()->sentence);
  options = phase_options(s.banks, "taken");
  char path[1200];
  snprintf(path, sizeof path, "%s/trunk.safetensors", options.out);
  cr_assert_eq(mkdir(path, 0777), 0);
  cr_assert_eq(run(&s, &options, NULL), BABEL_ERR_IO, "the result cannot be put in its place");
  cr_assert(strstr(babel_error_last()->sentence, path), "%s", babel_error_last()->sentence);
  done(&s);
}

Test(growth_phase, two_new_modalities_join_a_trunk_with_others_only_when_asked) {
  setting s = make(20, 0, 1);
  s.config.max_steps = s.config.grow_steps = 3;
  s.config.proto_policy = BABEL_POLICY_PLAIN;
  babel_phase_options options = phase_options(s.banks, "full");
  for (int allowed = 0; allowed < 2; allowed++) {
    babel_trunk trunk;
    cr_assert_eq(babel_trunk_create(&trunk, babel_ops_cpu(), &s.config), BABEL_OK);
    cr_assert_eq(babel_trunk_add_tower(&trunk, "wifi", 3), BABEL_OK);
    options.allow_disconnected = allowed;
    cr_assert_eq(babel_phase_run(&trunk, &options), allowed ? BABEL_OK : BABEL_ERR_ARG, "%s", babel_error_last()->sentence);
    babel_trunk_destroy(&trunk);
  }
  done(&s);
}
