#include "kernels/adamw.h"
#include "kernels/adaptive.h"
#include "kernels/batch_choice.h"
#include "kernels/combine.h"
#include "kernels/contrastive.h"
#include "kernels/contrastive_panel.h"
#include "kernels/cosine_distill.h"
#include "kernels/cuda/check.h"
#include "kernels/cuda/describe.h"
#include "kernels/input_gather.h"
#include "kernels/l2norm.h"
#include "kernels/linear.h"
#include "kernels/memory.h"
#include "kernels/neighbour_targets.h"
#include "kernels/ops.h"
#include "kernels/rank.h"
#include "kernels/record.h"
#include "kernels/segment_mean.h"
#include "kernels/sgd.h"
#include "kernels/shuffle.h"
#include "kernels/softmax_xent.h"

static const babel_ops tables[2][3]; /* the second: one by one */

#define TABLE(precision, wait)                                                                                                                       \
  {                                                                                                                                                  \
    .name = "cuda", .exact = &tables[wait][BABEL_PRECISION_FP32], .fold_layers = 1, .one_by_one = wait, .describe = babel_describe_cuda,             \
    .alloc = babel_memory_alloc_cuda, .free = babel_memory_free_cuda, .upload = babel_memory_upload_cuda, .download = babel_memory_download_cuda,    \
    .copy = babel_memory_copy_cuda, .synchronize = babel_memory_synchronize_cuda, .stream_create = babel_stream_create_cuda,                         \
    .stream_destroy = babel_stream_destroy_cuda, .stream_follow = babel_stream_follow_cuda, .record_begin = babel_record_begin_cuda,                 \
    .record_end = babel_record_end_cuda, .replay = babel_replay_cuda, .recording_destroy = babel_recording_destroy_cuda,                             \
    .linear_fwd = babel_linear_fwd_cuda_##precision, .linear_bwd_data = babel_linear_bwd_data_cuda_##precision,                                      \
    .linear_bwd_weight = babel_linear_bwd_weight_cuda_##precision,                                                                                   \
    .l2norm_fwd = babel_l2norm_fwd_cuda, .l2norm_bwd = babel_l2norm_bwd_cuda, .shuffle = babel_shuffle_cuda,                                         \
    .batch_choice = babel_batch_choice_cuda, .input_gather = babel_input_gather_cuda,                                                                \
    .segment_mean_fwd = babel_segment_mean_fwd_cuda, .segment_mean_bwd = babel_segment_mean_bwd_cuda,                                                \
    .neighbour_targets = babel_neighbour_targets_cuda, .contrastive = babel_contrastive_cuda,                                                        \
    .contrastive_panel_sums = babel_contrastive_panel_sums_cuda, .contrastive_panel_finish = babel_contrastive_panel_finish_cuda,                    \
    .contrastive_panel_cotangents = babel_contrastive_panel_cotangents_cuda, .cosine_distill = babel_cosine_distill_cuda,                            \
    .adaptive = babel_adaptive_cuda, .combine = babel_combine_cuda, .adamw = babel_adamw_cuda, .sgd = babel_sgd_cuda,                                \
    .softmax_xent = babel_softmax_xent_cuda, .rank = babel_rank_cuda                                                                                 \
  }

#define TABLES(wait) \
  {[BABEL_PRECISION_TF32] = TABLE(tf32, wait), [BABEL_PRECISION_FP32] = TABLE(fp32, wait), [BABEL_PRECISION_BF16] = TABLE(bf16, wait)}

static const babel_ops tables[2][3] = {TABLES(0), TABLES(1)};

const babel_ops *babel_ops_cuda(babel_precision precision) {
  return &tables[babel_cuda_blocks()][precision];
}
