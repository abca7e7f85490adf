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

babel_status babel_sample_stretch(babel_sample *out, const babel_sample *in) {
  const int rows = in->rows * (in->stretch > 1 ? in->stretch : 1);
  const size_t width = (size_t)in->width;
  BABEL_TRY(babel_sample_create(out, in->modality, rows, in->width));
  out->persons = in->persons;
  out->joints = in->joints;
  for (int j = 0; j < rows; j++) {
    double position = rows > 1 ? (double)(in->rows - 1) * j / (rows - 1) : 0;
    int lower = (int)position < in->rows - 1 ? (int)position : in->rows - 1, upper = lower < in->rows - 1 ? lower + 1 : lower;
    const double *a = in->x + (size_t)lower * width, *b = in->x + (size_t)upper * width;
    for (size_t c = 0; c < width; c++) out->x[(size_t)j * width + c] = a[c] + (position - lower) * (b[c] - a[c]);
  }
  return BABEL_OK;
}

void babel_sample_destroy(babel_sample *sample) {
  if (!sample) return;
  free(sample->x);
  memset(sample, 0, sizeof *sample);
}
