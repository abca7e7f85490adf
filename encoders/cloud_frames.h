/* A person's point cloud frame by frame: 62 numbers each, what pointcloud_stats and pointcloud_motion build on (ours, not the paper's).
 *
 * Points x (right), y (up), z (away) [m]. Over every 7th point (points 0, 7, 14, .. of each frame, all frames together): medians of x and z, 0.5th and
 * 99.5th percentile of y; body height H = their difference, at least 0.5 m. Points become ((x - median) / H, (y - 0.5th) / H, (z - median) / H).
 *   0-2 mean of x y z, 3-5 population deviation, 6-8 5th, 9-11 50th, 12-14 95th percentile (linear interpolation);
 *   15-44 square roots of the shares of points in 6 (y from 0 to 1) x 5 (x from -0.5 to 0.5) cells, points outside in the nearest; cell = y x 5 + x;
 *   45-56 the same for 6 x 2 cells, cell = y x 2 + (z < -0.12);
 *   57 mean |change| of those 42 roots against the frame before, 58-60 |change| of the mean, 61 mean |change| of the 95th percentiles; 0 in the first.
 * A frame under 50 points repeats numbers 0-56 of the one before (zeros if it is the first). */
#ifndef BABEL_ENCODERS_CLOUD_FRAMES_H
#define BABEL_ENCODERS_CLOUD_FRAMES_H

#include "encoders/encoder.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BABEL_CLOUD_NUMBERS = 62, BABEL_CLOUD_POINT_VALUES = 4, BABEL_CLOUD_LEAST_POINTS = 50, BABEL_CLOUD_MOTION = 57 };

#define BABEL_CLOUD_SAMPLES_TEXT "(P, 4): a row a point of one recording: frame from 0, x (right) y (up) z (away) [m]"

/* babel_encoder_row.prepare and .samples of the encoders of point clouds. */
babel_status babel_cloud_frames(const babel_encoder *encoder, const babel_sample *sample, babel_sample *frames);
babel_status babel_cloud_samples(const babel_encoder *encoder, const babel_tensor *array, babel_sample **samples, int *count);

#ifdef __cplusplus
}
#endif
#endif
