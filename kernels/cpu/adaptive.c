#include "kernels/adaptive.h"

#include <math.h>

static double norm_of(const float *square, const float *param_square) {
  return sqrt(param_square ? (double)*square / (double)*param_square : (double)*square);
}

babel_status babel_adaptive_cpu(const babel_adaptive_job *job, babel_stream *s) {
  BABEL_TRY(babel_adaptive_check(job));
  double g_a = norm_of(job->square_a, job->param_square_a), g_b = norm_of(job->square_b, job->param_square_b);
  double a = g_a + 1e-12, b = g_b + 1e-12, w_ab = 0.5, w_ba = 0.5;
  if (!isfinite(g_a) || !isfinite(g_b)) {
    if (job->guarded) job->guarded[0]++;
  } else if (job->mode == 1) {
    w_ab = b / (a + b);
    w_ba = a / (a + b);
  } else if (job->mode == 2) {
    w_ab = a / (a + b);
    w_ba = b / (a + b);
  }
  job->norms[0] = (float)g_a;
  job->norms[1] = (float)g_b;
  job->weights[0] = (float)w_ab;
  job->weights[1] = (float)w_ba;
  return BABEL_OK;
}
