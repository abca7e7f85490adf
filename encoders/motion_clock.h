/* The motion clock: time measured by how much moves, so that speed and idle time drop out (preset `best`; ours, not the paper's).
 *
 * Every row r = 1..R of a recording carries a weight w_r > 0; W_0 = 0, W_r = w_1 + .. + w_r, linear between rows: row r covers [r - 1, r]
 * of the position axis. Everything in double. */
#ifndef BABEL_ENCODERS_MOTION_CLOCK_H
#define BABEL_ENCODERS_MOTION_CLOCK_H

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int rows;
  double *weights;    /* (rows), for the caller to fill */
  double *cumulative; /* (rows + 1): W_0..W_R, by babel_motion_clock_wind */
} babel_motion_clock;

babel_status babel_motion_clock_create(babel_motion_clock *clock, int rows);
void babel_motion_clock_destroy(babel_motion_clock *clock); /* accepts a zeroed one */
void babel_motion_clock_wind(babel_motion_clock *clock);    /* weights -> cumulative */

/* cuts[0..k]: positions in [0, R] where W is j / k of the total. */
void babel_motion_clock_cuts(const babel_motion_clock *clock, int k, double *cuts);

/* Means of x (rows, width) over the k segments between cuts, segment-major into out (k, width): with C the cumulative sum of x,
 * (C(e_j+1) - C(e_j)) / max(e_j+1 - e_j, 1e-3). scratch: (rows + 1) * width numbers. */
void babel_motion_clock_means(const babel_motion_clock *clock, const double *x, int width, int k, const double *cuts, double *out,
                              double *scratch);

/* n rows at equal steps of W: position of W = (j + 0.5) / n of the total, minus 0.5, clipped to [0, R - 1]; linear interpolation of the
 * rows of x, which count from 0. positions: (n). */
void babel_motion_clock_positions(const babel_motion_clock *clock, int n, double *positions);
void babel_motion_clock_resample(const babel_motion_clock *clock, const double *x, int width, int n, double *out);

/* Weights of an IMU recording x (rows, 6), acceleration [g] and angular rate [rad/s]:
 * w_r = |g_r| / mean|g| + |a_r - mean a| / mean|a - mean a| + 0.2, denominators + 1e-9. */
void babel_motion_clock_imu(babel_motion_clock *clock, const double *x);

/* Weights for resampling a skeleton p (rows, joints, 3) [m]: joints smoothed over 5 frames (edge frames repeated twice), v_f = sum over joints of
 * |p_f - p_(f-1)|, v_0 = v_1; w_f = v_f / (mean v + 1e-9) + 0.2. scratch: rows * joints * 3 numbers. */
void babel_motion_clock_skeleton(babel_motion_clock *clock, const double *p, int joints, double *scratch);

/* y (rows, width) = moving mean of x over 5 rows, the first and the last row repeated twice at the ends. No aliasing. */
void babel_smooth5(double *y, const double *x, int rows, int width);

/* w_f = v_f / (mean v + 1e-9) + rest, v_f = sum over triples of |x_f - x_(f-1)|, v_0 = v_1, x (rows, triples, 3). */
void babel_motion_clock_triples(babel_motion_clock *clock, const double *x, int triples, double rest);

#ifdef __cplusplus
}
#endif
#endif
