#include "data/sample.h"

#include <stdlib.h>
#include <string.h>

#include "core/arena.h"

babel_status babel_sample_create(babel_sample *sample, const babel_modality *modality, int rows, int width) {
  void *x;
  memset(sample, 0, sizeof *sample);
  if (rows < 1 || width < 1)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "a sample of %d rows x %d values: expected at least 1 x 1", rows,
                      width);
  BABEL_TRY(babel_alloc(&x, (size_t)rows * (size_t)width, sizeof *sample->x));
  *sample = (babel_sample){.modality = modality, .rows = rows, .width = width, .persons = 1, .x = x};
  return BABEL_OK;
}

void babel_sample_destroy(babel_sample *sample) {
  if (!sample) return;
  free(sample->x);
  memset(sample, 0, sizeof *sample);
}
