/* Statistics over time of frames x (frames, width), a row a frame; in double. Shared by the encoders of point clouds. */
#ifndef BABEL_ENCODERS_FRAME_STATISTICS_H
#define BABEL_ENCODERS_FRAME_STATISTICS_H

#ifdef __cplusplus
extern "C" {
#endif

/* All give out (width), over the frames. deviation is the population's; change = mean |x_f - x_(f-1)|, 0 of one frame. */
void babel_frames_mean(double *out, const double *x, int frames, int width);
void babel_frames_deviation(double *out, const double *x, const double *mean, int frames, int width);
void babel_frames_change(double *out, const double *x, int frames, int width);

/* out (segments, width): means of segments whose frame counts differ by at most one, the longer ones first. frames >= segments. */
void babel_frames_segments(double *out, const double *x, int frames, int width, int segments);

/* out[i]: percentile p[i] of the n >= 1 values of x, which are moved about: linear interpolation at position p (n - 1) / 100 of the sorted values. */
void babel_percentiles(double *out, double *x, int n, const double *p, int count);

/* Cell of v among n of [low, high]: clip(floor((v - low) / (high - low) * n), 0, n - 1). */
int babel_cell(double v, double low, double high, int n);

#ifdef __cplusplus
}
#endif
#endif
