#include "sim/kinect.h"

#include <stdio.h>

#include "sim/noise.h"

void babel_sim_kinect(const babel_motion *motion, uint64_t seed, int frames, double *x) {
  /* standard deviation of a joint's error [m]; half of its variance wanders slowly, the rest is new in every frame */
  static const double spread[BABEL_BODY_JOINTS] = {.002, .002, .0015, .0015, .003, .006, .010, .013, .003, .007,
                                                   .012, .016, .0015, .003, .003, .006, .0015, .003, .003, .006};
  const double keep = 0.9;
  double wander[BABEL_BODY_JOINTS][3] = {{0}};
  char name[32];
  snprintf(name, sizeof name, "%s kinect", motion->key);
  babel_noise noise = babel_noise_begin(seed, name);
  for (int j = 0; j < frames; j++) {
    babel_body_state state;
    babel_motion_at(motion, motion->seconds * j / (frames - 1), &state);
    for (int axis = 0; axis < 3; axis++)
      for (int joint = 0; joint < BABEL_BODY_JOINTS; joint++) {
        double fresh = 0.70 * babel_noise_next(&noise), *slow = &wander[joint][axis];
        *slow = keep * *slow + 0.31 * babel_noise_next(&noise); /* deviation 0.31 / sqrt(1 - 0.9^2) = 0.71 */
        double value = state.joints[joint][axis] + spread[joint] * (fresh + *slow);
        x[joint + BABEL_BODY_JOINTS * (axis + 3 * j)] = (double)(float)value;
      }
  }
}
