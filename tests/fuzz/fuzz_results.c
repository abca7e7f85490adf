/* results.json. */
#include "eval/results.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  babel_results results = {0};
  if (babel_results_read(&results, fuzz_file(0, data, size)) == BABEL_OK) babel_results_destroy(&results);
  return 0;
}
