#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "data/utd_mhad.h"
#include "sim/motion.h"

enum { HEAD = 0, NECK = 1, HIP = 3, LEFT_HAND = 7, RIGHT_SHOULDER = 8, RIGHT_HAND = 11, LEFT_KNEE = 13, LEFT_ANKLE = 14, RIGHT_KNEE = 17,
       RIGHT_ANKLE = 18 };

#define STEPS 200

/* (joint a - joint b) along `axis` at STEPS moments. */
static void curve(int action, int subject, int a, int b, int axis, double *out) {
  babel_motion motion;
  babel_motion_create(&motion, 1, action, subject, 1);
  for (int i = 0; i < STEPS; i++) {
    babel_body_state state;
    babel_motion_at(&motion, motion.seconds * i / (STEPS - 1), &state);
    out[i] = state.joints[a][axis] - (b < 0 ? 0 : state.joints[b][axis]);
  }
}

static double top(const double *x) {
  double y = x[0];
  for (int i = 1; i < STEPS; i++) y = fmax(y, x[i]);
  return y;
}

static int top_at(const double *x) {
  int at = 0;
  for (int i = 1; i < STEPS; i++)
    if (x[i] > x[at]) at = i;
  return at;
}

static int bottom_at(const double *x) {
  int at = 0;
  for (int i = 1; i < STEPS; i++)
    if (x[i] < x[at]) at = i;
  return at;
}

/* Upward crossings of `level`. */
static int rises(const double *x, double level) {
  int count = 0;
  for (int i = 1; i < STEPS; i++) count += x[i - 1] < level && x[i] >= level;
  return count;
}

Test(sim_motion, rows_stand_in_the_order_of_the_data_set) {
  for (int action = 1; action <= BABEL_ACTION_COUNT; action++)
    cr_assert_str_eq(babel_action_at(action)->name, babel_utd_action_names[action - 1]);
}

/* What a create function copies out of the table has room for it. */
Test(sim_motion, rows_fit_their_limits) {
  for (int action = 1; action <= BABEL_ACTION_COUNT; action++) {
    const babel_action *row = babel_action_at(action);
    cr_assert(row->track_count <= BABEL_ACTION_MAX_TRACKS);
    for (int i = 0; i < row->track_count; i++) {
      cr_assert(row->tracks[i].keys <= BABEL_ACTION_MAX_KEYS);
      for (int k = 1; k < row->tracks[i].keys; k++) cr_assert(row->tracks[i].values[2 * k] > row->tracks[i].values[2 * k - 2]);
    }
  }
}

Test(sim_motion, swipes_go_to_opposite_sides) {
  double x[STEPS];
  for (int subject = 1; subject <= 8; subject++) {
    curve(1, subject, RIGHT_HAND, RIGHT_SHOULDER, 0, x);
    cr_assert(top_at(x) < bottom_at(x), "subject %d swipes left from the right", subject);
    curve(2, subject, RIGHT_HAND, RIGHT_SHOULDER, 0, x);
    cr_assert(top_at(x) > bottom_at(x), "subject %d swipes right from the left", subject);
  }
}

/* Signed area under way: circles of opposite sense have opposite signs. Seen by the performer, x right and y up, clockwise is
 * negative. */
Test(sim_motion, circles_turn_in_opposite_senses) {
  for (int subject = 1; subject <= 8; subject++)
    for (int action = 9; action <= 10; action++) {
      double x[STEPS], y[STEPS], area = 0;
      curve(action, subject, RIGHT_HAND, NECK, 0, x);
      curve(action, subject, RIGHT_HAND, NECK, 1, y);
      for (int i = STEPS / 4; i < STEPS * 3 / 4; i++) area += x[i] * y[i + 1] - x[i + 1] * y[i];
      /* the area about the mean point of the stretch */
      double mx = 0, my = 0;
      for (int i = STEPS / 4; i < STEPS * 3 / 4; i++) mx += x[i] / (STEPS / 2), my += y[i] / (STEPS / 2);
      area -= mx * (y[STEPS * 3 / 4] - y[STEPS / 4]) - my * (x[STEPS * 3 / 4] - x[STEPS / 4]);
      cr_assert(action == 9 ? area < -0.03 : area > 0.03, "action %d subject %d: %g", action, subject, area);
    }
}

Test(sim_motion, claps_bring_the_hands_together_several_times) {
  for (int subject = 1; subject <= 8; subject++) {
    double gap[STEPS];
    curve(4, subject, RIGHT_HAND, LEFT_HAND, 0, gap);
    for (int i = 0; i < STEPS; i++) gap[i] = -gap[i];
    int claps = rises(gap + 0, top(gap) - 0.1);
    cr_assert(claps >= 2 && claps <= 6, "subject %d: %d claps", subject, claps);
    cr_assert(top(gap) > -0.22, "subject %d: hands stay %g m apart", subject, -top(gap));
  }
}

Test(sim_motion, throw_flings_the_hand_forward_above_the_shoulder) {
  for (int subject = 1; subject <= 8; subject++) {
    double y[STEPS], z[STEPS];
    curve(5, subject, RIGHT_HAND, RIGHT_SHOULDER, 1, y);
    curve(5, subject, RIGHT_HAND, RIGHT_SHOULDER, 2, z);
    int fastest = 1; /* forward is -z */
    for (int i = 1; i < STEPS; i++)
      if (z[i] - z[i - 1] < z[fastest] - z[fastest - 1]) fastest = i;
    cr_assert(top(y) > 0.05, "subject %d: %g", subject, top(y));
    cr_assert(y[fastest] > 0, "subject %d: fastest %g m above the shoulder", subject, y[fastest]);
  }
}

Test(sim_motion, squat_goes_down_and_comes_up_and_sitting_is_one_way) {
  for (int subject = 1; subject <= 8; subject++) {
    double y[STEPS];
    curve(27, subject, HIP, -1, 1, y);
    int low = bottom_at(y);
    cr_assert(y[0] - y[low] > 0.15 && fabs(y[0] - y[STEPS - 1]) < 0.05, "squat of %g m", y[0] - y[low]);
    cr_assert(low > STEPS / 4 && low < STEPS * 3 / 4);
    curve(24, subject, HIP, -1, 1, y);
    cr_assert(y[STEPS - 1] - y[0] > 0.15, "standing up: %g m", y[STEPS - 1] - y[0]);
    curve(25, subject, HIP, -1, 1, y);
    cr_assert(y[0] - y[STEPS - 1] > 0.15, "sitting down: %g m", y[0] - y[STEPS - 1]);
  }
}

Test(sim_motion, legs_alternate_in_jog_and_walk_and_jog_is_faster) {
  double rate[2] = {0, 0}; /* steps a second, summed over the subjects */
  for (int subject = 1; subject <= 8; subject++) {
    double right[STEPS], left[STEPS], product = 0, mr = 0, ml = 0;
    for (int action = 22; action <= 23; action++) {
      curve(action, subject, RIGHT_KNEE, HIP, 2, right);
      curve(action, subject, LEFT_KNEE, HIP, 2, left);
      product = mr = ml = 0;
      for (int i = 50; i < 150; i++) mr += right[i] / 100, ml += left[i] / 100;
      for (int i = 50; i < 150; i++) product += (right[i] - mr) * (left[i] - ml);
      cr_assert(product < 0, "action %d subject %d: knees in step", action, subject);
      babel_motion motion;
      babel_motion_create(&motion, 1, action, subject, 1);
      cr_assert(rises(right, mr) >= 2, "action %d subject %d: %d steps", action, subject, rises(right, mr));
      rate[action - 22] += rises(right, mr) / motion.seconds;
    }
  }
  cr_assert(rate[0] > 1.2 * rate[1], "jog %g, walk %g steps a second", rate[0] / 8, rate[1] / 8);
}

Test(sim_motion, lunge_steps_forward_with_the_left_foot) {
  for (int subject = 1; subject <= 8; subject++) {
    double z[STEPS], right[STEPS];
    curve(26, subject, LEFT_ANKLE, RIGHT_ANKLE, 2, z);
    curve(26, subject, RIGHT_ANKLE, -1, 2, right);
    cr_assert(z[bottom_at(z)] < -0.3, "subject %d: step of %g m", subject, -z[bottom_at(z)]);
    cr_assert(fabs(right[bottom_at(right)] - right[top_at(right)]) < 0.03, "the rear foot stays");
  }
}

Test(sim_motion, left_hand_rests_while_the_right_one_draws) {
  for (int action = 8; action <= 11; action++) {
    double left[STEPS], right[STEPS];
    curve(action, 2, LEFT_HAND, NECK, 1, left);
    curve(action, 2, RIGHT_HAND, NECK, 1, right);
    cr_assert(top(left) - left[bottom_at(left)] < 0.06);
    cr_assert(top(right) - right[bottom_at(right)] > 0.4);
  }
}

/* C2: the second difference over a short step changes little between neighbours, at every joint of every action. A slope that
 * jumps by 10 deg/s at a key would add 0.17 rad/s x 0.5 m / 1 ms = 87 m/s^2. */
Test(sim_motion, every_joint_moves_without_jerks) {
  for (int action = 1; action <= 27; action++) {
    const double h = 1e-3;
    babel_motion motion;
    babel_motion_create(&motion, 1, action, 1 + action % 8, 2);
    babel_body_state a, b, c;
    double before = 0;
    babel_motion_at(&motion, -h, &a);
    babel_motion_at(&motion, 0, &b);
    for (int i = 0; i * h < motion.seconds; i++, a = b, b = c) {
      babel_motion_at(&motion, (i + 1) * h, &c);
      double now = (c.joints[RIGHT_HAND][1] - 2 * b.joints[RIGHT_HAND][1] + a.joints[RIGHT_HAND][1]) / (h * h);
      cr_assert(!i || fabs(now - before) < 12, "action %d at %g s: acceleration from %g to %g m/s^2", action, i * h, before, now);
      before = now;
    }
  }
}

Test(sim_motion, everything_follows_from_seed_and_numbers) {
  babel_motion a, b;
  memset(&a, 0, sizeof a);
  memset(&b, 0, sizeof b);
  babel_motion_create(&a, 7, 5, 3, 2);
  babel_motion_create(&b, 7, 5, 3, 2);
  cr_assert(!memcmp(&a, &b, sizeof a));
  const int others[][4] = {{8, 5, 3, 2}, {7, 6, 3, 2}, {7, 5, 4, 2}, {7, 5, 3, 1}};
  for (int i = 0; i < 4; i++) {
    babel_motion_create(&b, (uint64_t)others[i][0], others[i][1], others[i][2], others[i][3]);
    cr_assert(a.seconds != b.seconds);
  }
}

/* Trials of one subject share the subject's manner: they differ less from each other than from other people's. */
Test(sim_motion, a_subjects_trials_resemble_each_other) {
  double own = 0, others = 0;
  for (int action = 1; action <= 27; action++) {
    double raise[3];
    const int who[3][2] = {{2, 1}, {2, 2}, {6, 1}};
    for (int i = 0; i < 3; i++) {
      babel_motion motion;
      babel_motion_create(&motion, 1, action, who[i][0], who[i][1]);
      raise[i] = motion.tracks[0].value[motion.tracks[0].keys ? 1 : 0];
    }
    own += fabs(raise[0] - raise[1]);
    others += fabs(raise[0] - raise[2]);
  }
  cr_assert(own < 0.8 * others, "within %g, between %g", own, others);
}
