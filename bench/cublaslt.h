/* Matrix products by cuBLASLt, the library's side of the rows of linear layers on a device. Loaded at run time (libcublasLt.so.13): a bench needs no such
 * library to be built or to run, and without one the column stays empty.
 *
 *   C (m, n) = op(A) op(B) (+ bias, then max(0, .) when relu), row-major; op(A) is (m, k): A^T when transpose_a, then A is (k, m); B alike.
 * tf32: operands float32, tensor cores; fp32: the library's plain float32; bf16: A and B are bf16 in memory, half of what ours read. The first
 * algorithm that the library's heuristics name, with 32 MiB of workspace. Operands are random numbers of its own. */
#ifndef BABEL_BENCH_CUBLASLT_H
#define BABEL_BENCH_CUBLASLT_H

#include <stdbool.h>

#include "kernels/ops.h"

typedef struct babel_cublaslt babel_cublaslt;

typedef struct {
  int m, n, k;
  bool transpose_a, transpose_b, bias, relu;
} babel_cublaslt_shape;

/* ops: the table of the device itself. BABEL_ERR_UNSUPPORTED without the library, or where it has no algorithm for this shape. */
babel_status babel_cublaslt_create(babel_cublaslt **product, const babel_ops *ops, babel_precision precision, const babel_cublaslt_shape *shape);
void babel_cublaslt_destroy(babel_cublaslt *product); /* accepts NULL */
/* Once and awaited, or as often as tests/support/device_timer.h is set to, as one graph. */
babel_status babel_cublaslt_run(babel_cublaslt *product);

#endif
