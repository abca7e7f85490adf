/* imu_stats: an IMU encoder without weights, 78 numbers of a recording's own rows (algorithm.md section 1).
 * Six numbers each, in channel order: mean, population deviation, minimum, maximum, mean absolute difference of neighbouring
 * rows, then the means of 8 time segments whose row counts differ by at most one, the longer ones first.
 * Acceleration [g], angular rate [rad/s]; sums in double. At least 8 rows, so that no segment is empty. */
#ifndef BABEL_ENCODERS_IMU_STATS_H
#define BABEL_ENCODERS_IMU_STATS_H

#include "encoders/encoder.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_IMU_STATS_SEGMENTS 8
#define BABEL_IMU_STATS_WIDTH 78

extern const babel_encoder_row babel_imu_stats_row;

/* x (rows, 6) -> out (78); rows >= 8. */
void babel_imu_stats(double *out, const double *x, int rows);

#ifdef __cplusplus
}
#endif
#endif
