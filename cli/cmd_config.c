#include <stdio.h>
#include <stdlib.h>

#include "cli/encoder_options.h"

static const babel_option options[] = {
    {"markdown", NULL, "all keys with type, range, defaults and meaning: the text of docs/config.md"},
    {"json", NULL, "the resolved configuration as one JSON object"},
    BABEL_CONFIG_OPTIONS,
    {NULL, NULL, NULL},
};

static babel_status run(const babel_args *args) {
  babel_config config;
  char text[64];
  if (babel_args_flag(args, "markdown")) {
    babel_config_markdown(stdout);
    return BABEL_OK;
  }
  BABEL_TRY(babel_read_config(args, &config));
  if (babel_args_flag(args, "json")) {
    char *json;
    BABEL_TRY(babel_config_json(&config, &json));
    puts(json);
    free(json);
    return BABEL_OK;
  }
  const babel_config_key *key;
  for (int i = 0; (key = babel_config_key_at(i)); i++) {
    babel_config_value_text(&config, key, text, sizeof text);
    printf("%s: %s  # %s\n", key->key, text, key->sentence);
  }
  return BABEL_OK;
}

const babel_command babel_config_command = {
    .name = "config",
    .usage = "[--preset NAME] [--config FILE] [--set KEY=VALUE] [--markdown | --json]",
    .sentence = "prints the resolved configuration, ready to be used as a YAML file",
    .examples = "  babel config --preset paper\n  babel config --config mine.yaml --set lr=1e-4 > resolved.yaml\n",
    .options = options,
    .run = run,
};
