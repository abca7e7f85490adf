/* Key files of a user's own features: with an array of as many rows as the text has lines below its first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/bank.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char header[129];
  babel_bank bank;
  size_t rows = 0;
  for (size_t i = 0; i < size; i++) rows += data[i] == '\n' && i + 1 < size;
  if (!rows) rows = 1;
  int length = snprintf(header, sizeof header, "\x93NUMPY\x01%c\x76%c{'descr': '|u1', 'fortran_order': False, 'shape': (%zu, 1), }", 0, 0, rows);
  memset(header + length, ' ', (size_t)(128 - length));
  header[127] = '\n';
  unsigned char *array = calloc(1, 128 + rows);
  if (!array) abort();
  memcpy(array, header, 128);
  const char *npy = fuzz_file(1, array, 128 + rows);
  free(array);
  if (babel_bank_import(&bank, npy, fuzz_file(0, data, size), "imu") != BABEL_OK) return 0;
  babel_bank_destroy(&bank);
  return 0;
}
