/* Learning rate and EMA momentum over a phase (algorithm.md sections 5.2 and 7). */
#ifndef BABEL_LAYERS_SCHEDULE_H
#define BABEL_LAYERS_SCHEDULE_H

#include <stdint.h>

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int64_t steps, warmup;             /* of the phase; warmup steps at its start */
  double lr_start, lr_peak, lr_end;  /* linear from start to peak over the warm-up, then cosine to end */
  double trunk_factor;               /* trunk_lr = lr * trunk_factor */
  double momentum;                   /* mu at the start; 1 at the end, by cosine */
  int constant_momentum;             /* mu stays what it is */
  double beta1, beta2;               /* AdamW, for the bias corrections */
} babel_schedule;

/* mu_t = 1 - (1 - mu_0) (1 + cos(pi t / T)) / 2. */
void babel_schedule_at(const babel_schedule *schedule, int64_t step, babel_step_state *state);

#ifdef __cplusplus
}
#endif
#endif
