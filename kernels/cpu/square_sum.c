#include "kernels/square_sum.h"

#include "kernels/cpu/parallel.h"

_Static_assert(BABEL_SQUARE_SUM_PARTS == BABEL_CHUNKS, "a part is a chunk");

babel_status babel_square_sum_cpu(const babel_square_sum_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_square_sum_check(jobs, n));
  for (int i = 0; i < n; i++) {
    const babel_square_sum_job job = jobs[i];
    double sum = 0;
#pragma omp parallel for schedule(static) if (BABEL_PARALLEL(job.n))
    for (int k = 0; k < BABEL_SQUARE_SUM_PARTS; k++) {
      babel_chunk chunk = babel_chunk_of(job.n, k, 16);
      job.parts[k] = babel_dot(job.x + chunk.begin, job.x + chunk.begin, chunk.end - chunk.begin);
    }
    for (int k = 0; k < BABEL_SQUARE_SUM_PARTS; k++) sum += job.parts[k];
    job.out[0] = (float)sum;
  }
  return BABEL_OK;
}
