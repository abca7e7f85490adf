/* A batch of features: row gather, standardisation, inverted input dropout. algorithm.md sections 1 and 2.1.
 *
 * z = (bank[rows[i]][c] - mean[c]) inv_std[c]          (z = bank[rows[i]][c] when mean is NULL)
 * y[i][c] = keep ? z / (1 - dropout) : 0,  keep = babel_rng_uniform(seed, BABEL_RNG_DROPOUT, index) >= dropout
 * index = ((step * 2 + side) * n + i) * d + c,  step = state->step; of a part of a batch n = whole, i from first on
 *
 * A dropped element is 0 even where z is not finite. state may be NULL when every dropout is 0.
 * On a device rows[] cannot be looked at beforehand: a row outside the bank becomes NaN, and nothing outside is read.
 * y must not alias bank. Written with "=". Independent of the number of threads.
 * Errors: BABEL_ERR_SHAPE when a size is below 1 or the rows do not lie within the whole; BABEL_ERR_ARG when a row number is outside 0..bank_rows-1,
 * only one of mean and inv_std is given, dropout is outside [0, 1), side is not 0 or 1, or state is missing. */
#ifndef BABEL_KERNELS_INPUT_GATHER_H
#define BABEL_KERNELS_INPUT_GATHER_H

#include <math.h>

#include "core/rng.h"
#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What every backend refuses. */
static inline babel_status babel_input_gather_check(const babel_input_gather_job *job, int i, const babel_step_state *state) {
  if (job->n < 1 || job->d < 1 || job->bank_rows < 1)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "input_gather, job %d: n = %d, d = %d, bank_rows = %d; each must be at least 1", i, job->n, job->d,
                      job->bank_rows);
  if (!(job->dropout >= 0 && job->dropout < 1))
    return BABEL_FAIL(BABEL_ERR_ARG, "input_gather, job %d: dropout %g is outside [0, 1)", i, (double)job->dropout);
  if (job->side != 0 && job->side != 1) return BABEL_FAIL(BABEL_ERR_ARG, "input_gather, job %d: side %d is not 0 or 1", i, job->side);
  if (job->first < 0 || (job->whole ? job->whole - job->first < job->n : job->first > 0))
    return BABEL_FAIL(BABEL_ERR_SHAPE, "input_gather, job %d: rows %d to %d of a batch of %d", i, job->first, job->first + job->n - 1, job->whole);
  if (!job->mean != !job->inv_std)
    return BABEL_FAIL(BABEL_ERR_ARG, "input_gather, job %d: mean and inv_std must be given both or not at all", i);
  if (job->dropout > 0 && !state) return BABEL_FAIL(BABEL_ERR_ARG, "input_gather, job %d: dropout needs the step's state", i);
  return BABEL_OK;
}

/* Index of the first number of row i. */
static inline BABEL_HOST_DEVICE uint64_t babel_input_gather_index(const babel_input_gather_job *job, int64_t step, int64_t i) {
  const uint64_t whole = (uint64_t)(job->whole ? job->whole : job->n);
  return (((uint64_t)step * 2 + (uint64_t)job->side) * whole + (uint64_t)(job->first + i)) * (uint64_t)job->d;
}

/* A number is kept when (word >> 8) * 2^-24 >= dropout, compared as integers: (word >> 8) >= threshold. */
static inline int32_t babel_input_gather_threshold(float dropout) {
  return (int32_t)ceil((double)dropout * 0x1p24);
}
static inline float babel_input_gather_scale(float dropout) {
  return (float)(1 / (1 - (double)dropout));
}

babel_status babel_input_gather_cpu(const babel_input_gather_job *jobs, int n, const babel_step_state *state,
                                    babel_stream *s);
babel_status babel_input_gather_cuda(const babel_input_gather_job *jobs, int n, const babel_step_state *state,
                                     babel_stream *s);

#ifdef __cplusplus
}
#endif
#endif
