/* The hand-made blocks of encoders/skeleton_motion.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "encoders/frame_statistics.h"
#include "encoders/motion_clock.h"
#include "encoders/skeleton_motion.h"

enum { RATE = 30, JOINTS = 20, WIDTH = 60, SEGMENTS = 8, ANGLES = 9, SHOULDERS = 1, HIPS = 3, LEFT_SHOULDER = 4, RIGHT_SHOULDER = 8 };

static const double *joint(const double *s, int frame, int j) {
  return s + (size_t)frame * WIDTH + (size_t)j * 3;
}

/* Body length and the turn about y that puts the shoulders along x. */
static void body_frame(const double *s, int frames, double *length, double *cosine, double *sine) {
  double across[2] = {0};
  *length = 0;
  for (int f = 0; f < frames; f++) {
    const double *a = joint(s, f, SHOULDERS), *b = joint(s, f, HIPS), *left = joint(s, f, LEFT_SHOULDER), *right = joint(s, f, RIGHT_SHOULDER);
    *length += sqrt((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]) + (a[2] - b[2]) * (a[2] - b[2])) / frames;
    across[0] += (right[0] - left[0]) / frames;
    across[1] += (right[2] - left[2]) / frames;
  }
  double angle = atan2(across[1], across[0]);
  *cosine = cos(angle);
  *sine = sin(angle);
}

static void turn(double *to, const double from[3], double length, double cosine, double sine) {
  to[0] = (cosine * from[0] + sine * from[2]) / length;
  to[1] = from[1] / length;
  to[2] = (-sine * from[0] + cosine * from[2]) / length;
}

/* P (frames, 60). */
static void place(double *p, const double *s, int frames) {
  double length, cosine, sine, start[3] = {0};
  int first = frames < 5 ? frames : 5;
  body_frame(s, frames, &length, &cosine, &sine);
  for (int f = 0; f < first; f++)
    for (int c = 0; c < 3; c++) start[c] += joint(s, f, HIPS)[c] / first;
  for (int f = 0; f < frames; f++) {
    const double *hips = joint(s, f, HIPS);
    double *to = p + (size_t)f * WIDTH;
    for (int j = 0; j < JOINTS; j++) {
      const double *at = joint(s, f, j);
      const double away[3] = {at[0] - hips[0], at[1] - hips[1], at[2] - hips[2]};
      if (j == HIPS) continue;
      turn(to, away, length, cosine, sine);
      to += 3;
    }
    const double walked[3] = {hips[0] - start[0], hips[1] - start[1], hips[2] - start[2]};
    turn(to, walked, length, cosine, sine);
  }
}

/* p becomes D: displacement from the first frames. */
static void displace(double *p, int frames) {
  int first = frames / 20 > 2 ? frames / 20 : 2;
  for (int c = 0; c < WIDTH; c++) {
    double mean = 0;
    for (int f = 0; f < first; f++) mean += p[(size_t)f * WIDTH + (size_t)c] / first;
    for (int f = 0; f < frames; f++) p[(size_t)f * WIDTH + (size_t)c] -= mean;
  }
}

/* Cosine of the angle at the middle joint of each triple. */
static void angles(double *a, const double *s, int frames) {
  static const int triples[ANGLES][3] = {{4, 5, 6}, {8, 9, 10}, {1, 4, 5}, {1, 8, 9}, {12, 13, 14}, {16, 17, 18}, {3, 12, 13}, {3, 16, 17}, {1, 2, 3}};
  for (int f = 0; f < frames; f++)
    for (int k = 0; k < ANGLES; k++) {
      const double *i = joint(s, f, triples[k][0]), *j = joint(s, f, triples[k][1]), *l = joint(s, f, triples[k][2]);
      double dot = 0, left = 0, right = 0;
      for (int c = 0; c < 3; c++) {
        double u = i[c] - j[c], v = l[c] - j[c];
        dot += u * v;
        left += u * u;
        right += v * v;
      }
      a[f * ANGLES + k] = dot / (sqrt(left) * sqrt(right) + 1e-9);
    }
}

static void smooth_joints(double *smooth, const double *s, int frames) {
  if (frames >= 9) babel_smooth5(smooth, s, frames, WIDTH);
  else memcpy(smooth, s, (size_t)frames * WIDTH * sizeof *s);
}

babel_status babel_skeleton_motion_statistics(double *out, const double *s, int frames) {
  babel_motion_clock clock;
  double cuts[SEGMENTS + 1];
  void *memory;
  const size_t size = (size_t)frames * WIDTH;
  BABEL_TRY(babel_motion_clock_create(&clock, frames));
  babel_status status = babel_alloc(&memory, 3 * size + WIDTH + (size_t)frames * ANGLES, sizeof(double));
  if (status != BABEL_OK) {
    babel_motion_clock_destroy(&clock);
    return status;
  }
  double *smooth = memory, *p = smooth + size, *scratch = p + size, *a = scratch + size + WIDTH;
  smooth_joints(smooth, s, frames);
  place(p, smooth, frames);
  babel_motion_clock_triples(&clock, p, JOINTS, 0.1);
  babel_motion_clock_cuts(&clock, SEGMENTS, cuts);
  displace(p, frames);
  babel_motion_clock_means(&clock, p, WIDTH, SEGMENTS, cuts, out, scratch);
  angles(a, smooth, frames);
  babel_motion_clock_means(&clock, a, ANGLES, SEGMENTS, cuts, out + SEGMENTS * WIDTH, scratch);
  free(memory);
  babel_motion_clock_destroy(&clock);
  return BABEL_OK;
}

babel_status babel_skeleton_motion_free(double *out, const double *s, int frames) {
  const size_t size = (size_t)frames * WIDTH;
  double mean[WIDTH];
  void *memory;
  BABEL_TRY(babel_alloc(&memory, 2 * size + (size_t)frames * ANGLES, sizeof(double)));
  double *smooth = memory, *p = smooth + size, *a = p + size;
  smooth_joints(smooth, s, frames);
  place(p, smooth, frames);
  angles(a, smooth, frames);
  babel_frames_mean(out, p, frames, WIDTH);
  babel_frames_deviation(out + WIDTH, p, out, frames, WIDTH);
  for (size_t i = 0; i < size - WIDTH; i++) p[i] = RATE * (p[i + WIDTH] - p[i]); /* p becomes V */
  babel_frames_mean(mean, p, frames - 1, WIDTH);
  babel_frames_deviation(out + 3 * WIDTH, p, mean, frames - 1, WIDTH);
  for (size_t i = 0; i < size - WIDTH; i++) p[i] = fabs(p[i]);
  babel_frames_mean(out + 2 * WIDTH, p, frames - 1, WIDTH);
  babel_frames_mean(out + 4 * WIDTH, a, frames, ANGLES);
  babel_frames_deviation(out + 4 * WIDTH + ANGLES, a, out + 4 * WIDTH, frames, ANGLES);
  free(memory);
  return BABEL_OK;
}
