#include "kernels/square_sum.h"

#include "kernels/cpu/parallel.h"

babel_status babel_square_sum_cpu(const babel_square_sum_job *jobs, int n, babel_stream *s) {
  for (int i = 0; i < n; i++)
    if (jobs[i].n < 0)
      return BABEL_FAIL(BABEL_ERR_SHAPE, "square_sum, job %d: n = %lld", i, (long long)jobs[i].n);
  for (int i = 0; i < n; i++) {
    const babel_square_sum_job job = jobs[i];
    double part[BABEL_CHUNKS], sum = 0;
#pragma omp parallel for schedule(static) if (BABEL_PARALLEL(job.n))
    for (int k = 0; k < BABEL_CHUNKS; k++) {
      babel_chunk chunk = babel_chunk_of(job.n, k, 16);
      part[k] = babel_dot(job.x + chunk.begin, job.x + chunk.begin, chunk.end - chunk.begin);
    }
    for (int k = 0; k < BABEL_CHUNKS; k++) sum += part[k];
    job.out[0] = (float)sum;
  }
  return BABEL_OK;
}
