#include "eval/statistics.h"

#include <math.h>
#include <stddef.h>

/* Numbers are reached through a function of (draw, seed), so that gains need no array of their own. */
typedef struct {
  const double *values, *baseline; /* baseline NULL = none */
  int draws, seeds, baseline_seeds;
} source;

static double at(const source *s, int draw, int seed) {
  double value = s->values[(size_t)draw * (size_t)s->seeds + (size_t)seed];
  if (!s->baseline) return value;
  return value - s->baseline[(size_t)draw * (size_t)s->baseline_seeds + (size_t)(s->baseline_seeds == 1 ? 0 : seed)];
}

static double draw_mean(const source *s, int draw) {
  double sum = 0;
  for (int seed = 0; seed < s->seeds; seed++) sum += at(s, draw, seed);
  return sum / s->seeds;
}

static babel_status compute(babel_statistics *out, const source *s) {
  double mean = 0, square = 0, draw_square = 0;
  if (s->draws < 1 || s->seeds < 1)
    return BABEL_FAIL(BABEL_ERR_ARG, "statistics need draws and seeds, found %d and %d", s->draws, s->seeds);
  for (int draw = 0; draw < s->draws; draw++)
    for (int seed = 0; seed < s->seeds; seed++)
      if (!isfinite(at(s, draw, seed)))
        return BABEL_FAIL(BABEL_ERR_VALUE, "the accuracy of draw %d, seed %d is not a finite number", draw, seed);
  for (int draw = 0; draw < s->draws; draw++) mean += draw_mean(s, draw) / s->draws;
  for (int draw = 0; draw < s->draws; draw++) {
    double gap = draw_mean(s, draw) - mean;
    draw_square += gap * gap;
    for (int seed = 0; seed < s->seeds; seed++) square += (at(s, draw, seed) - mean) * (at(s, draw, seed) - mean);
  }
  out->mean = mean;
  out->sd = sqrt(square / ((double)s->draws * s->seeds));
  out->ci95 = s->draws > 1 ? 1.96 * sqrt(draw_square / s->draws) / sqrt(s->draws) : NAN;
  out->draws = s->draws;
  out->seeds = s->seeds;
  return BABEL_OK;
}

babel_status babel_statistics_of(babel_statistics *s, const double *values, int draws, int seeds) {
  return compute(s, &(source){.values = values, .draws = draws, .seeds = seeds});
}

babel_status babel_statistics_gain(babel_statistics *s, const double *values, const double *baseline, int draws, int seeds,
                                   int baseline_seeds) {
  if (baseline_seeds != 1 && baseline_seeds != seeds)
    return BABEL_FAIL(BABEL_ERR_ARG, "a baseline of %d seeds cannot be paired with %d seeds", baseline_seeds, seeds);
  return compute(s, &(source){.values = values, .baseline = baseline, .draws = draws, .seeds = seeds, .baseline_seeds = baseline_seeds});
}

babel_status babel_statistics_folds(babel_statistics *s, const babel_statistics *folds, int count) {
  double mean = 0, square = 0;
  if (count < 1) return BABEL_FAIL(BABEL_ERR_ARG, "the mean over folds needs at least one, found %d", count);
  for (int i = 0; i < count; i++) {
    if (folds[i].draws != folds[0].draws || folds[i].seeds != folds[0].seeds)
      return BABEL_FAIL(BABEL_ERR_ARG, "fold %d has %d draws x %d seeds, fold 0 has %d x %d", i, folds[i].draws, folds[i].seeds,
                        folds[0].draws, folds[0].seeds);
    if (!isfinite(folds[i].mean)) return BABEL_FAIL(BABEL_ERR_VALUE, "the mean of fold %d is not a finite number", i);
    mean += folds[i].mean / count;
  }
  for (int i = 0; i < count; i++) square += (folds[i].mean - mean) * (folds[i].mean - mean);
  double sd = sqrt(square / count);
  *s = (babel_statistics){.mean = mean, .sd = sd, .ci95 = count > 1 ? 1.96 * sd / sqrt(count) : NAN, .draws = folds[0].draws,
                          .seeds = folds[0].seeds};
  return BABEL_OK;
}
