/* The worn sensor: what an accelerometer and a gyroscope strapped to the body would record.
 *
 *   acceleration = S^T (p'' + 9.80665 up) / 9.80665 [g]     specific force: at rest +1 g upward
 *   angular rate = S^T omega [deg/s]
 * with p(t) the sensor's place, S(t) its rotation (world <- sensor), p'' and omega by central differences of the forward
 * kinematics. The sensor sits on the right wrist (actions 1-21) or the front of the right thigh (22-27), x along the segment
 * away from the trunk, y backward and z inward on a hanging limb; each subject straps it on a little differently.
 * Then noise, bias, clipping and the grid of the real recordings: multiples of 1/4096 g within +-8 g and of 4/131 deg/s
 * within the 16-bit range +-1000.55, rounded to six decimals. */
#ifndef BABEL_SIM_IMU_H
#define BABEL_SIM_IMU_H

#include "sim/motion.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_SIM_IMU_WIDTH 6

/* x (rows, 6) row-major: acceleration x y z [g], angular rate x y z [deg/s]; row i at seconds i / (rows - 1). rows >= 2. */
void babel_sim_imu(const babel_motion *motion, uint64_t seed, int rows, double *x);

#ifdef __cplusplus
}
#endif
#endif
