#include <criterion/criterion.h>
#include <math.h>

#include "sim/body.h"

static const double both[2] = {0.5, 0.5};

static const int bones[][2] = {{0, 1},  {1, 2},   {2, 3},   {3, 12},  {12, 13}, {13, 14}, {14, 15}, {3, 16}, {16, 17}, {17, 18},
                               {18, 19}, {1, 4},  {4, 5},   {5, 6},   {6, 7},   {1, 8},   {8, 9},   {9, 10}, {10, 11}};

static double distance(const double a[3], const double b[3]) {
  return sqrt((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]) + (a[2] - b[2]) * (a[2] - b[2]));
}

static babel_body_state posed(const babel_body *body, const babel_pose *pose) {
  babel_body_state state;
  babel_body_forward(body, pose, both, &state);
  return state;
}

/* to - from must be length * direction. */
static void expect_segment(const babel_body_state *state, int from, int to, double length, double x, double y, double z) {
  const double *a = state->joints[from], *b = state->joints[to], d[3] = {x, y, z};
  for (int i = 0; i < 3; i++)
    cr_assert(fabs(b[i] - a[i] - length * d[i]) < 1e-12, "joint %d to %d, axis %d: %g, expected %g", from + 1, to + 1, i, b[i] - a[i],
              length * d[i]);
}

Test(sim_body, segments_point_where_their_angles_say) {
  babel_body body;
  babel_pose pose = {{0}};
  babel_body_create(&body, 1, 3);
  babel_body_state state = posed(&body, &pose);
  expect_segment(&state, 8, 9, body.upper_arm, 0, -1, 0);
  expect_segment(&state, 16, 17, body.thigh, 0, -1, 0);

  pose.x[BABEL_DOF_R_RAISE] = pose.x[BABEL_DOF_L_RAISE] = 90; /* forward: the person looks along -z */
  state = posed(&body, &pose);
  expect_segment(&state, 8, 9, body.upper_arm, 0, 0, -1);
  expect_segment(&state, 4, 6, body.upper_arm + body.forearm, 0, 0, -1);

  pose.x[BABEL_DOF_R_AZIMUTH] = pose.x[BABEL_DOF_L_AZIMUTH] = 90; /* outward: right is +x */
  state = posed(&body, &pose);
  expect_segment(&state, 8, 10, body.upper_arm + body.forearm, 1, 0, 0);
  expect_segment(&state, 4, 6, body.upper_arm + body.forearm, -1, 0, 0);

  pose.x[BABEL_DOF_R_AZIMUTH] = 0;
  pose.x[BABEL_DOF_R_ELBOW] = 90; /* forward arm, forearm up */
  state = posed(&body, &pose);
  expect_segment(&state, 9, 10, body.forearm, 0, 1, 0);
  pose.x[BABEL_DOF_R_ROTATE] = 90; /* turned inward: the forearm crosses the chest */
  state = posed(&body, &pose);
  expect_segment(&state, 9, 10, body.forearm, -1, 0, 0);
}

Test(sim_body, trunk_and_legs_follow_their_signs) {
  babel_body body;
  babel_pose pose = {{0}};
  babel_body_create(&body, 1, 5);
  pose.x[BABEL_DOF_R_HIP] = 90;
  pose.x[BABEL_DOF_R_KNEE] = 90;
  pose.x[BABEL_DOF_L_ABDUCT] = 30;
  babel_body_state state = posed(&body, &pose);
  expect_segment(&state, 16, 17, body.thigh, 0, 0, -1);
  expect_segment(&state, 17, 18, body.shank, 0, -1, 0);
  expect_segment(&state, 12, 14, body.thigh + body.shank, -sin(M_PI / 6), -cos(M_PI / 6), 0);

  pose = (babel_pose){{[BABEL_DOF_PITCH] = 90}};
  state = posed(&body, &pose);
  cr_assert(state.joints[1][2] < state.joints[3][2] - 0.35, "pitch leans forward");
  pose = (babel_pose){{[BABEL_DOF_ROLL] = 30}};
  state = posed(&body, &pose);
  cr_assert(state.joints[1][0] > state.joints[3][0] + 0.15, "roll leans to the right");
  pose = (babel_pose){{[BABEL_DOF_TWIST] = 40}};
  state = posed(&body, &pose);
  cr_assert(state.joints[8][2] < state.joints[4][2] - 0.1, "a twist to the left brings the right shoulder forward");
}

Test(sim_body, bones_keep_their_length_in_every_pose) {
  babel_body body;
  babel_body_create(&body, 9, 1);
  babel_body_state rest = posed(&body, &babel_pose_rest);
  for (int trial = 0; trial < 50; trial++) {
    babel_pose pose;
    for (int i = 0; i < BABEL_DOF_COUNT; i++) pose.x[i] = 90 * sin(1.7 * trial + 3.1 * i);
    babel_body_state state = posed(&body, &pose);
    for (size_t i = 0; i < sizeof bones / sizeof *bones; i++) {
      double now = distance(state.joints[bones[i][0]], state.joints[bones[i][1]]);
      double before = distance(rest.joints[bones[i][0]], rest.joints[bones[i][1]]);
      /* the shoulders and hips hang on rigid parts, so that all 19 are rigid */
      cr_assert(fabs(now - before) < 1e-12, "bone %d-%d: %g, at rest %g", bones[i][0] + 1, bones[i][1] + 1, now, before);
    }
  }
}

Test(sim_body, mirrored_angles_give_the_mirrored_body) {
  babel_body body;
  babel_pose pose = {{[BABEL_DOF_R_AZIMUTH] = 20, 70, 35, 60, 25, 15, -10, 40, 10, 100, -30, 5, 30, 8, 50, -5, 12, 20}}, mirror = pose;
  babel_body_create(&body, 2, 4);
  pose.x[BABEL_DOF_YAW] = 10, mirror.x[BABEL_DOF_YAW] = -10;
  pose.x[BABEL_DOF_ROLL] = 7, mirror.x[BABEL_DOF_ROLL] = -7;
  pose.x[BABEL_DOF_TWIST] = -15, mirror.x[BABEL_DOF_TWIST] = 15;
  for (int i = 0; i < 6; i++) {
    mirror.x[BABEL_DOF_L_AZIMUTH + i] = pose.x[BABEL_DOF_R_AZIMUTH + i];
    mirror.x[BABEL_DOF_R_AZIMUTH + i] = pose.x[BABEL_DOF_L_AZIMUTH + i];
  }
  for (int i = 0; i < 3; i++) {
    mirror.x[BABEL_DOF_L_HIP + i] = pose.x[BABEL_DOF_R_HIP + i];
    mirror.x[BABEL_DOF_R_HIP + i] = pose.x[BABEL_DOF_L_HIP + i];
  }
  babel_body_state a = posed(&body, &pose), b = posed(&body, &mirror);
  for (int j = 0; j < BABEL_BODY_JOINTS; j++) {
    int twin = j < 4 ? j : j < 12 ? (j < 8 ? j + 4 : j - 4) : (j < 16 ? j + 4 : j - 4);
    cr_assert(fabs(a.joints[j][0] - body.place[0] + b.joints[twin][0] - body.place[0]) < 1e-12, "joint %d x", j + 1);
    cr_assert(fabs(a.joints[j][1] - b.joints[twin][1]) < 1e-12, "joint %d y", j + 1);
    cr_assert(fabs(a.joints[j][2] - b.joints[twin][2]) < 1e-12, "joint %d z", j + 1);
  }
}

Test(sim_body, feet_stay_on_the_floor_and_in_place) {
  static const double right_only[2] = {0, 1};
  babel_body body;
  babel_body_state state;
  babel_pose squat = babel_pose_rest;
  babel_body_create(&body, 1, 2);
  squat.x[BABEL_DOF_R_HIP] = squat.x[BABEL_DOF_L_HIP] = 80;
  squat.x[BABEL_DOF_R_KNEE] = squat.x[BABEL_DOF_L_KNEE] = 100;
  state = posed(&body, &squat);
  cr_assert(fabs(state.joints[14][1] - body.floor) < 1e-9 && fabs(state.joints[18][1] - body.floor) < 1e-9);
  cr_assert(fabs((state.joints[14][0] + state.joints[18][0]) / 2 - body.place[0]) < 1e-12);
  cr_assert(fabs((state.joints[14][2] + state.joints[18][2]) / 2 - body.place[1]) < 1e-12);
  babel_pose step = squat;
  step.x[BABEL_DOF_R_HIP] = 10, step.x[BABEL_DOF_R_KNEE] = 15;
  babel_body_forward(&body, &step, right_only, &state);
  cr_assert(fabs(state.joints[18][2] - body.place[1]) < 1e-12 && fabs(state.joints[18][0] - body.place[0]) < 1e-12);
  double lower = fmin(state.joints[14][1], state.joints[18][1]);
  cr_assert(lower <= body.floor + 1e-9 && lower > body.floor - 0.036, "lower ankle %g, floor %g", lower, body.floor);
}

Test(sim_body, segment_frames_carry_their_joints) {
  babel_body body;
  babel_pose pose = babel_pose_rest;
  babel_body_create(&body, 4, 7);
  for (int i = 0; i < BABEL_DOF_COUNT; i++) pose.x[i] += 5.0 * i - 40;
  babel_body_state state = posed(&body, &pose);
  const babel_frame *frames[2] = {&state.right_forearm, &state.right_thigh};
  const double lengths[2] = {body.forearm, body.thigh};
  const int from[2] = {9, 16}, to[2] = {10, 17};
  for (int f = 0; f < 2; f++)
    for (int i = 0; i < 3; i++) {
      cr_assert(fabs(frames[f]->at[i] - state.joints[from[f]][i]) < 1e-12);
      cr_assert(fabs(frames[f]->at[i] - lengths[f] * frames[f]->turn[3 * i + 1] - state.joints[to[f]][i]) < 1e-12);
      for (int j = 0; j < 3; j++) {
        double dot = 0;
        for (int k = 0; k < 3; k++) dot += frames[f]->turn[3 * k + i] * frames[f]->turn[3 * k + j];
        cr_assert(fabs(dot - (i == j)) < 1e-12);
      }
    }
}

Test(sim_body, subjects_differ_in_size) {
  for (int a = 1; a <= 8; a++)
    for (int b = a + 1; b <= 8; b++) {
      babel_body one, other;
      babel_body_create(&one, 1, a);
      babel_body_create(&other, 1, b);
      cr_assert(one.thigh != other.thigh && one.forearm != other.forearm && one.place[1] != other.place[1]);
      cr_assert(one.thigh > 0.3 && one.thigh < 0.62 && one.forearm > 0.17 && one.forearm < 0.31);
    }
}
