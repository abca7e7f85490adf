#include <string.h>

#include "core/file.h"
#include "growth/config.h"

/* The key that opens each section of the page. */
static const struct {
  const char *key, *title;
} sections[] = {
    {"preset", "Preset"},      {"embed_dim", "Network"}, {"imu_window", "Features"},
    {"temperature", "Loss"},   {"lr", "Optimiser"},      {"head_hidden", "Evaluation and checkpoints"},
};

static const char introduction[] =
    "# Configuration\n"
    "\n"
    "This page is printed by `babel config --markdown`; a test compares the two. Change the table in `growth/config_table.c`, then print it anew.\n"
    "\n"
    "A run starts from a preset, then takes the keys of a YAML file, then each `--set key=value`. The file is a flat map:\n"
    "\n"
    "```yaml\n"
    "preset: paper      # first, if at all: it resets every other key\n"
    "variants: 16\n"
    "input_dropout: 0.3\n"
    "```\n"
    "\n"
    "Numbers have a decimal point in every locale; NaN, infinity and hexadecimal forms are refused. Switches are `true` or `false` (`yes`, `no`, `on`, `off` too).\n"
    "An unknown key, a key twice, a list, an anchor or a nested map is an error with file and line. Ranges include both ends.\n"
    "\n"
    "Rules between keys: `lr_final` and `lr_warmup_start` are at most `lr`; `scale_min` <= 1 / `tau` <= `scale_max`; `imu_pool: after` needs `imu_stats: mean`;\n"
    "`shuffle_pairs` and `chunk` need `targets: pairs`.\n";

static void print_range(FILE *out, const babel_config_key *key) {
  char low[32], high[32];
  if (key->type == BABEL_KEY_BOOL) {
    fputs("switch", out);
  } else if (key->type == BABEL_KEY_ENUM) {
    for (const char *word = key->words;;) {
      size_t length = strcspn(word, "|");
      fprintf(out, "`%.*s`", (int)length, word);
      if (!word[length]) break;
      fputs(", ", out);
      word += length + 1;
    }
  } else {
    babel_format_double(key->low, low);
    babel_format_double(key->high, high);
    fprintf(out, "%s, %s to %s", key->type == BABEL_KEY_INT ? "whole" : "number", low, high);
  }
}

static void print_head(FILE *out, const char *title) {
  fprintf(out, "\n## %s\n\n| key | values |", title);
  for (int preset = 0; preset < BABEL_PRESET_COUNT; preset++) fprintf(out, " %s |", babel_config_preset_name(preset));
  fputs(" meaning |\n|---|---|", out);
  for (int preset = 0; preset < BABEL_PRESET_COUNT; preset++) fputs("---|", out);
  fputs("---|\n", out);
}

babel_status babel_config_markdown(FILE *out) {
  const babel_config_key *key;
  char text[64];
  fputs(introduction, out);
  for (int i = 0; (key = babel_config_key_at(i)); i++) {
    for (size_t s = 0; s < sizeof sections / sizeof *sections; s++)
      if (!strcmp(sections[s].key, key->key)) print_head(out, sections[s].title);
    fprintf(out, "| `%s` | ", key->key);
    print_range(out, key);
    for (int preset = 0; preset < BABEL_PRESET_COUNT; preset++) {
      babel_config config;
      babel_config_preset(&config, (babel_preset)preset);
      babel_config_value_text(&config, key, text, sizeof text);
      fprintf(out, " | %s", text);
    }
    fprintf(out, " | %s |\n", key->sentence);
  }
  if (fflush(out) || ferror(out)) return BABEL_FAIL(BABEL_ERR_IO, "the configuration page cannot be written");
  return BABEL_OK;
}
