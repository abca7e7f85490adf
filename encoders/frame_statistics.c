#include "encoders/frame_statistics.h"

#include <math.h>
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

/* The k-th smallest of x[low..high] to x[k], smaller ones before it and larger ones behind. */
static void select_kth(double *x, int low, int high, int k) {
  while (low < high) {
    double pivot = x[low + (high - low) / 2];
    int i = low, j = high;
    while (i <= j) {
      while (x[i] < pivot) i++;
      while (x[j] > pivot) j--;
      if (i > j) break;
      double other = x[i];
      x[i++] = x[j];
      x[j--] = other;
    }
    if (k <= j) high = j;
    else if (k >= i) low = i;
    else return;
  }
}

void babel_percentiles(double *out, double *x, int n, const double *p, int count) {
  for (int i = 0; i < count; i++) {
    double position = p[i] * (n - 1) / 100;
    int lower = (int)position < n - 1 ? (int)position : n - 1, upper = lower < n - 1 ? lower + 1 : lower;
    select_kth(x, 0, n - 1, lower);
    if (upper > lower) select_kth(x, upper, n - 1, upper);
    out[i] = x[lower] + (position - lower) * (x[upper] - x[lower]);
  }
}

int babel_cell(double v, double low, double high, int n) {
  double cell = floor((v - low) / (high - low) * n);
  return !(cell > 0) ? 0 : cell > n - 1 ? n - 1 : (int)cell;
}
