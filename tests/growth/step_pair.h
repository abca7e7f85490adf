/* The same step on the CPU and on a device: two plans on the same made-up data, reached through their tables of operations alone. */
#ifndef BABEL_TESTS_GROWTH_STEP_PAIR_H
#define BABEL_TESTS_GROWTH_STEP_PAIR_H

#include "growth/projection.h"

/* What a case says; zeros are the defaults of preset ours with embed 24, hidden 16, m 12, inputs 7 and 13. */
typedef struct {
  const char *name;
  int in[2], steps[2], m, embed, hidden, concept_layers, post;
  int teacher; /* 1 + side; 0 = none */
  int targets; /* BABEL_TARGETS_* */
  int overlaps; /* samples 4 apart overlap, and are masked */
  int scope, relative, negatives, usual_start, projected; /* projected: left's module and the prototype */
  double dropout, tau;
  int chunk;   /* of the second side alone */
} pair_case;

enum { PAIR_CPU, PAIR_DEVICE };

typedef struct {
  const babel_ops *ops;
  babel_trunk trunk;
  babel_tower *towers[2];
  babel_step_plan plan;
  babel_projection projection;
  void *banks[2], *graph, *graph_weights, *graph_windows;
} pair_side;

typedef struct {
  babel_ops cpu; /* folds nothing, as the device: layer stands beside layer */
  pair_side side[2]; /* PAIR_CPU, PAIR_DEVICE */
  pair_case wanted;
} step_pair;

/* Ends the test when something fails. */
void step_pair_create(step_pair *pair, const pair_case *wanted, const babel_ops *device);
void step_pair_destroy(step_pair *pair);
/* State and batch of that step, on both. */
void step_pair_prepare(step_pair *pair, int step);
/* Parameters, moments and teacher of the CPU's plan onto the device. */
void step_pair_align(step_pair *pair);
/* ReLUs of the last forward pass that are open on one side alone: there the gradient jumps, however small the difference is. */
int step_pair_flips(const step_pair *pair);
/* |a - b| / |b| over n numbers, infinity when anything is not finite. */
double step_pair_distance(const float *a, const float *b, int64_t n);
/* `count` floats of that side's plan, malloced. */
float *step_pair_floats(const pair_side *side, const float *from, int64_t count);

#endif
