/* Mean, deviation and interval of a row of the table (algorithm.md section 9.2).
 *
 * values[draw * seeds + seed], in percent. sd: population deviation over draws x seeds. ci95: 1.96 x population deviation of the
 * per-draw means over seeds / sqrt(draws); NaN (null in the file) with one draw. */
#ifndef BABEL_EVAL_STATISTICS_H
#define BABEL_EVAL_STATISTICS_H

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  double mean, sd, ci95;
  int draws, seeds;
} babel_statistics;

/* BABEL_ERR_ARG without values, BABEL_ERR_VALUE when one is not finite. */
babel_status babel_statistics_of(babel_statistics *s, const double *values, int draws, int seeds);

/* Paired gain: statistics of value - baseline at the same draw and seed. A baseline without seeds (baseline_seeds 1: raw features
 * and training-free heads) stands against every seed. */
babel_status babel_statistics_gain(babel_statistics *s, const double *values, const double *baseline, int draws, int seeds,
                                   int baseline_seeds);

/* strict-folds: mean over the folds' means, sd = population deviation of the folds' means, ci95 = 1.96 sd / sqrt(folds) (NaN with one).
 * draws and seeds are the folds' own, which must agree. Gains of folds are joined by the same function. */
babel_status babel_statistics_folds(babel_statistics *s, const babel_statistics *folds, int count);

#ifdef __cplusplus
}
#endif
#endif
