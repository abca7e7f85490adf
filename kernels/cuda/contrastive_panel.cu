/* A warp sums a row, a thread its column, both in two passes: the largest, then the exponentials. */
#include "kernels/contrastive_panel.h"

#include "kernels/cuda/row.cuh"

enum { FINISH_THREADS = 512, FINISH_WARPS = FINISH_THREADS / 32, SUMS = 6 /* loss, slope, hits of both ways */ };

static __device__ float lowest(void) {
  return __int_as_float((int)0xff800000);
}

__global__ void __launch_bounds__(BABEL_ROW_THREADS) babel_contrastive_panel_rows_kernel(const __grid_constant__ babel_contrastive_panel_job job) {
  const int r = (int)blockIdx.x * BABEL_ROW_WARPS + babel_row_warp(), lane = babel_row_lane(), m = job.m, i = job.first + r;
  if (r >= job.rows) return; /* the whole warp */
  const float *s = job.s + (int64_t)r * m, scale = expf(*job.log_scale);
  float rival = lowest(), sum = 0, lean = 0;
  for (int j = lane; j < m; j += 32) rival = j == i ? rival : fmaxf(rival, scale * s[j]);
  rival = babel_warp_max(rival);
  for (int j = lane; j < m; j += 32) {
    const float z = scale * s[j] - rival, e = j == i ? 0 : expf(z);
    sum += e;
    lean += e * z;
  }
  sum = babel_warp_sum(sum);
  lean = babel_warp_sum(lean);
  if (lane > 0) return;
  babel_panel_numbers(&job, 0, BABEL_PANEL_OWN)[i] = babel_panel_numbers(&job, 1, BABEL_PANEL_OWN)[i] = scale * s[i];
  babel_panel_numbers(&job, 0, BABEL_PANEL_RIVAL)[i] = rival;
  babel_panel_numbers(&job, 0, BABEL_PANEL_SUM)[i] = sum;
  babel_panel_numbers(&job, 0, BABEL_PANEL_LEAN)[i] = lean;
}

__global__ void __launch_bounds__(BABEL_ROW_THREADS) babel_contrastive_panel_columns_kernel(const __grid_constant__ babel_contrastive_panel_job job) {
  const int j = (int)(blockIdx.x * BABEL_ROW_THREADS + threadIdx.x), m = job.m;
  if (j >= m) return;
  const float *s = job.s + j, scale = expf(*job.log_scale);
  float *rivals = babel_panel_numbers(&job, 1, BABEL_PANEL_RIVAL), *sums = babel_panel_numbers(&job, 1, BABEL_PANEL_SUM), *leans = babel_panel_numbers(&job, 1, BABEL_PANEL_LEAN);
  const float rival = job.first ? rivals[j] : lowest();
  float top = rival, sum = job.first ? sums[j] : 0, lean = job.first ? leans[j] : 0;
  for (int r = 0; r < job.rows; r++) top = job.first + r == j ? top : fmaxf(top, scale * s[(int64_t)r * m]);
  if (rival > lowest()) {
    const float shift = rival - top, weight = expf(shift);
    lean = weight * (lean + shift * sum);
    sum *= weight;
  }
  for (int r = 0; r < job.rows; r++) {
    const float z = scale * s[(int64_t)r * m] - top, e = job.first + r == j ? 0 : expf(z);
    sum += e;
    lean += job.first + r == j ? 0 : e * z;
  }
  rivals[j] = top;
  sums[j] = sum;
  leans[j] = lean;
}

extern "C" babel_status babel_contrastive_panel_sums_cuda(const babel_contrastive_panel_job *job, babel_stream *s) {
  BABEL_TRY(babel_contrastive_panel_check(job));
  BABEL_TRY(BABEL_LAUNCH(babel_contrastive_panel_rows_kernel, (job->rows + BABEL_ROW_WARPS - 1) / BABEL_ROW_WARPS, BABEL_ROW_THREADS, 0, (cudaStream_t)s, *job));
  if (job->one_way) return BABEL_OK;
  return BABEL_LAUNCH(babel_contrastive_panel_columns_kernel, (job->m + BABEL_ROW_THREADS - 1) / BABEL_ROW_THREADS, BABEL_ROW_THREADS, 0, (cudaStream_t)s, *job);
}

/* One block: threads take every 512th anchor, their sums are added in the order of lanes and warps. */
__global__ void __launch_bounds__(FINISH_THREADS) babel_contrastive_panel_finish_kernel(const __grid_constant__ babel_contrastive_panel_job job) {
  BABEL_SHARED(double, shared, SUMS * FINISH_WARPS);
  const double share = exp((double)*job.log_scale) / job.m;
  double sums[SUMS] = {0, 0, 0, 0, 0, 0};
  for (int i = threadIdx.x; i < job.m; i += FINISH_THREADS) {
    babel_contrastive_panel_anchor(&job, 0, i, share, sums);
    babel_contrastive_panel_anchor(&job, 1, i, share, sums + 3);
  }
  BABEL_UNROLL
  for (int k = 0; k < SUMS; k++) {
    const double sum = babel_row_sum(sums[k]);
    if (babel_row_lane() == 0) shared[k * FINISH_WARPS + babel_row_warp()] = sum;
  }
  __syncthreads();
  if (threadIdx.x >= SUMS) return;
  const int way = threadIdx.x / 3, what = threadIdx.x % 3;
  double sum = 0;
  for (int w = 0; w < FINISH_WARPS; w++) sum += shared[threadIdx.x * FINISH_WARPS + w];
  if (what == 0) job.loss[way] = (float)(sum / job.m);
  if (what == 1 && job.dlog_scale) job.dlog_scale[way] = (float)(sum / job.m);
  if (what == 2 && job.hits) job.hits[way] = (int)sum;
}

extern "C" babel_status babel_contrastive_panel_finish_cuda(const babel_contrastive_panel_job *job, babel_stream *s) {
  BABEL_TRY(babel_contrastive_panel_check(job));
  return BABEL_LAUNCH(babel_contrastive_panel_finish_kernel, 1, FINISH_THREADS, 0, (cudaStream_t)s, *job);
}

__global__ void __launch_bounds__(BABEL_ROW_THREADS) babel_contrastive_panel_cotangents_kernel(const __grid_constant__ babel_contrastive_panel_job job) {
  const int r = (int)blockIdx.y, j = (int)(blockIdx.x * BABEL_ROW_THREADS + threadIdx.x), i = job.first + r;
  if (j >= job.m) return;
  const int64_t at = (int64_t)r * job.m + j;
  const float z = expf(*job.log_scale) * job.s[at];
  const float mine = expf(z - babel_panel_numbers(&job, 0, BABEL_PANEL_TOP)[i]) * babel_panel_numbers(&job, 0, BABEL_PANEL_FACTOR)[i];
  const float other = expf(z - babel_panel_numbers(&job, 1, BABEL_PANEL_TOP)[j]) * babel_panel_numbers(&job, 1, BABEL_PANEL_FACTOR)[j];
  job.s[at] = i == j ? babel_panel_numbers(&job, 0, BABEL_PANEL_OWN_COT)[i] : mine;
  job.other[at] = i == j ? babel_panel_numbers(&job, 1, BABEL_PANEL_OWN_COT)[j] : other;
}

extern "C" babel_status babel_contrastive_panel_cotangents_cuda(const babel_contrastive_panel_job *job, babel_stream *s) {
  BABEL_TRY(babel_contrastive_panel_check(job));
  if (job->rows > 65535) return BABEL_FAIL(BABEL_ERR_SHAPE, "contrastive_panel: %d rows at a time; on a device at most 65535", job->rows);
  const dim3 grid((unsigned)((job->m + BABEL_ROW_THREADS - 1) / BABEL_ROW_THREADS), (unsigned)job->rows);
  return BABEL_LAUNCH(babel_contrastive_panel_cotangents_kernel, grid, BABEL_ROW_THREADS, 0, (cudaStream_t)s, *job);
}
