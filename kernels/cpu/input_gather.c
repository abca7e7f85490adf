#include "kernels/input_gather.h"

#include <stddef.h>

#include "core/rng.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/vector.h"
#include "kernels/cpu/vphilox.h"

#define WORDS 256 /* random words made at a time */

static babel_status check(const babel_input_gather_job *job, int i, const babel_step_state *state) {
  BABEL_TRY(babel_input_gather_check(job, i, state));
  for (int r = 0; r < job->n; r++)
    if (job->rows[r] < 0 || job->rows[r] >= job->bank_rows)
      return BABEL_FAIL(BABEL_ERR_ARG, "input_gather, job %d: row %d asks for bank row %d; the bank has %d",
                        i, r, job->rows[r], job->bank_rows);
  return BABEL_OK;
}

static void standardise(float *y, const float *x, const float *mean, const float *inv_std, int d) {
  if (mean) {
#pragma omp simd
    for (int c = 0; c < d; c++) y[c] = (x[c] - mean[c]) * inv_std[c];
  } else {
#pragma omp simd
    for (int c = 0; c < d; c++) y[c] = x[c];
  }
}

static void drop(float *y, int d, uint64_t index, uint64_t seed, int32_t threshold, float scale) {
  for (int done = 0; done < d;) {
    uint32_t words[WORDS + BABEL_LANES]; /* whole vectors are read */
    int skip = (int)(index & 3), count = d - done < WORDS - skip ? d - done : WORDS - skip;
    for (int w = 0; w < skip + count; w += 4 * BABEL_PHILOX_LANES)
      babel_philox_words(words + w, seed, BABEL_RNG_DROPOUT, (index >> 2) + (uint64_t)(w / 4));
    float *at = y + done;
    const uint32_t *word = words + skip;
    for (int c = 0; c < count; c += BABEL_LANES) {
      babel_words bits;
      memcpy(&bits, word + c, sizeof bits);
      babel_floats kept = babel_load(at + c, count - c, 0) * scale;
      babel_store(at + c, (babel_floats)((babel_ints)kept & ((babel_ints)(bits >> 8) >= threshold)),
                  count - c);
    }
    done += count;
    index += (uint64_t)count;
  }
}

babel_status babel_input_gather_cpu(const babel_input_gather_job *jobs, int n, const babel_step_state *state,
                                    babel_stream *s) {
  for (int i = 0; i < n; i++) BABEL_TRY(check(jobs + i, i, state));
  for (int i = 0; i < n; i++) {
    const babel_input_gather_job job = jobs[i];
    const uint64_t first = job.dropout > 0 ? babel_input_gather_first(&job, state) : 0;
    const int32_t threshold = babel_input_gather_threshold(job.dropout);
    const float scale = babel_input_gather_scale(job.dropout);
    /* A random word costs as much as several floats of memory traffic. */
#pragma omp parallel for schedule(                                                                           \
    static) if (BABEL_PARALLEL((int64_t)job.n * job.d * (job.dropout > 0 ? 4 : 1)))
    for (int r = 0; r < job.n; r++) {
      float *y = job.y + (size_t)r * job.d;
      standardise(y, job.bank + (size_t)job.rows[r] * job.d, job.mean, job.inv_std, job.d);
      if (job.dropout > 0)
        drop(y, job.d, (first + (uint64_t)r) * (uint64_t)job.d, job.seed, threshold, scale);
    }
  }
  return BABEL_OK;
}
