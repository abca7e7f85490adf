/* A plan on made-up data with the oracle beside it. */
#ifndef BABEL_TESTS_GROWTH_STEP_RIG_H
#define BABEL_TESTS_GROWTH_STEP_RIG_H

#include "growth/projection.h"
#include "tests/support/neighbour_lists.h"
#include "tests/growth/step_oracle.h"

/* What a case says; zeros are the defaults of preset ours without dropout, embed 24, hidden 16, m 12. */
typedef struct {
  const char *name;
  int in[2], steps[2], ragged, m, embed, hidden, concept_layers, proto_layers, post;
  int teacher;      /* 1 + side; 0 = none */
  int targets;      /* BABEL_TARGETS_* */
  int scope, relative, negatives, adaptive_off, inverted, fixed_temperature, plain_features;
  int projected;    /* left's module and the prototype, away from protected_inputs.h */
  int overlaps;     /* samples 4 apart overlap, and are masked */
  int layers;       /* 0: as the backend takes them; 1: directions apart; 2: and every layer on its own */
  double dropout, tau;
} step_case;

typedef struct {
  babel_ops ops;
  babel_trunk trunk;
  babel_tower *towers[2];
  babel_step_plan plan;
  babel_projection projection;
  step_oracle oracle;
  float *bank[2];
  int *lengths[2];
  double *x[2], *params, *teacher, *near;
  float *graph;
  neighbour_lists lists;
  int *windows;
  bool *overlap;
} step_rig;

/* Plan ready for babel_step_gradients at step 3 of 10 with learning rate 1e-3; towers "left" and "right". */
void step_rig_create(step_rig *rig, const step_case *c);
void step_rig_destroy(step_rig *rig);
/* The oracle takes over what the plan holds now: parameters, teacher, and the rows that the last forward pass saw. */
void step_rig_follow(step_rig *rig);

#endif
