/* The spatial graph of ST-GCN (skeleton_st_gcn.md section 3). B = symmetric adjacency with self loops, G = B
 * D^-1 (every column sums to 1). Distances to the centre joint are known up to one hop, anything further is
 * infinite. Entry G[v][w], v source, w destination, stands in exactly one subset: 0 where v = w; 2 where v is
 * nearer to the centre than w; 1 otherwise, which includes pairs at equal, also at infinite, distance. */
#ifndef BABEL_ENCODERS_SKELETON_GRAPH_H
#define BABEL_ENCODERS_SKELETON_GRAPH_H

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_GRAPH_SUBSETS 3

typedef struct {
  int joints, edges, centre;
  const unsigned char (*pairs)[2]; /* (edges), 0-based */
} babel_skeleton_graph;

extern const babel_skeleton_graph babel_skeleton_graph_ntu;      /* 25 joints */
extern const babel_skeleton_graph babel_skeleton_graph_openpose; /* 18 joints */

/* a (3, joints, joints) as [subset][source][destination]. BABEL_ERR_SHAPE for more than 64 joints or a joint
 * out of range. */
babel_status babel_skeleton_graph_adjacency(const babel_skeleton_graph *graph, float *a);

#ifdef __cplusplus
}
#endif
#endif
