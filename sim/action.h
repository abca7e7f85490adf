/* The 27 movements of UTD-MHAD as tracks over joint angles.
 *
 * A movement's time runs from 0 to 1. A KEYS track passes through (time, value) pairs of one degree of freedom; where its
 * first key is later than 0 or its last earlier than 1 it starts from, or returns to, the standing pose. A WAVE track adds
 * amplitude sin(2 pi (cycles (time - from) / (to - from) + phase)), faded in and out inside [from, to].
 * Angles [deg] and shifts [m] as in sim/body.h. */
#ifndef BABEL_SIM_ACTION_H
#define BABEL_SIM_ACTION_H

#include "sim/body.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_ACTION_COUNT 27
#define BABEL_ACTION_MAX_TRACKS 24
#define BABEL_ACTION_MAX_KEYS 10

typedef struct {
  babel_dof dof;
  int keys;             /* 0 = a wave */
  const double *values; /* keys: time, value, time, value ...; wave: from, to, amplitude, cycles, phase */
} babel_track;

typedef struct {
  const char *name;
  double seconds;     /* typical length of a recording */
  double anchor[2];   /* see babel_body_forward */
  int track_count;
  const babel_track *tracks;
} babel_action;

/* Action 1..27. */
const babel_action *babel_action_at(int action);

#ifdef __cplusplus
}
#endif
#endif
