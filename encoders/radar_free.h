/* radar_free: a radar window in 319 numbers without any position in time, so that it does not matter where a window of a repeated movement begins (ours,
 * not the paper's; no weights). Of the 44 numbers a frame of encoders/radar_frames.h, in this order:
 *   mean, population deviation and mean |change| over the window (3 x 44);
 *   frames sorted by floor(1e11 x number 14 + 0.5) (mean |v|), ties by frame: means of the three thirds (the longer ones first), 3 x 44. The key is
 *   rounded because Doppler is quantised: frames tie, and the rounding of a sum must not decide their order;
 *   correlations over the window of numbers 0-5, 12, 14, 19-21, each (z - mean) / (deviation + 1e-6), products averaged: upper triangle row by row, 55.
 * At least 3 frames. */
#ifndef BABEL_ENCODERS_RADAR_FREE_H
#define BABEL_ENCODERS_RADAR_FREE_H

#include "encoders/encoder.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BABEL_RADAR_FREE_THIRDS = 3, BABEL_RADAR_FREE_WIDTH = 319 };

extern const babel_encoder_row babel_radar_free_row;

/* Of frames (frames, 44); order (frames): work space, afterwards the sorted frame numbers. frames >= 3. */
babel_status babel_radar_free(double *out, const double *x, int frames, int *order);

#ifdef __cplusplus
}
#endif
#endif
