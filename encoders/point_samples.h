/* Point clouds as samples (data/sample.h): what the encoders of lidar and mmwave share. */
#ifndef BABEL_ENCODERS_POINT_SAMPLES_H
#define BABEL_ENCODERS_POINT_SAMPLES_H

#include "encoders/encoder.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A row more than this many frames is not a recording. */
#define BABEL_POINT_FRAMES 100000

/* width values a row, column 0 whole numbers of 0 .. frames - 1 that never fall; finite. BABEL_ERR_SHAPE or BABEL_ERR_VALUE. */
babel_status babel_points_check(const char *encoder, const babel_sample *sample, int width);

/* A user's array (P, width) as one recording (babel_encoder_row.samples); as many frames as column 0 of the last row says. */
babel_status babel_point_samples(const babel_encoder *encoder, const babel_tensor *array, int width, const char *expected, babel_sample **samples,
                                 int *count);

#ifdef __cplusplus
}
#endif
#endif
