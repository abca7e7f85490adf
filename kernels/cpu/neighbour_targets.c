#include "kernels/neighbour_targets.h"

#include <stdbool.h>
#include <string.h>

#include "kernels/cpu/parallel.h"

/* The weight of sample r's neighbours where they stand in the batch; 0 elsewhere. */
static void place(const babel_neighbour_targets_job *job, int r, float *target) {
  const int m = job->m, *rows = job->rows;
  memset(target, 0, (size_t)m * sizeof *target);
  for (int a = 0; a < job->k; a++) {
    const int neighbour = job->neighbours[(size_t)r * (size_t)job->k + (size_t)a];
    const float weight = job->weights[(size_t)r * (size_t)job->k + (size_t)a];
    if (neighbour < 0) continue;
#pragma omp simd
    for (int j = 0; j < m; j++) target[j] = rows[j] == neighbour ? weight : target[j];
  }
}

static void target_row(const babel_neighbour_targets_job *job, int i) {
  const int m = job->m;
  float *target = job->targets + (size_t)i * (size_t)m;
  double sum = 0;
  place(job, job->rows[i], target);
  for (int j = 0; j < m; j++) sum += (double)target[j];
  if (sum > 0) {
    const float share = (float)((double)job->weight / sum);
    for (int j = 0; j < m; j++) target[j] *= share;
    target[i] += 1 - job->weight;
  } else {
    memset(target, 0, (size_t)m * sizeof *target);
    target[i] = 1;
  }
}

static bool is_neighbour(const babel_neighbour_targets_job *job, int of, int who) {
  const size_t at = (size_t)of * (size_t)job->k;
  for (int a = 0; a < job->k; a++)
    if (job->neighbours[at + (size_t)a] == who && job->weights[at + (size_t)a] > 0) return true;
  return false;
}

static bool overlap(const babel_neighbour_targets_job *job, int r, int who) {
  const int *a = job->windows + 3 * (size_t)r, *b = job->windows + 3 * (size_t)who;
  return a[0] == b[0] && a[1] < b[2] && b[1] < a[2];
}

static void mask_row(const babel_neighbour_targets_job *job, int i) {
  const int row = job->rows[i];
  uint8_t *masked = job->masked + (size_t)i * (size_t)job->m;
  for (int j = 0; j < job->m; j++) {
    const int who = job->rows[j];
    const bool near = !job->targets && (is_neighbour(job, row, who) || is_neighbour(job, who, row));
    masked[j] = j != i && (near || (job->windows && overlap(job, row, who)));
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
