/* Where an unfinished phase stands. Two files take turns: the newest and the one before it, so that a damaged newest one costs
 * some seconds of work and not the run. */
#ifndef BABEL_GROWTH_PHASE_STATE_H
#define BABEL_GROWTH_PHASE_STATE_H

#include "growth/step.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int64_t step;                        /* steps done */
  int64_t metrics_bytes, watch_bytes;  /* lengths of the line files at that moment */
  const char *inputs, *environment;    /* manifest.h */
} babel_phase_state;

/* BABEL_ERR_VALUE when a parameter is not finite: then what was saved before stays. */
babel_status babel_phase_state_save(const char *folder, const babel_step_plan *plan, const babel_phase_state *state);
/* *found = false when there is no state. BABEL_ERR_STATE when the inputs differ, or the environment without force; a damaged file (its
 * checksum is part of it) is named in a warning and set aside as FILE.damaged, and the one before it taken. state->inputs and ->environment are what the caller
 * has now. */
babel_status babel_phase_state_load(const char *folder, const babel_step_plan *plan, babel_phase_state *state, bool force, bool *found);
void babel_phase_state_remove(const char *folder);
/* Removes what a killed run left half-written. */
void babel_phase_state_sweep(const char *folder);

#ifdef __cplusplus
}
#endif
#endif
