/* Sum of squares of a contiguous piece, for the gradient norms of Eq. (6).
 *
 * out[0] = sum_i x[i]^2, summed in double in a fixed order that does not depend on the number of threads; x (n).
 * n may be 0. Errors: BABEL_ERR_SHAPE when n < 0. */
#ifndef BABEL_KERNELS_SQUARE_SUM_H
#define BABEL_KERNELS_SQUARE_SUM_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

babel_status babel_square_sum_cpu(const babel_square_sum_job *jobs, int n, babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
