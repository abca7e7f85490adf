/* ST-GCN's spatial graph convolution with edge importance (skeleton_st_gcn.md section 4), for one sample:
 *
 *   y[c][w][t] = act(scale[c] * sum_k sum_v (sum_i W[k * out + c][i] x[i][v][t] + b[k * out + c]) *
 * A[k][v][w] E[k][v][w] + shift[c])
 *
 * scale, shift: a BatchNorm that follows (or 1, 0); act: ReLU or nothing. Planes are (joints, frames), time
 * fastest, `pitch` = babel_plane_pitch(joints * frames) apart. The sum over neighbours is taken first, over
 * the non-zero edges alone: it is linear, and then one product with subsets * (in + 1) inputs remains. The
 * extra input of each subset carries its bias through the adjacency: its plane holds the sums of A * E over
 * the sources. */
#ifndef BABEL_KERNELS_GRAPH_CONV_H
#define BABEL_KERNELS_GRAPH_CONV_H

#include <stddef.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Non-zero entries of A * E, grouped by (subset, destination): group g = k * joints + w holds entries
 * start[g] .. start[g + 1] - 1. */
typedef struct {
  int subsets, joints;
  int *start;   /* (subsets * joints + 1) */
  int *source;  /* up to (subsets * joints * joints) */
  float *value; /* the same */
} babel_graph_edges;

/* Fills the caller's arrays of `edges` from adjacency and importance (NULL = ones), both (subsets, joints,
 * joints) as [subset][source][destination]. BABEL_ERR_SHAPE for sizes below 1. */
babel_status babel_graph_edges_fill(babel_graph_edges *edges, const float *adjacency,
                                    const float *importance);

/* Floats of packed weights. */
size_t babel_graph_conv_packed(int subsets, int out, int in);
/* packed from w (subsets * out, in), b (subsets * out), scale (out) or NULL = 1. workspace: out * subsets *
 * (in + 1) floats. */
babel_status babel_graph_conv_pack_cpu(float *packed, float *workspace, const float *w, const float *b,
                                       const float *scale, int subsets, int out, int in);

typedef struct {
  float
      *y; /* (out planes); no aliasing; "="; up to the next multiple of 8 values of each plane are written */
  const float *x;              /* (in planes) */
  const float *packed, *shift; /* shift: (out) or NULL = 0 */
  const babel_graph_edges *edges;
  float *workspace; /* babel_graph_conv_workspace(subsets, in, pitch) floats */
  int *at;          /* (subsets * (in + 1)) */
  int in, out, frames, relu;
} babel_graph_conv_job;

size_t babel_graph_conv_workspace(int subsets, int in, size_t pitch);
/* BABEL_ERR_SHAPE for sizes below 1 or planes that int offsets cannot reach. */
babel_status babel_graph_conv_fwd_cpu(const babel_graph_conv_job *job);

#ifdef __cplusplus
}
#endif
#endif
