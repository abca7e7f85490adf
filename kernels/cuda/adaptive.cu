/* Two levels in one launch, both in a fixed order: BABEL_ADAPTIVE_CHUNKS blocks a sum leave a part each, the block that comes last adds the parts
 * and weighs. */
#include "kernels/adaptive.h"

#include "kernels/cuda/last_block.cuh"
#include "kernels/cuda/quad.cuh"

enum { CHUNKS = BABEL_ADAPTIVE_CHUNKS, STEP = CHUNKS * BABEL_QUAD_THREADS, AHEAD = 4 /* loads of a thread in flight */ };

/* The threads' values by halving; the result is thread 0's. `count` is a power of two; threads from there on have nothing to add. */
static __device__ double add_up(double *shared, double value, int count) {
  __syncthreads();
  shared[threadIdx.x] = value;
  __syncthreads();
  for (int half = count / 2; half > 0; half /= 2) {
    if ((int)threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
    __syncthreads();
  }
  return shared[0];
}

static __device__ double part_of(const float *x, int64_t n) {
  const int64_t quads = (n + 3 + 3) / 4;
  double sum = 0;
  BABEL_NO_UNROLL
  for (int64_t quad = (int64_t)blockIdx.x * BABEL_QUAD_THREADS + threadIdx.x; quad < quads; quad += AHEAD * STEP) {
    babel_quad q[AHEAD];
    if (babel_quad_find(x, true, quad, n).wide && babel_quad_find(x, true, quad + (AHEAD - 1) * STEP, n).wide) {
      BABEL_UNROLL
      for (int i = 0; i < AHEAD; i++) {
        babel_quad_place place = babel_quad_find(x, true, quad + i * STEP, n);
        place.wide = true;
        q[i] = babel_quad_load(x, place);
      }
    } else {
      BABEL_UNROLL
      for (int i = 0; i < AHEAD; i++) q[i] = babel_quad_load(x, babel_quad_find(x, true, quad + i * STEP, n));
    }
    BABEL_UNROLL
    for (int k = 0; k < 4 * AHEAD; k++) sum += (double)q[k / 4].v[k % 4] * (double)q[k / 4].v[k % 4];
  }
  return sum;
}

/* Four numbers: one thread, in double as on the CPU. */
static __device__ void weigh(const babel_adaptive_job *job, const double square[4]) {
  double g[2], w_ab = 0.5, w_ba = 0.5;
  BABEL_UNROLL
  for (int d = 0; d < 2; d++) g[d] = job->param[d] ? sqrt(square[d]) / sqrt(square[2 + d]) : sqrt(square[d]);
  const double a = g[0] + 1e-12, b = g[1] + 1e-12;
  if (!isfinite(g[0]) || !isfinite(g[1])) {
    if (job->guarded) job->guarded[0]++;
  } else if (job->mode) {
    w_ab = (job->mode == 1 ? b : a) / (a + b);
    w_ba = (job->mode == 1 ? a : b) / (a + b);
  }
  BABEL_UNROLL
  for (int d = 0; d < 2; d++) job->norms[d] = (float)g[d];
  job->weights[0] = (float)w_ab;
  job->weights[1] = (float)w_ba;
}

/* grid (CHUNKS, 2 or 4): directions, then their parameters. */
__global__ void __launch_bounds__(BABEL_QUAD_THREADS) babel_adaptive_kernel(const __grid_constant__ babel_adaptive_job job) {
  BABEL_SHARED(double, shared, BABEL_QUAD_THREADS);
  const int direction = blockIdx.y % 2;
  double *parts = job.parts + 1, square[4] = {};
  const double sum = add_up(shared, part_of(blockIdx.y < 2 ? job.grad[direction] : job.param[direction], job.count[direction]), BABEL_QUAD_THREADS);
  if (threadIdx.x == 0) parts[blockIdx.y * CHUNKS + blockIdx.x] = sum;
  if (!babel_last_block((unsigned *)job.parts, CHUNKS * gridDim.y)) return;
  BABEL_UNROLL
  for (int i = 0; i < 4; i++)
    if (i < (int)gridDim.y) square[i] = add_up(shared, threadIdx.x < CHUNKS ? __ldcg(parts + i * CHUNKS + threadIdx.x) : 0, CHUNKS);
  if (threadIdx.x == 0) weigh(&job, square);
}

extern "C" babel_status babel_adaptive_cuda(const babel_adaptive_job *job, babel_stream *s) {
  BABEL_TRY(babel_adaptive_check(job));
  return BABEL_LAUNCH(babel_adaptive_kernel, dim3(CHUNKS, job->param[0] ? 4 : 2), BABEL_QUAD_THREADS, 0, (cudaStream_t)s, *job);
}
