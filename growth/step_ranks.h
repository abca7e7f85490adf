/* A step shared by ranks (comm.h): data parallelism that computes what one rank would.
 *
 * Each rank takes its part of the samples of every side through the network, with the dropout of the rows' places in the whole batch. The unit
 * embeddings are gathered. Each rank then has its own rows of either side against all of the other (kernels/contrastive_panel.h, one_way), the numbers
 * of the anchors are gathered, and so it has the losses of the whole batch (Eq. 3-4) and the cotangents of its own rows in both directions: a K-th part
 * of the logits, twice. With soft targets or masks, and for a replayed pair, every rank computes the loss of all rows and keeps the cotangents of its own.
 * The gradients of each direction are summed over the ranks before their norms are taken (Eq. 6), so all ranks weigh and update alike; the log scale's
 * gradient is that of the whole batch already. On the CPU layers are not folded then (step.h), and the step is not recorded. All is a no-op for a plan alone. */
#ifndef BABEL_GROWTH_STEP_RANKS_H
#define BABEL_GROWTH_STEP_RANKS_H

#include "growth/step.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether the batch can be shared: BABEL_ERR_ARG with the numbers. */
babel_status babel_step_ranks_check(const babel_step_request *request);
/* This rank's part of `whole` samples into the chain. */
void babel_step_share(const babel_step_plan *plan, babel_chain *chain, int whole);
/* The same of the sources, which are given as those of all ranks. */
void babel_step_share_sources(babel_step_plan *plan);
/* Once everything is in its place: inputs from this rank's first row on, memory for what passes between ranks. */
babel_status babel_step_ranks_create(babel_step_plan *plan);

/* plan->in from the first row of all ranks on: what a batch is chosen into. */
babel_step_inputs babel_step_whole_inputs(const babel_step_plan *plan);

/* The loss of all ranks' rows; job->na, nb, dna, dnb hold this rank's. from: the sources of a replayed pair, NULL = the pair itself. */
babel_status babel_step_contrastive(const babel_step_plan *plan, const babel_contrastive_job *job, const babel_step_source *const from[2], babel_stream *s);
babel_status babel_step_sum_gradients(const babel_step_plan *plan);
/* Means over this rank's rows of a side become those over all rows. */
babel_status babel_step_sum_means(const babel_step_plan *plan, float means[BABEL_MAX_SIDES]);
/* Everything that a run is continued from, as rank 0 has it: parameters, moments, teacher, and `guarded`. */
babel_status babel_step_broadcast(const babel_step_plan *plan);

#ifdef __cplusplus
}
#endif
#endif
