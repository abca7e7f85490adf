#include "encoders/imu_input.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

enum { CHANNELS = BABEL_IMU_CHANNELS };

void babel_imu_stretch(float *out, int steps, const double *x, int rows) {
  for (int i = 0; i < steps; i++) {
    double position = (double)i * (rows - 1) / (steps - 1);
    int row = (int)position;
    if (row > rows - 2) row = rows - 2;
    if (row < 0) row = 0;
    double share = position - row;
    const double *before = x + (size_t)row * CHANNELS, *after = rows > 1 ? before + CHANNELS : before;
    for (int c = 0; c < CHANNELS; c++)
      out[i * CHANNELS + c] = (float)(before[c] + share * (after[c] - before[c]));
  }
}

int babel_imu_bins(float *out, int steps, const double *x, int rows) {
  const double width = 2.5;
  int bins = (int)(rows / width);
  if (bins > steps) bins = steps;
  for (int i = 0; i < bins; i++) {
    double first = i * width, end = first + width, sum[CHANNELS] = {0};
    for (int row = (int)first; row < end; row++) {
      double overlap = fmin(end, row + 1) - fmax(first, row);
      for (int c = 0; c < CHANNELS; c++) sum[c] += overlap * x[(size_t)row * CHANNELS + c];
    }
    for (int c = 0; c < CHANNELS; c++) out[i * CHANNELS + c] = (float)(sum[c] / width);
  }
  return bins;
}

static babel_status check_shape(const char *encoder, const babel_tensor *array, int least_rows) {
  char text[160];
  const int rank = array->rank;
  babel_tensor_shape_text(array, text, sizeof text);
  if (rank != 2 && rank != 3)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "%s takes an array (T, 6) or (N, T, 6), this one is %s", encoder,
                      text);
  if (array->shape[rank - 1] != CHANNELS)
    return BABEL_FAIL(
        BABEL_ERR_SHAPE,
        "%s takes 6 columns, acceleration x y z [g] and angular rate x y z [rad/s]; this array is %s%s",
        encoder, text,
        array->shape[rank - 2] == CHANNELS ? ": it looks transposed, time must come before channels"
                                           : "; a clock is not taken, rows count as evenly spaced");
  if (array->shape[rank - 2] < least_rows)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "%s takes recordings of at least %d rows, this array is %s", encoder,
                      least_rows, text);
  if (array->shape[rank - 2] > INT_MAX / CHANNELS)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "%s takes recordings of at most %d rows, this array is %s", encoder,
                      INT_MAX / CHANNELS, text);
  if (rank == 3 && array->shape[0] < 1)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "%s: the array %s holds no recording", encoder, text);
  if (rank == 3 && array->shape[0] > INT_MAX)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "%s takes at most %d recordings at once, this array is %s", encoder,
                      INT_MAX, text);
  return BABEL_OK;
}

/* The values of recording n of the array. */
static babel_status fill(babel_sample *sample, const char *encoder, const babel_tensor *array, int n) {
  const int64_t size = (int64_t)sample->rows * CHANNELS;
  for (int64_t i = 0; i < size; i++) {
    sample->x[i] = babel_tensor_get(array, n * size + i);
    if (!isfinite(sample->x[i]))
      return BABEL_FAIL(BABEL_ERR_VALUE,
                        "%s: recording %d has %g in row %lld, column %lld (all counted from 0)", encoder, n,
                        sample->x[i], (long long)(i / CHANNELS), (long long)(i % CHANNELS));
  }
  return BABEL_OK;
}

babel_status babel_imu_samples(const char *encoder, const babel_tensor *array, int least_rows,
                               babel_sample **samples, int *count) {
  int64_t all;
  babel_status status;
  *samples = NULL;
  *count = 0;
  BABEL_TRY(babel_tensor_count(array, &all));
  BABEL_TRY(check_shape(encoder, array, least_rows));
  const int n = array->rank == 3 ? (int)array->shape[0] : 1, rows = (int)array->shape[array->rank - 2];
  babel_sample *list = calloc((size_t)n, sizeof *list);
  if (!list) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for %d recordings", n);
  for (int i = 0; i < n; i++) {
    BABEL_TRY_OR(babel_sample_create(&list[i], babel_modality_find("imu"), rows, CHANNELS), fail);
    BABEL_TRY_OR(fill(&list[i], encoder, array, i), fail);
  }
  *samples = list;
  *count = n;
  return BABEL_OK;
fail:
  for (int i = 0; i < n; i++) babel_sample_destroy(&list[i]);
  free(list);
  return status;
}
