#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "growth/config.h"
#include "tests/support/comma_locale.h"
#include "tests/support/paths.h"

static char folder[256], path[300];

static void write_file(const void *bytes, size_t size) {
  if (!*folder) snprintf(folder, sizeof folder, "%s", babel_scratch());
  snprintf(path, sizeof path, "%s/c.yaml", folder);
  FILE *out = fopen(path, "wb");
  cr_assert_not_null(out);
  cr_assert_eq(fwrite(bytes, 1, size, out), size);
  fclose(out);
}

static babel_config good(const char *text) {
  babel_config config;
  write_file(text, strlen(text));
  babel_config_preset(&config, BABEL_PRESET_OURS);
  cr_assert_eq(babel_config_read_yaml(&config, path), BABEL_OK, "%s", babel_error_last()->sentence);
  return config;
}

static bool same(const babel_config *a, const babel_config *b) {
  char *x, *y;
  cr_assert_eq(babel_config_json(a, &x), BABEL_OK);
  cr_assert_eq(babel_config_json(b, &y), BABEL_OK);
  bool equal = !strcmp(x, y);
  free(x);
  free(y);
  return equal;
}

/* The sentence must be PATH: + rest, the configuration as it was. */
static void bad_bytes(const void *bytes, size_t size, babel_status status, const char *rest) {
  babel_config config, before;
  char expected[1200];
  write_file(bytes, size);
  babel_config_preset(&config, BABEL_PRESET_PAPER);
  before = config;
  cr_assert_eq(babel_config_read_yaml(&config, path), status, "%s", rest);
  snprintf(expected, sizeof expected, "%s: %s", path, rest);
  cr_assert_eq(strncmp(babel_error_last()->sentence, expected, strlen(expected)), 0, "%s\n%s", babel_error_last()->sentence, expected);
  cr_assert(same(&config, &before));
}

static void bad(const char *text, const char *rest) {
  bad_bytes(text, strlen(text), BABEL_ERR_ARG, rest);
}

Test(growth_config_yaml, keys_override_what_was_there) {
  babel_config c = good("# a comment\nlr: 1e-3\n\nvariants: 600   # another\nstandardise: off\nadaptive: off\nproto_policy: \"plain\"\n"
                        "imu_window: 20hz\nshuffle_pairs: yes\ntau: .5\n");
  cr_assert_eq(c.lr, 1e-3);
  cr_assert_eq(c.variants, 600);
  cr_assert_eq(c.standardise, 0);
  cr_assert_eq(c.adaptive, BABEL_ADAPTIVE_OFF);
  cr_assert_eq(c.proto_policy, BABEL_POLICY_PLAIN);
  cr_assert_eq(c.imu_window, BABEL_IMU_WINDOW_20HZ);
  cr_assert_eq(c.shuffle_pairs, 1);
  cr_assert_eq(c.tau, 0.5);
  cr_assert_eq(c.max_steps, 600, "the rest stays");
}

Test(growth_config_yaml, a_number_under_temperature_is_tau) {
  babel_config c = good("lr: 3e-4\ntemperature: 0.08\n"); /* so it stands in a public bug report */
  cr_assert_eq(c.lr, 3e-4);
  cr_assert_eq(c.tau, 0.08);
  cr_assert_eq(c.temperature, BABEL_TEMPERATURE_LEARNABLE);
  c = good("temperature: fixed\ntemperature: 0.08\n");
  cr_assert(c.tau == 0.08 && c.temperature == BABEL_TEMPERATURE_FIXED, "two keys in truth");
  bad("tau: 0.07\ntemperature: 0.08\n", "line 2: key 'tau' stands twice: it is in line 1 already");
  bad("temperature: 700\n", "line 1: tau: expected a finite number from");
}

Test(growth_config_yaml, preset_first_resets_the_rest) {
  babel_config c, expected;
  write_file("preset: release\nlr: 0.01\n", 25);
  babel_config_preset(&c, BABEL_PRESET_OURS);
  c.max_steps = 7;
  cr_assert_eq(babel_config_read_yaml(&c, path), BABEL_OK);
  babel_config_preset(&expected, BABEL_PRESET_RELEASE);
  expected.lr = 0.01;
  cr_assert(same(&c, &expected));
}

Test(growth_config_yaml, file_without_keys_changes_nothing) {
  static const char *const texts[] = {"", "\n\n", "# nothing\n", "---\n", "---\n...\n", "{}\n", "\xEF\xBB\xBF# mark\n"};
  babel_config ours;
  babel_config_preset(&ours, BABEL_PRESET_OURS);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    babel_config c = good(texts[i]);
    cr_assert(same(&c, &ours));
  }
}

Test(growth_config_yaml, other_shapes_of_the_same_map_are_read) {
  cr_assert_eq(good("{batch: 128, seed: 3}").batch, 128);
  cr_assert_eq(good("\xEF\xBB\xBF" "batch: 128\r\nseed: 3\r\n").seed, 3);
  cr_assert_eq(good("%YAML 1.1\n---\nbatch: 128\n...\n").batch, 128);
  cr_assert_eq(good("\"batch\": '128'").batch, 128);
}

Test(growth_config_yaml, wrong_keys_and_values_are_named_with_their_line) {
  bad("lr: 1e-3\nlearning_rate: 1\n", "line 2: unknown key 'learning_rate'; the nearest is '");
  bad("\nvariant: 3\n", "line 2: unknown key 'variant'; the nearest is 'variants'");
  bad("lr: 1e-3\nseed: 1\nlr: 1e-3\n", "line 3: key 'lr' stands twice: it is in line 1 already");
  bad("preset: ours\npreset: ours\n", "line 2: key 'preset' stands twice: it is in line 1 already");
  bad("seed: 1\npreset: paper\n", "line 2: preset must be the first key of the file, because it resets the others ('seed' stands in line 1)");
  bad("preset: bets\n", "line 1: preset: expected one of ours, paper, paper_literal, release, best, best_subject, best_mask, found 'bets'");
  bad("lr: .nan\n", "line 1: lr: expected a finite number from 0 to 1, found '.nan'");
  bad("lr: -.inf\n", "line 1: lr: expected a finite number from 0 to 1, found '-.inf'");
  bad("lr: NaN\n", "line 1: lr: expected a finite number from 0 to 1, found 'NaN'");
  bad("lr: 1e999\n", "line 1: lr: expected a finite number from 0 to 1, found '1e999'");
  bad("lr: 0,1\n", "line 1: lr: expected a finite number from 0 to 1, found '0,1'");
  bad("lr: fast\n", "line 1: lr: expected a finite number from 0 to 1, found 'fast'");
  bad("lr:\n", "line 1: lr: expected a finite number from 0 to 1, found nothing");
  bad("variants: 601\n", "line 1: variants: expected a whole number from 0 to 600, found '601'");
  bad("variants: 1.5\n", "line 1: variants: expected a whole number from 0 to 600, found '1.5'");
  bad("variants: true\n", "line 1: variants: expected a whole number from 0 to 600, found 'true'");
  bad("standardise: 2\n", "line 1: standardise: expected true or false, found '2'");
  bad("fusion: mean\n", "line 1: fusion: expected one of sum, concat, found 'mean'");
  bad("lr: |\n  0.1\n  0.2\n", "line 1: lr: expected a finite number from 0 to 1, found '0.1 0.2 '");
  bad("lr: \"0.1\\0\"\n", "line 1: expected one value, found text with a zero byte");
}

Test(growth_config_yaml, structure_beyond_a_flat_map_is_refused) {
  bad("lr: &a 0.1\n", "line 1: an anchor (&a) is not allowed here");
  bad("&m\nlr: 0.1\n", "line 1: an anchor (&m) is not allowed here");
  bad("lr: 0.1\nlr_final: *a\n", "line 2: an alias (*a) is not allowed here");
  bad("<<: *base\nlr: 0.1\n", "line 1: an alias (*base) is not allowed here");
  bad("lr: !!float 0.1\n", "line 1: a tag (tag:yaml.org,2002:float) is not allowed here");
  bad("seed: 1\nlr: [0.1, 0.2]\n", "line 2: expected one value, found a list");
  bad("seed: 1\nlr:\n  - 0.1\n", "line 3: expected one value, found a list");
  bad("optimiser:\n  lr: 0.1\n", "line 2: expected one value, found a nested map");
  bad("? [a, b]\n: 1\n", "line 1: expected a key, found a list");
  bad("- lr: 0.1\n", "line 1: expected `key: value` lines, found a list");
  bad("lr 0.1\n", "line 1: expected `key: value` lines, found a single value");
  bad("lr: 0.1\n---\nlr: 0.2\n", "line 2: expected one document, found a second one");
}

Test(growth_config_yaml, broken_files_are_named_with_their_line) {
  static const char *const texts[] = {"lr: 0.1\n\tseed: 1\n", "lr: \"0.1\n", "lr: 0.1\nseed\n", "\tlr: 1\n", "{lr: 0.1\n", "lr: @x\n"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) bad_bytes(texts[i], strlen(texts[i]), BABEL_ERR_FORMAT, "line ");
  bad_bytes("seed: 1\nlr: \xff\xfe\n", 14, BABEL_ERR_FORMAT, "line 2: expected YAML (`key: value` lines): ");
  bad_bytes("lr: 0\0001", 8, BABEL_ERR_FORMAT, "line 1: expected YAML (`key: value` lines): control characters");
  bad_bytes("PK\003\004 abc", 8, BABEL_ERR_FORMAT,
            "line 1: expected YAML (`key: value` lines): control characters are not allowed; it looks like a zip archive");
  bad_bytes("<html>", 6, BABEL_ERR_ARG, "line 1: expected `key: value` lines, found a single value; it looks like an HTML page");
  size_t size = (1 << 20) + 1;
  char *big = malloc(size);
  memset(big, '#', size);
  bad_bytes(big, size, BABEL_ERR_FORMAT, "expected YAML of at most 1048576 bytes, found 1048577");
  free(big);
}

Test(growth_config_yaml, deep_nesting_ends_at_once) {
  size_t size = 1 << 19;
  char *deep = malloc(size);
  memset(deep, '[', size);
  write_file(deep, size);
  free(deep);
  babel_config config;
  babel_config_preset(&config, BABEL_PRESET_OURS);
  cr_assert_neq(babel_config_read_yaml(&config, path), BABEL_OK);
}

Test(growth_config_yaml, missing_files_and_folders_are_refused) {
  babel_config config;
  babel_config_preset(&config, BABEL_PRESET_OURS);
  write_file("", 0);
  cr_assert_eq(babel_config_read_yaml(&config, folder), BABEL_ERR_IO);
  cr_assert_not_null(strstr(babel_error_last()->sentence, folder));
  cr_assert_eq(babel_config_read_yaml(&config, "/nowhere/c.yaml"), BABEL_ERR_IO);
}

/* Every cut of a valid file: read or refused with the file's name, never a crash or a leak. */
Test(growth_config_yaml, every_cut_of_a_file_is_read_or_refused) {
  static const char text[] = "preset: paper\n\"lr\": 1e-3 # note\n{a: [b, *c], ? d : !e f}\nseed: 'x'\n";
  for (size_t size = 0; size < sizeof text; size++) {
    babel_config config;
    write_file(text, size);
    babel_config_preset(&config, BABEL_PRESET_OURS);
    if (babel_config_read_yaml(&config, path) != BABEL_OK) cr_assert_not_null(strstr(babel_error_last()->sentence, path));
  }
}

Test(growth_config_yaml, numbers_do_not_depend_on_the_locale) {
  char *json;
  write_file("", 0);
  if (!babel_comma_locale()) cr_skip("no comma locale on this machine");
  babel_config c = good("lr: 0.125\ntau: 0.07\n"), back;
  cr_assert_eq(c.lr, 0.125);
  cr_assert_eq(babel_config_json(&c, &json), BABEL_OK);
  cr_assert_not_null(strstr(json, "\"lr\": 0.125,"));
  cr_assert_eq(babel_config_from_json(&back, json, "here"), BABEL_OK);
  cr_assert_eq(back.tau, 0.07);
  free(json);
  bad("lr: 0,125\n", "line 1: lr: expected a finite number from 0 to 1, found '0,125'");
}

Test(growth_config_yaml, shipped_files_are_read_and_pass_the_check) {
  for (int i = 0; i < BABEL_PRESET_COUNT; i++) {
    char name[512];
    babel_config c, expected;
    snprintf(name, sizeof name, "%s/configs/presets/%s.yaml", BABEL_SOURCE_DIR, babel_config_preset_name(i));
    babel_config_preset(&c, i ? BABEL_PRESET_OURS : BABEL_PRESET_PAPER);
    cr_assert_eq(babel_config_read_yaml(&c, name), BABEL_OK, "%s", babel_error_last()->sentence);
    babel_config_preset(&expected, (babel_preset)i);
    cr_assert(same(&c, &expected), "%s", name);
  }
  babel_config c;
  babel_config_preset(&c, BABEL_PRESET_PAPER);
  cr_assert_eq(babel_config_read_yaml(&c, BABEL_SOURCE_DIR "/configs/example.yaml"), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(babel_config_check(&c), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_eq(c.preset, BABEL_PRESET_OURS);
  cr_assert_eq(c.variants, 8);
  cr_assert_eq(c.adaptive, BABEL_ADAPTIVE_OFF);
}
