/* One recording of one modality, in the units of the modality table: what readers give and encoders take. */
#ifndef BABEL_DATA_SAMPLE_H
#define BABEL_DATA_SAMPLE_H

#include "core/modality.h"
#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Joint layouts of a skeleton sample. */
typedef enum {
  BABEL_JOINTS_NONE,
  BABEL_JOINTS_KINECT1_20,
  BABEL_JOINTS_NTU_25,    /* several persons, as NTU RGB+D has them */
  BABEL_JOINTS_KINECT2_25, /* the same 25 joints, one person who is always there */
  BABEL_JOINTS_AZURE_32
} babel_joints;

typedef struct {
  const babel_modality *modality;
  int rows;           /* along time */
  int width;          /* values a row: 6 for imu, persons x joints x 3 for skeleton (joint-major, x y z), 4 for a point of lidar, 6 of mmwave */
  int persons;        /* skeleton: persons a row holds (absent ones all zero), 1 for UTD-MHAD */
  babel_joints joints;
  int as_is;          /* imu: 1 = a user's own array of network steps: encoders lay no window over it; readers leave 0 */
  int stretch;        /* n > 1: recorded slowly: encoders see n times the rows, interpolated (babel_sample_stretch) */
  int frames;         /* lidar, mmwave: a row is one point, its column 0 the number of its frame, 0 to frames - 1, never falling; then
                         x y z [m], for mmwave also velocity [m/s] and intensity */
  int described;      /* 1 = the rows are frames as an encoder describes them (babel_encoder_row.prepare), no longer what a reader gave */
  double *x;          /* (rows, width), owned */
} babel_sample;

babel_status babel_sample_create(babel_sample *sample, const babel_modality *modality, int rows, int width);
/* n sample->stretch rows out of n: row j lies at position (n - 1) j / (n stretch - 1); linear interpolation. out->stretch is 0. */
babel_status babel_sample_stretch(babel_sample *out, const babel_sample *in);
void babel_sample_destroy(babel_sample *sample); /* accepts a zeroed one */

#ifdef __cplusplus
}
#endif
#endif
