/* Row-wise L2 normalisation, n_a = e_a / ||e_a||: algorithm.md section 1; feeds sim() in Eq. (4).
 *
 * fwd  inv[i] = 1 / max(||x[i]||_2, eps),  y[i] = x[i] inv[i]
 * bwd  dx[i] = inv (dy[i] - y (y . dy[i])) with row r = i % rows of y and inv; where the norm was not above eps the map is
 *      the multiplication by 1/eps, hence dx[i] = inv dy[i]. A zero row stays finite both ways.
 *
 * Stacked cotangents: n is a multiple of rows. Squares and products are summed in double.
 * Aliasing: y may be x, dx may be dy. Written with "=". Independent of the number of threads.
 * Errors: BABEL_ERR_SHAPE when a size is below 1 or rows does not divide n. */
#ifndef BABEL_KERNELS_L2NORM_H
#define BABEL_KERNELS_L2NORM_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_L2NORM_EPS 1e-12f

/* What every backend refuses. */
static inline babel_status babel_l2norm_fwd_check(const babel_l2norm_fwd_job *jobs, int n) {
  for (int i = 0; i < n; i++)
    if (jobs[i].n < 1 || jobs[i].d < 1)
      return BABEL_FAIL(BABEL_ERR_SHAPE, "l2norm_fwd, job %d: n = %d, d = %d; each must be at least 1", i,
                        jobs[i].n, jobs[i].d);
  return BABEL_OK;
}

static inline babel_status babel_l2norm_bwd_check(const babel_l2norm_bwd_job *jobs, int n) {
  for (int i = 0; i < n; i++)
    if (jobs[i].n < 1 || jobs[i].d < 1 || jobs[i].rows < 1 || jobs[i].n % jobs[i].rows)
      return BABEL_FAIL(
          BABEL_ERR_SHAPE,
          "l2norm_bwd, job %d: n = %d, d = %d, rows = %d; each must be at least 1 and rows divide n", i,
          jobs[i].n, jobs[i].d, jobs[i].rows);
  return BABEL_OK;
}

babel_status babel_l2norm_fwd_cpu(const babel_l2norm_fwd_job *jobs, int n, babel_stream *s);
babel_status babel_l2norm_bwd_cpu(const babel_l2norm_bwd_job *jobs, int n, babel_stream *s);
babel_status babel_l2norm_fwd_cuda(const babel_l2norm_fwd_job *jobs, int n, babel_stream *s);
babel_status babel_l2norm_bwd_cuda(const babel_l2norm_bwd_job *jobs, int n, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
