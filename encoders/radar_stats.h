/* radar_stats: a radar window in 396 numbers, without weights (ours, not the paper's): of the 44 numbers a frame of encoders/radar_frames.h
 * the mean, population deviation and mean |change| over the window, then the means of 6 segments of time (the longer ones first): 9 x 44.
 * At least 6 frames. */
#ifndef BABEL_ENCODERS_RADAR_STATS_H
#define BABEL_ENCODERS_RADAR_STATS_H

#include "encoders/encoder.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BABEL_RADAR_STATS_SEGMENTS = 6, BABEL_RADAR_STATS_WIDTH = 396 };

extern const babel_encoder_row babel_radar_stats_row;

#ifdef __cplusplus
}
#endif
#endif
