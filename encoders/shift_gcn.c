#include "encoders/shift_gcn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "encoders/scratch_pool.h"
#include "encoders/shift_gcn_net.h"
#include "encoders/skeleton_prep.h"

enum { WIDTH = BABEL_SHIFT_GCN_WIDTH, CLASSES = BABEL_SHIFT_GCN_CLASSES };

/* The pooled vector of an empty second slot at one length. */
typedef struct empty_slot {
  struct empty_slot *next;
  int frames;
  float pooled[WIDTH];
} empty_slot;

/* What runs share and change. */
typedef struct {
  babel_scratch_pool scratch;
  pthread_mutex_t lock;
  empty_slot *empty;
} shared_state;

typedef struct {
  babel_encoder base;
  babel_shift_gcn_net net;
  shared_state *shared;
} shift_gcn;

static void destroy(babel_encoder *base) {
  shift_gcn *encoder = (shift_gcn *)base;
  shared_state *shared = encoder->shared;
  while (shared->empty) {
    empty_slot *next = shared->empty->next;
    free(shared->empty);
    shared->empty = next;
  }
  babel_scratch_pool_destroy(&shared->scratch);
  pthread_mutex_destroy(&shared->lock);
  free(shared);
  babel_shift_gcn_net_destroy(&encoder->net);
  free(encoder);
}

static babel_status create(babel_encoder **out, const babel_encoder_row *row,
                           const babel_encoder_options *options) {
  void *encoder_memory, *shared_memory;
  if (options->random_weights)
    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED,
                      "shift_gcn runs with its published weights only; st_gcn takes random ones");
  BABEL_TRY(babel_alloc(&encoder_memory, 1, sizeof(shift_gcn)));
  shift_gcn *encoder = encoder_memory;
  if (babel_alloc(&shared_memory, 1, sizeof(shared_state)) != BABEL_OK) {
    free(encoder);
    return BABEL_ERR_MEMORY;
  }
  encoder->shared = shared_memory;
  *encoder->shared = (shared_state){.scratch = BABEL_SCRATCH_POOL_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};
  babel_encoder *base = &encoder->base;
  *base = (babel_encoder){.row = row,
                          .options = *options,
                          .output_count = 2,
                          .outputs = {{"pooled_scores", WIDTH + CLASSES, 1}, {"scores", CLASSES, 1}}};
  snprintf(base->preprocessing, sizeof base->preprocessing,
           "Kinect v1: 20 to 25 joints, native frames, one person; NTU: two bodies, repeated to 300 frames; "
           "centred on the spine, "
           "spine onto z, shoulders onto x");
  babel_status status = babel_shift_gcn_net_load(&encoder->net, options->weights, base->weights_sha256);
  if (status != BABEL_OK) {
    destroy(base);
    return status;
  }
  *out = base;
  return BABEL_OK;
}

static babel_status run_person(const shift_gcn *encoder, const float *x, int frames, int slot,
                               float *pooled) {
  babel_scratch *scratch;
  BABEL_TRY(babel_scratch_take(&encoder->shared->scratch, babel_shift_gcn_net_scratch(frames), &scratch));
  babel_status status =
      babel_shift_gcn_net_run(&encoder->net, x, frames, slot, pooled, scratch->memory, NULL);
  babel_scratch_give(&encoder->shared->scratch, scratch);
  return status;
}

static empty_slot *find_empty(const shared_state *shared, int frames) {
  empty_slot *slot = shared->empty;
  while (slot && slot->frames != frames) slot = slot->next;
  return slot;
}

/* Two threads may compute the same length at the same time: both get the same numbers, one entry is kept. */
static babel_status run_empty(const shift_gcn *encoder, int frames, float *pooled) {
  shared_state *shared = encoder->shared;
  void *memory;
  pthread_mutex_lock(&shared->lock);
  const empty_slot *known = find_empty(shared, frames);
  pthread_mutex_unlock(&shared->lock);
  if (known) {
    memcpy(pooled, known->pooled, sizeof known->pooled);
    return BABEL_OK;
  }
  BABEL_TRY(run_person(encoder, NULL, frames, 1, pooled));
  BABEL_TRY(babel_alloc(&memory, 1, sizeof(empty_slot)));
  empty_slot *slot = memory;
  slot->frames = frames;
  memcpy(slot->pooled, pooled, sizeof slot->pooled);
  pthread_mutex_lock(&shared->lock);
  bool new = !find_empty(shared, frames);
  if (new) {
    slot->next = shared->empty;
    shared->empty = slot;
  }
  pthread_mutex_unlock(&shared->lock);
  if (!new) free(slot);
  return BABEL_OK;
}

static babel_status encode(const shift_gcn *encoder, const babel_skeleton_input *input,
                           float *const *outputs) {
  float first[WIDTH], second[WIDTH];
  BABEL_TRY(run_person(encoder, input->x, input->frames, 0, first));
  if (outputs[0]) {
    memcpy(outputs[0], first, sizeof first);
    babel_shift_gcn_net_scores(&encoder->net, first, outputs[0] + WIDTH);
  }
  if (!outputs[1]) return BABEL_OK;
  const float *x = input->x + (ptrdiff_t)input->frames * BABEL_SKELETON_JOINTS * 3;
  if (input->persons == 2)
    BABEL_TRY(run_person(encoder, x, input->frames, 1, second));
  else
    BABEL_TRY(run_empty(encoder, input->frames, second));
  for (int c = 0; c < WIDTH; c++) second[c] = 0.5f * (first[c] + second[c]);
  babel_shift_gcn_net_scores(&encoder->net, second, outputs[1]);
  return BABEL_OK;
}

static babel_status run(const babel_encoder *base, const babel_sample *sample, float *const *outputs,
                        int *lengths) {
  const shift_gcn *encoder = (const shift_gcn *)base;
  babel_skeleton_input input;
  BABEL_TRY(babel_skeleton_prepare_shift_gcn(&input, sample));
  babel_status status = outputs[0] || outputs[1] ? encode(encoder, &input, outputs) : BABEL_OK;
  babel_skeleton_input_destroy(&input);
  if (status == BABEL_OK && lengths) lengths[0] = lengths[1] = 1;
  return status;
}

static babel_status samples(const babel_encoder *encoder, const babel_tensor *array, babel_sample **list,
                            int *count) {
  return babel_skeleton_samples(encoder->row->name, array, BABEL_SHIFT_GCN_LEAST, list, count);
}

const babel_encoder_row babel_shift_gcn_row = {
    .name = "shift_gcn",
    .modality = "skeleton",
    .needs_weights = true,
    .trained_on = "NTU RGB+D 60, cross-subject, joint stream, 60 action labels seen",
    .licence = "CC BY-NC 4.0, github.com/kchengiva/Shift-GCN: research only",
    .weights_from = "ntu_ShiftGCN_joint_xsub.pt from save_models of github.com/kchengiva/Shift-GCN",
    .input = BABEL_SKELETON_SAMPLES_TEXT "; at least 4 frames",
    .create = create,
    .destroy = destroy,
    .run = run,
    .samples = samples,
};
