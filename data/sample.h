/* One recording of one modality, in the units of the modality table: what readers give and encoders take. */
#ifndef BABEL_DATA_SAMPLE_H
#define BABEL_DATA_SAMPLE_H

#include "core/modality.h"
#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Joint layouts of a skeleton sample. */
typedef enum { BABEL_JOINTS_NONE, BABEL_JOINTS_KINECT1_20, BABEL_JOINTS_NTU_25 } babel_joints;

typedef struct {
  const babel_modality *modality;
  int rows;           /* along time */
  int width;          /* values a row: 6 for imu, persons x joints x 3 for skeleton (joint-major, x y z) */
  int persons;        /* skeleton: persons a row holds (absent ones all zero), 1 for UTD-MHAD */
  babel_joints joints;
  int as_is;          /* imu: 1 = a user's own array of network steps: encoders lay no window over it; readers leave 0 */
  double *x;          /* (rows, width), owned */
} babel_sample;

babel_status babel_sample_create(babel_sample *sample, const babel_modality *modality, int rows, int width);
void babel_sample_destroy(babel_sample *sample); /* accepts a zeroed one */

#ifdef __cplusplus
}
#endif
#endif
