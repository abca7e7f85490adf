/* The network of ST-GCN (skeleton_st_gcn.md sections 2 to 5; yysijie/st-gcn), for any number of units, joints
 * and classes: data normalisation per (joint, coordinate), units of graph convolution and 9x1 temporal
 * convolution, mean over time and joints, mean over persons, 1x1 classifier. Every BatchNorm behind a
 * convolution is folded into it. */
#ifndef BABEL_ENCODERS_ST_GCN_NET_H
#define BABEL_ENCODERS_ST_GCN_NET_H

#include "core/arena.h"
#include "encoders/skeleton_planes.h"
#include "encoders/weight_source.h"
#include "kernels/graph_conv.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_ST_GCN_UNITS 10      /* most units */
#define BABEL_ST_GCN_JOINTS 64     /* most joints */
#define BABEL_ST_GCN_FRAMES 100000 /* most frames */

typedef struct {
  int in, out,
      stride; /* the first unit has no shortcut; a stride or a change of width makes it a convolution */
} babel_st_gcn_unit_shape;

typedef struct {
  int joints, classes, units;
  babel_st_gcn_unit_shape unit[BABEL_ST_GCN_UNITS];
} babel_st_gcn_shape;

extern const babel_st_gcn_shape
    babel_st_gcn_ntu; /* 25 joints, 60 classes, 10 units, 256 channels at the end */

typedef struct {
  babel_graph_edges edges;         /* A times the unit's edge importance */
  float *graph, *graph_shift;      /* packed, (out): tcn.0 folded in */
  float *temporal, *temporal_bias; /* packed (out, 9 * out), (out): tcn.3 folded in */
  float *residual, *residual_bias; /* packed (out, in), (out), or NULL */
} babel_st_gcn_unit;

typedef struct {
  babel_arena memory;
  babel_st_gcn_shape shape;
  float *data_scale, *data_shift; /* (joints, 3) */
  babel_st_gcn_unit units[BABEL_ST_GCN_UNITS];
  float *fcn, *fcn_bias; /* (classes, width), (classes) */
} babel_st_gcn_net;

/* From any source of tensors; the adjacency is the tensor "A". BABEL_ERR_SHAPE for an impossible shape. */
babel_status babel_st_gcn_net_create(babel_st_gcn_net *net, const babel_st_gcn_shape *shape,
                                     const babel_weight_source *source);
/* Strict import of a file of this shape, or of BABEL's checkpoint (prefix `skeleton_model.`);
 * `num_batches_tracked` is ignored. sha256: of the file. */
babel_status babel_st_gcn_net_load(babel_st_gcn_net *net, const babel_st_gcn_shape *shape, const char *path,
                                   char sha256[65]);
/* Untrained NTU network from (seed, stream BABEL_RNG_ENCODER), one word an element in the order of the state
 * dictionary: convolutions uniform in +-sqrt(6 / fan_in), which keeps the size of the activations through
 * ReLUs; biases 0; BatchNorms and edge importance neutral, but for the data normalisation: a person 3 m in
 * front of the camera, deviation 0.3 m (without it the distance drowns the movement: one-shot accuracy 18
 * instead of 23 % on UTD-MHAD); the real graph. */
babel_status babel_st_gcn_net_random(babel_st_gcn_net *net, uint64_t seed);
void babel_st_gcn_net_destroy(babel_st_gcn_net *net); /* accepts a zeroed one */

int babel_st_gcn_net_width(const babel_st_gcn_shape *shape); /* of the pooled vector */

/* One person: x (frames, joints, 3) -> pooled (width). scratch: babel_st_gcn_net_scratch(...) bytes, 64-byte
 * aligned. observer may be NULL; units count from 0. Thread-safe; uses threads unless the caller is in a
 * parallel region. BABEL_ERR_SHAPE for frames outside 1..100000. */
babel_status babel_st_gcn_net_run(const babel_st_gcn_net *net, const float *x, int frames, float *pooled,
                                  void *scratch, const babel_unit_observer *observer);
size_t babel_st_gcn_net_scratch(const babel_st_gcn_shape *shape, int frames);

/* scores (classes) of a pooled vector. */
void babel_st_gcn_net_scores(const babel_st_gcn_net *net, const float *pooled, float *scores);

#ifdef __cplusplus
}
#endif
#endif
