/* One recording's movement: an action as one subject performs it in one trial.
 *
 * From one action row to 32 recordings: subject and trial each add a pose offset, an amplitude and a time warp to every track
 * (the subject's are larger and shared by all of that subject's trials), the number of cycles and their phase vary, the
 * movement starts and ends at different moments of the recording, and slow sway keeps anybody from standing like a statue.
 * Angles are C2 in time (quintic pieces, minimum jerk between turning points), so that the sensor's acceleration has no steps.
 * Everything follows from (seed, action, subject, trial). */
#ifndef BABEL_SIM_MOTION_H
#define BABEL_SIM_MOTION_H

#include "sim/action.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  babel_dof dof;
  int keys;                                       /* 0 = a wave */
  double time[BABEL_ACTION_MAX_KEYS + 2];         /* [s]; wave: from, to */
  double value[BABEL_ACTION_MAX_KEYS + 2];        /* offset from the rest pose; wave: amplitude, frequency [Hz], phase [cycles] */
  double slope[BABEL_ACTION_MAX_KEYS + 2];        /* per second */
} babel_motion_track;

typedef struct {
  int action, subject, trial;
  char key[16];      /* "a1_s1_t1" */
  double seconds;    /* length of the recording */
  babel_body body;
  double anchor[2];
  babel_pose rest;
  int track_count;
  babel_motion_track tracks[BABEL_ACTION_MAX_TRACKS];
  double sway[BABEL_DOF_COUNT][3]; /* amplitude, frequency [Hz], phase [cycles] */
} babel_motion;

void babel_motion_create(babel_motion *motion, uint64_t seed, int action, int subject, int trial);

/* The body at t [s]; outside [0, seconds] the first and last pose are held (apart from the sway). */
void babel_motion_at(const babel_motion *motion, double t, babel_body_state *state);

#ifdef __cplusplus
}
#endif
#endif
