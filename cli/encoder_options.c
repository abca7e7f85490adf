#include "cli/encoder_options.h"

#include <stdio.h>
#include <string.h>

#include "encoders/fit.h"

babel_status babel_read_config(const babel_args *args, babel_config *config) {
  const char *preset = babel_args_value(args, "preset"), *file = babel_args_value(args, "config");
  babel_preset number = BABEL_PRESET_OURS;
  if (preset) BABEL_TRY(babel_config_preset_find(preset, &number));
  babel_config_preset(config, number);
  if (file) BABEL_TRY(babel_config_read_yaml(config, file));
  return babel_read_settings(args, config);
}

babel_status babel_read_settings(const babel_args *args, babel_config *config) {
  const char *sets[BABEL_MAX_GIVEN], *seed = babel_args_value(args, "seed");
  char key[64];
  int count = babel_args_values(args, "set", sets, BABEL_MAX_GIVEN);
  for (int i = 0; i < count; i++) {
    const char *equals = strchr(sets[i], '=');
    if (!equals || equals == sets[i] || (size_t)(equals - sets[i]) >= sizeof key)
      return BABEL_FAIL(BABEL_ERR_ARG, "--set %s: expected KEY=VALUE", sets[i]);
    snprintf(key, sizeof key, "%.*s", (int)(equals - sets[i]), sets[i]);
    BABEL_TRY(babel_config_set(config, key, equals + 1));
  }
  if (seed) BABEL_TRY(babel_config_set(config, "seed", seed));
  return babel_config_check(config);
}

babel_status babel_open_encoder(const babel_args *args, const babel_config *config, babel_encoder **encoder) {
  const char *name;
  int seed;
  BABEL_TRY(babel_args_require(args, "encoder", &name));
  BABEL_TRY(babel_args_int(args, "encoder-seed", 0, 0, 1 << 30, &seed));
  babel_encoder_options options = {.weights = babel_args_value(args, "weights"), .random_weights = babel_args_flag(args, "random-weights"),
      .seed = (uint64_t)seed, .imu_window = config->imu_window == BABEL_IMU_WINDOW_20HZ, .imu_degrees = config->imu_unit == BABEL_IMU_UNIT_DEG_S,
      .imu_block = config->imu_block, .imu_pool = config->imu_pool == BABEL_IMU_POOL_AFTER ? 2 : config->imu_stats == BABEL_IMU_STATS_MEAN,
      .skeleton_pad = babel_args_flag(args, "pad")};
  const char *fit_from = babel_args_value(args, "fit-from");
  BABEL_TRY(babel_encoder_create(encoder, name, &options));
  if (!fit_from) return BABEL_OK;
  babel_status status = babel_encoder_fit_from(*encoder, fit_from);
  if (status != BABEL_OK) {
    babel_encoder_destroy(*encoder);
    *encoder = NULL;
  }
  return status;
}

babel_status babel_find_output(const babel_encoder *encoder, const babel_config *config, const char *name, int *index) {
  char known[256] = "";
  if (!name) { /* the choice concerns the encoders that have it; the others' first output is their default */
    const char *wanted = config->skeleton_output == BABEL_SKELETON_SCORES ? "scores" : "pooled_scores";
    *index = 0;
    for (int i = 0; i < encoder->output_count; i++)
      if (!strcmp(encoder->outputs[i].name, wanted)) *index = i;
    return BABEL_OK;
  }
  for (int i = 0; i < encoder->output_count; i++) {
    if (!strcmp(encoder->outputs[i].name, name)) {
      *index = i;
      return BABEL_OK;
    }
    snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", encoder->outputs[i].name);
  }
  return BABEL_FAIL(BABEL_ERR_ARG, "encoder %s has no output \"%s\": it has %s", encoder->row->name, name, known);
}
