/* Weight files of any layout: PyTorch's zip and legacy files, safetensors. */
#include "core/checkpoint.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  babel_checkpoint checkpoint;
  if (babel_checkpoint_open(&checkpoint, fuzz_file(0, data, size)) != BABEL_OK) return 0;
  for (int i = 0; i < checkpoint.count; i++) fuzz_touch(&checkpoint.tensors[i].tensor);
  float none;
  babel_checkpoint_take(&checkpoint, "no such name", 0, NULL, &none); /* looks for the nearest names */
  babel_checkpoint_close(&checkpoint);
  return 0;
}
