#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "encoders/skeleton_graph.h"
#include "encoders/st_gcn_net.h"
#include "kernels/batchnorm.h"
#include "kernels/plane_linear.h"
#include "kernels/temporal_conv.h"

enum { SUBSETS = BABEL_GRAPH_SUBSETS, TAPS = BABEL_TEMPORAL_TAPS };

static const char prefix[] = "skeleton_model.";

/* One import under way; buffers for the tensors of one unit. */
typedef struct {
  const babel_weight_source *source;
  babel_st_gcn_net *net;
  float *matrix, *folded, *bias, *scale, *shift;
  float *adjacency, *importance; /* (3, joints, joints) */
  char unit[32];
} import;

static const char *named(const import *i, const char *name, char text[96]) {
  snprintf(text, 96, "%s%s", i->unit, name);
  return text;
}

static babel_status take(const import *i, const char *name, int rank, const int64_t *shape, float *out) {
  char text[96];
  return i->source->take(i->source->context, named(i, name, text), rank, shape, out);
}

static babel_status norm(const import *i, const char *name, int n) {
  char text[96];
  return babel_weight_source_batchnorm(i->source, named(i, name, text), n, i->scale, i->shift);
}

static babel_status floats(const import *i, float **out, size_t count) {
  return babel_arena_floats(&i->net->memory, count, out);
}

/* NAME.weight (out, in, taps, 1) and NAME.bias with the BatchNorm behind them, packed. */
static babel_status convolution(const import *i, const char *conv, const char *bn, int out, int in, int taps,
                                float **packed, float **bias) {
  const int64_t shape[4] = {out, in, taps, 1}, bias_shape[1] = {out};
  int inputs = in * taps;
  char name[64];
  snprintf(name, sizeof name, "%s.weight", conv);
  BABEL_TRY(take(i, name, 4, shape, i->matrix));
  snprintf(name, sizeof name, "%s.bias", conv);
  BABEL_TRY(floats(i, bias, (size_t)out));
  BABEL_TRY(take(i, name, 1, bias_shape, *bias));
  BABEL_TRY(norm(i, bn, out));
  BABEL_TRY(babel_batchnorm_fold(i->matrix, *bias, i->scale, i->shift, out, inputs));
  BABEL_TRY(floats(i, packed, babel_plane_linear_packed(out, inputs)));
  return babel_plane_linear_pack_cpu(*packed, i->matrix, out, inputs, inputs, 1);
}

static babel_status import_graph(const import *i, babel_st_gcn_unit *unit, babel_st_gcn_unit_shape u) {
  const int64_t shape[4] = {SUBSETS * u.out, u.in, 1, 1}, bias_shape[1] = {SUBSETS * u.out};
  BABEL_TRY(take(i, "gcn.conv.weight", 4, shape, i->matrix));
  BABEL_TRY(take(i, "gcn.conv.bias", 1, bias_shape, i->bias));
  BABEL_TRY(norm(i, "tcn.0", u.out));
  BABEL_TRY(floats(i, &unit->graph, babel_graph_conv_packed(SUBSETS, u.out, u.in)));
  BABEL_TRY(floats(i, &unit->graph_shift, (size_t)u.out));
  memcpy(unit->graph_shift, i->shift, (size_t)u.out * sizeof *i->shift);
  return babel_graph_conv_pack_cpu(unit->graph, i->folded, i->matrix, i->bias, i->scale, SUBSETS, u.out,
                                   u.in);
}

static babel_status import_edges(const import *i, babel_st_gcn_unit *unit, int l) {
  int joints = i->net->shape.joints;
  size_t most = (size_t)(SUBSETS * joints * joints);
  const int64_t shape[3] = {SUBSETS, joints, joints};
  char name[32];
  void *start, *source;
  snprintf(name, sizeof name, "edge_importance.%d", l);
  BABEL_TRY(i->source->take(i->source->context, name, 3, shape, i->importance));
  BABEL_TRY(babel_arena_take(&i->net->memory, (size_t)(SUBSETS * joints + 1) * sizeof(int), &start));
  BABEL_TRY(babel_arena_take(&i->net->memory, most * sizeof(int), &source));
  unit->edges = (babel_graph_edges){.subsets = SUBSETS, .joints = joints, .start = start, .source = source};
  BABEL_TRY(floats(i, &unit->edges.value, most));
  return babel_graph_edges_fill(&unit->edges, i->adjacency, i->importance);
}

static bool has_residual(const babel_st_gcn_shape *shape, int l) {
  return l && (shape->unit[l].in != shape->unit[l].out || shape->unit[l].stride != 1);
}

static babel_status import_all(import *i) {
  babel_st_gcn_net *net = i->net;
  const babel_st_gcn_shape *shape = &net->shape;
  int joints = shape->joints, width = babel_st_gcn_net_width(shape);
  const int64_t graph_shape[3] = {SUBSETS, joints, joints}, fcn_shape[4] = {shape->classes, width, 1, 1};
  BABEL_TRY(take(i, "A", 3, graph_shape, i->adjacency));
  BABEL_TRY(floats(i, &net->data_scale, (size_t)joints * 3));
  BABEL_TRY(floats(i, &net->data_shift, (size_t)joints * 3));
  BABEL_TRY(
      babel_weight_source_batchnorm(i->source, "data_bn", joints * 3, net->data_scale, net->data_shift));
  for (int l = 0; l < shape->units; l++) {
    babel_st_gcn_unit *unit = &net->units[l];
    babel_st_gcn_unit_shape u = shape->unit[l];
    snprintf(i->unit, sizeof i->unit, "st_gcn_networks.%d.", l);
    BABEL_TRY(import_graph(i, unit, u));
    BABEL_TRY(convolution(i, "tcn.2", "tcn.3", u.out, u.out, TAPS, &unit->temporal, &unit->temporal_bias));
    if (has_residual(shape, l))
      BABEL_TRY(
          convolution(i, "residual.0", "residual.1", u.out, u.in, 1, &unit->residual, &unit->residual_bias));
  }
  for (int l = 0; l < shape->units; l++) BABEL_TRY(import_edges(i, &net->units[l], l));
  BABEL_TRY(floats(i, &net->fcn, (size_t)shape->classes * (size_t)width));
  BABEL_TRY(floats(i, &net->fcn_bias, (size_t)shape->classes));
  BABEL_TRY(i->source->take(i->source->context, "fcn.weight", 4, fcn_shape, net->fcn));
  return babel_weight_source_vector(i->source, "fcn.bias", shape->classes, net->fcn_bias);
}

static babel_status check_shape(const babel_st_gcn_shape *shape) {
  bool fits = shape->units >= 1 && shape->units <= BABEL_ST_GCN_UNITS && shape->joints >= 1 &&
              shape->joints <= BABEL_ST_GCN_JOINTS && shape->classes >= 1 && shape->classes <= 4096;
  for (int l = 0; fits && l < shape->units; l++) {
    babel_st_gcn_unit_shape u = shape->unit[l];
    fits = u.out >= 1 && u.out <= 512 && u.stride >= 1 && u.stride <= 2 &&
           u.in == (l ? shape->unit[l - 1].out : 3);
  }
  if (!fits)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "st_gcn: %d units over %d joints do not make a network", shape->units,
                      shape->joints);
  return BABEL_OK;
}

/* Bytes of the finished network. */
static size_t net_size(const babel_st_gcn_shape *shape) {
  size_t joints = (size_t)shape->joints, width = (size_t)babel_st_gcn_net_width(shape), f = sizeof(float);
  size_t edges = babel_arena_need(SUBSETS * joints + 1, sizeof(int)) +
                 2 * babel_arena_need(SUBSETS * joints * joints, f);
  size_t size = 2 * babel_arena_need(joints * 3, f) + babel_arena_need((size_t)shape->classes * width, f) +
                babel_arena_need((size_t)shape->classes, f);
  for (int l = 0; l < shape->units; l++) {
    babel_st_gcn_unit_shape u = shape->unit[l];
    size += edges + babel_arena_need(babel_graph_conv_packed(SUBSETS, u.out, u.in), f) +
            3 * babel_arena_need((size_t)u.out, f);
    size += babel_arena_need(babel_plane_linear_packed(u.out, TAPS * u.out), f) +
            babel_arena_need(babel_plane_linear_packed(u.out, u.in), f);
  }
  return size;
}

babel_status babel_st_gcn_net_create(babel_st_gcn_net *net, const babel_st_gcn_shape *shape,
                                     const babel_weight_source *source) {
import i = {.source = source, .net = net };
  void *buffer = NULL;
  size_t widest = 3, graph = (size_t)(SUBSETS * shape->joints * shape->joints);
  babel_status status;
  memset(net, 0, sizeof *net);
  BABEL_TRY(check_shape(shape));
  net->shape = *shape;
  for (int l = 0; l < shape->units; l++)
    if ((size_t)shape->unit[l].out > widest) widest = (size_t)shape->unit[l].out;
  BABEL_TRY_OR(babel_arena_create(&net->memory, net_size(shape)), done);
  size_t square = TAPS * widest * widest, fold = SUBSETS * (widest + 1) * widest;
  BABEL_TRY_OR(babel_alloc(&buffer, square + fold + (SUBSETS + 2) * widest + 2 * graph, sizeof(float)), done);
  i.matrix = buffer;
  i.folded = i.matrix + square;
  i.bias = i.folded + fold;
  i.scale = i.bias + SUBSETS * widest;
  i.shift = i.scale + widest;
  i.adjacency = i.shift + widest;
  i.importance = i.adjacency + graph;
  status = import_all(&i);
done:
  free(buffer);
  if (status != BABEL_OK) babel_st_gcn_net_destroy(net);
  return status;
}

babel_status babel_st_gcn_net_load(babel_st_gcn_net *net, const babel_st_gcn_shape *shape, const char *path,
                                   char sha256[65]) {
  babel_checkpoint checkpoint = {0};
  babel_checkpoint_source from;
  babel_status status;
  memset(net, 0, sizeof *net);
  BABEL_TRY(babel_checkpoint_open(&checkpoint, path));
  babel_weight_source source = babel_checkpoint_source_of(&from, &checkpoint, prefix, "fcn.weight");
  BABEL_TRY_OR(babel_st_gcn_net_create(net, shape, &source), done);
  BABEL_TRY_OR(babel_checkpoint_source_finish(&from), done);
  memcpy(sha256, checkpoint.sha256, sizeof checkpoint.sha256);
done:
  babel_checkpoint_close(&checkpoint);
  if (status != BABEL_OK) babel_st_gcn_net_destroy(net);
  return status;
}

typedef struct {
  uint64_t seed, next;
} random_source;

static babel_status draw(void *context, const char *name, int rank, const int64_t *shape, float *out) {
  random_source *from = context;
  int64_t count = 1;
  for (int k = 0; k < rank; k++) count *= shape[k];
  uint64_t first = from->next;
  from->next += (uint64_t)count;
  if (!strcmp(name, "A")) return babel_skeleton_graph_adjacency(&babel_skeleton_graph_ntu, out);
  if (rank == 4) { /* a convolution */
    float bound = sqrtf(6.0f * (float)shape[0] / (float)count);
    for (int64_t k = 0; k < count; k++)
      out[k] = bound * (2 * babel_rng_uniform(from->seed, BABEL_RNG_ENCODER, first + (uint64_t)k) - 1);
    return BABEL_OK;
  }
  const char *last = strrchr(name, '.');
  float level = !strcmp(last, ".bias") || !strcmp(last, ".running_mean") ? 0 : 1;
  bool data_mean = !strcmp(name, "data_bn.running_mean"), data_var = !strcmp(name, "data_bn.running_var");
  for (int64_t k = 0; k < count; k++)
    out[k] = data_var ? 0.09f : data_mean && k % 3 == 2 ? 3.0f : level; /* x y z [m] */
  return BABEL_OK;
}

babel_status babel_st_gcn_net_random(babel_st_gcn_net *net, uint64_t seed) {
  random_source from = {.seed = seed};
  const babel_weight_source source = {&from, draw};
  return babel_st_gcn_net_create(net, &babel_st_gcn_ntu, &source);
}

void babel_st_gcn_net_destroy(babel_st_gcn_net *net) {
  babel_arena_destroy(&net->memory);
  memset(net, 0, sizeof *net);
}
