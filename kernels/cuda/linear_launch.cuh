/* The entries of one precision: a source defines LINEAR_PRECISION, LINEAR_ENTRY(op), two tiles and includes this.
 *
 * A tile: TILE_M, TILE_N, TILE_K, RM, K_GROUPS, STAGES (linear_tile.cuh). A launch takes LINEAR_LARGE where that gives LINEAR_ENOUGH blocks,
 * else LINEAR_SMALL: a large tile asks for fewer operand bytes (16 FLOP a byte at 64 x 64, 10.7 at 64 x 32), a small one occupies more
 * processors. docs/cuda_step.md has the figures. */
#include "kernels/cuda/linear_tile.cuh"

#define LINEAR_ENOUGH 64
#define LINEAR_TEXT_(x) #x
#define LINEAR_TEXT(x) LINEAR_TEXT_(x)
#define LINEAR_NAME(op) LINEAR_TEXT(LINEAR_ENTRY(op))

/* Blocks of the launch when the tile is tile_m x tile_n; fills first_block and across. */
static int count_blocks(linear_jobs *jobs, int tile_m, int tile_n) {
  int64_t blocks = 0;
  for (int i = 0; i < jobs->count; i++) {
    linear_job *job = jobs->job + i;
    jobs->first_block[i] = (int)blocks;
    job->across = (job->n + tile_n - 1) / tile_n;
    job->across_reciprocal = linear_reciprocal(job->across);
    blocks += (int64_t)((job->m + tile_m - 1) / tile_m) * job->across;
    if (blocks > INT_MAX) return -1;
  }
  for (int i = jobs->count; i <= BABEL_LINEAR_JOBS_CUDA; i++) jobs->first_block[i] = INT_MAX;
  return (int)blocks;
}

template <bool A_ALONG_K, bool B_ALONG_K, int TILE_M, int TILE_N, int TILE_K, int RM, int K_GROUPS, int STAGES>
static babel_status launch_tiles(const char *name, linear_jobs *jobs, babel_stream *s) {
  const int blocks = count_blocks(jobs, TILE_M, TILE_N);
  if (blocks < 0) return BABEL_FAIL(BABEL_ERR_SHAPE, "linear: more than 2^31 tiles of %d x %d", TILE_M, TILE_N);
  const size_t bytes = LINEAR_SHARED_BYTES(A_ALONG_K, B_ALONG_K, TILE_M, TILE_N, TILE_K, STAGES);
  return BABEL_LAUNCH_AS(name, (linear_tile_kernel<LINEAR_PRECISION, A_ALONG_K, B_ALONG_K, TILE_M, TILE_N, TILE_K, RM, K_GROUPS, STAGES>), blocks,
                         LINEAR_THREADS(TILE_M, TILE_N, RM, K_GROUPS), bytes, (cudaStream_t)s, *jobs);
}

template <bool A_ALONG_K, bool B_ALONG_K>
static babel_status launch(const char *name, linear_jobs *jobs, babel_stream *s) {
  const int large = count_blocks(jobs, 64, 64);
  if (large >= LINEAR_ENOUGH || large < 0) return launch_tiles<A_ALONG_K, B_ALONG_K, LINEAR_LARGE>(name, jobs, s);
  return launch_tiles<A_ALONG_K, B_ALONG_K, LINEAR_SMALL>(name, jobs, s);
}

extern "C" babel_status LINEAR_ENTRY(fwd)(const babel_linear_fwd_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_linear_fwd_check(jobs, n));
  for (int done = 0; done < n;) {
    linear_jobs list = {};
    while (done < n && list.count < BABEL_LINEAR_JOBS_CUDA) list.job[list.count++] = linear_job_fwd(jobs + done++);
    BABEL_TRY((launch<true, true>(LINEAR_NAME(fwd), &list, s)));
  }
  return BABEL_OK;
}

extern "C" babel_status LINEAR_ENTRY(bwd_data)(const babel_linear_bwd_data_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_linear_bwd_data_check(jobs, n));
  for (int done = 0; done < n;) {
    linear_jobs list = {};
    while (done < n && list.count < BABEL_LINEAR_JOBS_CUDA) list.job[list.count++] = linear_job_bwd_data(jobs + done++);
    BABEL_TRY((launch<true, false>(LINEAR_NAME(bwd_data), &list, s)));
  }
  return BABEL_OK;
}

extern "C" babel_status LINEAR_ENTRY(bwd_weight)(const babel_linear_bwd_weight_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_linear_bwd_weight_check(jobs, n));
  for (int done = 0; done < n;) {
    linear_jobs list = {};
    while (done < n && list.count < BABEL_LINEAR_JOBS_CUDA) list.job[list.count++] = linear_job_bwd_weight(jobs + done++);
    BABEL_TRY((launch<false, false>(LINEAR_NAME(bwd_weight), &list, s)));
  }
  return BABEL_OK;
}
