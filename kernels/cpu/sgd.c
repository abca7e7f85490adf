#include "kernels/sgd.h"

#include "kernels/cpu/parallel.h"

babel_status babel_sgd_cpu(const babel_sgd_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_sgd_check(jobs, n));
  for (int i = 0; i < n; i++) {
    const babel_sgd_job job = jobs[i];
    if (!job.n) continue;
    const float lr = *job.lr;
#pragma omp parallel for simd schedule(static) if (BABEL_PARALLEL(job.n))
    for (int64_t k = 0; k < job.n; k++) {
      float momentum = job.mu * job.momentum[k] + (job.g[k] + job.weight_decay * job.p[k]);
      job.momentum[k] = momentum;
      job.p[k] -= lr * momentum;
    }
  }
  return BABEL_OK;
}
