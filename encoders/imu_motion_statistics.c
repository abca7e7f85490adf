/* The hand-made blocks of encoders/imu_motion.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "encoders/imu_motion.h"
#include "encoders/imu_stats.h"
#include "encoders/motion_clock.h"

enum { CHANNELS = 6, SEGMENTS = 8, BANDS = 7, LAGS = 5 };

static double mean_of(const double *x, int rows, int width) {
  double sum = 0;
  for (int r = 0; r < rows; r++) sum += x[(size_t)r * (size_t)width];
  return sum / rows;
}

static double deviation_of(const double *x, int rows, int width) {
  double mean = mean_of(x, rows, width), sum = 0;
  for (int r = 0; r < rows; r++) {
    double gap = x[(size_t)r * (size_t)width] - mean;
    sum += gap * gap;
  }
  return sqrt(sum / rows);
}

/* z: both triples without level and amplitude. */
static void shape(double *z, const double *x, int rows) {
  double mean[3], squares[2] = {0};
  for (int c = 0; c < 3; c++) mean[c] = mean_of(x + c, rows, CHANNELS);
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < CHANNELS; c++) {
      double value = x[r * CHANNELS + c] - (c < 3 ? mean[c] : 0);
      z[r * CHANNELS + c] = value;
      squares[c / 3] += value * value;
    }
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < CHANNELS; c++) z[r * CHANNELS + c] /= sqrt(squares[c / 3] / rows) + 1e-6;
}

/* t (rows, 3): the angle turned so far, minus its mean. */
static void turned(double *t, const double *x, int rows) {
  for (int c = 0; c < 3; c++) {
    double sum = 0;
    for (int r = 0; r < rows; r++) t[r * 3 + c] = sum += x[r * CHANNELS + 3 + c] / 50;
    double mean = mean_of(t + c, rows, 3);
    for (int r = 0; r < rows; r++) t[r * 3 + c] -= mean;
  }
}

/* Amplitudes of a channel per band by the definition of the transform; a table of one turn keeps it cheap. */
static void spectrum(double *out, const double *x, int rows, const double *cosine, const double *sine) {
  static const int edges[BANDS + 1] = {1, 7, 14, 25, 40, 70, 120, 251}; /* [0.1 Hz] */
  double mean = mean_of(x, rows, CHANNELS), power[BANDS] = {0};
  for (int k = 0; k <= rows / 2; k++) {
    int band = -1;
    double real = 0, imaginary = 0;
    for (int b = 0; b < BANDS; b++)
      if (edges[b] * rows <= 500 * k && 500 * k < edges[b + 1] * rows) band = b;
    if (band < 0) continue;
    for (int r = 0, at = 0; r < rows; r++, at = (at + k) % rows) {
      double value = x[(size_t)r * CHANNELS] - mean;
      real += value * cosine[at];
      imaginary -= value * sine[at];
    }
    power[band] += real * real + imaginary * imaginary;
  }
  for (int b = 0; b < BANDS; b++) out[b * CHANNELS] = sqrt(power[b]) / rows;
}

static void spectra(double *out, const double *x, int rows, double *scratch) {
  double *cosine = scratch, *sine = scratch + rows;
  for (int r = 0; r < rows; r++) {
    cosine[r] = cos(2 * M_PI * r / rows);
    sine[r] = sin(2 * M_PI * r / rows);
  }
  for (int c = 0; c < CHANNELS; c++) spectrum(out + c, x + c, rows, cosine, sine);
}

static void angle_range(double *out, const double *t, int rows) {
  for (int c = 0; c < 3; c++) {
    double low = t[c], high = t[c];
    for (int r = 0; r < rows; r++) {
      low = fmin(low, t[r * 3 + c]);
      high = fmax(high, t[r * 3 + c]);
    }
    out[c] = deviation_of(t + c, rows, 3);
    out[3 + c] = high - low;
    out[6 + c] = t[(rows - 1) * 3 + c] - t[c];
  }
}

/* z: channels with mean 0 and deviation about 1. */
static void standardise(double *z, const double *x, int rows) {
  for (int c = 0; c < CHANNELS; c++) {
    double mean = mean_of(x + c, rows, CHANNELS), scale = deviation_of(x + c, rows, CHANNELS) + 1e-6;
    for (int r = 0; r < rows; r++) z[r * CHANNELS + c] = (x[r * CHANNELS + c] - mean) / scale;
  }
}

static void correlations(double *corr, double *acf, const double *z, int rows) {
  static const int lags[LAGS] = {5, 10, 20, 35, 50};
  for (int a = 0, at = 0; a < CHANNELS; a++)
    for (int b = a + 1; b < CHANNELS; b++, at++) {
      double sum = 0;
      for (int r = 0; r < rows; r++) sum += z[r * CHANNELS + a] * z[r * CHANNELS + b];
      corr[at] = sum / rows;
    }
  for (int l = 0; l < LAGS; l++)
    for (int c = 0; c < CHANNELS; c++) {
      double sum = 0;
      for (int r = 0; r + lags[l] < rows; r++) sum += z[r * CHANNELS + c] * z[(r + lags[l]) * CHANNELS + c];
      acf[l * CHANNELS + c] = lags[l] < rows ? sum / (rows - lags[l]) : 0;
    }
}

babel_status babel_imu_motion_statistics(double *out, const double *x, int rows) {
  babel_motion_clock clock;
  double stats[BABEL_IMU_STATS_WIDTH], cuts[SEGMENTS + 1];
  void *memory;
  const size_t size = (size_t)rows * CHANNELS;
  BABEL_TRY(babel_motion_clock_create(&clock, rows));
  babel_status status = babel_alloc(&memory, 3 * size + CHANNELS, sizeof(double));
  if (status != BABEL_OK) {
    babel_motion_clock_destroy(&clock);
    return status;
  }
  double *z = memory, *t = z + size, *scratch = t + size;
  babel_motion_clock_imu(&clock, x);
  babel_motion_clock_cuts(&clock, SEGMENTS, cuts);
  babel_imu_stats(stats, x, rows);
  memcpy(out, stats, 30 * sizeof *out);
  babel_motion_clock_means(&clock, x, CHANNELS, SEGMENTS, cuts, out + 30, scratch);
  shape(z, x, rows);
  babel_motion_clock_means(&clock, z, CHANNELS, SEGMENTS, cuts, out + 78, scratch);
  turned(t, x, rows);
  babel_motion_clock_means(&clock, t, 3, SEGMENTS, cuts, out + 126, scratch);
  spectra(out + 150, x, rows, scratch);
  angle_range(out + 192, t, rows);
  standardise(z, x, rows);
  correlations(out + 201, out + 216, z, rows);
  for (int j = 1; j < SEGMENTS; j++) out[245 + j] = cuts[j] / rows;
  free(memory);
  babel_motion_clock_destroy(&clock);
  return BABEL_OK;
}
