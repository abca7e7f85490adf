/* The benches of kernels/, in the order in which they run. */
#ifndef BABEL_BENCH_KERNELS_BENCH_H
#define BABEL_BENCH_KERNELS_BENCH_H

#include "bench/engine.h"

void babel_bench_linear(babel_bench *bench);
void babel_bench_contrastive(babel_bench *bench);
void babel_bench_l2norm(babel_bench *bench);
void babel_bench_adamw(babel_bench *bench);
void babel_bench_input_gather(babel_bench *bench);

#endif
