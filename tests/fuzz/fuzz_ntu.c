/* Skeleton files of NTU RGB+D, and their preparation. */
#include "data/ntu_skeleton.h"
#include "encoders/skeleton_prep.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  babel_ntu_skeleton skeleton;
  babel_sample sample = {0};
  babel_skeleton_input input = {0};
  int slot;
  if (babel_ntu_read(&skeleton, fuzz_file(0, data, size)) != BABEL_OK) return 0;
  if (babel_ntu_sample(&sample, &skeleton) == BABEL_OK && babel_skeleton_main_slot(&sample, &slot) == BABEL_OK &&
      babel_skeleton_prepare_shift_gcn(&input, &sample) == BABEL_OK)
    babel_skeleton_input_destroy(&input);
  babel_sample_destroy(&sample);
  babel_ntu_destroy(&skeleton);
  return 0;
}
