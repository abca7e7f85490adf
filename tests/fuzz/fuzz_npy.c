/* NumPy arrays, and what encoders make of them. */
#include <stdlib.h>

#include "core/npy.h"
#include "encoders/imu_input.h"
#include "encoders/skeleton_prep.h"
#include "tests/fuzz/fuzz.h"

static void release(babel_sample *samples, int count) {
  for (int i = 0; i < count; i++) babel_sample_destroy(&samples[i]);
  free(samples);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  babel_npy npy;
  babel_sample *samples;
  int count;
  if (babel_npy_open(&npy, fuzz_file(0, data, size)) != BABEL_OK) return 0;
  fuzz_touch(&npy.tensor);
  if (babel_imu_samples("imu", &npy.tensor, 2, &samples, &count) == BABEL_OK) release(samples, count);
  if (babel_skeleton_samples("skeleton", &npy.tensor, 2, &samples, &count) == BABEL_OK) release(samples, count);
  babel_npy_close(&npy);
  return 0;
}
