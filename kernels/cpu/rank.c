#include "kernels/rank.h"

#include <math.h>

#include "kernels/cpu/parallel.h"

static float largest(const float *y, int n) {
  float most = -INFINITY;
#pragma omp simd reduction(max : most)
  for (int j = 0; j < n; j++) most = y[j] > most ? y[j] : most;
  return most;
}

static void rank_row(const babel_rank_job *job, int i) {
  enum { STRETCH = 256 }; /* columns that are looked at one by one only when one of them is near */
  const float *y = job->y + (int64_t)i * job->columns;
  const int own = job->own < 0 ? -1 : job->own + i;
  const float reference = own < 0 ? largest(y, job->columns) : y[own], high = reference + job->margin, low = reference - job->margin;
  int above = 0, found = 0, *which = job->which + (int64_t)i * job->most;
  for (int first = 0; first < job->columns; first += STRETCH) {
    const int end = first + STRETCH < job->columns ? first + STRETCH : job->columns;
    int larger = 0, near = 0;
#pragma omp simd reduction(+ : larger, near)
    for (int j = first; j < end; j++) {
      larger += y[j] > high;
      near += y[j] >= low;
    }
    above += larger;
    for (int j = first; j < end && near > larger; j++) {
      if (y[j] < low || y[j] > high || j == own) continue;
      if (found < job->most) which[found] = j;
      found++;
    }
  }
  job->above[i] = above;
  job->close[i] = found;
}

babel_status babel_rank_cpu(const babel_rank_job *job, babel_stream *s) {
  BABEL_TRY(babel_rank_check(job));
#pragma omp parallel for schedule(static) if (BABEL_PARALLEL((int64_t)job->n * job->columns))
  for (int i = 0; i < job->n; i++) rank_row(job, i);
  return BABEL_OK;
}
