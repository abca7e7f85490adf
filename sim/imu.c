#include "sim/imu.h"

#include <math.h>
#include <stdio.h>

#include "sim/noise.h"

#define GRAVITY 9.80665 /* [m/s^2] */

typedef struct {
  int thigh;        /* 1 = right thigh, 0 = right wrist */
  double place[3];  /* in the segment's frame [m] */
  double turn[9];   /* segment <- sensor */
} mount;

static mount mount_create(const babel_motion *motion, uint64_t seed) {
  /* columns: sensor x = -y, y = z, z = -x of the segment */
  static const double along[9] = {0, 0, -1, -1, 0, 0, 0, 1, 0};
  mount m = {.thigh = motion->action >= 22};
  double strap[9], tilt[9], skew[9], all[9];
  char name[32];
  snprintf(name, sizeof name, "mount s%d %s", motion->subject, m.thigh ? "thigh" : "wrist");
  babel_noise noise = babel_noise_begin(seed, name);
  m.place[0] = m.thigh ? 0.03 : -0.02;
  m.place[1] = (m.thigh ? -0.55 * motion->body.thigh : -0.9 * motion->body.forearm) + 0.01 * babel_noise_next(&noise);
  m.place[2] = m.thigh ? -0.08 : 0.01;
  babel_matrix_turn(0, 9 * babel_noise_next(&noise), strap); /* around the limb */
  babel_matrix_turn(1, (m.thigh ? -20 : 0) + 4 * babel_noise_next(&noise), tilt); /* the thigh is a cone */
  babel_matrix_turn(2, 4 * babel_noise_next(&noise), skew);
  babel_matrix_product(along, strap, all);
  babel_matrix_product(all, tilt, strap);
  babel_matrix_product(strap, skew, m.turn);
  return m;
}

/* Place [m] and rotation (world <- sensor) at t. */
static void sensor_at(const babel_motion *motion, const mount *m, double t, babel_frame *sensor) {
  babel_body_state state;
  babel_motion_at(motion, t, &state);
  const babel_frame *segment = m->thigh ? &state.right_thigh : &state.right_forearm;
  babel_matrix_apply(segment->turn, m->place, sensor->at);
  for (int i = 0; i < 3; i++) sensor->at[i] += segment->at[i];
  babel_matrix_product(segment->turn, m->turn, sensor->turn);
}

/* Exact specific force [g] and angular rate [deg/s] in the sensor's frame. */
static void measure(const babel_motion *motion, const mount *m, double t, double out[BABEL_SIM_IMU_WIDTH]) {
  const double h = 0.004; /* [s]: rounding 1e-11 m/s^2, and movements have nothing faster */
  babel_frame before, now, after;
  double force[3], relative[9], transposed[9];
  sensor_at(motion, m, t - h, &before);
  sensor_at(motion, m, t, &now);
  sensor_at(motion, m, t + h, &after);
  for (int i = 0; i < 3; i++)
    force[i] = (after.at[i] - 2 * now.at[i] + before.at[i]) / (h * h * GRAVITY) + (i == 1 ? 1 : 0);
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++) transposed[3 * i + j] = now.turn[3 * j + i];
  babel_matrix_apply(transposed, force, out);
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++) transposed[3 * i + j] = before.turn[3 * j + i];
  babel_matrix_product(transposed, after.turn, relative); /* rotation over 2 h, in the sensor's own frame */
  double scale = 180 / M_PI / (4 * h);
  out[3] = scale * (relative[7] - relative[5]);
  out[4] = scale * (relative[2] - relative[6]);
  out[5] = scale * (relative[3] - relative[1]);
}

/* The converter: a signed 16-bit count of `step`, printed with six decimals. */
static double convert(double value, double step) {
  double count = rint(value / step);
  count = count < -32768 ? -32768 : count > 32767 ? 32767 : count;
  return rint(count * step * 1e6) / 1e6;
}

void babel_sim_imu(const babel_motion *motion, uint64_t seed, int rows, double *x) {
  mount m = mount_create(motion, seed);
  double bias[BABEL_SIM_IMU_WIDTH];
  char name[32];
  snprintf(name, sizeof name, "%s imu", motion->key);
  babel_noise noise = babel_noise_begin(seed, name);
  for (int i = 0; i < BABEL_SIM_IMU_WIDTH; i++) bias[i] = (i < 3 ? 0.01 : 0.8) * babel_noise_next(&noise);
  for (int row = 0; row < rows; row++) {
    double *out = x + (size_t)row * BABEL_SIM_IMU_WIDTH;
    measure(motion, &m, motion->seconds * row / (rows - 1), out);
    for (int i = 0; i < BABEL_SIM_IMU_WIDTH; i++) {
      double spread = i < 3 ? 0.012 : 1.2; /* [g], [deg/s] */
      out[i] = convert(out[i] + bias[i] + spread * babel_noise_next(&noise), i < 3 ? 1.0 / 4096 : 4.0 / 131);
    }
  }
}
