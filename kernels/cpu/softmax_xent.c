#include "kernels/softmax_xent.h"

#include <math.h>

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/vexp.h"

/* Sum of exp(z - top) without the label's; the exponentials into e unless that is NULL. */
static float exponentials(float *e, const float *z, float top, int label, int c) {
  babel_floats sum = {0};
  for (int k = 0; k < c; k += BABEL_LANES) {
    babel_floats v = babel_vexps(babel_load(z + k, c - k, -INFINITY) - top);
    if (label >= k && label < k + BABEL_LANES) v[label - k] = 0;
    if (e) babel_store(e + k, v, c - k);
    sum += v;
  }
  return babel_sum_of(sum);
}

/* Loss of one row; share times its gradient into dz unless that is NULL. */
static double row(float *dz, const float *z, int label, int c, float share) {
  float top = babel_largest(z, c);
  if (top == -INFINITY) top = 0;
  const float own = z[label], own_exp = babel_vexp(own - top), others = exponentials(dz, z, top, label, c);
  if (dz) {
    float factor = share / (others + own_exp);
#pragma omp simd
    for (int k = 0; k < c; k++) dz[k] *= factor;
    dz[label] = -others * factor;
  }
  return (double)top - (double)own + log1p((double)others + (double)own_exp - 1);
}

static babel_status check_labels(const babel_softmax_xent_job *job, int i) {
  for (int r = 0; r < job->n; r++)
    if (job->labels[r] < 0 || job->labels[r] >= job->c)
      return BABEL_FAIL(BABEL_ERR_ARG, "softmax_xent, job %d: label %d of row %d is outside 0..%d", i,
                        job->labels[r], r, job->c - 1);
  return BABEL_OK;
}

babel_status babel_softmax_xent_cpu(const babel_softmax_xent_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_softmax_xent_check(jobs, n));
  for (int i = 0; i < n; i++) BABEL_TRY(check_labels(jobs + i, i));
  for (int i = 0; i < n; i++) {
    const babel_softmax_xent_job job = jobs[i];
    double part[BABEL_CHUNKS], sum = 0;
#pragma omp parallel for schedule(static) if (BABEL_PARALLEL((int64_t)job.n * job.c))
    for (int k = 0; k < BABEL_CHUNKS; k++) {
      babel_chunk chunk = babel_chunk_of(job.n, k, 1);
      part[k] = 0;
      for (int64_t r = chunk.begin; r < chunk.end; r++)
        part[k] += row(job.dz ? job.dz + r * job.c : NULL, job.z + r * job.c, job.labels[r], job.c,
                       1.0f / (float)job.n);
    }
    for (int k = 0; k < BABEL_CHUNKS; k++) sum += part[k];
    job.loss[0] = (float)(sum / job.n);
  }
  return BABEL_OK;
}
