/* The table of operations that a bench measures. */
#ifndef BABEL_BENCH_BACKEND_H
#define BABEL_BENCH_BACKEND_H

#include "kernels/ops.h"

/* name: cpu, cuda (TF32), cuda:tf32, cuda:fp32 or cuda:bf16. BABEL_ERR_ARG for another one, BABEL_ERR_UNSUPPORTED where the program was built
 * without it or there is no device. */
babel_status babel_bench_backend(const char *name, const babel_ops **ops);

#endif
