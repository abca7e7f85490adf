#include "encoders/frame_statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void babel_frames_mean(double *out, const double *x, int frames, int width) {
  memset(out, 0, (size_t)width * sizeof *out);
  for (int f = 0; f < frames; f++, x += width)
    for (int c = 0; c < width; c++) out[c] += x[c];
  for (int c = 0; c < width; c++) out[c] /= frames;
}

void babel_frames_deviation(double *out, const double *x, const double *mean, int frames, int width) {
  memset(out, 0, (size_t)width * sizeof *out);
  for (int f = 0; f < frames; f++, x += width)
    for (int c = 0; c < width; c++) out[c] += (x[c] - mean[c]) * (x[c] - mean[c]);
  for (int c = 0; c < width; c++) out[c] = sqrt(out[c] / frames);
}

void babel_frames_change(double *out, const double *x, int frames, int width) {
  memset(out, 0, (size_t)width * sizeof *out);
  for (int f = 1; f < frames; f++) {
    x += width;
    for (int c = 0; c < width; c++) out[c] += fabs(x[c] - x[c - width]);
  }
  for (int c = 0; c < width && frames > 1; c++) out[c] /= frames - 1;
}

void babel_frames_segments(double *out, const double *x, int frames, int width, int segments) {
  for (int s = 0, first = 0; s < segments; s++) {
    int count = frames / segments + (s < frames % segments);
    babel_frames_mean(out + (size_t)s * (size_t)width, x + (size_t)first * (size_t)width, count, width);
    first += count;
  }
}

double babel_percentile(const double *sorted, int n, double p) {
  double position = p * (n - 1) / 100;
  int lower = (int)position < n - 1 ? (int)position : n - 1, upper = lower < n - 1 ? lower + 1 : lower;
  return sorted[lower] + (position - lower) * (sorted[upper] - sorted[lower]);
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

void babel_sort_doubles(double *x, int n) {
  qsort(x, (size_t)n, sizeof *x, compare);
}

int babel_cell(double v, double low, double high, int n) {
  double cell = floor((v - low) / (high - low) * n);
  return cell < 0 ? 0 : cell > n - 1 ? n - 1 : (int)cell;
}
