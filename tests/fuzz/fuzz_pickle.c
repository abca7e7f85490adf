/* The pickle of a zip checkpoint. A checksum guards it in the file, so the archive around it is made here: bytes 0 and 1 say how many
 * bytes of the rest are the storage "0"; the pickle is what is left. */
#include "core/checkpoint.h"
#include "tests/core/containers.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  babel_checkpoint checkpoint;
  bytes file = {0};
  if (size < 2) return 0;
  size_t left = size - 2, stored_size = data[0] | (size_t)data[1] << 8;
  if (stored_size > left) stored_size = left;
  bytes object = {.data = (unsigned char *)(uintptr_t)data + 2 + stored_size, .size = left - stored_size};
  stored storage = {"0", data + 2, stored_size, 4};
  checkpoint_zip(&file, "archive", &object, &storage, 1, ZIP_TORCH);
  babel_status status = babel_checkpoint_open(&checkpoint, fuzz_file(0, file.data, file.size));
  bytes_free(&file);
  if (status != BABEL_OK) return 0;
  for (int i = 0; i < checkpoint.count; i++) fuzz_touch(&checkpoint.tensors[i].tensor);
  babel_checkpoint_close(&checkpoint);
  return 0;
}
