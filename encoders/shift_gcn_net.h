/* The network of Shift-GCN, NTU RGB+D cross-subject, joint stream (skeleton_st_gcn.md section 9;
 * kchengiva/Shift-GCN): data normalisation, ten units l1..l10 of spatial shift and temporal shift, mean over
 * time and joints, 60 class scores.
 *
 * Every BatchNorm is folded where it lands: into the 1x1 convolution in front of it, or into the pass that
 * writes the shifted planes. A unit is then two products (four where the width changes) and three passes over
 * the planes. */
#ifndef BABEL_ENCODERS_SHIFT_GCN_NET_H
#define BABEL_ENCODERS_SHIFT_GCN_NET_H

#include "core/arena.h"
#include "encoders/skeleton_planes.h"
#include "encoders/weight_source.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  BABEL_SHIFT_GCN_UNITS = 10,
  BABEL_SHIFT_GCN_JOINTS = 25,
  BABEL_SHIFT_GCN_WIDTH = 256,
  BABEL_SHIFT_GCN_CLASSES = 60,
  BABEL_SHIFT_GCN_LEAST = 4, /* frames: two units halve them */
  BABEL_SHIFT_GCN_MOST = 100000
};

typedef struct {
  int in, out, stride;
  float *mask;                          /* (in, 25): 1 + tanh(Feature_Mask) */
  float *spatial, *down;                /* packed (out, in); down: NULL where in = out */
  float *spatial_scale, *spatial_shift; /* (out, 25): gcn1.bn with Linear_bias and down's bias */
  float *norm_scale, *norm_shift;       /* (out): tcn1.bn */
  float *position_in, *position_out;    /* (out): ypos [frames] */
  float *temporal, *temporal_bias;      /* packed (out, out), (out) */
  float *out_scale, *out_shift;         /* (out): tcn1.bn2 with the bias of residual */
  float *residual;                      /* packed (out, in), or NULL */
} babel_shift_gcn_unit;

typedef struct {
  babel_arena memory;
  float *data_scale, *data_shift; /* (2 persons, 25 joints, 3) */
  babel_shift_gcn_unit units[BABEL_SHIFT_GCN_UNITS];
  float *fc, *fc_bias; /* (60, 256), (60) */
} babel_shift_gcn_net;

/* From any source of tensors; index tables are not asked for. */
babel_status babel_shift_gcn_net_create(babel_shift_gcn_net *net, const babel_weight_source *source);
/* Strict import of the published file (302 entries) or of BABEL's checkpoint (prefix `skeleton_model.`). The
 * stored index tables must be the formula that kernels/joint_shift.h computes. sha256: of the file. */
babel_status babel_shift_gcn_net_load(babel_shift_gcn_net *net, const char *path, char sha256[65]);
void babel_shift_gcn_net_destroy(babel_shift_gcn_net *net); /* accepts a zeroed one */

/* One person: x (frames, 25, 3) prepared coordinates, or NULL for an empty slot; slot 0 or 1 chooses the
 * channels of the data normalisation. pooled (256) = mean over time and joints of l10. scratch:
 * babel_shift_gcn_net_scratch(frames) bytes, 64-byte aligned. observer may be NULL; units count from 1.
 * Thread-safe; uses threads unless the caller is in a parallel region. BABEL_ERR_SHAPE for frames
 * outside 4..100000, BABEL_ERR_ARG for another slot. */
babel_status babel_shift_gcn_net_run(const babel_shift_gcn_net *net, const float *x, int frames, int slot,
                                     float *pooled, void *scratch, const babel_unit_observer *observer);
size_t babel_shift_gcn_net_scratch(int frames);

/* scores (60) of a pooled vector. */
void babel_shift_gcn_net_scores(const babel_shift_gcn_net *net, const float *pooled, float *scores);

#ifdef __cplusplus
}
#endif
#endif
