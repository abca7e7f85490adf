#include "encoders/point_samples.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

babel_status babel_points_check(const char *encoder, const babel_sample *sample, int width) {
  double frame = 0;
  if (sample->width != width || sample->frames < 1)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "%s takes points of %d values in at least one frame, this sample has %d values a row and %d frames", encoder,
                      width, sample->width, sample->frames);
  for (int i = 0; i < sample->rows; i++) {
    const double *row = sample->x + (size_t)i * (size_t)width;
    if (!(row[0] >= frame && row[0] < sample->frames && row[0] == floor(row[0])))
      return BABEL_FAIL(BABEL_ERR_VALUE, "%s: point %d is of frame %g: expected whole numbers of 0 to %d that never fall", encoder, i, row[0],
                        sample->frames - 1);
    frame = row[0];
    for (int c = 1; c < width; c++)
      if (!isfinite(row[c])) return BABEL_FAIL(BABEL_ERR_VALUE, "%s: point %d has %g in column %d (counted from 0)", encoder, i, row[c], c);
  }
  return BABEL_OK;
}

babel_status babel_point_samples(const babel_encoder *encoder, const babel_tensor *array, int width, const char *expected, babel_sample **samples,
                                 int *count) {
  char text[160];
  int64_t all;
  *samples = NULL;
  *count = 0;
  BABEL_TRY(babel_tensor_count(array, &all));
  if (array->rank != 2 || array->shape[1] != width || array->shape[0] < 1 || array->shape[0] > INT_MAX / width)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "%s takes an array %s; this one is %s", encoder->row->name, expected,
                      babel_tensor_shape_text(array, text, sizeof text));
  babel_sample *list = calloc(1, sizeof *list);
  if (!list) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for a sample");
  babel_status status = babel_sample_create(list, babel_modality_find(encoder->row->modality), (int)array->shape[0], width);
  if (status == BABEL_OK) {
    for (int64_t i = 0; i < all; i++) list->x[i] = babel_tensor_get(array, i);
    double last = list->x[all - width];
    list->frames = last >= 0 && last < BABEL_POINT_FRAMES ? (int)last + 1 : 0;
    status = babel_points_check(encoder->row->name, list, width);
  }
  if (status != BABEL_OK) {
    babel_sample_destroy(list);
    free(list);
    return status;
  }
  *samples = list;
  *count = 1;
  return BABEL_OK;
}
