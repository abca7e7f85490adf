/* The dense product behind linear layers and logits, with the elementwise work that follows it. Row-major.
 *
 * c (m, n) = op(a) op(b), or += when accumulate; then + bias[column]; then ReLU when relu (NaN stays NaN);
 * then 0 where mask[row % mask_rows][column] <= 0, mask (mask_rows, n).
 * op(a) (m, k): a is (m, k), or (k, m) when transpose_a. op(b) (k, n): b is (k, n), or (n, k) when transpose_b.
 * c must not alias anything. The caller has checked that all sizes are at least 1.
 *
 * babel_gemm_cpu is babel's own product where the compiler may use AVX2 and FMA, else oneDNN's.
 * Own: element (i, j) is the same sum in the same order wherever it stands, so that its bits depend neither on the
 * number of threads nor on the other rows and columns; the elementwise work happens in registers.
 * bench/kernels/bench_linear.c times one against the other. */
#ifndef BABEL_KERNELS_CPU_GEMM_H
#define BABEL_KERNELS_CPU_GEMM_H

#include <stdbool.h>

#include "core/status.h"

#if defined(__AVX2__) && defined(__FMA__)
#define BABEL_GEMM_AVX2 1
#else
#define BABEL_GEMM_AVX2 0
#endif

typedef struct {
  float *c;
  const float *a, *b;
  int m, n, k;
  bool transpose_a, transpose_b, accumulate;
  const float *bias; /* (n) or NULL */
  bool relu;
  const float *mask; /* (mask_rows, n) or NULL */
  int mask_rows;
} babel_gemm;

babel_status babel_gemm_cpu(const babel_gemm *g);

/* oneDNN's product and one more pass over c: the other choice of babel_gemm_cpu, and the peer in bench/. */
babel_status babel_gemm_dnnl(const babel_gemm *g);

#endif
