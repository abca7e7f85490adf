#include "kernels/cpu/gemm.h"

#include <dnnl.h>
#include <stddef.h>

#include "kernels/cpu/parallel.h"

static void finish_row(const babel_gemm *g, int row) {
  float *c = g->c + (size_t)row * g->n;
  if (g->bias)
    for (int j = 0; j < g->n; j++) c[j] += g->bias[j];
  if (g->relu)
    for (int j = 0; j < g->n; j++) c[j] = 0 > c[j] ? 0 : c[j];
  if (g->mask) {
    const float *mask = g->mask + (size_t)(row % g->mask_rows) * g->n;
    for (int j = 0; j < g->n; j++) c[j] = mask[j] <= 0 ? 0 : c[j];
  }
}

babel_status babel_gemm_dnnl(const babel_gemm *g) {
  dnnl_status_t status = dnnl_sgemm(g->transpose_a ? 'T' : 'N', g->transpose_b ? 'T' : 'N', g->m, g->n, g->k,
                                    1, g->a, g->transpose_a ? g->m : g->k, g->b, g->transpose_b ? g->k : g->n,
                                    g->accumulate ? 1 : 0, g->c, g->n);
  if (status != dnnl_success)
    return BABEL_FAIL(status == dnnl_out_of_memory ? BABEL_ERR_MEMORY : BABEL_ERR_UNSUPPORTED,
                      "oneDNN refused a (%d, %d) x (%d, %d) product with status %d", g->m, g->k, g->k, g->n,
                      (int)status);
  if (!g->bias && !g->relu && !g->mask) return BABEL_OK;
#pragma omp parallel for schedule(static) if (BABEL_PARALLEL((int64_t)g->m * g->n))
  for (int i = 0; i < g->m; i++) finish_row(g, i);
  return BABEL_OK;
}

#if !BABEL_GEMM_AVX2
babel_status babel_gemm_cpu(const babel_gemm *g) {
  return babel_gemm_dnnl(g);
}
#endif
