#include "kernels/neighbour_targets.h"

#include <string.h>

#include "kernels/cpu/parallel.h"

static void target_row(const babel_neighbour_targets_job *job, int i) {
  const int m = job->m;
  const float *graph = job->graph + (size_t)job->rows[i] * (size_t)job->n;
  float *target = job->targets + (size_t)i * (size_t)m;
  double sum = 0;
  for (int j = 0; j < m; j++) sum += (double)(target[j] = graph[job->rows[j]]);
  if (sum > 0) {
    const float share = (float)((double)job->weight / sum);
    for (int j = 0; j < m; j++) target[j] *= share;
    target[i] += 1 - job->weight;
  } else {
    memset(target, 0, (size_t)m * sizeof *target);
    target[i] = 1;
  }
}

static void mask_row(const babel_neighbour_targets_job *job, int i) {
  const size_t n = (size_t)job->n, row = (size_t)job->rows[i];
  uint8_t *masked = job->masked + (size_t)i * (size_t)job->m;
  for (int j = 0; j < job->m; j++) {
    const size_t column = (size_t)job->rows[j];
    masked[j] = j != i && (job->graph[row * n + column] > 0 || job->graph[column * n + row] > 0);
  }
}

babel_status babel_neighbour_targets_cpu(const babel_neighbour_targets_job *job, babel_stream *s) {
  BABEL_TRY(babel_neighbour_targets_check(job));
#pragma omp parallel for schedule(static) if (BABEL_PARALLEL((int64_t)job->m * job->m))
  for (int i = 0; i < job->m; i++) {
    if (job->targets) target_row(job, i);
    if (job->masked) mask_row(job, i);
  }
  return BABEL_OK;
}
