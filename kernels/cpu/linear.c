#include "kernels/linear.h"

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/parallel.h"

babel_status babel_linear_fwd_cpu(const babel_linear_fwd_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_linear_fwd_check(jobs, n));
  for (int i = 0; i < n; i++) {
    const babel_linear_fwd_job *j = jobs + i;
    BABEL_TRY(babel_gemm_cpu(&(babel_gemm){.c = j->y,
                                           .a = j->x,
                                           .b = j->w,
                                           .m = j->n,
                                           .n = j->out,
                                           .k = j->in,
                                           .transpose_b = true,
                                           .accumulate = j->accumulate,
                                           .bias = j->b,
                                           .relu = j->relu}));
  }
  return BABEL_OK;
}

babel_status babel_linear_bwd_data_cpu(const babel_linear_bwd_data_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_linear_bwd_data_check(jobs, n));
  for (int i = 0; i < n; i++) {
    const babel_linear_bwd_data_job *j = jobs + i;
    BABEL_TRY(babel_gemm_cpu(&(babel_gemm){.c = j->dx,
                                           .a = j->dy,
                                           .b = j->w,
                                           .m = j->n,
                                           .n = j->in,
                                           .k = j->out,
                                           .mask = j->y_prev,
                                           .mask_rows = j->mask_rows}));
  }
  return BABEL_OK;
}

/* Column sums of 64 columns at a time: a cache line or more of every row, four rows to one addition into the sums. */
#define COLUMNS 64

static void column_sums(float *sums, const float *dy, int n, int out, int from, int accumulate) {
  int width = out - from < COLUMNS ? out - from : COLUMNS, i = 0;
  float sum[COLUMNS] = {0};
  for (; i + 4 <= n; i += 4) {
    const float *r0 = dy + (size_t)i * out + from, *r1 = r0 + out, *r2 = r1 + out, *r3 = r2 + out;
    for (int c = 0; c < width; c++) sum[c] += (r0[c] + r1[c]) + (r2[c] + r3[c]);
  }
  for (; i < n; i++)
    for (int c = 0; c < width; c++) sum[c] += dy[(size_t)i * out + from + c];
  for (int c = 0; c < width; c++) sums[from + c] = accumulate ? sums[from + c] + sum[c] : sum[c];
}

babel_status babel_linear_bwd_weight_cpu(const babel_linear_bwd_weight_job *jobs, int n, babel_stream *s) {
  BABEL_TRY(babel_linear_bwd_weight_check(jobs, n));
  for (int i = 0; i < n; i++) {
    const babel_linear_bwd_weight_job *j = jobs + i;
    BABEL_TRY(babel_gemm_cpu(&(babel_gemm){.c = j->dw,
                                           .a = j->dy,
                                           .b = j->x,
                                           .m = j->out,
                                           .n = j->in,
                                           .k = j->n,
                                           .transpose_a = true,
                                           .accumulate = j->accumulate}));
    if (!j->db) continue;
#pragma omp parallel for schedule(static) if (BABEL_PARALLEL((int64_t)j->n * j->out))
    for (int from = 0; from < j->out; from += COLUMNS)
      column_sums(j->db, j->dy, j->n, j->out, from, j->accumulate);
  }
  return BABEL_OK;
}
