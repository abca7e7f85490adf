/* One warp a row; the last block of a job to end adds up the rows' losses, in the order of the rows. */
#include "kernels/cosine_distill.h"

#include "kernels/cuda/block_list.cuh"
#include "kernels/cuda/last_block.cuh"
#include "kernels/cuda/row.cuh"
#include "kernels/l2norm.h"

typedef struct {
  babel_block_list blocks;
  babel_cosine_distill_job job[BABEL_LIST_JOBS];
} cosine_distill_list;

/* 1 - cos of this warp's row, the same in all lanes; de = share * d(1 - cos)/de as kernels/cpu/cosine_distill.c derives it. */
static __device__ double row_gap(float *de, const float *e, const float *t, int d, bool wide, double share) {
  const double eps = (double)BABEL_L2NORM_EPS;
  double ee = 0, tt = 0, et = 0;
  for (int base = 0; base < d; base += BABEL_ROW_PANEL) {
    const float4 x = babel_row_load(e, base, d, wide), y = babel_row_load(t, base, d, wide);
    ee += babel_row_product(x, x);
    tt += babel_row_product(y, y);
    et += babel_row_product(x, y);
  }
  ee = babel_row_sum(ee);
  tt = babel_row_sum(tt);
  et = babel_row_sum(et);
  const double e_norm = sqrt(ee), t_norm = sqrt(tt);
  const double e_inv = 1 / (e_norm < eps ? eps : e_norm), t_inv = 1 / (t_norm < eps ? eps : t_norm);
  const double gap = e_norm < eps || t_norm < eps ? 1 - et * e_inv * t_inv : 1 - et / sqrt(ee * tt);
  const double along = e_norm > eps ? gap : 1, ratio = t_inv / e_inv, factor = share * e_inv * e_inv;
  for (int base = 0; base < d; base += BABEL_ROW_PANEL) {
    const float4 x = babel_row_load(e, base, d, wide), y = babel_row_load(t, base, d, wide);
    babel_row_store(de, base, d, wide,
                    make_float4((float)(factor * (((double)x.x - (double)y.x * ratio) - along * (double)x.x)),
                                (float)(factor * (((double)x.y - (double)y.y * ratio) - along * (double)x.y)),
                                (float)(factor * (((double)x.z - (double)y.z * ratio) - along * (double)x.z)),
                                (float)(factor * (((double)x.w - (double)y.w * ratio) - along * (double)x.w))));
  }
  return gap;
}

__global__ void __launch_bounds__(BABEL_ROW_THREADS) babel_cosine_distill_kernel(const __grid_constant__ cosine_distill_list list) {
  BABEL_SHARED(double, gap, BABEL_ROW_WARPS);
  const int j = babel_block_list_job(&list.blocks), warp = babel_row_warp();
  const babel_cosine_distill_job *job = &list.job[j];
  const int n = job->n, d = job->d, blocks = list.blocks.first[j + 1] - list.blocks.first[j], block = (int)blockIdx.x - list.blocks.first[j];
  const bool wide = babel_row_aligned(job->de, d) && babel_row_aligned(job->e, d) && babel_row_aligned(job->t, d);
  double sum = 0;
  for (int64_t r = (int64_t)block * BABEL_ROW_WARPS + warp; r < n; r += (int64_t)blocks * BABEL_ROW_WARPS)
    sum += row_gap(job->de + r * d, job->e + r * d, job->t + r * d, d, wide, (double)job->weight / n);
  if (babel_row_lane() == 0) gap[warp] = sum;
  __syncthreads();
  double *parts = job->parts + 1;
  if (threadIdx.x == 0) parts[block] = (gap[0] + gap[1]) + (gap[2] + gap[3]);
  if (!babel_last_block((unsigned *)job->parts, (unsigned)blocks) || warp > 0) return;
  sum = 0;
  for (int b = babel_row_lane(); b < blocks; b += 32) sum += __ldcg(parts + b);
  sum = babel_row_sum(sum);
  if (threadIdx.x == 0) job->loss[0] = (float)(sum / n);
}

extern "C" babel_status babel_cosine_distill_cuda(const babel_cosine_distill_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_cosine_distill_check(jobs, n));
  for (int at = 0; at < n; at += BABEL_LIST_JOBS) {
    cosine_distill_list list = {};
    for (int i = at; i < n && i < at + BABEL_LIST_JOBS; i++) {
      const int64_t blocks = ((int64_t)jobs[i].n + BABEL_ROW_WARPS - 1) / BABEL_ROW_WARPS;
      list.job[list.blocks.n] = jobs[i];
      babel_block_list_add(&list.blocks, blocks < BABEL_COSINE_DISTILL_PARTS - 1 ? blocks : BABEL_COSINE_DISTILL_PARTS - 1);
    }
    BABEL_TRY(BABEL_LAUNCH(babel_cosine_distill_kernel, babel_block_list_blocks(&list.blocks), BABEL_ROW_THREADS, 0, (cudaStream_t)s, list));
  }
  return BABEL_OK;
}
