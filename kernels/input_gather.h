/* A batch of features: row gather, standardisation, inverted input dropout. algorithm.md sections 1 and 2.1.
 *
 * z = (bank[rows[i]][c] - mean[c]) inv_std[c]          (z = bank[rows[i]][c] when mean is NULL)
 * y[i][c] = keep ? z / (1 - dropout) : 0,  keep = babel_rng_uniform(seed, BABEL_RNG_DROPOUT, index) >= dropout
 * index = ((step * 2 + side) * n + i) * d + c,  step = state->step
 *
 * A dropped element is 0 even where z is not finite. state may be NULL when every dropout is 0.
 * y must not alias bank. Written with "=". Independent of the number of threads.
 * Errors: BABEL_ERR_SHAPE when a size is below 1; BABEL_ERR_ARG when a row number is outside 0..bank_rows-1, only one of mean
 * and inv_std is given, dropout is outside [0, 1), side is not 0 or 1, or state is missing. */
#ifndef BABEL_KERNELS_INPUT_GATHER_H
#define BABEL_KERNELS_INPUT_GATHER_H

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

babel_status babel_input_gather_cpu(const babel_input_gather_job *jobs, int n, const babel_step_state *state,
                                    babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
