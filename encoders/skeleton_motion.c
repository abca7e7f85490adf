#include "encoders/skeleton_motion.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "encoders/motion_clock.h"
#include "encoders/scratch_pool.h"
#include "encoders/shift_gcn_net.h"
#include "encoders/skeleton_prep.h"
#include "kernels/plane_linear.h"

enum { WIDTH = BABEL_SHIFT_GCN_WIDTH, CLASSES = BABEL_SHIFT_GCN_CLASSES, FRAMES = BABEL_SKELETON_MOTION_FRAMES, THIRDS = 3, JOINTS = 20,
       STATISTICS = BABEL_SKELETON_MOTION_STATISTICS, FREE = BABEL_SKELETON_MOTION_FREE, PRETRAINED = BABEL_SKELETON_MOTION_PRETRAINED };

typedef struct {
  babel_encoder base;
  babel_shift_gcn_net net;
  babel_scratch_pool *scratch;
} skeleton_motion;

static void destroy(babel_encoder *base) {
  skeleton_motion *encoder = (skeleton_motion *)base;
  babel_scratch_pool_destroy(encoder->scratch);
  free(encoder->scratch);
  babel_shift_gcn_net_destroy(&encoder->net);
  free(encoder);
}

static babel_status create(babel_encoder **out, const babel_encoder_row *row, const babel_encoder_options *options) {
  void *memory, *pool;
  if (options->random_weights) return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "skeleton_motion runs with Shift-GCN's published weights only");
  BABEL_TRY(babel_alloc(&memory, 1, sizeof(skeleton_motion)));
  skeleton_motion *encoder = memory;
  babel_status status = babel_alloc(&pool, 1, sizeof(babel_scratch_pool));
  if (status != BABEL_OK) {
    free(encoder);
    return status;
  }
  encoder->scratch = pool;
  *encoder->scratch = (babel_scratch_pool)BABEL_SCRATCH_POOL_INIT;
  babel_encoder *base = &encoder->base;
  *base = (babel_encoder){.row = row, .options = *options, .output_count = 4,
      .outputs = {{"motion", BABEL_SKELETON_MOTION_WIDTH, 1}, {"statistics", STATISTICS, 1}, {"pretrained", PRETRAINED, 1}, {"phase_free", BABEL_SKELETON_MOTION_FREE_WIDTH, 1}}};
  snprintf(base->preprocessing, sizeof base->preprocessing,
           "columns 0-315 Shift-GCN on native frames, 316-1339 on 48 frames of equal motion (pooled, three thirds), 1340-1891 hand-made joint "
           "statistics on the motion clock; phase_free: 258 more, without a position in time");
  status = babel_shift_gcn_net_load(&encoder->net, options->weights, base->weights_sha256);
  if (status != BABEL_OK) {
    destroy(base);
    return status;
  }
  *out = base;
  return BABEL_OK;
}

/* Means over joints and each third of the last unit's frames. */
static void see_thirds(void *user, int unit, const float *planes, int channels, int joints, int frames) {
  float *thirds = user;
  if (unit != BABEL_SHIFT_GCN_UNITS) return;
  for (int third = 0; third < THIRDS; third++) {
    int first = third * frames / THIRDS, end = (third + 1) * frames / THIRDS;
    for (int c = 0; c < channels; c++) {
      const float *plane = planes + (size_t)c * (size_t)babel_plane_pitch(joints * frames);
      double sum = 0;
      for (int v = 0; v < joints; v++)
        for (int t = first; t < end; t++) sum += (double)plane[v * frames + t];
      thirds[third * channels + c] = (float)(sum / ((end - first) * joints));
    }
  }
}

static babel_status run_net(const skeleton_motion *encoder, const babel_sample *sample, float *pooled, const babel_unit_observer *observer) {
  babel_skeleton_input input;
  babel_scratch *scratch;
  BABEL_TRY(babel_skeleton_prepare_shift_gcn(&input, sample));
  babel_status status = babel_scratch_take(encoder->scratch, babel_shift_gcn_net_scratch(input.frames), &scratch);
  if (status == BABEL_OK) {
    status = babel_shift_gcn_net_run(&encoder->net, input.x, input.frames, 0, pooled, scratch->memory, observer);
    babel_scratch_give(encoder->scratch, scratch);
  }
  babel_skeleton_input_destroy(&input);
  return status;
}

/* The recording on 48 frames of equal motion. */
static babel_status resample(babel_sample *even, const babel_sample *sample) {
  babel_motion_clock clock;
  void *scratch;
  BABEL_TRY(babel_motion_clock_create(&clock, sample->rows));
  babel_status status = babel_alloc(&scratch, (size_t)sample->rows * 3 * JOINTS, sizeof(double));
  if (status == BABEL_OK) {
    babel_motion_clock_skeleton(&clock, sample->x, JOINTS, scratch);
    free(scratch);
    status = babel_sample_create(even, sample->modality, FRAMES, sample->width);
  }
  if (status == BABEL_OK) {
    even->persons = sample->persons;
    even->joints = sample->joints;
    babel_motion_clock_resample(&clock, sample->x, sample->width, FRAMES, even->x);
  }
  babel_motion_clock_destroy(&clock);
  return status;
}

/* gc from all joints, gw from the 20 of Kinect v1. */
static babel_status pretrained(const skeleton_motion *encoder, const babel_sample *sample, const babel_sample *twenty, float *out) {
  babel_sample even;
  babel_unit_observer observer = {.see = see_thirds, .user = out + WIDTH + CLASSES + WIDTH};
  BABEL_TRY(run_net(encoder, sample, out, NULL));
  babel_shift_gcn_net_scores(&encoder->net, out, out + WIDTH);
  BABEL_TRY(resample(&even, twenty));
  babel_status status = run_net(encoder, &even, out + WIDTH + CLASSES, &observer);
  babel_sample_destroy(&even);
  return status;
}

/* The recording with the joints of Kinect v1. */
static babel_status to_twenty(babel_sample *twenty, const babel_sample *sample) {
  const double *from = sample->x;
  void *memory = NULL;
  BABEL_TRY(babel_sample_create(twenty, sample->modality, sample->rows, 3 * JOINTS));
  twenty->joints = BABEL_JOINTS_KINECT1_20;
  if (sample->joints == BABEL_JOINTS_KINECT1_20) {
    memcpy(twenty->x, from, (size_t)sample->rows * 3 * JOINTS * sizeof *from);
    return BABEL_OK;
  }
  if (sample->joints == BABEL_JOINTS_AZURE_32) {
    babel_status status = babel_alloc(&memory, (size_t)sample->rows * 3 * BABEL_SKELETON_JOINTS, sizeof *from);
    if (status != BABEL_OK) {
      babel_sample_destroy(twenty);
      return status;
    }
    babel_skeleton_map_azure(memory, from, sample->rows);
    from = memory;
  }
  babel_skeleton_map_25_to_20(twenty->x, from, sample->rows);
  free(memory);
  return BABEL_OK;
}

static babel_status encode(const skeleton_motion *encoder, const babel_sample *sample, const babel_sample *twenty, float *const *outputs) {
  float values[BABEL_SKELETON_MOTION_FREE_WIDTH];
  double statistics[STATISTICS + FREE];
  const int made = outputs[3] ? STATISTICS + FREE : outputs[0] || outputs[1] ? STATISTICS : 0;
  if (outputs[0] || outputs[2] || outputs[3]) BABEL_TRY(pretrained(encoder, sample, twenty, values));
  if (made) BABEL_TRY(babel_skeleton_motion_statistics(statistics, twenty->x, twenty->rows));
  if (outputs[3]) BABEL_TRY(babel_skeleton_motion_free(statistics + STATISTICS, twenty->x, twenty->rows));
  for (int i = 0; i < made; i++) values[PRETRAINED + i] = (float)statistics[i];
  if (outputs[0]) memcpy(outputs[0], values, BABEL_SKELETON_MOTION_WIDTH * sizeof *values);
  if (outputs[1]) memcpy(outputs[1], values + PRETRAINED, STATISTICS * sizeof *values);
  if (outputs[2]) memcpy(outputs[2], values, PRETRAINED * sizeof *values);
  if (outputs[3]) memcpy(outputs[3], values, sizeof values);
  return BABEL_OK;
}

static babel_status run(const babel_encoder *base, const babel_sample *sample, float *const *outputs, int *lengths) {
  const skeleton_motion *encoder = (const skeleton_motion *)base;
  const bool known = sample->joints == BABEL_JOINTS_KINECT1_20 || sample->joints == BABEL_JOINTS_KINECT2_25 || sample->joints == BABEL_JOINTS_AZURE_32;
  babel_sample twenty;
  if (!known || sample->width != 3 * babel_skeleton_joints(sample->joints) || sample->rows < BABEL_SHIFT_GCN_LEAST)
    return BABEL_FAIL(BABEL_ERR_SHAPE,
                      "skeleton_motion takes at least %d frames of one person with the joints of Kinect v1 (20), v2 (25) or Azure (32), this recording has %d rows of %d values",
                      BABEL_SHIFT_GCN_LEAST, sample->rows, sample->width);
  BABEL_TRY(to_twenty(&twenty, sample));
  babel_status status = encode(encoder, sample, &twenty, outputs);
  babel_sample_destroy(&twenty);
  for (int i = 0; lengths && i < base->output_count; i++) lengths[i] = 1;
  return status;
}

static babel_status samples(const babel_encoder *encoder, const babel_tensor *array, babel_sample **list, int *count) {
  return babel_skeleton_samples(encoder->row->name, array, BABEL_SHIFT_GCN_LEAST, list, count);
}

const babel_encoder_row babel_skeleton_motion_row = {
    .name = "skeleton_motion",
    .modality = "skeleton",
    .needs_weights = true,
    .trained_on = "NTU RGB+D 60, cross-subject, joint stream, 60 action labels seen; 552 of 1892 columns are hand-made statistics",
    .licence = "CC BY-NC 4.0, github.com/kchengiva/Shift-GCN: research only",
    .weights_from = "ntu_ShiftGCN_joint_xsub.pt from save_models of github.com/kchengiva/Shift-GCN",
    .input = "(T, J, 3) or (N, T, J, 3) joints x y z [m], y up; J = 20 Kinect v1, 32 Azure Kinect; at least 4 frames",
    .create = create,
    .destroy = destroy,
    .run = run,
    .samples = samples,
};
