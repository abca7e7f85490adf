/* The deviations over the 155 real training trials, made anew. Needs UTD-MHAD with its depth maps. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "data/split.h"
#include "encoders/fit.h"
#include "tests/encoders/cloud_deviations.h"
#include "tests/encoders/known_block.h"
#include "tests/support/paths.h"

Test(encoders_fit_real, the_deviations_are_those_of_the_155_training_trials) {
  babel_encoder *encoder;
  babel_split split;
  const char **keys;
  if (!babel_real_data("utd_mhad/Depth")) cr_skip("UTD-MHAD's depth maps are not here");
  babel_encode_options options = {.dataset = babel_dataset_row_find("utd_mhad"), .folder = babel_real_data("utd_mhad"), .modality = "lidar"};
  babel_log_set_level(BABEL_LOG_QUIET);
  cr_assert_eq(babel_split_read(&split, BABEL_SOURCE_DIR "/configs/splits/utd_mhad_lidar.csv"), BABEL_OK);
  cr_assert_eq(babel_split_keys(&split, BABEL_PART_TRAIN, &keys, &options.key_count), BABEL_OK);
  options.keys = keys;
  cr_assert_eq(babel_encoder_create(&encoder, "pointcloud_motion", &(babel_encoder_options){0}), BABEL_OK);
  cr_assert_eq(babel_encoder_fit(encoder, &options, split.sha256), BABEL_OK, "%s", babel_error_last()->sentence);
  cr_assert(encoder->fit.trials == 155 && encoder->fit.frames == 10351);
  for (int c = 0; c < 62; c++) known_near("r", "a number", encoder->fit.deviations[c], cloud_deviations[c], 1e-12);
  free(keys);
  babel_split_destroy(&split);
  babel_encoder_destroy(encoder);
}
