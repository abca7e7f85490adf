#include "kernels/segment_mean.h"

#include <string.h>

#include "kernels/cpu/parallel.h"

static babel_status check(const babel_segment_mean_job *job) {
  BABEL_TRY(babel_segment_mean_check(job));
  for (int i = 0; job->lengths && i < job->n; i++)
    if (job->lengths[i] < 1 || job->lengths[i] > job->steps)
      return BABEL_FAIL(BABEL_ERR_ARG, "segment_mean: sequence %d has length %d, expected 1 to %d", i, job->lengths[i], job->steps);
  return BABEL_OK;
}

static int64_t elements(const babel_segment_mean_job *job) {
  return (int64_t)job->stacked * job->n * job->steps * job->d;
}

babel_status babel_segment_mean_fwd_cpu(const babel_segment_mean_job *job, babel_stream *s) {
  BABEL_TRY(check(job));
  const int d = job->d, steps = job->steps;
#pragma omp parallel for schedule(static) if (BABEL_PARALLEL(elements(job)))
  for (int i = 0; i < job->n; i++) {
    int length = job->lengths ? job->lengths[i] : steps;
    float *y = job->pooled + (size_t)i * d, share = 1.0f / (float)length;
    const float *x = job->sequence + (size_t)i * steps * d;
    memset(y, 0, (size_t)d * sizeof *y);
    for (int t = 0; t < length; t++)
      for (int j = 0; j < d; j++) y[j] += x[(size_t)t * d + j];
    for (int j = 0; j < d; j++) y[j] *= share;
  }
  return BABEL_OK;
}

babel_status babel_segment_mean_bwd_cpu(const babel_segment_mean_job *job, babel_stream *s) {
  BABEL_TRY(check(job));
  const int d = job->d, steps = job->steps;
#pragma omp parallel for schedule(static) if (BABEL_PARALLEL(elements(job)))
  for (int i = 0; i < job->n * job->stacked; i++) {
    int length = job->lengths ? job->lengths[i % job->n] : steps;
    const float *dy = job->pooled + (size_t)i * d;
    float *dx = job->sequence + (size_t)i * steps * d, share = 1.0f / (float)length;
    for (int t = 0; t < length; t++)
      for (int j = 0; j < d; j++) dx[(size_t)t * d + j] = dy[j] * share;
    memset(dx + (size_t)length * d, 0, (size_t)(steps - length) * (size_t)d * sizeof *dx);
  }
  return BABEL_OK;
}
