/* Gradient projection, proto_policy: grad_proj: a layer that was known before moves only where the inputs of earlier phases are not.
 *
 * For each linear layer W (out, in) whose earlier inputs have the second moment M (moments.h), V (r, in) the fewest leading eigenvectors that hold
 * the share proj_energy of its trace, P = V^T V:
 *   gradient   G <- G - (G V^T) V = G (I - P)                             before AdamW; of each direction where they are apart (it is linear)
 *   step       W <- W - ((W - W_0) V^T) V = W_0 + (W - W_0) (I - P)       after AdamW; W_0: the layer at the start of the phase
 * so that W x = W_0 x for every earlier input x in the span of V, whatever AdamW does: its division by the root of the second moment, element by element, and its
 * weight decay would leave the subspace that the gradient is in. What is projected is the way since the start, so rounding does not add up over steps.
 * Biases of these layers stand still: their input, 1, was there in every earlier phase. The norms of Eq. (6) are those of the gradients as they were.
 * Form: CMCL (arXiv 2503.14963). All of it is linear_fwd and combine: two small products a layer each time, (out, in, r). */
#ifndef BABEL_GROWTH_PROJECTION_H
#define BABEL_GROWTH_PROJECTION_H

#include "growth/step.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BABEL_PROJECTED_LAYERS = 3 * BABEL_MAX_LAYERS };

typedef struct {
  int width, out, rank;
  int64_t weight_at;            /* into the plan's flat arrays */
  float *v, *minus_v;           /* backend: (rank, width), and (width, rank): -V^T */
  float *start, *moved, *part;  /* backend: W_0 (out, width), W - W_0, (2, out, rank) */
} babel_projected_layer;

typedef struct babel_projection {
  const babel_ops *ops;
  int layers;
  babel_projected_layer layer[BABEL_PROJECTED_LAYERS];
  float *signs;                 /* backend: 1, -1 */
  size_t bytes;                 /* of the backend */
} babel_projection;

/* Of the layers that plan->request wants to learn projected; none: nothing is done. Right after the plan's creation, before a state is loaded.
 * BABEL_ERR_STATE when the trunk does not hold their moments. */
babel_status babel_projection_create(babel_projection *projection, const babel_step_plan *plan, const babel_trunk *trunk);
void babel_projection_destroy(babel_projection *projection); /* accepts a zeroed one */

babel_status babel_projection_gradient(const babel_projection *projection, const babel_step_plan *plan);
babel_status babel_projection_step(const babel_projection *projection, const babel_step_plan *plan);

#ifdef __cplusplus
}
#endif
#endif
