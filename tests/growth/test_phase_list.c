/* Schedules: what is read, and the one sentence for what is wrong. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "growth/phase_list.h"
#include "tests/support/paths.h"

static const char *scratch(void) {
  static char folder[512];
  if (!*folder) snprintf(folder, sizeof folder, "%.500s", babel_scratch());
  return folder;
}

static babel_phase_list list;

static babel_status read_text(const char *text) {
  char path[1024];
  snprintf(path, sizeof path, "%s/schedule.yaml", scratch());
  cr_assert_eq(babel_file_write_text(path, text), BABEL_OK);
  const char *const files[] = {"a.safetensors", "b.safetensors", "c.safetensors", "split.csv", "draws.csv"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char file[1024];
    snprintf(file, sizeof file, "%s/%s", scratch(), files[i]);
    cr_assert_eq(babel_file_write_text(file, "x"), BABEL_OK);
  }
  return babel_phase_list_read(&list, path, NULL);
}

static const char good[] =
    "# two phases\nname: two\npreset: paper\nallow_disconnected: true\nset: {variants: 0, lr: 1e-3}\nphases:\n"
    "  - name: first\n    banks: [a.safetensors, b.safetensors]\n    split: split.csv\n    draws: draws.csv\n"
    "  - name: second\n    banks: [b.safetensors, c.safetensors]\n    part: holdout\n    steps: 70\n    set: {lr: 2e-3, proto_policy: plain}\n";

Test(growth_phase_list, everything_is_read_and_settings_lie_over_each_other) {
  babel_config config;
  cr_assert_eq(read_text(good), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert_str_eq(list.name, "two");
  cr_assert_eq(list.preset, (int)BABEL_PRESET_PAPER);
  cr_assert(list.allow_disconnected);
  cr_assert_eq(list.count, 2);
  cr_assert_str_eq(list.phase[0].part, "train");
  cr_assert_str_eq(list.phase[1].part, "holdout");
  cr_assert_eq(list.phase[1].steps, 70);
  cr_assert_str_eq(list.phase[1].split, "");
  cr_assert_not_null(strstr(list.phase[0].bank[1], "/b.safetensors"));
  babel_config_preset(&config, BABEL_PRESET_OURS);
  cr_assert_eq(babel_phase_list_settings(&list, 0, &config), BABEL_OK);
  cr_assert(config.lr == 1e-3 && config.variants == 0 && config.proto_policy == BABEL_POLICY_REHEARSAL_KD);
  cr_assert_eq(babel_phase_list_settings(&list, 1, &config), BABEL_OK);
  cr_assert(config.lr == 2e-3 && config.proto_policy == BABEL_POLICY_PLAIN);
}

Test(growth_phase_list, what_is_wrong_is_one_sentence_with_the_line) {
  static const struct {
    const char *text, *says;
    babel_status status;
  } cases[] = {
      {"name: x\n", "expected phases", BABEL_ERR_ARG},
      {"phases: []\n", "at least one phase", BABEL_ERR_ARG},
      {"- 1\n", "expected a schedule", BABEL_ERR_ARG},
      {"phases: [\n", "expected YAML", BABEL_ERR_FORMAT},
      {"name: x\nphasen: []\n", "line 2: unknown key 'phasen'; the nearest is 'phases'", BABEL_ERR_ARG},
      {"name: x\nname: y\n", "line 2: 'name' stands twice", BABEL_ERR_ARG},
      {"preset: best_of_all\n", "line 1: ", BABEL_ERR_ARG},
      {"allow_disconnected: maybe\n", "true or false", BABEL_ERR_ARG},
      {"set: {lrr: 1}\n", "unknown key 'lrr'", BABEL_ERR_ARG},
      {"set: {lr: 1, lr: 2}\n", "stands twice", BABEL_ERR_ARG},
      {"set: {lr: fast}\n", "line 1: lr", BABEL_ERR_ARG},
      {"phases:\n  - {name: a}\n", "expected name and banks", BABEL_ERR_ARG},
      {"phases:\n  - {name: a/b, banks: [a.safetensors, b.safetensors]}\n", "a folder is called after it", BABEL_ERR_ARG},
      {"phases:\n  - {name: a, banks: [a.safetensors]}\n", "a list of two files", BABEL_ERR_ARG},
      {"phases:\n  - {name: a, banks: [a.safetensors, nowhere.safetensors]}\n", "line 2: banks: nowhere.safetensors is not beside the schedule; --banks", BABEL_ERR_IO},
      {"phases:\n  - {name: a, banks: [a.safetensors, b.safetensors], steps: 0}\n", "steps: expected a whole number", BABEL_ERR_ARG},
      {"phases:\n  - {name: a, banks: [a.safetensors, b.safetensors], epochs: -1}\n", "epochs: expected a number above 0", BABEL_ERR_ARG},
      {"phases:\n  - {name: a, banks: [a.safetensors, b.safetensors], epochs: 1, steps: 1}\n", "steps or epochs, not both", BABEL_ERR_ARG},
      {"phases:\n  - {name: a, banks: [a.safetensors, b.safetensors]}\n  - {name: a, banks: [a.safetensors, b.safetensors]}\n", "phase a stands twice (line 2)", BABEL_ERR_ARG},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cr_assert_eq(read_text(cases[i].text), cases[i].status, "%s", cases[i].text);
    cr_assert_not_null(strstr(babel_error_last()->sentence, cases[i].says), "\"%s\" should hold \"%s\"", babel_error_last()->sentence, cases[i].says);
    cr_assert_not_null(strstr(babel_error_last()->sentence, "schedule.yaml"));
  }
}
