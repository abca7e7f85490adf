/* Schedules in YAML. Their files exist nowhere but for /dev/null, which seeds name. */
#include "growth/phase_list.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static babel_phase_list list; /* large */
  babel_config config;
  if (babel_phase_list_read(&list, fuzz_file(0, data, size), "/dev") != BABEL_OK) return 0;
  for (int i = 0; i < list.count; i++) {
    babel_config_preset(&config, BABEL_PRESET_OURS);
    if (babel_phase_list_settings(&list, i, &config) == BABEL_OK) babel_config_check(&config);
  }
  return 0;
}
