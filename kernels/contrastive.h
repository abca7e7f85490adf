/* Two-way contrastive loss, Eq. (3)-(4); both directions from one logit tile. algorithm.md section 3.
 *
 * s_ij = exp(log_scale) na[i] . nb[j]
 * L_ab = (1/m) sum_i ( log sum_{j in D_i} exp(s_ij) - sum_j t_ij s_ij )    anchor a: row softmax
 * L_ba = the same on the transposed tile                                   anchor b: column softmax
 *
 * t: one-hot on the own partner, or targets_a[i][j] for L_ab and targets_b[j][i] for L_ba (first index = anchor, rows sum
 * to 1, 0 where masked). D_i: all candidates, less the masked ones (masked[i][j], off the diagonal), less the own partner with
 * negatives_only. An anchor with no candidate at all counts as loss 0 and gradient 0.
 *
 * Cotangents, p the softmax over D_i:  dL_ab/ds_ij = (p_ij - t_ij) / m.
 *   dna[0..m)  = dL_ab/dna   dna[m..2m) = dL_ba/dna   (the same for dnb);   dlog_scale = (dL_ab, dL_ba) / dlog_scale
 * na and nb count as free variables: the normalisation has its own backward (l2norm.h). With normalise it is part of this operation: na and
 * nb are rows e of any length, the loss is that of their unit rows, dna and dnb are the cotangents of e (fwd and bwd of l2norm.h; a device adds
 * squares in float32: lengths from 1e-15 to 1e18 keep their digits).
 * The entry with the largest probability gets its cotangent as (1 - t) minus the sum of the other probabilities, never
 * as p - t: at scale 100 that difference keeps two digits in float32. The own partner likewise when t is one-hot.
 *
 * True maxima are subtracted, losses summed in double. hits: anchors whose own s_ii is above all their other candidates.
 * NaN in na or nb makes the loss NaN. Written with "="; outputs must not alias inputs.
 * Bitwise repeatable at a fixed number of threads, independent of it where linear.h is.
 * Errors: BABEL_ERR_SHAPE when m is outside 2..2^30 or d outside 1..2^30; BABEL_ERR_ARG when only one of a pair (dna, dnb;
 * targets_a, targets_b) is given; BABEL_ERR_UNSUPPORTED on a device when m is above BABEL_CONTRASTIVE_CUDA_ROWS. */
#ifndef BABEL_KERNELS_CONTRASTIVE_H
#define BABEL_KERNELS_CONTRASTIVE_H

#include "kernels/ops.h"

#define BABEL_CONTRASTIVE_TILE 32        /* a device pads its logits to a multiple of it */
#define BABEL_CONTRASTIVE_CUDA_ROWS 2048 /* a device keeps what it knows of every anchor in shared memory */

#ifdef __cplusplus
extern "C" {
#endif

/* Where the cotangents of direction `way` begin: tower 0 is dna, 1 is dnb. */
static inline float *babel_contrastive_cotangent(const babel_contrastive_job *job, int tower, int way) {
  const int64_t step = tower ? job->dnb_step : job->dna_step;
  return (tower ? job->dnb : job->dna) + way * (step ? step : (int64_t)job->m * job->d);
}

/* What every backend refuses. */
static inline babel_status babel_contrastive_check(const babel_contrastive_job *job) {
  const int m = job->m, d = job->d;
  if (m < 2 || d < 1 || m > 1 << 30 || d > 1 << 30)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "contrastive: m = %d, d = %d; m must be in 2..2^30, d in 1..2^30", m,
                      d);
  if (!job->dna != !job->dnb)
    return BABEL_FAIL(BABEL_ERR_ARG, "contrastive: dna and dnb must be given both or not at all");
  if (!job->targets_a != !job->targets_b)
    return BABEL_FAIL(BABEL_ERR_ARG, "contrastive: targets_a and targets_b must be given both or not at all");
  return BABEL_OK;
}

babel_status babel_contrastive_cpu(const babel_contrastive_job *job, babel_stream *s);
babel_status babel_contrastive_cuda(const babel_contrastive_job *job, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
