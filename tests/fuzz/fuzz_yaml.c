/* Configurations in YAML; what is accepted must pass through JSON unchanged. */
#include <stdlib.h>

#include "growth/config.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  babel_config config, back;
  char *json = NULL;
  babel_config_preset(&config, BABEL_PRESET_OURS);
  if (babel_config_read_yaml(&config, fuzz_file(0, data, size)) != BABEL_OK) return 0;
  if (babel_config_json(&config, &json) != BABEL_OK || babel_config_from_json(&back, json, "it") != BABEL_OK) abort();
  free(json);
  babel_config_check(&config);
  return 0;
}
