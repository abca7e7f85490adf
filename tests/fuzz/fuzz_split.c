/* Split files. */
#include <stdlib.h>

#include "data/split.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  babel_split split;
  const char **keys;
  int count, all = 0;
  if (babel_split_read(&split, fuzz_file(0, data, size)) != BABEL_OK) return 0;
  for (int part = 0; part < 3; part++) {
    if (babel_split_keys(&split, (babel_part)part, &keys, &count) == BABEL_OK) {
      free(keys);
      all += count;
    }
  }
  if (all != split.count) abort();
  babel_split_destroy(&split);
  return 0;
}
