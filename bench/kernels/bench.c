#include "bench/kernels/bench.h"

void babel_bench_kernels(babel_bench *bench) {
  babel_bench_linear(bench);
  babel_bench_contrastive(bench);
  babel_bench_neighbour_targets(bench);
  babel_bench_l2norm(bench);
  babel_bench_cosine_distill(bench);
  babel_bench_adaptive(bench);
  babel_bench_combine(bench);
  babel_bench_adamw(bench);
  babel_bench_sgd(bench);
  babel_bench_input_gather(bench);
  babel_bench_segment_mean(bench);
  babel_bench_softmax_xent(bench);
  babel_bench_shuffle(bench);
  babel_bench_batch_choice(bench);
  babel_bench_rank(bench);
  if (bench->device) return;
  babel_bench_plane_linear(bench);
  babel_bench_temporal_conv(bench);
  babel_bench_graph_conv(bench);
  babel_bench_attention(bench);
  babel_bench_layernorm(bench);
  babel_bench_gelu(bench);
}
