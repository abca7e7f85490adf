/* The depth camera's skeleton: the 20 joints with the jitter that Kinect v1 shows, small at the trunk and large at the hands.
 * Values are rounded to float, as the real recordings are. */
#ifndef BABEL_SIM_KINECT_H
#define BABEL_SIM_KINECT_H

#include "sim/motion.h"

#ifdef __cplusplus
extern "C" {
#endif

/* x (joint 20, axis 3, frame) in MATLAB's order, joint fastest [m]: element (joint, axis, frame) at joint + 20 (axis + 3 frame).
 * Frame j at seconds j / (frames - 1). frames >= 2. */
void babel_sim_kinect(const babel_motion *motion, uint64_t seed, int frames, double *x);

#ifdef __cplusplus
}
#endif
#endif
