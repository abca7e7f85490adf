/* The benches of kernels/. */
#ifndef BABEL_BENCH_KERNELS_BENCH_H
#define BABEL_BENCH_KERNELS_BENCH_H

#include "bench/engine.h"

/* All that follow, in this order. */
void babel_bench_kernels(babel_bench *bench);

void babel_bench_linear(babel_bench *bench);
void babel_bench_contrastive(babel_bench *bench);
void babel_bench_neighbour_targets(babel_bench *bench);
void babel_bench_l2norm(babel_bench *bench);
void babel_bench_cosine_distill(babel_bench *bench);
void babel_bench_adaptive(babel_bench *bench);
void babel_bench_combine(babel_bench *bench);
void babel_bench_adamw(babel_bench *bench);
void babel_bench_sgd(babel_bench *bench);
void babel_bench_input_gather(babel_bench *bench);
void babel_bench_segment_mean(babel_bench *bench);
void babel_bench_softmax_xent(babel_bench *bench);
void babel_bench_shuffle(babel_bench *bench);
void babel_bench_batch_choice(babel_bench *bench);
void babel_bench_rank(babel_bench *bench);

/* Of encoders, which run on the CPU: no row on another backend. */
void babel_bench_plane_linear(babel_bench *bench);
void babel_bench_temporal_conv(babel_bench *bench);
void babel_bench_graph_conv(babel_bench *bench);
void babel_bench_attention(babel_bench *bench);
void babel_bench_layernorm(babel_bench *bench);
void babel_bench_gelu(babel_bench *bench);

#endif
