/* What stands near a row's reference among approximate similarities: all that has to be computed again, exactly, to rank it (eval/retrieval.h).
 *
 * Row i of y (n, columns): reference r_i = y[i][own + i], its partner's, or the largest of the row where own is -1.
 *   above[i] = #{j : y_ij > r_i + margin}
 *   close[i] = #{j : |y_ij - r_i| <= margin}, without j = own + i
 *   which[i] = the first `most` of those j, ascending; what is left of the row is not written
 * Equal on every backend for equal y. Finite y; of NaN nothing is said.
 * BABEL_ERR_SHAPE when n, columns or most is below 1, or the partners' columns do not lie within the row; BABEL_ERR_ARG when margin is negative. */
#ifndef BABEL_KERNELS_RANK_H
#define BABEL_KERNELS_RANK_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What every backend refuses. */
static inline babel_status babel_rank_check(const babel_rank_job *job) {
  if (job->n < 1 || job->columns < 1 || job->most < 1 || job->own < -1 || (job->own >= 0 && job->own > job->columns - job->n))
    return BABEL_FAIL(BABEL_ERR_SHAPE, "rank: %d rows of %d, partners from column %d, lists of %d", job->n, job->columns, job->own, job->most);
  if (!(job->margin >= 0)) return BABEL_FAIL(BABEL_ERR_ARG, "rank: margin %g, expected 0 or more", (double)job->margin);
  return BABEL_OK;
}

babel_status babel_rank_cpu(const babel_rank_job *job, babel_stream *s);
babel_status babel_rank_cuda(const babel_rank_job *job, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
