#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/imu.h"

#define GRAVITY 9.80665

/* A person who holds still, with arms that hang straight down. */
static babel_motion still(int action, double seconds) {
  babel_motion motion = {.action = action, .subject = 3, .trial = 1, .key = "test", .seconds = seconds, .anchor = {0.5, 0.5}};
  babel_body_create(&motion.body, 1, 3);
  return motion;
}

static double norm(const double *x) {
  return sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2]);
}

Test(sim_imu, rest_shows_gravity_along_the_limb_and_no_turning) {
  for (int action = 1; action <= 27; action += 26) {
    babel_motion motion = still(action, 2);
    double x[101 * 6], mean[6] = {0};
    babel_sim_imu(&motion, 1, 101, x);
    for (int i = 0; i < 101; i++)
      for (int j = 0; j < 6; j++) mean[j] += x[6 * i + j] / 101;
    cr_assert(fabs(norm(mean) - 1) < 0.04, "action %d: |acceleration| %g", action, norm(mean));
    cr_assert(mean[0] < -0.75, "x points away from the trunk: %g", mean[0]);
    cr_assert(norm(mean + 3) < 4.5, "action %d: |angular rate| %g", action, norm(mean + 3));
  }
}

/* The thigh turned to horizontal, knees bent: gravity moves from x to y (backward on a hanging limb). */
Test(sim_imu, sitting_turns_gravity_from_x_to_y) {
  babel_motion motion = still(24, 1);
  double x[20 * 6];
  motion.rest.x[BABEL_DOF_R_HIP] = motion.rest.x[BABEL_DOF_L_HIP] = 90;
  motion.rest.x[BABEL_DOF_R_KNEE] = motion.rest.x[BABEL_DOF_L_KNEE] = 90;
  babel_sim_imu(&motion, 1, 20, x);
  cr_assert(x[1] < -0.85 && fabs(x[0]) < 0.35, "x %g y %g", x[0], x[1]);
}

/* The forearm swings about a fixed elbow: a pendulum with angle a(t) = A sin(2 pi f t + phase) on radius r. Specific force in the
 * swinging frame: along the arm r a'^2 + g cos a (towards the elbow), across it r a'' + g sin a; turning rate |a'|. */
Test(sim_imu, swinging_forearm_matches_the_pendulum) {
  enum { ROWS = 200 };
  babel_motion motion = still(3, 4);
  const double amplitude = 50, frequency = 1.1, radius = 0.9 * motion.body.forearm;
  double x[ROWS * 6], worst = 0, sum = 0;
  motion.track_count = 1;
  motion.tracks[0] = (babel_motion_track){.dof = BABEL_DOF_R_ELBOW, .time = {-100, 104}, .value = {amplitude, frequency, 0}};
  babel_sim_imu(&motion, 1, ROWS, x);
  for (int i = 0; i < ROWS; i++) {
    double t = motion.seconds * i / (ROWS - 1), w = 2 * M_PI * frequency, a = amplitude * M_PI / 180;
    double phase = w * (t + 100), angle = a * sin(phase), rate = a * w * cos(phase), gain = -a * w * w * sin(phase);
    double along = radius * rate * rate / GRAVITY + cos(angle), across = radius * gain / GRAVITY + sin(angle);
    /* the sensor sits 2 cm beside and 1 cm behind the axis, at 0.9 +- 0.03 m: up to 0.04 m (a'^2 + |a''|) */
    double slack = 0.09 + 0.04 * (rate * rate + fabs(gain)) / GRAVITY;
    cr_assert(fabs(norm(x + 6 * i) - hypot(along, across)) < slack, "row %d: %g, pendulum %g", i, norm(x + 6 * i), hypot(along, across));
    /* bending turns about the limb's outward axis, which is the sensor's -z but for the strap's slant */
    cr_assert(fabs(x[6 * i + 5] + rate * 180 / M_PI) < 8 + 0.12 * fabs(rate) * 180 / M_PI, "row %d: z %g deg/s, bending at %g", i,
              x[6 * i + 5], rate * 180 / M_PI);
    worst = fmax(worst, fabs(norm(x + 6 * i + 3) - fabs(rate) * 180 / M_PI));
    sum += fabs(norm(x + 6 * i) - hypot(along, across));
  }
  cr_assert(worst < 9, "angular rate off by %g deg/s", worst);
  cr_assert(sum / ROWS < 0.12, "mean error %g g", sum / ROWS);
}

Test(sim_imu, violent_motion_is_clipped_at_the_converters_range) {
  babel_motion motion = still(5, 2);
  double x[200 * 6], high[2] = {0}, low[2] = {0};
  motion.track_count = 2;
  motion.tracks[0] = (babel_motion_track){.dof = BABEL_DOF_R_ELBOW, .time = {-100, 102}, .value = {120, 4, 0}};
  motion.tracks[1] = (babel_motion_track){.dof = BABEL_DOF_R_AZIMUTH, .time = {-100, 102}, .value = {150, 3, 0}};
  motion.rest.x[BABEL_DOF_R_RAISE] = 90;
  babel_sim_imu(&motion, 1, 200, x);
  for (int i = 0; i < 200 * 6; i++) {
    int kind = i % 6 >= 3;
    high[kind] = fmax(high[kind], x[i]);
    low[kind] = fmin(low[kind], x[i]);
  }
  cr_assert_eq(low[0], -8.0);
  cr_assert_eq(high[0], 7.999756); /* 32767 / 4096 to six decimals */
  cr_assert_eq(low[1], -1000.549618); /* -32768 x 4 / 131: also what the real files hold */
  cr_assert_eq(high[1], 1000.519084);
}

Test(sim_imu, values_lie_on_the_grid_with_six_decimals) {
  babel_motion motion;
  double x[150 * 6];
  babel_motion_create(&motion, 5, 15, 2, 1);
  babel_sim_imu(&motion, 5, 150, x);
  for (int i = 0; i < 150 * 6; i++) {
    double step = i % 6 < 3 ? 1.0 / 4096 : 4.0 / 131;
    char text[32];
    snprintf(text, sizeof text, "%.6f", rint(x[i] / step) * step);
    cr_assert_eq(strtod(text, NULL), x[i], "value %d: %.17g", i, x[i]);
  }
}

Test(sim_imu, sensor_sits_on_the_wrist_for_1_to_21_and_on_the_thigh_after) {
  for (int action = 21; action <= 22; action++) {
    babel_motion motion = still(action, 2);
    double x[100 * 6], turning = 0;
    motion.track_count = 1;
    motion.tracks[0] = (babel_motion_track){.dof = BABEL_DOF_R_RAISE, .time = {-100, 102}, .value = {40, 1, 0}};
    babel_sim_imu(&motion, 1, 100, x);
    for (int i = 0; i < 100; i++) turning = fmax(turning, norm(x + 6 * i + 3));
    cr_assert(action == 21 ? turning > 200 : turning < 12, "action %d: %g deg/s while the arm swings", action, turning);
  }
}
