/* pointcloud_motion: how a person's point cloud moves, 1,302 numbers for a whole trial (ours, not the paper's; no weights). x (F, 62): the numbers a frame
 * of encoders/cloud_frames.h; c = x - its mean over the trial, which throws body shape, distance and place away.
 *
 * Motion clock: m_f = number 57, m_0 = m_1; w_f = m_f / (mean m + 1e-9) + 0.2, then a moving mean of 3 (edge values repeated once). segw(y, w, 8): means over
 * 8 segments of equal motion (encoders/motion_clock.h), segment-major.
 *   62  population deviation sd over the trial
 *   496 segw(c, w, 8)
 *   496 segw(c / (sd + 0.5 r + 1e-6), w, 8): r = deviation of each number over all frames of the training trials, so that numbers that hardly move
 *       here, but do elsewhere, are not blown up
 *   248 bands: sqrt(sum of squared modulus of the bins of FFT(c) / F / F), one-sided bins k with lo F <= 150 k < hi F, edges 1 7 14 25 76, band-major
 * At least 8 frames. r must be fitted (encoders/fit.h) before the encoder runs. */
#ifndef BABEL_ENCODERS_POINTCLOUD_MOTION_H
#define BABEL_ENCODERS_POINTCLOUD_MOTION_H

#include "encoders/encoder.h"
#include "encoders/motion_clock.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BABEL_POINTCLOUD_MOTION_SEGMENTS = 8, BABEL_POINTCLOUD_MOTION_BANDS = 4, BABEL_POINTCLOUD_MOTION_LEAST = 8, BABEL_POINTCLOUD_MOTION_WIDTH = 1302 };

extern const babel_encoder_row babel_pointcloud_motion_row;

/* Of frames x (frames, 62) and r (62); frames >= 2. */
babel_status babel_pointcloud_motion(double *out, const double *x, int frames, const double *r);
/* Weights of the clock, wound. */
void babel_pointcloud_motion_clock(babel_motion_clock *clock, const double *x);

#ifdef __cplusplus
}
#endif
#endif
