/* Files of draws. */
#include "data/split.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  babel_draws draws;
  if (babel_draws_read(&draws, fuzz_file(0, data, size)) == BABEL_OK) babel_draws_destroy(&draws);
  return 0;
}
