#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "growth/config.h"
#include "kernels/ops.h"
#include "tests/support/paths.h"

static babel_config preset(babel_preset which) {
  babel_config config;
  memset(&config, 0x5a, sizeof config);
  babel_config_preset(&config, which);
  return config;
}

static const babel_config_key *find(const char *name) {
  const babel_config_key *key = NULL;
  for (int i = 0; (key = babel_config_key_at(i)) && strcmp(key->key, name);) i++;
  cr_assert_not_null(key, "%s", name);
  return key;
}

static const char *value(babel_preset which, const char *name) {
  static char text[64];
  babel_config config = preset(which);
  babel_config_value_text(&config, find(name), text, sizeof text);
  return text;
}

/* The specification's values, written down here once more: preset ours, then paper. */
Test(growth_config, presets_hold_the_values_of_the_specification) {
  static const char *const rows[][3] = {
      {"embed_dim", "512", "512"}, {"hidden", "256", "256"}, {"concept_layers", "3", "3"}, {"proto_layers", "2", "2"},
      {"post_proj", "none", "none"}, {"imu_window", "stretch", "20hz"}, {"imu_unit", "rad_s", "deg_s"}, {"imu_block", "1", "4"},
      {"imu_stats", "mean_std", "mean"}, {"imu_pool", "before", "before"}, {"skeleton_output", "pooled_scores", "scores"},
      {"variants", "16", "600"}, {"standardise", "true", "false"}, {"input_dropout", "0.5", "0"},
      {"temperature", "learnable", "learnable"}, {"tau", "0.07", "0.07"}, {"scale_min", "1", "1"}, {"scale_max", "100", "100"},
      {"denominator", "all", "all"}, {"targets", "pairs", "pairs"}, {"neighbour_weight", "0.7", "0.7"}, {"neighbour_k", "15", "15"},
      {"neighbour_graph", "features", "features"}, {"neighbour_width", "0.3", "0.3"}, {"neighbour_scale_a", "1", "1"}, {"neighbour_scale_b", "1.4", "1.4"},
      {"neighbour_other_subjects", "false", "false"}, {"mask_overlaps", "true", "false"}, {"fusion_weight", "1.5", "1.5"}, {"adaptive", "on", "on"}, {"adaptive_first_phase", "true", "true"}, {"grad_scope", "own", "own"},
      {"grad_norm", "raw", "raw"}, {"proto_policy", "rehearsal_kd", "ema_teacher"}, {"trunk", "train", "train"},
      {"ema_momentum", "0.996", "0.996"}, {"ema_schedule", "cosine", "cosine"}, {"distill_weight", "5", "5"}, {"rehearsal_rows", "128", "128"},
      {"gauss_rows", "64", "64"}, {"trunk_lr", "0.1", "0.1"}, {"proj_energy", "0.99", "0.99"}, {"replay_bank", "256", "256"}, {"replay_choice", "random", "random"}, {"grow_steps", "200", "1000"}, {"lr", "0.0003", "0.0001"}, {"lr_final", "3e-05", "1e-05"},
      {"lr_warmup_start", "1e-06", "1e-06"}, {"beta1", "0.9", "0.9"}, {"beta2", "0.98", "0.98"}, {"adam_eps", "1e-08", "1e-08"},
      {"weight_decay", "0.0001", "0.0001"}, {"warmup_epochs", "1", "1"}, {"batch", "256", "256"}, {"chunk", "0", "0"}, {"max_steps", "600", "1000"},
      {"precision", "tf32", "tf32"},
      {"shuffle_pairs", "false", "false"}, {"seed", "0", "0"}, {"head_hidden", "256", "256"}, {"head_epochs", "500", "500"},
      {"head_batch", "16", "16"}, {"head_lr", "0.001", "0.001"}, {"head_momentum", "0.9", "0.9"},
      {"head_weight_decay", "0.0001", "0.0001"}, {"fusion", "sum", "concat"}, {"wifi_members", "primary", "primary"}, {"watch_epochs", "10", "10"},
      {"checkpoint_seconds", "30", "30"}, {"preset", "ours", "paper"}};
  int count = 0;
  while (babel_config_key_at(count)) count++;
  cr_assert_eq(count, (int)(sizeof rows / sizeof *rows), "every key is in this list");
  cr_assert_null(babel_config_key_at(-1));
  for (int i = 0; i < count; i++) {
    cr_assert_str_eq(value(BABEL_PRESET_OURS, rows[i][0]), rows[i][1], "ours %s", rows[i][0]);
    cr_assert_str_eq(value(BABEL_PRESET_PAPER, rows[i][0]), rows[i][2], "paper %s", rows[i][0]);
  }
}

Test(growth_config, other_presets_differ_from_paper_only_where_said) {
  static const struct {
    babel_preset preset;
    const char *key, *value;
  } changes[] = {{BABEL_PRESET_PAPER_LITERAL, "preset", "paper_literal"}, {BABEL_PRESET_PAPER_LITERAL, "imu_pool", "after"},
                 {BABEL_PRESET_PAPER_LITERAL, "temperature", "fixed"}, {BABEL_PRESET_PAPER_LITERAL, "grad_scope", "both"},
                 {BABEL_PRESET_PAPER_LITERAL, "proto_policy", "ema_deploy"}, {BABEL_PRESET_RELEASE, "preset", "release"},
                 {BABEL_PRESET_RELEASE, "post_proj", "linear"}, {BABEL_PRESET_RELEASE, "proto_policy", "plain"}};
  int changed = 0;
  for (int p = BABEL_PRESET_PAPER_LITERAL; p <= BABEL_PRESET_RELEASE; p++)
    for (int i = 0; babel_config_key_at(i); i++) {
      char paper[64];
      const char *key = babel_config_key_at(i)->key;
      strcpy(paper, value(BABEL_PRESET_PAPER, key));
      if (!strcmp(paper, value((babel_preset)p, key))) continue;
      size_t c = 0;
      while (c < sizeof changes / sizeof *changes && !(changes[c].preset == (babel_preset)p && !strcmp(changes[c].key, key))) c++;
      cr_assert_lt(c, sizeof changes / sizeof *changes, "%s changes %s", babel_config_preset_name(p), key);
      cr_assert_str_eq(value((babel_preset)p, key), changes[c].value);
      changed++;
    }
  cr_assert_eq(changed, (int)(sizeof changes / sizeof *changes));
}

Test(growth_config, best_presets_differ_from_ours_only_where_said) {
  static const char *const rows[][4] = { /* key; best, best_subject, best_mask */
      {"preset", "best", "best_subject", "best_mask"}, {"variants", "0", "0", "0"}, {"input_dropout", "0.7", "0.7", "0.7"},
      {"targets", "neighbours", "neighbours", "mask"}, {"neighbour_k", "15", "12", "15"}, {"neighbour_other_subjects", "false", "true", "false"},
      {"adaptive", "off", "off", "off"}, {"max_steps", "300", "300", "300"}};
  for (int p = 0; p < 3; p++)
    for (int i = 0; babel_config_key_at(i); i++) {
      char ours[64];
      const char *key = babel_config_key_at(i)->key, *expected = NULL;
      strcpy(ours, value(BABEL_PRESET_OURS, key));
      for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        if (!strcmp(rows[r][0], key)) expected = rows[r][1 + p];
      cr_assert_str_eq(value((babel_preset)(BABEL_PRESET_BEST + p), key), expected ? expected : ours, "%s", key);
    }
}

Test(growth_config, enumerators_follow_the_words_of_the_table) {
  static const struct {
    const char *key, *words[11];
    int values[11];
  } rows[] = {
      {"preset", {"ours", "paper", "paper_literal", "release", "best", "best_subject", "best_mask"},
       {BABEL_PRESET_OURS, BABEL_PRESET_PAPER, BABEL_PRESET_PAPER_LITERAL, BABEL_PRESET_RELEASE, BABEL_PRESET_BEST,
        BABEL_PRESET_BEST_SUBJECT, BABEL_PRESET_BEST_MASK}},
      {"targets", {"pairs", "neighbours", "mask"}, {BABEL_TARGETS_PAIRS, BABEL_TARGETS_NEIGHBOURS, BABEL_TARGETS_MASK}},
      {"proto_policy", {"plain", "ema_teacher", "snapshot_teacher", "ema_deploy", "rehearsal_kd", "gauss_kd", "replay", "frozen", "slow", "none", "grad_proj"},
       {BABEL_POLICY_PLAIN, BABEL_POLICY_EMA_TEACHER, BABEL_POLICY_SNAPSHOT_TEACHER, BABEL_POLICY_EMA_DEPLOY, BABEL_POLICY_REHEARSAL_KD,
        BABEL_POLICY_GAUSS_KD, BABEL_POLICY_REPLAY, BABEL_POLICY_FROZEN, BABEL_POLICY_SLOW, BABEL_POLICY_NONE, BABEL_POLICY_GRAD_PROJ}},
      {"neighbour_graph", {"features", "embedding"}, {BABEL_GRAPH_FEATURES, BABEL_GRAPH_EMBEDDING}},
      {"replay_choice", {"random", "herding"}, {BABEL_REPLAY_RANDOM, BABEL_REPLAY_HERDING}},
      {"ema_schedule", {"cosine", "constant"}, {BABEL_EMA_COSINE, BABEL_EMA_CONSTANT}},
      {"post_proj", {"none", "linear"}, {BABEL_POST_PROJ_NONE, BABEL_POST_PROJ_LINEAR}},
      {"imu_window", {"stretch", "20hz"}, {BABEL_IMU_WINDOW_STRETCH, BABEL_IMU_WINDOW_20HZ}},
      {"imu_unit", {"rad_s", "deg_s"}, {BABEL_IMU_UNIT_RAD_S, BABEL_IMU_UNIT_DEG_S}},
      {"imu_stats", {"mean_std", "mean"}, {BABEL_IMU_STATS_MEAN_STD, BABEL_IMU_STATS_MEAN}},
      {"imu_pool", {"before", "after"}, {BABEL_IMU_POOL_BEFORE, BABEL_IMU_POOL_AFTER}},
      {"skeleton_output", {"pooled_scores", "scores"}, {BABEL_SKELETON_POOLED_SCORES, BABEL_SKELETON_SCORES}},
      {"temperature", {"learnable", "fixed"}, {BABEL_TEMPERATURE_LEARNABLE, BABEL_TEMPERATURE_FIXED}},
      {"denominator", {"all", "negatives"}, {BABEL_DENOMINATOR_ALL, BABEL_DENOMINATOR_NEGATIVES}},
      {"adaptive", {"off", "on", "inverted"}, {BABEL_ADAPTIVE_OFF, BABEL_ADAPTIVE_ON, BABEL_ADAPTIVE_INVERTED}},
      {"grad_scope", {"own", "both"}, {BABEL_GRAD_SCOPE_OWN, BABEL_GRAD_SCOPE_BOTH}},
      {"grad_norm", {"raw", "relative"}, {BABEL_GRAD_NORM_RAW, BABEL_GRAD_NORM_RELATIVE}},
      {"precision", {"tf32", "fp32", "bf16"}, {BABEL_PRECISION_TF32, BABEL_PRECISION_FP32, BABEL_PRECISION_BF16}},
      {"trunk", {"train", "freeze"}, {BABEL_TRUNK_TRAIN, BABEL_TRUNK_FREEZE}},
      {"wifi_members", {"primary", "mean"}, {BABEL_MEMBERS_PRIMARY, BABEL_MEMBERS_MEAN}},
      {"fusion", {"sum", "concat"}, {BABEL_FUSION_SUM, BABEL_FUSION_CONCAT}}};
  int enums = 0;
  for (int i = 0; babel_config_key_at(i); i++) enums += babel_config_key_at(i)->type == BABEL_KEY_ENUM;
  cr_assert_eq(enums, (int)(sizeof rows / sizeof *rows));
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    const babel_config_key *key = find(rows[r].key);
    int last = 0;
    for (int w = 0; w < 11 && rows[r].words[w]; w++) {
      char text[64];
      babel_config config = preset(BABEL_PRESET_OURS);
      memcpy((char *)&config + key->offset, &rows[r].values[w], sizeof(int));
      babel_config_value_text(&config, key, text, sizeof text);
      cr_assert_str_eq(text, rows[r].words[w]);
      last = w;
    }
    const char *end = strrchr(key->words, '|') + 1;
    cr_assert_str_eq(end, rows[r].words[last], "no word of %s is missing here", key->key);
  }
}

/* Every key changes one field of its own type, and nothing else. */
Test(growth_config, set_reaches_every_field_and_no_other) {
  unsigned char covered[sizeof(babel_config)] = {0};
  for (int i = 0; babel_config_key_at(i); i++) {
    const babel_config_key *key = babel_config_key_at(i);
    size_t size = key->type == BABEL_KEY_DOUBLE ? sizeof(double) : sizeof(int);
    for (size_t b = 0; b < size; b++) cr_assert_eq(covered[key->offset + b]++, 0, "%s overlaps another field", key->key);
    if (!strcmp(key->key, "preset")) continue;
    babel_config config = preset(BABEL_PRESET_OURS), before = config;
    char text[64], high[32];
    babel_format_double(key->high, high);
    const char *last = key->type == BABEL_KEY_ENUM ? strrchr(key->words, '|') + 1 : key->type == BABEL_KEY_BOOL ? "yes" : high;
    cr_assert_eq(babel_config_set(&config, key->key, last), BABEL_OK);
    babel_config_value_text(&config, key, text, sizeof text);
    cr_assert_str_eq(text, key->type == BABEL_KEY_BOOL ? "true" : last);
    memcpy((char *)&config + key->offset, (char *)&before + key->offset, size);
    cr_assert_eq(memcmp(&config, &before, sizeof config), 0, "%s changed a second field", key->key);
  }
  size_t count = 0;
  for (size_t b = 0; b < sizeof covered; b++) count += covered[b];
  cr_assert_geq(count + 16, sizeof covered, "all fields but padding have a key");
}

static void refused(const char *key, const char *text, const char *sentence) {
  babel_config config = preset(BABEL_PRESET_OURS), before = config;
  cr_assert_eq(babel_config_set(&config, key, text), BABEL_ERR_ARG, "%s=%s", key, text);
  cr_assert_str_eq(babel_error_last()->sentence, sentence);
  cr_assert_eq(memcmp(&config, &before, sizeof config), 0);
}

Test(growth_config, set_refuses_with_what_was_expected_and_found) {
  refused("lr", "nan", "lr: expected a finite number from 0 to 1, found 'nan'");
  refused("lr", ".inf", "lr: expected a finite number from 0 to 1, found '.inf'");
  refused("lr", "0x1p-3", "lr: expected a finite number from 0 to 1, found '0x1p-3'");
  refused("lr", "0,1", "lr: expected a finite number from 0 to 1, found '0,1'");
  refused("lr", "1.0000001", "lr: expected a finite number from 0 to 1, found '1.0000001'");
  refused("lr", "-1e-9", "lr: expected a finite number from 0 to 1, found '-1e-9'");
  refused("lr", "", "lr: expected a finite number from 0 to 1, found nothing");
  refused("input_dropout", "1", "input_dropout: expected a finite number from 0 to 0.99, found '1'");
  refused("batch", "1", "batch: expected a whole number from 2 to 65536, found '1'");
  refused("batch", "65537", "batch: expected a whole number from 2 to 65536, found '65537'");
  refused("batch", "256.0", "batch: expected a whole number from 2 to 65536, found '256.0'");
  refused("seed", "99999999999999999999", "seed: expected a whole number from 0 to 2147483647, found '99999999999999999999'");
  refused("seed", "2147483648", "seed: expected a whole number from 0 to 2147483647, found '2147483648'");
  refused("standardise", "maybe", "standardise: expected true or false, found 'maybe'");
  refused("adaptive", "o", "adaptive: expected one of off, on, inverted, found 'o'");
  refused("adaptive", "off|on", "adaptive: expected one of off, on, inverted, found 'off|on'");
  refused("adaptive", "on\noff", "adaptive: expected one of off, on, inverted, found 'on off'");
  refused("preset", "paper", "preset: it resets every other key, so it is chosen before them and cannot be set over them");
}

Test(growth_config, unknown_key_names_the_nearest) {
  refused("max_step", "1", "unknown key 'max_step'; the nearest is 'max_steps'");
  refused("max-steps", "1", "unknown key 'max-steps'; the nearest is 'max_steps'");
  refused("LR", "1", "unknown key 'LR'; the nearest is 'lr'");
  refused("lr_finl", "1", "unknown key 'lr_finl'; the nearest is 'lr_final'");
  refused("standardize", "1", "unknown key 'standardize'; the nearest is 'standardise'");
  refused("dropout", "1", "unknown key 'dropout'; the nearest is 'input_dropout'");
  char key[300];
  memset(key, 'x', sizeof key);
  key[sizeof key - 1] = 0;
  babel_config config = preset(BABEL_PRESET_OURS);
  cr_assert_eq(babel_config_set(&config, key, "1"), BABEL_ERR_ARG);
  cr_assert_lt(strlen(babel_error_last()->sentence), 200);
}

Test(growth_config, unknown_preset_lists_the_presets) {
  babel_preset which;
  for (int i = 0; i < BABEL_PRESET_COUNT; i++) {
    cr_assert_eq(babel_config_preset_find(babel_config_preset_name(i), &which), BABEL_OK);
    cr_assert_eq((int)which, i);
  }
  cr_assert_eq(babel_config_preset_find("papers", &which), BABEL_ERR_ARG);
  cr_assert_str_eq(babel_error_last()->sentence, "preset: expected one of ours, paper, paper_literal, release, best, best_subject, best_mask, found 'papers'");
}

static void breaks_rule(babel_config config, const char *part) {
  cr_assert_eq(babel_config_check(&config), BABEL_ERR_ARG, "%s", part);
  cr_assert_not_null(strstr(babel_error_last()->sentence, part), "%s: %s", part, babel_error_last()->sentence);
}

Test(growth_config, check_holds_the_rules_between_keys) {
  for (int i = 0; i < BABEL_PRESET_COUNT; i++) {
    babel_config config = preset((babel_preset)i);
    cr_assert_eq(babel_config_check(&config), BABEL_OK);
  }
  babel_config c = preset(BABEL_PRESET_OURS);
  c.lr_final = 4e-4;
  breaks_rule(c, "lr_final (0.0004) must not be above lr (0.0003)");
  c = preset(BABEL_PRESET_OURS);
  c.lr_warmup_start = 4e-4;
  breaks_rule(c, "lr_warmup_start (0.0004)");
  c = preset(BABEL_PRESET_OURS);
  c.scale_min = 101;
  breaks_rule(c, "scale_min (101)");
  c = preset(BABEL_PRESET_OURS);
  c.tau = 0.009;
  breaks_rule(c, "tau (0.009)");
  c.tau = 1.5;
  breaks_rule(c, "tau (1.5)");
  c = preset(BABEL_PRESET_OURS);
  c.imu_pool = BABEL_IMU_POOL_AFTER;
  breaks_rule(c, "imu_stats: mean");
  c.imu_stats = BABEL_IMU_STATS_MEAN;
  cr_assert_eq(babel_config_check(&c), BABEL_OK);
}

Test(growth_config, check_and_json_refuse_fields_out_of_range) {
  char *json;
  babel_config c = preset(BABEL_PRESET_OURS);
  c.lr = NAN;
  breaks_rule(c, "lr: expected a finite number from 0 to 1, found nan");
  cr_assert_eq(babel_config_json(&c, &json), BABEL_ERR_ARG);
  cr_assert_null(json);
  c = preset(BABEL_PRESET_OURS);
  c.fusion = 2;
  breaks_rule(c, "fusion: expected one of sum, concat, found 2");
  c.fusion = -1;
  breaks_rule(c, "fusion");
  c = preset(BABEL_PRESET_OURS);
  c.standardise = 2;
  breaks_rule(c, "standardise");
  c = preset(BABEL_PRESET_OURS);
  c.proto_layers = 5;
  breaks_rule(c, "proto_layers: expected a whole number from 2 to 4, found 5");
}

Test(growth_config, json_round_trip_is_exact_and_equal_configs_give_equal_text) {
  for (int i = 0; i < BABEL_PRESET_COUNT; i++) {
    babel_config a = preset((babel_preset)i), b;
    char *first, *second;
    a.lr = 1.0 / 3333;
    a.tau = nextafter(0.07, 1);
    a.seed = 2147483647;
    cr_assert_eq(babel_config_json(&a, &first), BABEL_OK);
    cr_assert_eq(babel_config_from_json(&b, first, "here"), BABEL_OK, "%s", babel_error_last()->sentence);
    cr_assert_eq(memcmp(&a.lr, &b.lr, sizeof a.lr), 0);
    cr_assert_eq(memcmp(&a.tau, &b.tau, sizeof a.tau), 0);
    cr_assert_eq(b.seed, 2147483647);
    cr_assert_eq(babel_config_json(&b, &second), BABEL_OK);
    cr_assert_str_eq(first, second);
    free(first);
    free(second);
    for (int k = 0; babel_config_key_at(k); k++) {
      const babel_config_key *key = babel_config_key_at(k);
      size_t size = key->type == BABEL_KEY_DOUBLE ? sizeof(double) : sizeof(int);
      cr_assert_eq(memcmp((char *)&a + key->offset, (char *)&b + key->offset, size), 0, "%s", key->key);
    }
  }
  char *plus, *minus;
  babel_config a = preset(BABEL_PRESET_PAPER), b = a;
  a.input_dropout = 0.0;
  b.input_dropout = -0.0;
  cr_assert_eq(babel_config_json(&a, &plus), BABEL_OK);
  cr_assert_eq(babel_config_json(&b, &minus), BABEL_OK);
  cr_assert_str_eq(plus, minus);
  cr_assert_not_null(strstr(plus, "\"imu_window\": \"20hz\""));
  cr_assert_not_null(strstr(plus, "\"standardise\": false"));
  cr_assert_not_null(strstr(plus, "\"tau\": 0.07,"));
  free(plus);
  free(minus);
}

/* The text of preset `ours` with one piece replaced. */
static void bad_json(const char *piece, const char *with, const char *sentence) {
  babel_config c = preset(BABEL_PRESET_OURS), before = c;
  char *json, text[4096];
  cr_assert_eq(babel_config_json(&c, &json), BABEL_OK);
  char *at = strstr(json, piece);
  cr_assert_not_null(at, "%s", piece);
  snprintf(text, sizeof text, "%.*s%s%s", (int)(at - json), json, with, at + strlen(piece));
  cr_assert_eq(babel_config_from_json(&c, text, "trunk t"), BABEL_ERR_FORMAT, "%s", with);
  cr_assert_not_null(strstr(babel_error_last()->sentence, sentence), "%s", babel_error_last()->sentence);
  cr_assert_eq(memcmp(&c, &before, sizeof c), 0);
  free(json);
}

Test(growth_config, json_of_another_kind_is_refused) {
  bad_json("\"lr\": 0.0003", "\"lr\": \"0.0003\"",
           "trunk t: configuration key 'lr': expected a finite number from 0 to 1, found \"0.0003\"");
  bad_json("\"lr\": 0.0003", "\"lr\": 2", "'lr': expected a finite number from 0 to 1, found 2");
  bad_json("\"batch\": 256", "\"batch\": 256.0", "'batch': expected a whole number from 2 to 65536, found 256.0");
  bad_json("\"batch\": 256", "\"batch\": 99999999999", "'batch'");
  bad_json("\"standardise\": true", "\"standardise\": 1", "'standardise': expected true or false, found 1");
  bad_json("\"trunk\": \"train\"", "\"trunk\": \"tram\"", "'trunk': expected one of train, freeze, found \"tram\"");
  bad_json("\"trunk\": \"train\"", "\"trunk\": 0", "'trunk'");
  bad_json("\"hidden\": 256, ", "", "lacks the key 'hidden'");
  bad_json("\"seed\": 0", "\"seeds\": 0", "unknown key 'seeds'");
  bad_json("\"seed\": 0", "\"seed\": 0, \"extra\": 1", "unknown key 'extra'");
  bad_json("\"seed\": 0", "\"seed\": 0, \"seed\": 0", "not valid JSON");
  bad_json("{", "[", "not valid JSON");
  babel_config c;
  cr_assert_eq(babel_config_from_json(&c, "[]", "trunk t"), BABEL_ERR_FORMAT);
  cr_assert_str_eq(babel_error_last()->sentence, "trunk t: the configuration is not a JSON object");
}

Test(growth_config, keys_that_an_older_file_does_not_know_have_its_presets_default) {
  babel_config paper = preset(BABEL_PRESET_PAPER), back;
  char *json, text[4096];
  cr_assert_eq(babel_config_json(&paper, &json), BABEL_OK);
  char *at = strstr(json, "\"grow_steps\": 1000, ");
  cr_assert_not_null(at, "%s", json);
  snprintf(text, sizeof text, "%.*s%s", (int)(at - json), json, strchr(at + 1, ',') + 2);
  cr_assert_eq(babel_config_from_json(&back, text, "old"), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(back.grow_steps, 1000, "the default of preset paper, not of ours");
  cr_assert_eq(memcmp(&back, &paper, sizeof back), 0);
  free(json);
}

Test(growth_config, page_of_keys_is_up_to_date) {
  char *page = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&page, &size);
  cr_assert_eq(babel_config_markdown(out), BABEL_OK);
  fclose(out);
  babel_file file;
  cr_assert_eq(babel_file_open(&file, BABEL_SOURCE_DIR "/docs/config.md"), BABEL_OK);
  cr_assert(file.size == size && !memcmp(file.data, page, size), "print docs/config.md anew with `babel config --markdown`");
  for (int i = 0; babel_config_key_at(i); i++) {
    char cell[64];
    snprintf(cell, sizeof cell, "| `%s` |", babel_config_key_at(i)->key);
    cr_assert_not_null(strstr(page, cell), "%s", cell);
  }
  babel_file_close(&file);
  free(page);
}

Test(growth_config, page_reports_a_full_disk) {
  FILE *full = fopen("/dev/full", "w");
  if (!full) cr_skip("no /dev/full here");
  cr_assert_eq(babel_config_markdown(full), BABEL_ERR_IO);
  fclose(full);
}
