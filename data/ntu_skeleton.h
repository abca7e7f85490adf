/* NTU RGB+D `.skeleton` text (Kinect v2, 25 joints, 30 Hz): raw bodies by slot, as encoders/skeleton_st_gcn.md section 9
 * step 1 wants them.
 *
 * Text: number of frames; per frame the number of bodies; per body one line of 10 values (id first), the number of joints
 * (25), then 25 lines of 12 values, x y z [m] first. A slot is a position inside its frame, not a person: ids are kept so
 * that a user can see where two people change places. Only slots 0 to 3 are kept, later ones are counted.
 * Refused with file and line: a cut file, text after the last frame, another number of joints or values, numbers that are
 * not finite, more than 20,000 frames, a file without any body. */
#ifndef BABEL_DATA_NTU_SKELETON_H
#define BABEL_DATA_NTU_SKELETON_H

#include <stdint.h>

#include "data/sample.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_NTU_SLOTS 4
#define BABEL_NTU_JOINTS 25

typedef struct {
  int frames;
  double *xyz;            /* (frames, 4 slots, 25 joints, 3) [m], camera space; absent bodies all zero; owned */
  unsigned char *present; /* (frames, 4): 1 where the frame lists a body in that slot; owned */
  int64_t *ids;           /* (frames, 4): the recorder's body id, 0 where absent; owned */
  int most_bodies;        /* largest number of bodies in a frame, later slots included */
  int empty_frames;       /* frames without a body */
  int ignored_bodies;     /* bodies in slots 4 and later */
} babel_ntu_skeleton;

babel_status babel_ntu_read(babel_ntu_skeleton *skeleton, const char *path);
void babel_ntu_destroy(babel_ntu_skeleton *skeleton); /* accepts a zeroed one */

/* The same as a sample of 4 persons (slots), joints BABEL_JOINTS_NTU_25, width 300; absent ones all zero. */
babel_status babel_ntu_sample(babel_sample *sample, const babel_ntu_skeleton *skeleton);

#ifdef __cplusplus
}
#endif
#endif
