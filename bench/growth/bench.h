#ifndef BABEL_BENCH_GROWTH_BENCH_H
#define BABEL_BENCH_GROWTH_BENCH_H

#include "bench/engine.h"

/* Whole training steps at the sizes of the growth phases. */
void babel_bench_step(babel_bench *bench);

#endif
