#include "kernels/combine.h"

#include "kernels/cpu/parallel.h"

babel_status babel_combine_cpu(const babel_combine_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_combine_check(jobs, n));
  for (int i = 0; i < n; i++) {
    const babel_combine_job job = jobs[i];
    const float w0 = job.weights[0], w1 = job.weights[1];
    if (job.x2) {
#pragma omp parallel for simd schedule(static) if (BABEL_PARALLEL(job.n))
      for (int64_t k = 0; k < job.n; k++) job.y[k] = w0 * job.x0[k] + w1 * job.x1[k] + job.x2[k];
    } else {
#pragma omp parallel for simd schedule(static) if (BABEL_PARALLEL(job.n))
      for (int64_t k = 0; k < job.n; k++) job.y[k] = w0 * job.x0[k] + w1 * job.x1[k];
    }
  }
  return BABEL_OK;
}
