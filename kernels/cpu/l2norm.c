#include "kernels/l2norm.h"

#include <math.h>

#include "kernels/cpu/parallel.h"

babel_status babel_l2norm_fwd_cpu(const babel_l2norm_fwd_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_l2norm_fwd_check(jobs, n));
  for (int i = 0; i < n; i++) {
    const babel_l2norm_fwd_job job = jobs[i];
#pragma omp parallel for schedule(static) if (BABEL_PARALLEL((int64_t)job.n * job.d))
    for (int r = 0; r < job.n; r++) {
      const float *x = job.x + (size_t)r * job.d;
      float *y = job.y + (size_t)r * job.d;
      double norm = sqrt(babel_dot(x, x, job.d));
      float inv = (float)(1 / (norm < (double)BABEL_L2NORM_EPS ? (double)BABEL_L2NORM_EPS : norm));
      job.inv[r] = inv;
#pragma omp simd
      for (int c = 0; c < job.d; c++) y[c] = x[c] * inv;
    }
  }
  return BABEL_OK;
}

static void bwd_row(float *dx, const float *dy, const float *y, float inv, int d) {
  /* inv of a row whose norm was clamped; no norm above eps rounds to it and matters. */
  const float clamped = (float)(1 / (double)BABEL_L2NORM_EPS);
  float along = inv < clamped ? (float)babel_dot(dy, y, d) : 0;
#pragma omp simd
  for (int c = 0; c < d; c++) dx[c] = (dy[c] - along * y[c]) * inv;
}

babel_status babel_l2norm_bwd_cpu(const babel_l2norm_bwd_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_l2norm_bwd_check(jobs, n));
  for (int i = 0; i < n; i++) {
    const babel_l2norm_bwd_job job = jobs[i];
#pragma omp parallel for schedule(static) if (BABEL_PARALLEL((int64_t)job.n * job.d))
    for (int r = 0; r < job.n; r++) {
      int from = r % job.rows;
      bwd_row(job.dx + (size_t)r * job.d, job.dy + (size_t)r * job.d, job.y + (size_t)from * job.d,
              job.inv[from], job.d);
    }
  }
  return BABEL_OK;
}
