/* Soft targets, or a mask, of a batch from a fixed graph of similar samples: pairs of the same activity are no longer counted as
 * negatives. A mask of windows that share rows of one recording: nearly copies, and no negatives either. Our addition to Eq. (4); PAPER-GAP: the paper treats every other pair of the batch as negative.
 *
 * M: weights of the graph, M[i][j] > 0 where j is a neighbour of i, diagonal 0; kept as lists, sample i's neighbours in neighbours[i][0..k-1], each at most
 * once, with their weights beside them (-1, 0 behind the last). The batch finds them there by its sample numbers p_0 .. p_(m-1):
 *   q_ij = M[p_i][p_j] / sum_k M[p_i][p_k],   targets[i][j] = (1 - weight) [i = j] + weight q_ij   (first index = anchor)
 *   a row without a neighbour in the batch: targets[i] = e_i
 *   masked[i][j] = 1 where i != j and one of these holds, else 0:
 *     without targets: M[p_i][p_j] > 0 or M[p_j][p_i] > 0. Neighbours that are targets must not be masked, and a graph joins no windows that overlap.
 *     with windows: p_i and p_j are of one recording, first_(p_i) < last_(p_j) and first_(p_j) < last_(p_i), `last` being the row behind
 * Either output may be NULL. Sums in double. Writes with "=".
 * BABEL_ERR_SHAPE when m, n or k is below 1 (k may be 0 for a mask of windows alone); BABEL_ERR_ARG when weight is not in [0, 1]. Rows outside 0..n-1 are the caller's error. */
#ifndef BABEL_KERNELS_NEIGHBOUR_TARGETS_H
#define BABEL_KERNELS_NEIGHBOUR_TARGETS_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What every backend refuses. */
static inline babel_status babel_neighbour_targets_check(const babel_neighbour_targets_job *job) {
  const int least = job->windows && !job->targets ? 0 : 1; /* windows alone need no lists */
  if (job->m < 1 || job->n < 1 || job->k < least)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "neighbour targets: batch of %d out of %d samples of %d neighbours", job->m, job->n, job->k);
  if (!(job->weight >= 0 && job->weight <= 1)) return BABEL_FAIL(BABEL_ERR_ARG, "neighbour targets: weight %g, expected 0 to 1", (double)job->weight);
  return BABEL_OK;
}

babel_status babel_neighbour_targets_cpu(const babel_neighbour_targets_job *job, babel_stream *s);
babel_status babel_neighbour_targets_cuda(const babel_neighbour_targets_job *job, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
