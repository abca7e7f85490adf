#include "kernels/adamw.h"
#include "kernels/adaptive.h"
#include "kernels/batch_choice.h"
#include "kernels/combine.h"
#include "kernels/contrastive.h"
#include "kernels/contrastive_panel.h"
#include "kernels/cosine_distill.h"
#include "kernels/cpu/describe.h"
#include "kernels/input_gather.h"
#include "kernels/l2norm.h"
#include "kernels/linear.h"
#include "kernels/memory.h"
#include "kernels/neighbour_targets.h"
#include "kernels/ops.h"
#include "kernels/rank.h"
#include "kernels/segment_mean.h"
#include "kernels/sgd.h"
#include "kernels/shuffle.h"
#include "kernels/softmax_xent.h"

static const babel_ops ops = {
    .name = "cpu",
    .fold_layers = 1,
    .sum_cotangents = 1,
    .describe = babel_describe_cpu,
    .alloc = babel_memory_alloc_cpu,
    .free = babel_memory_free_cpu,
    .upload = babel_memory_upload_cpu,
    .download = babel_memory_download_cpu,
    .copy = babel_memory_copy_cpu,
    .synchronize = babel_memory_synchronize_cpu,
    .linear_fwd = babel_linear_fwd_cpu,
    .linear_bwd_data = babel_linear_bwd_data_cpu,
    .linear_bwd_weight = babel_linear_bwd_weight_cpu,
    .l2norm_fwd = babel_l2norm_fwd_cpu,
    .l2norm_bwd = babel_l2norm_bwd_cpu,
    .shuffle = babel_shuffle_cpu,
    .batch_choice = babel_batch_choice_cpu,
    .input_gather = babel_input_gather_cpu,
    .segment_mean_fwd = babel_segment_mean_fwd_cpu,
    .segment_mean_bwd = babel_segment_mean_bwd_cpu,
    .neighbour_targets = babel_neighbour_targets_cpu,
    .contrastive = babel_contrastive_cpu,
    .contrastive_panel_sums = babel_contrastive_panel_sums_cpu,
    .contrastive_panel_finish = babel_contrastive_panel_finish_cpu,
    .contrastive_panel_cotangents = babel_contrastive_panel_cotangents_cpu,
    .cosine_distill = babel_cosine_distill_cpu,
    .adaptive = babel_adaptive_cpu,
    .combine = babel_combine_cpu,
    .adamw = babel_adamw_cpu,
    .sgd = babel_sgd_cpu,
    .softmax_xent = babel_softmax_xent_cpu,
    .rank = babel_rank_cpu,
};

const babel_ops *babel_ops_cpu(void) {
  return &ops;
}
