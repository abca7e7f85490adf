/* An articulated body: joint angles in, joints and segment frames out.
 *
 * World = camera frame [m]: x to the right of a person who faces the camera, y up, z away from the camera; the person looks
 * along -z. Joints are the 20 of Kinect v1 in the order of UTD-MHAD. Every angle is anatomical and in degrees, so that one
 * number means the mirrored movement on the other side:
 *   trunk  = Ry(twist) Rx(-pitch) Rz(-roll)               twist to the left, pitch forward, roll to the right
 *   arm    = trunk Ry(-s azimuth) Rx(raise) Ry(s rotate)  raise 0 hangs, 90 horizontal; azimuth 0 forward, 90 outward
 *   forearm = arm Rx(elbow) Ry(s pronate)                 rotate and pronate inward
 *   thigh  = pelvis Rz(s abduct) Rx(hip), shank = thigh Rx(-knee)
 * with s = 1 right, -1 left, and R a right-handed rotation. Segments hang along their own -y; at zero all frames agree with
 * the world's. The pelvis finds its own place: the lower ankle stands on the floor, and the weighted mean of both ankles
 * (`anchor`) stays where it is. */
#ifndef BABEL_SIM_BODY_H
#define BABEL_SIM_BODY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_BODY_JOINTS 20

typedef enum {
  BABEL_DOF_SHIFT_X, /* [m] of the pelvis, to the right */
  BABEL_DOF_SHIFT_Z, /* [m] backward */
  BABEL_DOF_YAW,     /* whole body, to the left */
  BABEL_DOF_PITCH, BABEL_DOF_ROLL, BABEL_DOF_TWIST, BABEL_DOF_NOD,
  BABEL_DOF_R_AZIMUTH, BABEL_DOF_R_RAISE, BABEL_DOF_R_ROTATE, BABEL_DOF_R_ELBOW, BABEL_DOF_R_PRONATE, BABEL_DOF_R_WRIST,
  BABEL_DOF_L_AZIMUTH, BABEL_DOF_L_RAISE, BABEL_DOF_L_ROTATE, BABEL_DOF_L_ELBOW, BABEL_DOF_L_PRONATE, BABEL_DOF_L_WRIST,
  BABEL_DOF_R_HIP, BABEL_DOF_R_ABDUCT, BABEL_DOF_R_KNEE,
  BABEL_DOF_L_HIP, BABEL_DOF_L_ABDUCT, BABEL_DOF_L_KNEE,
  BABEL_DOF_COUNT
} babel_dof;

typedef struct {
  double x[BABEL_DOF_COUNT]; /* [deg], shifts [m] */
} babel_pose;

/* Standing, arms hanging: what every movement starts from unless it says otherwise. */
extern const babel_pose babel_pose_rest;

/* Segment lengths and places [m]. */
typedef struct {
  double spine[3], neck[3], head[3], shoulder[3]; /* from the hip centre in the trunk's frame; shoulder: the right one */
  double hip[3];                                  /* right hip from the hip centre, in the pelvis' frame */
  double upper_arm, forearm, hand, thigh, shank;
  double foot[3];      /* from the ankle, in the frame of the flat foot */
  double floor;        /* y of a standing ankle */
  double place[2];     /* x and z of the point between the ankles */
} babel_body;

/* A rigid frame: origin [m] and rotation, row-major, world <- segment. */
typedef struct {
  double at[3], turn[9];
} babel_frame;

typedef struct {
  double joints[BABEL_BODY_JOINTS][3]; /* [m] */
  babel_frame right_forearm, right_thigh; /* origin at the elbow and at the hip */
} babel_body_state;

/* Subject 1..8 under a seed: sizes around the means of Kinect v1 recordings. */
void babel_body_create(babel_body *body, uint64_t seed, int subject);

/* Forward kinematics. anchor: weights of the left and the right ankle, sum 1. */
void babel_body_forward(const babel_body *body, const babel_pose *pose, const double anchor[2], babel_body_state *state);

/* c = a b for row-major 3 x 3 matrices; y = a x. No aliasing. */
void babel_matrix_product(const double a[9], const double b[9], double c[9]);
void babel_matrix_apply(const double a[9], const double x[3], double y[3]);
/* Rotation about axis 0 = x, 1 = y, 2 = z by `degrees`, right-handed. */
void babel_matrix_turn(int axis, double degrees, double r[9]);

#ifdef __cplusplus
}
#endif
#endif
