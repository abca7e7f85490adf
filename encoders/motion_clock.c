#include "encoders/motion_clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"

babel_status babel_motion_clock_create(babel_motion_clock *clock, int rows) {
  void *memory;
  memset(clock, 0, sizeof *clock);
  BABEL_TRY(babel_alloc(&memory, 2 * (size_t)rows + 1, sizeof(double)));
  clock->rows = rows;
  clock->weights = memory;
  clock->cumulative = clock->weights + rows;
  return BABEL_OK;
}

void babel_motion_clock_destroy(babel_motion_clock *clock) {
  if (!clock) return;
  free(clock->weights);
  memset(clock, 0, sizeof *clock);
}

void babel_motion_clock_wind(babel_motion_clock *clock) {
  clock->cumulative[0] = 0;
  for (int r = 0; r < clock->rows; r++) clock->cumulative[r + 1] = clock->cumulative[r] + clock->weights[r];
}

/* Position in [0, R] where W reaches `target`; *row is where to go on looking, for rising targets. */
static double position_of(const babel_motion_clock *clock, double target, int *row) {
  while (*row < clock->rows - 1 && clock->cumulative[*row + 1] < target) ++*row;
  double share = (target - clock->cumulative[*row]) / clock->weights[*row];
  return *row + fmin(fmax(share, 0), 1);
}

void babel_motion_clock_cuts(const babel_motion_clock *clock, int k, double *cuts) {
  const double total = clock->cumulative[clock->rows];
  int row = 0;
  cuts[0] = 0;
  for (int j = 1; j < k; j++) cuts[j] = position_of(clock, total * j / k, &row);
  cuts[k] = clock->rows;
}

/* C(e) of one column: C is the cumulative sum, linear between rows. */
static double cumulative_at(const double *c, int width, int rows, double e) {
  int row = (int)e < rows ? (int)e : rows - 1;
  double before = c[(size_t)row * (size_t)width], after = c[(size_t)(row + 1) * (size_t)width];
  return before + (e - row) * (after - before);
}

void babel_motion_clock_means(const babel_motion_clock *clock, const double *x, int width, int k, const double *cuts, double *out,
                              double *scratch) {
  const size_t w = (size_t)width;
  for (size_t j = 0; j < w; j++) scratch[j] = 0;
  for (size_t r = 0; r < (size_t)clock->rows; r++)
    for (size_t j = 0; j < w; j++) scratch[(r + 1) * w + j] = scratch[r * w + j] + x[r * w + j];
  for (int s = 0; s < k; s++) {
    const double length = fmax(cuts[s + 1] - cuts[s], 1e-3);
    for (int j = 0; j < width; j++)
      out[(size_t)s * w + (size_t)j] =
          (cumulative_at(scratch + j, width, clock->rows, cuts[s + 1]) - cumulative_at(scratch + j, width, clock->rows, cuts[s])) / length;
  }
}

void babel_motion_clock_positions(const babel_motion_clock *clock, int n, double *positions) {
  const double total = clock->cumulative[clock->rows];
  int row = 0;
  for (int j = 0; j < n; j++) positions[j] = fmin(fmax(position_of(clock, total * (j + 0.5) / n, &row) - 0.5, 0), clock->rows - 1);
}

void babel_motion_clock_resample(const babel_motion_clock *clock, const double *x, int width, int n, double *out) {
  const double total = clock->cumulative[clock->rows];
  int row = 0;
  for (int j = 0; j < n; j++) {
    double at = fmin(fmax(position_of(clock, total * (j + 0.5) / n, &row) - 0.5, 0), clock->rows - 1);
    int lower = (int)at < clock->rows - 1 ? (int)at : clock->rows - 1, upper = lower < clock->rows - 1 ? lower + 1 : lower;
    for (int c = 0; c < width; c++) {
      double before = x[(size_t)lower * (size_t)width + (size_t)c], after = x[(size_t)upper * (size_t)width + (size_t)c];
      out[(size_t)j * (size_t)width + (size_t)c] = before + (at - lower) * (after - before);
    }
  }
}

static double norm3(const double *x) {
  return sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2]);
}

void babel_motion_clock_imu(babel_motion_clock *clock, const double *x) {
  const int rows = clock->rows;
  double mean[3] = {0}, turn = 0, shake = 0;
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < 3; c++) mean[c] += x[(size_t)r * 6 + (size_t)c] / rows;
  for (int pass = 0; pass < 2; pass++)
    for (int r = 0; r < rows; r++) {
      const double *row = x + (size_t)r * 6;
      const double away[3] = {row[0] - mean[0], row[1] - mean[1], row[2] - mean[2]};
      if (pass) {
        clock->weights[r] = norm3(row + 3) / (turn + 1e-9) + norm3(away) / (shake + 1e-9) + 0.2;
      } else {
        turn += norm3(row + 3) / rows;
        shake += norm3(away) / rows;
      }
    }
  babel_motion_clock_wind(clock);
}

void babel_smooth5(double *y, const double *x, int rows, int width) {
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < width; c++) {
      double sum = 0;
      for (int d = -2; d <= 2; d++) {
        int from = r + d < 0 ? 0 : r + d >= rows ? rows - 1 : r + d;
        sum += x[(size_t)from * (size_t)width + (size_t)c];
      }
      y[(size_t)r * (size_t)width + (size_t)c] = sum / 5;
    }
}

void babel_motion_clock_triples(babel_motion_clock *clock, const double *x, int triples, double rest) {
  const int rows = clock->rows;
  const size_t width = 3 * (size_t)triples;
  double mean = 0;
  for (int r = 1; r < rows; r++) {
    double sum = 0;
    for (size_t t = 0; t < width; t += 3) {
      const double *now = x + (size_t)r * width + t, *then = now - width;
      const double step[3] = {now[0] - then[0], now[1] - then[1], now[2] - then[2]};
      sum += norm3(step);
    }
    clock->weights[r] = sum;
  }
  clock->weights[0] = rows > 1 ? clock->weights[1] : 0;
  for (int r = 0; r < rows; r++) mean += clock->weights[r] / rows;
  for (int r = 0; r < rows; r++) clock->weights[r] = clock->weights[r] / (mean + 1e-9) + rest;
  babel_motion_clock_wind(clock);
}

void babel_motion_clock_skeleton(babel_motion_clock *clock, const double *p, int joints, double *scratch) {
  babel_smooth5(scratch, p, clock->rows, 3 * joints);
  babel_motion_clock_triples(clock, scratch, joints, 0.2);
}
