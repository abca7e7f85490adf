#include "kernels/sgd.h"

#include "kernels/cpu/parallel.h"

babel_status babel_sgd_cpu(const babel_sgd_job *jobs, int n, babel_stream *s) {
  for (int i = 0; i < n; i++)
    if (jobs[i].n < 0) return BABEL_FAIL(BABEL_ERR_SHAPE, "sgd, job %d: n = %lld", i, (long long)jobs[i].n);
  for (int i = 0; i < n; i++) {
    const babel_sgd_job job = jobs[i];
#pragma omp parallel for simd schedule(static) if (BABEL_PARALLEL(job.n))
    for (int64_t k = 0; k < job.n; k++) {
      float momentum = job.mu * job.momentum[k] + (job.g[k] + job.weight_decay * job.p[k]);
      job.momentum[k] = momentum;
      job.p[k] -= job.lr * momentum;
    }
  }
  return BABEL_OK;
}
