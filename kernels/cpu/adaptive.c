#include "kernels/adaptive.h"

#include <math.h>

#include "kernels/cpu/parallel.h"

_Static_assert(BABEL_ADAPTIVE_CHUNKS == BABEL_CHUNKS, "a part is a chunk");

static double square_sum(const float *x, int64_t n, double *parts) {
  double sum = 0;
#pragma omp parallel for schedule(static) if (BABEL_PARALLEL(n))
  for (int k = 0; k < BABEL_CHUNKS; k++) {
    babel_chunk chunk = babel_chunk_of(n, k, 16);
    parts[k] = babel_dot(x + chunk.begin, x + chunk.begin, chunk.end - chunk.begin);
  }
  for (int k = 0; k < BABEL_CHUNKS; k++) sum += parts[k];
  return sum;
}

babel_status babel_adaptive_cpu(const babel_adaptive_job *job, babel_stream *s) {
  BABEL_TRY(babel_adaptive_check(job));
  double g[2], w_ab = 0.5, w_ba = 0.5;
  for (int d = 0; d < 2; d++) {
    g[d] = sqrt(square_sum(job->grad[d], job->count[d], job->parts + 1));
    if (job->param[d]) g[d] /= sqrt(square_sum(job->param[d], job->count[d], job->parts + 1));
  }
  const double a = g[0] + 1e-12, b = g[1] + 1e-12;
  if (!isfinite(g[0]) || !isfinite(g[1])) {
    if (job->guarded) job->guarded[0]++;
  } else if (job->mode) {
    w_ab = (job->mode == 1 ? b : a) / (a + b);
    w_ba = (job->mode == 1 ? a : b) / (a + b);
  }
  for (int d = 0; d < 2; d++) job->norms[d] = (float)g[d];
  job->weights[0] = (float)w_ab;
  job->weights[1] = (float)w_ba;
  return BABEL_OK;
}
