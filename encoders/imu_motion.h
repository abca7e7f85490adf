/* imu_motion: what preset `best` sees of an IMU recording, 397 numbers: hand-made statistics on the motion clock (253) and LIMU-BERT on rows
 * resampled to equal motion (144). x (R, 6): acceleration [g], angular rate [rad/s], 50 Hz.
 *
 * | block   | columns | definition (segw = means over 8 segments of equal motion, segment-major)
 * | base    | 30 | the first 30 of imu_stats: mean, population deviation, minimum, maximum, mean absolute difference of neighbours
 * | eseg8   | 48 | segw(x)
 * | eshape8 | 48 | segw of (a - mean a) / (rms |a - mean a| + 1e-6) and g / (rms |g| + 1e-6): shape without amplitude and gravity
 * | eang8   | 24 | segw(t), t = running sum of g / 50, row included, minus its mean: angle turned [rad]
 * | fft     | 42 | sqrt(sum over the band's bins |FFT(x - mean)|^2) / R; bands [0.1,0.7) [0.7,1.4) [1.4,2.5) [2.5,4) [4,7) [7,12) [12,25.1) Hz, band-major;
 *                 bin k is in [lo, hi) iff lo R <= 50 k < hi R, in integers
 * | angr    | 9  | of t: three deviations, three (maximum - minimum), three (last - first)
 * | corr    | 15 | correlations of the channels (deviations + 1e-6), upper triangle row by row
 * | acf     | 30 | autocorrelation of the standardised channels at lags 5, 10, 20, 35, 50, mean over R - lag products, 0 if lag >= R; lag-major
 * | epos    | 7  | borders 1..7 of the 8 segments / R
 * | lw      | 144| LIMU-BERT, block 1, on 120 rows resampled to equal motion: 72 means, 72 population deviations
 * Outputs: "motion" (397), "statistics" (the first 253), "pretrained" (lw). Statistics in double. */
#ifndef BABEL_ENCODERS_IMU_MOTION_H
#define BABEL_ENCODERS_IMU_MOTION_H

#include "encoders/encoder.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BABEL_IMU_MOTION_STATISTICS = 253, BABEL_IMU_MOTION_WIDTH = 397 };

extern const babel_encoder_row babel_imu_motion_row;

/* The 253 hand-made numbers. rows >= 8. */
babel_status babel_imu_motion_statistics(double *out, const double *x, int rows);

#ifdef __cplusplus
}
#endif
#endif
