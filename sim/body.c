#include "sim/body.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/noise.h"

const babel_pose babel_pose_rest = {{
    [BABEL_DOF_R_AZIMUTH] = 45, [BABEL_DOF_R_RAISE] = 8,  [BABEL_DOF_R_ROTATE] = 45, [BABEL_DOF_R_ELBOW] = 10,
    [BABEL_DOF_L_AZIMUTH] = 45, [BABEL_DOF_L_RAISE] = 8,  [BABEL_DOF_L_ROTATE] = 45, [BABEL_DOF_L_ELBOW] = 10,
    [BABEL_DOF_R_HIP] = 2,      [BABEL_DOF_R_ABDUCT] = 2, [BABEL_DOF_R_KNEE] = 5,    [BABEL_DOF_PITCH] = 2,
    [BABEL_DOF_L_HIP] = 2,      [BABEL_DOF_L_ABDUCT] = 2, [BABEL_DOF_L_KNEE] = 5,
}};

void babel_matrix_product(const double a[9], const double b[9], double c[9]) {
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++) c[3 * i + j] = a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j];
}

void babel_matrix_apply(const double a[9], const double x[3], double y[3]) {
  for (int i = 0; i < 3; i++) y[i] = a[3 * i] * x[0] + a[3 * i + 1] * x[1] + a[3 * i + 2] * x[2];
}

void babel_matrix_turn(int axis, double degrees, double r[9]) {
  double c = cos(degrees * M_PI / 180), s = sin(degrees * M_PI / 180);
  int i = (axis + 1) % 3, j = (axis + 2) % 3;
  memset(r, 0, 9 * sizeof *r);
  r[4 * axis] = 1;
  r[3 * i + i] = c;
  r[3 * j + j] = c;
  r[3 * j + i] = s;
  r[3 * i + j] = -s;
}

void babel_body_create(babel_body *body, uint64_t seed, int subject) {
  static const babel_body mean = {
      .spine = {0, 0.063, 0.040}, .neck = {0, 0.404, 0.031}, .head = {0, 0.594, 0.011}, .shoulder = {0.163, 0.295, 0.026},
      .hip = {0.073, -0.072, -0.006}, .upper_arm = 0.262, .forearm = 0.233, .hand = 0.067, .thigh = 0.450, .shank = 0.352,
      .foot = {0, -0.060, -0.050}, .floor = -0.99, .place = {-0.083, 2.93}};
  char name[32];
  snprintf(name, sizeof name, "body s%d", subject);
  babel_noise noise = babel_noise_begin(seed, name);
  *body = mean;
  double size = 1 + 0.05 * babel_noise_next(&noise), broad = size * (1 + 0.05 * babel_noise_next(&noise));
  double arms = size * (1 + 0.03 * babel_noise_next(&noise)), legs = size * (1 + 0.04 * babel_noise_next(&noise));
  double *trunk[] = {body->spine, body->neck, body->head, body->shoulder, body->hip, body->foot};
  for (size_t i = 0; i < sizeof trunk / sizeof *trunk; i++) {
    trunk[i][0] *= broad;
    trunk[i][1] *= size;
    trunk[i][2] *= size;
  }
  body->upper_arm *= arms;
  body->forearm *= arms;
  body->hand *= arms;
  body->thigh *= legs;
  body->shank *= legs;
  body->place[0] += 0.05 * babel_noise_next(&noise);
  body->place[1] += 0.06 * babel_noise_next(&noise);
}

/* r = r turned about its own axis. */
static void turn(double r[9], int axis, double degrees) {
  double step[9], before[9];
  memcpy(before, r, sizeof before);
  babel_matrix_turn(axis, degrees, step);
  babel_matrix_product(before, step, r);
}

/* to = from + r offset. */
static void place(const double from[3], const double r[9], const double offset[3], double to[3]) {
  babel_matrix_apply(r, offset, to);
  for (int i = 0; i < 3; i++) to[i] += from[i];
}

static void place_below(const double from[3], const double r[9], double length, double to[3]) {
  const double offset[3] = {0, -length, 0};
  place(from, r, offset, to);
}

/* Shoulder, elbow, wrist, hand into joints[0..3]; the forearm's frame. `angles` starts at the side's azimuth. */
static void arm_forward(const babel_body *body, const double trunk[9], const double *angles, double side, double (*joints)[3],
                        babel_frame *forearm) {
  static const double origin[3] = {0};
  const double shoulder[3] = {side * body->shoulder[0], body->shoulder[1], body->shoulder[2]};
  double r[9];
  place(origin, trunk, shoulder, joints[0]);
  memcpy(r, trunk, sizeof r);
  turn(r, 1, -side * angles[0]);
  turn(r, 0, angles[1]);
  turn(r, 1, side * angles[2]);
  place_below(joints[0], r, body->upper_arm, joints[1]);
  turn(r, 0, angles[3]);
  turn(r, 1, side * angles[4]);
  place_below(joints[1], r, body->forearm, joints[2]);
  if (forearm) {
    memcpy(forearm->turn, r, sizeof r);
    memcpy(forearm->at, joints[1], sizeof forearm->at);
  }
  turn(r, 2, -side * angles[5]);
  place_below(joints[2], r, body->hand, joints[3]);
}

/* Hip, knee, ankle, foot into joints[0..3]; the thigh's frame. `angles`: hip, abduct, knee. */
static void leg_forward(const babel_body *body, const double pelvis[9], const double *angles, double side, double (*joints)[3],
                        babel_frame *thigh) {
  static const double origin[3] = {0};
  const double hip[3] = {side * body->hip[0], body->hip[1], body->hip[2]};
  double r[9];
  place(origin, pelvis, hip, joints[0]);
  memcpy(r, pelvis, sizeof r);
  turn(r, 2, side * angles[1]);
  turn(r, 0, angles[0]);
  place_below(joints[0], r, body->thigh, joints[1]);
  if (thigh) {
    memcpy(thigh->turn, r, sizeof r);
    memcpy(thigh->at, joints[0], sizeof thigh->at);
  }
  turn(r, 0, -angles[2]);
  place_below(joints[1], r, body->shank, joints[2]);
  memcpy(r, pelvis, sizeof r);
  turn(r, 0, 0.5 * (angles[0] - angles[2])); /* the foot follows half of the shank */
  place(joints[2], r, body->foot, joints[3]);
}

/* Where the hip centre has to be: the lower ankle on the floor (a smooth minimum, so that changing feet does not jerk), the
 * anchored point of the ankles at the body's place. */
static void stand(const babel_body *body, const babel_pose *pose, const double anchor[2], const double left[3],
                  const double right[3], double centre[3]) {
  const double sharp = 20; /* [1/m]: a lifted foot lets the other one sink by at most log(2) / 20 = 3.5 cm */
  double gap = left[1] - right[1], lower = (gap > 0 ? right[1] : left[1]) - log1p(exp(-sharp * fabs(gap))) / sharp;
  centre[0] = body->place[0] + pose->x[BABEL_DOF_SHIFT_X] - anchor[0] * left[0] - anchor[1] * right[0];
  centre[1] = body->floor - lower - log(2) / sharp; /* exact when both ankles are level */
  centre[2] = body->place[1] + pose->x[BABEL_DOF_SHIFT_Z] - anchor[0] * left[2] - anchor[1] * right[2];
}

void babel_body_forward(const babel_body *body, const babel_pose *pose, const double anchor[2], babel_body_state *state) {
  static const double origin[3] = {0};
  const double *x = pose->x;
  double(*joints)[3] = state->joints, pelvis[9], trunk[9], head[9], centre[3], neck_to_head[3];
  babel_matrix_turn(1, x[BABEL_DOF_YAW], pelvis);
  memcpy(trunk, pelvis, sizeof trunk);
  turn(trunk, 1, x[BABEL_DOF_TWIST]);
  turn(trunk, 0, -x[BABEL_DOF_PITCH]);
  turn(trunk, 2, -x[BABEL_DOF_ROLL]);
  memcpy(head, trunk, sizeof head);
  turn(head, 0, -x[BABEL_DOF_NOD]);
  for (int i = 0; i < 3; i++) neck_to_head[i] = body->head[i] - body->neck[i];
  place(origin, trunk, body->neck, joints[1]);
  place(joints[1], head, neck_to_head, joints[0]);
  place(origin, trunk, body->spine, joints[2]);
  memcpy(joints[3], origin, sizeof origin);
  arm_forward(body, trunk, x + BABEL_DOF_L_AZIMUTH, -1, joints + 4, NULL);
  arm_forward(body, trunk, x + BABEL_DOF_R_AZIMUTH, 1, joints + 8, &state->right_forearm);
  leg_forward(body, pelvis, x + BABEL_DOF_L_HIP, -1, joints + 12, NULL);
  leg_forward(body, pelvis, x + BABEL_DOF_R_HIP, 1, joints + 16, &state->right_thigh);
  stand(body, pose, anchor, joints[14], joints[18], centre);
  for (int i = 0; i < 3; i++) {
    for (int j = 0; j < BABEL_BODY_JOINTS; j++) joints[j][i] += centre[i];
    state->right_forearm.at[i] += centre[i];
    state->right_thigh.at[i] += centre[i];
  }
}
