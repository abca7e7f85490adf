/* safetensors files. */
#include "core/safetensors.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  babel_safetensors st;
  if (babel_safetensors_open(&st, fuzz_file(0, data, size)) != BABEL_OK) return 0;
  for (int i = 0; i < st.count; i++) fuzz_touch(&st.tensors[i].tensor);
  babel_safetensors_metadata(&st, "format");
  babel_safetensors_close(&st);
  return 0;
}
