/* pointcloud_stats: a recording of point clouds in 496 numbers, without weights (ours, not the paper's): of the 62 numbers a frame of
 * encoders/cloud_frames.h the mean and population deviation over time, then the means of 6 segments of time (the longer ones first): 8 x 62.
 * At least 6 frames. */
#ifndef BABEL_ENCODERS_POINTCLOUD_STATS_H
#define BABEL_ENCODERS_POINTCLOUD_STATS_H

#include "encoders/encoder.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BABEL_POINTCLOUD_STATS_SEGMENTS = 6, BABEL_POINTCLOUD_STATS_WIDTH = 496 };

extern const babel_encoder_row babel_pointcloud_stats_row;

#ifdef __cplusplus
}
#endif
#endif
