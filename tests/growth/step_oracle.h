/* A training step written down once more, in double and one direction at a time: two towers, shared prototype, optional projection, time
 * steps, Eq. (3)-(4) both ways, distillation. None of babel's code. Parameters lie as step.h says:
 * [ C_a | C_b | post_a | post_b | U | log_scale ], each MLP as weight (out, in), bias, weight, bias, ... */
#ifndef BABEL_TESTS_GROWTH_STEP_ORACLE_H
#define BABEL_TESTS_GROWTH_STEP_ORACLE_H

#include <stdbool.h>
#include <stddef.h>

enum { ORACLE_CHAIN = 12, ORACLE_AB = 0, ORACLE_BA = 1, ORACLE_KD = 2 };

typedef struct {
  int m, embed, hidden, concept_layers, proto_layers, post;
  int in[2], steps[2];      /* steps 1: no time axis */
  const int *lengths[2];    /* (m) valid steps, NULL = all */
  bool negatives_only;
  const double *graph;      /* (m, m) weights between the pairs of the batch, or NULL: soft targets with graph_weight, or a mask */
  double graph_weight;
  bool graph_masks;
  const bool *overlap;      /* (m, m) pairs that leave each other's denominators, or NULL */
  int teacher_side;         /* -1: none */
  double *params;           /* (count) */
  const double *x[2];       /* (m steps, in): standardised, dropped out */
  const double *teacher;    /* (m, embed) */
  /* Outputs of the tested step's layers, or NULL: they decide on which side of a ReLU's kink a value lies that is 0 within the rounding
   * of float. One that differs from ours by more than rounding turns the gradient into NaN. */
  const float *seen[2][ORACLE_CHAIN + 1];

  /* filled by oracle_lay_out */
  int layers;
  int widths[2][ORACLE_CHAIN + 1], relu[ORACLE_CHAIN];
  size_t weight_at[2][ORACLE_CHAIN], bias_at[2][ORACLE_CHAIN];
  size_t module_at[2], module_count[2], post_at[2], prototype_at, prototype_count, scale_at, count;
} step_oracle;

void oracle_lay_out(step_oracle *o);
/* e (m, embed): what the last layer gives, pooled over valid steps. */
void oracle_embed(const step_oracle *o, int side, const double *params, double *e);
/* L_ab, L_ba, L_kd (0 without a teacher). */
void oracle_losses(const step_oracle *o, double loss[3]);
/* Gradient (count) of one of the three. */
void oracle_gradient(const step_oracle *o, int which, double *gradient);

#endif
