/* C's last layer and U's first one follow each other without a ReLU: z = U1 (C3 x + b) + u = M x + v with M = U1 C3, v = U1 b + u. For
 * every row that a step sends through them forward, and twice or thrice backward, one product of (hidden, hidden) takes the place of two with the
 * embedding's width in the middle; the gradients of C3 and U1 come out of that of M once a step:
 *   dC3 = U1^T dM,   db = U1^T dv,   dU1 = sum over both sides of dM C3^T + dv b^T,   du = sum over both sides of dv
 * Exact in real arithmetic, and a quarter fewer operations at the usual sizes; of what follows one another in a step, one product forward and one
 * backward are gone. Where the directions are apart (step.h), dU1 = dz^T (C3 x + b) for the rows of both sides at once: C3 x + b is made beside the way
 * of the rows. All on the backend, in the step's own order of jobs. */
#ifndef BABEL_GROWTH_STEP_FOLD_H
#define BABEL_GROWTH_STEP_FOLD_H

#include "growth/step.h"

#ifdef __cplusplus
extern "C" {
#endif

/* M and v of the teachers that stand still, once. */
babel_status babel_fold_teachers(babel_step_plan *plan);
/* M and v of every tower, and of the teachers that move. */
babel_status babel_fold_forward(const babel_step_plan *plan, babel_stream *s);

/* Summed. From the cotangents to the weights w_ab, w_ba and the gradient in grads[0]: norms from products of their own, then the weighted sum of
 * the cotangents, then one product a matrix. */
babel_status babel_fold_gradients(const babel_step_plan *plan);

/* Apart. */
static inline int babel_fold_at(const babel_step_plan *plan) { /* the layer that M is: not the first, a module has at least two */
  return plan->shared - 1;
}
babel_status babel_fold_middle(const babel_step_plan *plan, babel_stream *s); /* C3 x + b */
/* Appends to `jobs` and returns how many: dM, dv, dU1 and du of every direction; dC3 of every direction, when dM is there. */
int babel_fold_own_jobs(const babel_step_plan *plan, babel_linear_bwd_weight_job *jobs);
int babel_fold_first_jobs(const babel_step_plan *plan, babel_linear_bwd_weight_job *jobs);
babel_status babel_fold_first_biases(const babel_step_plan *plan, babel_stream *s); /* db, when dv is there */

#ifdef __cplusplus
}
#endif
#endif
