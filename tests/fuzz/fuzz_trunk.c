/* Trunks. */
#include <stdlib.h>

#include "growth/trunk.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  babel_trunk trunk;
  if (babel_trunk_read(&trunk, babel_ops_cpu(), fuzz_file(0, data, size)) != BABEL_OK) return 0;
  for (int i = 0; i < trunk.tower_count; i++) {
    float *x = calloc((size_t)trunk.towers[i].in, sizeof *x), *y = calloc((size_t)trunk.config.embed_dim, sizeof *y);
    if (x && y) babel_trunk_embed(&trunk, trunk.towers[i].name, x, 1, 1, NULL, BABEL_OUTPUT_ALIGNED, y);
    free(x);
    free(y);
  }
  babel_trunk_destroy(&trunk);
  return 0;
}
