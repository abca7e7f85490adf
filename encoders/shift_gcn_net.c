#include "encoders/shift_gcn_net.h"

#include <omp.h>
#include <string.h>
#include <string.h>

#include "kernels/joint_shift.h"
#include "kernels/plane_linear.h"
#include "kernels/temporal_shift.h"

enum { JOINTS = BABEL_SHIFT_GCN_JOINTS, WIDTH = BABEL_SHIFT_GCN_WIDTH };

/* Activations of one run. `h` holds a unit's input and, in the end, its output. */
typedef struct {
  float *h, *g, *y, *d; /* planes */
  float *plane;         /* one plane per thread */
  size_t plane_step;
  int at[WIDTH];
} activations;

/* Floats of one set of planes: the widest unit, at the length of its input. */
static size_t planes_size(int frames) {
  static const int widths[3] = {128, 256, 256}; /* at full, half and quarter length */
  size_t most = 0;
  for (int i = 0; i < 3; i++, frames /= 2) {
    size_t size = (size_t)widths[i] * babel_plane_pitch(JOINTS * frames);
    if (size > most) most = size;
  }
  return most;
}

size_t babel_shift_gcn_net_scratch(int frames) {
  if (frames < BABEL_SHIFT_GCN_LEAST || frames > BABEL_SHIFT_GCN_MOST) return 0;
  return (4 * planes_size(frames) + (size_t)omp_get_max_threads() * babel_plane_pitch(JOINTS * frames)) *
         sizeof(float);
}

static void lay_out(activations *a, float *scratch, int frames) {
  size_t planes = planes_size(frames);
  a->h = scratch;
  a->g = a->h + planes;
  a->y = a->g + planes;
  a->d = a->y + planes;
  a->plane = a->d + planes;
  a->plane_step = babel_plane_pitch(JOINTS * frames);
}

static babel_status product(activations *a, float *y, const float *x, const float *packed, const float *bias,
                            int out, int in, int frames, int relu) {
  size_t pitch = babel_plane_pitch(JOINTS * frames);
  for (int k = 0; k < in; k++) a->at[k] = (int)((size_t)k * pitch);
  babel_plane_linear_job job = {y, x, packed, bias, a->at, out, in, JOINTS * frames, pitch, relu};
  return babel_plane_linear_fwd_cpu(&job);
}

/* h -> g: the graph part, then the first half of the temporal part (normalisation and shift). */
static babel_status spatial(const babel_shift_gcn_unit *u, activations *a, int frames) {
  size_t pitch = babel_plane_pitch(JOINTS * frames);
  const float *shortcut = u->down ? a->d : a->h;
  int status = BABEL_OK;
#pragma omp parallel for schedule(static) reduction(max : status) if (!omp_in_parallel())
  for (int c = 0; c < u->in; c++) {
    int failed = babel_joint_shift_in_fwd_cpu(a->g + (size_t)c * pitch, a->h + (size_t)c * pitch,
                                              u->mask + c * JOINTS, JOINTS, frames, c);
    if (failed > status) status = failed;
  }
  BABEL_TRY((babel_status)status);
  BABEL_TRY(product(a, a->y, a->g, u->spatial, NULL, u->out, u->in, frames, 0));
  if (u->down) BABEL_TRY(product(a, a->d, a->h, u->down, NULL, u->out, u->in, frames, 0));
#pragma omp parallel for schedule(static) reduction(max : status) if (!omp_in_parallel())
  for (int c = 0; c < u->out; c++) {
    size_t at = (size_t)c * pitch;
    float *plane = a->plane + (size_t)omp_get_thread_num() * a->plane_step;
    babel_joint_shift_out_job joint = {.y = plane,
                                       .x = a->y + at,
                                       .residual = shortcut + at,
                                       .scale = u->spatial_scale + c * JOINTS,
                                       .shift = u->spatial_shift + c * JOINTS,
                                       .after_scale = u->norm_scale[c],
                                       .after_shift = u->norm_shift[c],
                                       .joints = JOINTS,
                                       .frames = frames,
                                       .channel = c};
    babel_temporal_shift_job time = {.y = a->g + at,
                                     .x = plane,
                                     .position = u->position_in[c],
                                     .scale = 1,
                                     .joints = JOINTS,
                                     .frames = frames,
                                     .stride = 1};
    int failed = babel_joint_shift_out_fwd_cpu(&joint);
    if (!failed) failed = babel_temporal_shift_fwd_cpu(&time);
    if (failed > status) status = failed;
  }
  return (babel_status)status;
}

/* g -> g, which becomes h: 1x1 convolution, second shift with the unit's stride, normalisation, shortcut,
 * ReLU. */
static babel_status temporal(const babel_shift_gcn_unit *u, activations *a, int frames, int first) {
  int count = frames / u->stride, status = BABEL_OK;
  size_t pitch = babel_plane_pitch(JOINTS * frames), out_pitch = babel_plane_pitch(JOINTS * count);
  const float *shortcut = first ? NULL : u->residual ? a->d : a->h;
  BABEL_TRY(product(a, a->y, a->g, u->temporal, u->temporal_bias, u->out, u->out, frames, 1));
  if (u->residual) {
    babel_skeleton_planes_thin(a->g, a->h, u->in, JOINTS, frames, u->stride,
                               count); /* an odd last frame is dropped */
    BABEL_TRY(product(a, a->d, a->g, u->residual, NULL, u->out, u->in, count, 0));
  }
#pragma omp parallel for schedule(static) reduction(max : status) if (!omp_in_parallel())
  for (int c = 0; c < u->out; c++) {
    babel_temporal_shift_job job = {.y = a->g + (size_t)c * out_pitch,
                                    .x = a->y + (size_t)c * pitch,
                                    .residual = shortcut ? shortcut + (size_t)c * out_pitch : NULL,
                                    .position = u->position_out[c],
                                    .scale = u->out_scale[c],
                                    .shift = u->out_shift[c],
                                    .joints = JOINTS,
                                    .frames = frames,
                                    .stride = u->stride,
                                    .relu = 1};
    int failed = babel_temporal_shift_fwd_cpu(&job);
    if (failed > status) status = failed;
  }
  float *free_planes = a->h;
  a->h = a->g;
  a->g = free_planes;
  return (babel_status)status;
}

/* Data normalisation. An empty slot is a row of zeros in every frame, which the normalisation does not leave
 * at zero. */
static babel_status enter(const babel_shift_gcn_net *net, activations *a, const float *x, int frames,
                          int slot) {
  size_t values = (size_t)frames * JOINTS * 3;
  if (!x) x = memset(a->y, 0, values * sizeof *x);
  return babel_skeleton_planes_in(a->h, a->g, x, net->data_scale + slot * JOINTS * 3,
                                  net->data_shift + slot * JOINTS * 3, frames, JOINTS);
}

babel_status babel_shift_gcn_net_run(const babel_shift_gcn_net *net, const float *x, int frames, int slot,
                                     float *pooled, void *scratch, const babel_unit_observer *observer) {
  activations a;
  if (frames < BABEL_SHIFT_GCN_LEAST || frames > BABEL_SHIFT_GCN_MOST)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "shift_gcn takes %d to %d frames, this sequence has %d",
                      BABEL_SHIFT_GCN_LEAST, BABEL_SHIFT_GCN_MOST, frames);
  if (slot < 0 || slot > 1)
    return BABEL_FAIL(BABEL_ERR_ARG, "shift_gcn has person slots 0 and 1, not %d", slot);
  lay_out(&a, scratch, frames);
  BABEL_TRY(enter(net, &a, x, frames, slot));
  for (int l = 0; l < BABEL_SHIFT_GCN_UNITS; l++) {
    const babel_shift_gcn_unit *u = &net->units[l];
    BABEL_TRY(spatial(u, &a, frames));
    BABEL_TRY(temporal(u, &a, frames, l == 0));
    frames /= u->stride;
    if (observer) observer->see(observer->user, l + 1, a.h, u->out, JOINTS, frames);
  }
  babel_skeleton_planes_mean(pooled, a.h, WIDTH, JOINTS, frames);
  return BABEL_OK;
}

void babel_shift_gcn_net_scores(const babel_shift_gcn_net *net, const float *pooled, float *scores) {
  babel_skeleton_scores(scores, pooled, net->fc, net->fc_bias, BABEL_SHIFT_GCN_CLASSES, WIDTH);
}
