/* Feature banks. */
#include "data/bank.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  babel_bank bank;
  int64_t pairs;
  int recordings;
  double share;
  if (babel_bank_read(&bank, fuzz_file(0, data, size)) != BABEL_OK) return 0;
  for (int i = 0; i < bank.rows; i++) babel_bank_row(&bank, bank.keys[i]);
  babel_bank_overlaps(&bank, &pairs, &recordings, &share);
  babel_bank_destroy(&bank);
  return 0;
}
