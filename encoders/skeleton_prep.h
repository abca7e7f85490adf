/* From a skeleton sample to the input of the skeleton encoders (skeleton_st_gcn.md sections 2 and 9).
 * Computed in double; after steps 3 and 4 and after each rotation the numbers are rounded to float, as the
 * pipeline behind the weights stores them.
 *
 * Joint map, Kinect v1 (20) to NTU (25), both 0-based: 0 <- 3, 1 <- midpoint of 3 and 1, 2 <- midpoint of 0
 * and 1, 3 <- 0, 4..7 <- 4..7, 8..11 <- 8..11, 12..15 <- 12..15, 16..19 <- 16..19, 20 <- 1, 21 and 22 <- 7,
 * 23 and 24 <- 11. PAPER-GAP: no mapping is published; this one is section 2's, chosen by measurement.
 *
 * Azure Kinect (32) to NTU (25): 0 <- 0, 1 <- 1, 2 <- midpoint of 3 and 26, 3 <- 26, 4..7 <- 5..8, 8..11 <- 12..15,
 * 12..15 <- 18..21, 16..19 <- 22..25, 20 <- 3, 21 <- 9, 22 <- 10, 23 <- 16, 24 <- 17. Kinect v2 (one person) has NTU's joints.
 * For the networks joint 1 of both becomes the midpoint of 0 and 20, what it is for Kinect v1.
 *
 * Shift-GCN, NTU layout with up to 4 body slots (slot = position inside its frame):
 *   2. energy of a slot = deviation of all x + of all y + of all z over its non-empty frames; the two
 * largest, largest first
 *   3. a person whose first frame is empty loses all its empty frames; behind the last non-empty frame its
 * frames repeat from the first one up to 300
 *   4. joint 1 of person 0 is subtracted, per frame, from both; joints at exactly 0 stay there
 *   5. two rotations of everything, the shortest ones: joint 1 - joint 0 of person 0 in frame 0 onto +z,
 * then, on the rotated data, joint 8 - joint 4 onto +x The other
 * layouts: one person, native frames, steps 4 and 5. */
#ifndef BABEL_ENCODERS_SKELETON_PREP_H
#define BABEL_ENCODERS_SKELETON_PREP_H

#include "core/tensor.h"
#include "data/sample.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  BABEL_SKELETON_JOINTS = 25,
  BABEL_SKELETON_FRAMES = 300,
  BABEL_SKELETON_PERSONS = 2,
  BABEL_SKELETON_SLOTS = 4
};

typedef struct {
  int persons, frames;
  float *x; /* (persons, frames, 25, 3), owned */
} babel_skeleton_input;

/* For Shift-GCN: (2, 300) from the NTU layout, of which the first 300 frames are used; (1, rows) from the
 * others. BABEL_ERR_SHAPE for another layout or too many persons, BABEL_ERR_VALUE when nobody is there. */
babel_status babel_skeleton_prepare_shift_gcn(babel_skeleton_input *input, const babel_sample *sample);

/* For ST-GCN: camera space, neither centred nor turned. pad = 0: native frames, those of the first two
 * persons who are there; pad = 1: zeros up to 300 frames and 2 persons, as its pre-training had it. */
babel_status babel_skeleton_prepare_st_gcn(babel_skeleton_input *input, const babel_sample *sample, int pad);

/* The main actor: the slot of largest energy (step 2). */
babel_status babel_skeleton_main_slot(const babel_sample *sample, int *slot);

void babel_skeleton_input_destroy(babel_skeleton_input *input); /* accepts a zeroed one */

/* y (frames, 25, 3) from x (frames, 20, 3). */
void babel_skeleton_map_kinect1(double *y, const double *x, int frames);
/* y (frames, 25, 3) from x (frames, 32, 3), joint 1 the Azure Kinect's own. */
void babel_skeleton_map_azure(double *y, const double *x, int frames);
/* y (frames, 20, 3) from x (frames, 25, 3): joints 3, 20, 1, 0, then 4 to 19. */
void babel_skeleton_map_25_to_20(double *y, const double *x, int frames);
/* Joints of a layout, 0 for none. */
int babel_skeleton_joints(babel_joints layout);

/* babel_encoder_row.samples of the skeleton encoders: (T, J, 3), (N, T, J, 3) or (N, T, P, J, 3); J = 20 is
 * Kinect v1 (P = 1), J = 25 NTU (P up to 4), J = 32 Azure Kinect (P = 1); metres. `least`: frames below which the encoder cannot run. */
babel_status babel_skeleton_samples(const char *encoder, const babel_tensor *array, int least,
                                    babel_sample **samples, int *count);
#define BABEL_SKELETON_SAMPLES_TEXT                                                                          \
  "(T, J, 3), (N, T, J, 3) or (N, T, persons, J, 3) joints x y z [m]; J = 20 Kinect v1, 25 NTU, 32 Azure Kinect"

#ifdef __cplusplus
}
#endif
#endif
