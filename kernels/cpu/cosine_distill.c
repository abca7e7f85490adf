#include "kernels/cosine_distill.h"

#include <math.h>

#include "kernels/cpu/parallel.h"
#include "kernels/l2norm.h"

/* 1 - cos of one row; de = share * d(1 - cos)/de. With unit rows u, v: the gradient is (cos u - v) / ||e||, written as
 * (u - v) - (1 - cos) u, which does not cancel. u - v as (e - t ratio) / ||e||: 0 when e equals t, with or without fused
 * multiply-add. */
static double row(float *de, const float *e, const float *t, int d, double share) {
  const double eps = (double)BABEL_L2NORM_EPS;
  double ee = babel_dot(e, e, d), tt = babel_dot(t, t, d), et = babel_dot(e, t, d);
  double e_norm = sqrt(ee), t_norm = sqrt(tt);
  double e_inv = 1 / (e_norm < eps ? eps : e_norm), t_inv = 1 / (t_norm < eps ? eps : t_norm);
  double gap = e_norm < eps || t_norm < eps ? 1 - et * e_inv * t_inv : 1 - et / sqrt(ee * tt);
  const double along = e_norm > eps ? gap : 1, ratio = t_inv / e_inv, factor = share * e_inv * e_inv;
#pragma omp simd
  for (int c = 0; c < d; c++)
    de[c] = (float)(factor * (((double)e[c] - (double)t[c] * ratio) - along * (double)e[c]));
  return gap;
}

babel_status babel_cosine_distill_cpu(const babel_cosine_distill_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_cosine_distill_check(jobs, n));
  for (int i = 0; i < n; i++) {
    const babel_cosine_distill_job job = jobs[i];
    double part[BABEL_CHUNKS], sum = 0;
#pragma omp parallel for schedule(static) if (BABEL_PARALLEL((int64_t)job.n * job.d))
    for (int k = 0; k < BABEL_CHUNKS; k++) {
      babel_chunk chunk = babel_chunk_of(job.n, k, 1);
      part[k] = 0;
      for (int64_t r = chunk.begin; r < chunk.end; r++)
        part[k] +=
            row(job.de + r * job.d, job.e + r * job.d, job.t + r * job.d, job.d, (double)job.weight / job.n);
    }
    for (int k = 0; k < BABEL_CHUNKS; k++) sum += part[k];
    job.loss[0] = (float)(sum / job.n);
  }
  return BABEL_OK;
}
