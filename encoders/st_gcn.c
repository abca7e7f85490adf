#include "encoders/st_gcn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "encoders/scratch_pool.h"
#include "encoders/skeleton_prep.h"
#include "encoders/st_gcn_net.h"

enum { WIDTH = 256, CLASSES = 60 };

typedef struct {
  babel_encoder base;
  babel_st_gcn_net net;
  babel_scratch_pool *scratch;
} st_gcn;

static void destroy(babel_encoder *base) {
  st_gcn *encoder = (st_gcn *)base;
  babel_scratch_pool_destroy(encoder->scratch);
  free(encoder->scratch);
  babel_st_gcn_net_destroy(&encoder->net);
  free(encoder);
}

static babel_status create(babel_encoder **out, const babel_encoder_row *row,
                           const babel_encoder_options *options) {
  void *encoder_memory, *pool_memory;
  if (options->skeleton_pad < 0 || options->skeleton_pad > 1)
    return BABEL_FAIL(BABEL_ERR_ARG, "st_gcn: skeleton_pad is %d, expected 0 or 1", options->skeleton_pad);
  BABEL_TRY(babel_alloc(&encoder_memory, 1, sizeof(st_gcn)));
  st_gcn *encoder = encoder_memory;
  if (babel_alloc(&pool_memory, 1, sizeof *encoder->scratch) != BABEL_OK) {
    free(encoder);
    return BABEL_ERR_MEMORY;
  }
  encoder->scratch = pool_memory;
  *encoder->scratch = (babel_scratch_pool)BABEL_SCRATCH_POOL_INIT;
  babel_encoder *base = &encoder->base;
  *base = (babel_encoder){.row = row,
                          .options = *options,
                          .output_count = 2,
                          .outputs = {{"pooled_scores", WIDTH + CLASSES, 1}, {"scores", CLASSES, 1}}};
  snprintf(
      base->preprocessing, sizeof base->preprocessing, "Kinect v1: 20 to 25 joints; camera space [m]; %s",
      options->skeleton_pad ? "zeros up to 300 frames and 2 persons" : "native frames, no empty persons");
  babel_status status =
      options->random_weights
          ? babel_st_gcn_net_random(&encoder->net, options->seed)
          : babel_st_gcn_net_load(&encoder->net, &babel_st_gcn_ntu, options->weights, base->weights_sha256);
  if (status != BABEL_OK) {
    destroy(base);
    return status;
  }
  *out = base;
  return BABEL_OK;
}

static babel_status encode(const st_gcn *encoder, const babel_skeleton_input *input, float pooled[WIDTH],
                           float scores[CLASSES]) {
  double sum[WIDTH] = {0};
  babel_scratch *scratch;
  babel_status status = BABEL_OK;
  BABEL_TRY(babel_scratch_take(encoder->scratch, babel_st_gcn_net_scratch(&encoder->net.shape, input->frames),
                               &scratch));
  for (int m = 0; m < input->persons && status == BABEL_OK; m++) {
    const float *x = input->x + (ptrdiff_t)m * input->frames * BABEL_SKELETON_JOINTS * 3;
    status = babel_st_gcn_net_run(&encoder->net, x, input->frames, pooled, scratch->memory, NULL);
    for (int c = 0; c < WIDTH && status == BABEL_OK; c++) sum[c] += (double)pooled[c];
  }
  babel_scratch_give(encoder->scratch, scratch);
  if (status != BABEL_OK) return status;
  for (int c = 0; c < WIDTH; c++) pooled[c] = (float)(sum[c] / input->persons);
  babel_st_gcn_net_scores(&encoder->net, pooled, scores);
  return BABEL_OK;
}

static babel_status run(const babel_encoder *base, const babel_sample *sample, float *const *outputs,
                        int *lengths) {
  float pooled[WIDTH], scores[CLASSES];
  babel_skeleton_input input;
  BABEL_TRY(babel_skeleton_prepare_st_gcn(&input, sample, base->options.skeleton_pad));
  babel_status status = encode((const st_gcn *)base, &input, pooled, scores);
  babel_skeleton_input_destroy(&input);
  if (status != BABEL_OK) return status;
  if (outputs[0]) {
    memcpy(outputs[0], pooled, sizeof pooled);
    memcpy(outputs[0] + WIDTH, scores, sizeof scores);
  }
  if (outputs[1]) memcpy(outputs[1], scores, sizeof scores);
  if (lengths) lengths[0] = lengths[1] = 1;
  return BABEL_OK;
}

static babel_status samples(const babel_encoder *encoder, const babel_tensor *array, babel_sample **list,
                            int *count) {
  return babel_skeleton_samples(encoder->row->name, array, 1, list, count);
}

const babel_encoder_row babel_st_gcn_row = {
    .name = "st_gcn",
    .modality = "skeleton",
    .needs_weights = true,
    .trained_on = "NTU RGB+D 60, cross-subject, 60 action labels seen (st_gcn.ntu-xsub.pt)",
    .licence = "BSD 2-Clause, Multimedia Laboratory CUHK, github.com/yysijie/st-gcn",
    .weights_from = "st_gcn.ntu-xsub.pt of github.com/yysijie/st-gcn",
    .input = BABEL_SKELETON_SAMPLES_TEXT,
    .create = create,
    .destroy = destroy,
    .run = run,
    .samples = samples,
};
