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

babel_status babel_l2norm_fwd_cpu(const babel_l2norm_fwd_job *jobs, int n, babel_stream *s);
babel_status babel_l2norm_bwd_cpu(const babel_l2norm_bwd_job *jobs, int n, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
