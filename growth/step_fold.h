/* C's last layer and U's first one follow each other without a ReLU: z = U1 (C3 x + b) + u = M x + v with M = U1 C3, v = U1 b + u. For
 * every row that a step sends through them forward, and twice or thrice backward, one product of (hidden, hidden) takes the place of two with the
 * embedding's width in the middle; the gradients of C3 and U1 come out of that of M once a step:
 *   dC3 = U1^T dM,   db = U1^T dv,   dU1 = sum over both sides of dM C3^T + dv b^T,   du = sum over both sides of dv
 * Exact in real arithmetic, and a quarter fewer operations at the usual sizes. All on the backend, in the step's own order of jobs. */
#ifndef BABEL_GROWTH_STEP_FOLD_H
#define BABEL_GROWTH_STEP_FOLD_H

#include "growth/step.h"

#ifdef __cplusplus
extern "C" {
#endif

/* M and v of every tower, and of the teachers: of those that stand still only the first time. */
babel_status babel_fold_forward(babel_step_plan *plan);
/* From the cotangents to the weights w_ab, w_ba and the gradient in grads[0]: norms from products of their own, then the weighted sum of the
 * cotangents, then one product a matrix. */
babel_status babel_fold_gradients(const babel_step_plan *plan);

#ifdef __cplusplus
}
#endif
#endif
