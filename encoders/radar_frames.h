/* A mmWave point cloud frame by frame: 44 numbers each, what radar_stats and radar_free build on (ours, not the paper's).
 *
 * Points x y z [m], z up, v [m/s], intensity; x and y less their median over all points of the window.
 *   0-2 mean of x y z, 3-5 population deviation, 6-8 5th and 9-11 95th percentile (linear interpolation);
 *   12 mean v, 13 deviation of v, 14 mean |v|, 15 largest |v|, 16-18 shares of points with |v| > 0.1, v > 0.1, v < -0.1;
 *   19-21 centre weighted by |v| + 0.001; 22 natural logarithm of the number of points, 23 mean intensity;
 *   24-38 shares of points in 5 (z from -1 to 1) x 3 (x from -0.75 to 0.75) cells, points outside in the nearest; cell = height x 3 + x;
 *   39-43 |v| summed by height over the points, divided by their number.
 * A frame under 3 points repeats the numbers of the one before (zeros if it is the first); its points still count for the medians. */
#ifndef BABEL_ENCODERS_RADAR_FRAMES_H
#define BABEL_ENCODERS_RADAR_FRAMES_H

#include "encoders/encoder.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BABEL_RADAR_NUMBERS = 44, BABEL_RADAR_POINT_VALUES = 6, BABEL_RADAR_LEAST_POINTS = 3 };

#define BABEL_RADAR_SAMPLES_TEXT "(P, 6): a row a point of one window: frame from 0, x y z [m] (z up), velocity [m/s], intensity"

/* babel_encoder_row.prepare and .samples of the radar encoders. */
babel_status babel_radar_frames(const babel_encoder *encoder, const babel_sample *sample, babel_sample *frames);
babel_status babel_radar_samples(const babel_encoder *encoder, const babel_tensor *array, babel_sample **samples, int *count);

#ifdef __cplusplus
}
#endif
#endif
