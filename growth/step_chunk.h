/* A step whose pair passes in chunks: exact gradients of a large batch in the memory of a small one, in two passes (algorithm.md section 12; Gao, Zhang,
 * Han, Callan, "Scaling deep contrastive learning batch size under memory limited setup", 2021).
 *
 *   1. every chunk: features -> e, of which alone something is kept
 *   2. the loss of all m pairs out of panels of its logits (kernels/contrastive_panel.h): dL_ab/de, dL_ba/de
 *   3. every chunk again: features -> e with the same hidden features, what holds the trunk, backward; gradients are added up
 * A last chunk that would be smaller begins among the pairs of the one before: those pass again, their cotangents are zeros.
 * Rehearsed rows pass once, with the first chunk. Memory: 6 m embed floats, two panels of (chunk, m). */
#ifndef BABEL_GROWTH_STEP_CHUNK_H
#define BABEL_GROWTH_STEP_CHUNK_H

#include "growth/step.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All on the backend. */
typedef struct babel_step_chunks {
  float *unit[2], *inv[2]; /* (m, embed) embeddings, then unit rows; (m) */
  float *cot[2];           /* (2, m, embed) of both directions */
  float *panel, *other;    /* (chunk, m) */
  float *anchors;          /* (2, BABEL_CONTRASTIVE_PANEL_NUMBERS, m) */
  float *kd;               /* (parts) distillation losses of a side on its own rows */
  float *zeros;            /* (chunk, embed) */
} babel_step_chunks;

static inline int babel_step_parts(const babel_step_plan *plan) {
  return (plan->m + plan->chunk - 1) / plan->chunk;
}

/* Steps 1 to 3; norms and weights follow. */
babel_status babel_step_chunks_run(const babel_step_plan *plan);

/* Of step.c: gather and embed; what holds the trunk; everything behind the loss. */
babel_status babel_step_embed(const babel_step_plan *plan);
babel_status babel_step_hold(const babel_step_plan *plan);
babel_status babel_step_backward(const babel_step_plan *plan);
/* The embeddings e (samples, embed), and their cotangents in direction d. */
const float *babel_step_top(const babel_chain *chain);
float *babel_step_top_cotangent(const babel_step_plan *plan, const babel_chain *chain, int d);

#ifdef __cplusplus
}
#endif
#endif
