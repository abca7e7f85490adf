/* MAT files, and the three readers of UTD-MHAD behind them. */
#include "data/mat.h"
#include "data/utd_mhad.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *path = fuzz_file(0, data, size);
  babel_mat mat;
  babel_sample sample;
  babel_utd_depth depth;
  if (babel_mat_open(&mat, path) != BABEL_OK) return 0;
  for (int i = 0; i < mat.count; i++) {
    if (mat.variables[i].obstacle) continue;
    babel_tensor view = babel_mat_view(&mat.variables[i]);
    fuzz_touch(&view);
  }
  babel_mat_close(&mat);
  if (babel_utd_read_inertial(&sample, path) == BABEL_OK) babel_sample_destroy(&sample);
  if (babel_utd_read_skeleton(&sample, path) == BABEL_OK) babel_sample_destroy(&sample);
  if (babel_utd_read_depth(&depth, path) == BABEL_OK) babel_utd_depth_destroy(&depth);
  return 0;
}
