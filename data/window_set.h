/* Data sets of one long file a recording: frames of several sensors at one rate, and samples that are windows of them.
 *
 * A run is a stretch of frames of one movement of one recording. Its windows begin at frame 0, BABEL_WINDOW_STEP, .. of the run and hold
 * BABEL_WINDOW_FRAMES frames; a run that is shorter gives none. Windows overlap: a trial's recording, first and last say by how much. */
#ifndef BABEL_DATA_WINDOW_SET_H
#define BABEL_DATA_WINDOW_SET_H

#include <stddef.h>

#include "data/dataset.h"
#include "data/sample.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_WINDOW_FRAMES 30 /* 3 s at 10 Hz */
#define BABEL_WINDOW_STEP 5
#define BABEL_WINDOW_STRETCH 2 /* skeletons: to about the rate of those that the encoders were chosen on */
#define BABEL_POINT_VALUES 5   /* x y z [m], velocity [m/s], intensity */
#define BABEL_IMU_PER_FRAME 5  /* 50 Hz */

/* Also the bits of babel_trial.members, and the order of the modalities of a window set's registry row. */
typedef enum { BABEL_WINDOW_MMWAVE, BABEL_WINDOW_SKELETON, BABEL_WINDOW_IMU } babel_window_kind;

typedef struct {
  char name[24]; /* becomes trial.recording */
  int label, subject;
  int first, frames; /* in the set's frames */
} babel_run;

typedef struct {
  int frames;
  size_t points;
  double *point_values; /* (points, 5); z up */
  size_t *offsets;      /* (frames + 1) into the points */
  bool level;           /* heights count from each window's median, for a sensor that is carried about */
  babel_joints layout;
  int joints;
  double *skeleton;     /* (frames, joints, 3) [m], y up */
  double *imu;          /* (frames, 5, 6) [g], [rad/s]; NULL = none */
  int run_count;
  babel_run *runs;
  int *run_of, trial_count; /* (trial_count) */
} babel_window_set;

/* Hands `content` over to `set` (also on failure) and lists the windows of its runs as trials, key "NAME_fFIRST". */
babel_status babel_window_set_list(babel_dataset *set, babel_window_set *content);
void babel_window_set_destroy(void *content); /* frees the struct itself too; accepts NULL */

/* babel_dataset_row.read of such a set: mmwave (points, 6), skeleton (30, joints x 3) with stretch 2, imu (150, 6). */
babel_status babel_window_set_read(const babel_dataset *set, const char *key, const char *modality, babel_sample *sample);

#ifdef __cplusplus
}
#endif
#endif
