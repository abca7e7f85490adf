/* What IMU encoders do with a recording before they look at it: lay a window over its rows; and turn a user's own array into
 * recordings. A row is 6 values: acceleration x y z [g], angular rate x y z [rad/s]. */
#ifndef BABEL_ENCODERS_IMU_INPUT_H
#define BABEL_ENCODERS_IMU_INPUT_H

#include "core/tensor.h"
#include "data/sample.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_IMU_CHANNELS 6

/* out (steps, 6): the recording stretched over `steps` rows end to end, by linear interpolation at i (rows - 1) / (steps - 1).
 * One row is repeated; rows = steps is a copy. rows >= 1, steps >= 2. */
void babel_imu_stretch(float *out, int steps, const double *x, int rows);

/* out (at most `steps`, 6): means over bins of 2.5 rows (50 Hz -> 20 Hz), i.e. differences of the linearly interpolated
 * cumulative sum divided by 2.5; complete bins only, the first `steps` of them. Returns how many there are: 0 below 3 rows. */
int babel_imu_bins(float *out, int steps, const double *x, int rows);

/* (T, 6) or (N, T, 6) of any number type -> N recordings (a malloced list; destroy each sample, then free it).
 * Refused with a sentence: other ranks, other than 6 columns (a transposed array is named as such), fewer than least_rows
 * rows, no recording at all, NaN or infinity. */
babel_status babel_imu_samples(const char *encoder, const babel_tensor *array, int least_rows,
                               babel_sample **samples, int *count);

#ifdef __cplusplus
}
#endif
#endif
