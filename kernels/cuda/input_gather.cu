/* A warp owns 128 neighbouring floats of one row. Its random words begin at a multiple of four, so that every lane makes one block of four
 * words; the lanes then read one row element each, side by side, and fetch its word from the lane that made it. */
#include "kernels/input_gather.h"

#include "core/rng.h"
#include "kernels/cuda/block_list.cuh"

enum { THREADS = 256, WARPS = THREADS / 32, SEGMENT = 128 };

typedef struct {
  babel_input_gather_job job[16];
  int threshold[16], whole[16];
  float scale[16];
  babel_block_list blocks;
} gather_list;
enum { MOST_JOBS = 16 };

/* Segments of a row, wherever in a block of four words it begins. */
static __host__ __device__ int segments_of(int d) {
  return (int)(((int64_t)d + 3 + SEGMENT - 1) / SEGMENT);
}

/* Word `word` of lane `from`: every lane may ask another one. */
static __device__ uint32_t fetch(const uint32_t words[4], int from, int word) {
  uint32_t found = 0;
  BABEL_UNROLL
  for (int w = 0; w < 4; w++) {
    uint32_t candidate = __shfl_sync(0xffffffffu, words[w], from);
    if (w == word) found = candidate;
  }
  return found;
}

static __device__ void make_words(uint64_t seed, uint64_t block, uint32_t words[4]) {
  const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), BABEL_RNG_DROPOUT, 0}, key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
  babel_philox(counter, key, words);
}

__global__ void __launch_bounds__(THREADS) babel_input_gather_kernel(const __grid_constant__ gather_list list, const babel_step_state *state) {
  const int index = babel_block_list_job(&list.blocks), lane = threadIdx.x % 32;
  const babel_input_gather_job *job = &list.job[index];
  const int d = job->d;
  const unsigned segments = (unsigned)segments_of(d), warp = (blockIdx.x - (unsigned)list.blocks.first[index]) * WARPS + threadIdx.x / 32;
  const unsigned segment = warp % segments;
  const int64_t row = warp / segments;
  if (row >= job->n) return; /* the whole warp */
  const bool dropping = job->dropout > 0;
  const uint64_t first = dropping ? (((uint64_t)state->step * 2 + (uint64_t)job->side) * (uint64_t)list.whole[index] + (uint64_t)(job->first + row)) * (uint64_t)d : 0;
  const int start = (int)segment * SEGMENT - (int)(first & 3); /* column of the segment's first word */
  const int from = job->rows[row];
  const bool inside = from >= 0 && from < job->bank_rows;
  const float *x = job->bank + (int64_t)(inside ? from : 0) * d;
  float *y = job->y + row * d;
  uint32_t words[4] = {0, 0, 0, 0};
  if (dropping) make_words(job->seed, (first >> 2) + (uint64_t)segment * (SEGMENT / 4) + (uint64_t)lane, words);
  BABEL_UNROLL
  for (int k = 0; k < 4; k++) {
    const int at = 32 * k + lane, c = start + at;
    const bool valid = c >= 0 && c < d;
    const uint32_t word = dropping ? fetch(words, at / 4, at % 4) : 0;
    if (!valid) continue;
    float z = inside ? x[c] : nanf("");
    if (job->mean) z = (z - job->mean[c]) * job->inv_std[c];
    if (dropping) z = inside && (int)(word >> 8) < list.threshold[index] ? 0.0f : z * list.scale[index];
    y[c] = z;
  }
}

extern "C" babel_status babel_input_gather_cuda(const babel_input_gather_job *jobs, int n, const babel_step_state *state, babel_stream *s) {
  for (int i = 0; i < n; i++) BABEL_TRY(babel_input_gather_check(&jobs[i], i, state));
  for (int at = 0; at < n;) {
    gather_list list = {};
    for (; at < n && list.blocks.n < MOST_JOBS; at++) {
      const int i = list.blocks.n;
      list.job[i] = jobs[at];
      list.whole[i] = jobs[at].whole ? jobs[at].whole : jobs[at].n;
      list.threshold[i] = babel_input_gather_threshold(jobs[at].dropout);
      list.scale[i] = babel_input_gather_scale(jobs[at].dropout);
      babel_block_list_add(&list.blocks, ((int64_t)jobs[at].n * segments_of(jobs[at].d) + WARPS - 1) / WARPS);
    }
    BABEL_TRY(BABEL_LAUNCH(babel_input_gather_kernel, babel_block_list_blocks(&list.blocks), THREADS, 0, (cudaStream_t)s, list, state));
  }
  return BABEL_OK;
}
