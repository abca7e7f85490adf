#include "encoders/st_gcn_net.h"

#include "encoders/skeleton_graph.h"
#include "kernels/plane_linear.h"
#include "kernels/temporal_conv.h"

const babel_st_gcn_shape babel_st_gcn_ntu = {
    .joints = 25,
    .classes = 60,
    .units = 10,
    .unit = {{3, 64, 1},
             {64, 64, 1},
             {64, 64, 1},
             {64, 64, 1},
             {64, 128, 2},
             {128, 128, 1},
             {128, 128, 1},
             {128, 256, 2},
             {256, 256, 1},
             {256, 256, 1}},
};

int babel_st_gcn_net_width(const babel_st_gcn_shape *shape) {
  return shape->unit[shape->units - 1].out;
}

/* Sizes of the pieces of scratch memory, each the most that any unit needs. */
typedef struct {
  size_t planes, graph, temporal, at; /* [floats], at: [ints] */
} needs;

static void raise_to(size_t *most, size_t value) {
  value = (value + 15) / 16 * 16;
  if (value > *most) *most = value;
}

static needs measure(const babel_st_gcn_shape *shape, int frames) {
  needs n = {0};
  raise_to(&n.graph, (size_t)frames * (size_t)shape->joints * 3); /* holds the normalised input first */
  for (int l = 0; l < shape->units; l++) {
    babel_st_gcn_unit_shape u = shape->unit[l];
    size_t pitch = babel_plane_pitch(shape->joints * frames);
    raise_to(&n.planes, (size_t)(u.in > u.out ? u.in : u.out) * pitch);
    raise_to(&n.graph, babel_graph_conv_workspace(BABEL_GRAPH_SUBSETS, u.in, pitch));
    raise_to(&n.temporal, babel_temporal_conv_workspace(u.out, u.out, shape->joints, frames, u.stride));
    raise_to(&n.at, (size_t)BABEL_GRAPH_SUBSETS * (size_t)(u.in + 1));
    raise_to(&n.at, (size_t)BABEL_TEMPORAL_TAPS * (size_t)u.out);
    frames = babel_temporal_conv_frames(frames, u.stride);
  }
  return n;
}

size_t babel_st_gcn_net_scratch(const babel_st_gcn_shape *shape, int frames) {
  if (frames < 1 || frames > BABEL_ST_GCN_FRAMES) return 0;
  needs n = measure(shape, frames);
  return (3 * n.planes + n.graph + n.temporal) * sizeof(float) + n.at * sizeof(int);
}

/* Activations of one run: `h` holds a unit's input and, in the end, its output. */
typedef struct {
  float *h, *u, *d, *graph, *temporal;
  int *at;
} activations;

static babel_status residual(const babel_st_gcn_unit *unit, babel_st_gcn_unit_shape u, activations *a,
                             int joints, int frames, int count) {
  size_t pitch = babel_plane_pitch(joints * count);
  babel_skeleton_planes_thin(a->graph, a->h, u.in, joints, frames, u.stride, count);
  for (int k = 0; k < u.in; k++) a->at[k] = (int)((size_t)k * pitch);
  babel_plane_linear_job job = {.y = a->d,
                                .x = a->graph,
                                .packed = unit->residual,
                                .bias = unit->residual_bias,
                                .at = a->at,
                                .out = u.out,
                                .in = u.in,
                                .columns = joints * count,
                                .y_pitch = pitch};
  return babel_plane_linear_fwd_cpu(&job);
}

static babel_status run_unit(const babel_st_gcn_unit *unit, babel_st_gcn_unit_shape u, activations *a,
                             int joints, int frames, int first) {
  babel_graph_conv_job graph = {.y = a->u,
                                .x = a->h,
                                .packed = unit->graph,
                                .shift = unit->graph_shift,
                                .edges = &unit->edges,
                                .workspace = a->graph,
                                .at = a->at,
                                .in = u.in,
                                .out = u.out,
                                .frames = frames,
                                .relu = 1};
  BABEL_TRY(babel_graph_conv_fwd_cpu(&graph));
  if (unit->residual)
    BABEL_TRY(residual(unit, u, a, joints, frames, babel_temporal_conv_frames(frames, u.stride)));
  babel_temporal_conv_job temporal = {.y = a->h,
                                      .x = a->u,
                                      .residual = first            ? NULL
                                                  : unit->residual ? a->d
                                                                   : a->h,
                                      .packed = unit->temporal,
                                      .bias = unit->temporal_bias,
                                      .workspace = a->temporal,
                                      .at = a->at,
                                      .in = u.out,
                                      .out = u.out,
                                      .joints = joints,
                                      .frames = frames,
                                      .stride = u.stride,
                                      .relu = 1};
  return babel_temporal_conv_fwd_cpu(&temporal);
}

babel_status babel_st_gcn_net_run(const babel_st_gcn_net *net, const float *x, int frames, float *pooled,
                                  void *scratch, const babel_unit_observer *observer) {
  const babel_st_gcn_shape *shape = &net->shape;
  if (frames < 1 || frames > BABEL_ST_GCN_FRAMES)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "st_gcn takes 1 to %d frames, this sequence has %d",
                      BABEL_ST_GCN_FRAMES, frames);
  needs n = measure(shape, frames);
  activations a = {.h = scratch};
  a.u = a.h + n.planes;
  a.d = a.u + n.planes;
  a.graph = a.d + n.planes;
  a.temporal = a.graph + n.graph;
  a.at = (int *)(a.temporal + n.temporal);
  BABEL_TRY(
      babel_skeleton_planes_in(a.h, a.graph, x, net->data_scale, net->data_shift, frames, shape->joints));
  for (int l = 0; l < shape->units; l++) {
    BABEL_TRY(run_unit(&net->units[l], shape->unit[l], &a, shape->joints, frames, l == 0));
    frames = babel_temporal_conv_frames(frames, shape->unit[l].stride);
    if (observer) observer->see(observer->user, l, a.h, shape->unit[l].out, shape->joints, frames);
  }
  babel_skeleton_planes_mean(pooled, a.h, babel_st_gcn_net_width(shape), shape->joints, frames);
  return BABEL_OK;
}

void babel_st_gcn_net_scores(const babel_st_gcn_net *net, const float *pooled, float *scores) {
  babel_skeleton_scores(scores, pooled, net->fcn, net->fcn_bias, net->shape.classes,
                        babel_st_gcn_net_width(&net->shape));
}
