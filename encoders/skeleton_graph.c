#include "encoders/skeleton_graph.h"

#include <stdbool.h>
#include <string.h>

enum { MOST = 64 };

static const unsigned char ntu_pairs[24][2] = {{0, 1},   {1, 20},  {2, 20},  {3, 2},   {4, 20},  {5, 4},
                                               {6, 5},   {7, 6},   {8, 20},  {9, 8},   {10, 9},  {11, 10},
                                               {12, 0},  {13, 12}, {14, 13}, {15, 14}, {16, 0},  {17, 16},
                                               {18, 17}, {19, 18}, {21, 22}, {22, 7},  {23, 24}, {24, 11}};
static const unsigned char openpose_pairs[17][2] = {{4, 3},  {3, 2},  {7, 6},  {6, 5},   {13, 12}, {12, 11},
                                                    {10, 9}, {9, 8},  {11, 5}, {8, 2},   {5, 1},   {2, 1},
                                                    {0, 1},  {15, 0}, {14, 0}, {17, 15}, {16, 14}};

const babel_skeleton_graph babel_skeleton_graph_ntu = {25, 24, 20, ntu_pairs};
const babel_skeleton_graph babel_skeleton_graph_openpose = {18, 17, 1, openpose_pairs};

babel_status babel_skeleton_graph_adjacency(const babel_skeleton_graph *graph, float *a) {
  int n = graph->joints, centre = graph->centre;
  bool b[MOST][MOST] = {{false}};
  if (n < 1 || n > MOST || centre < 0 || centre >= n)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "skeleton graph of %d joints around joint %d: expected up to %d", n,
                      centre, MOST);
  for (int v = 0; v < n; v++) b[v][v] = true;
  for (int e = 0; e < graph->edges; e++) {
    int v = graph->pairs[e][0], w = graph->pairs[e][1];
    if (v >= n || w >= n)
      return BABEL_FAIL(BABEL_ERR_SHAPE, "skeleton graph: edge %d-%d among %d joints", v, w, n);
    b[v][w] = b[w][v] = true;
  }
  memset(a, 0, (size_t)(BABEL_GRAPH_SUBSETS * n * n) * sizeof *a);
  for (int w = 0; w < n; w++) {
    int degree = 0, distance_w = w == centre ? 0 : b[w][centre] ? 1 : 2; /* 2: infinite */
    for (int v = 0; v < n; v++) degree += b[v][w];
    for (int v = 0; v < n; v++) {
      int distance_v = v == centre    ? 0
                       : b[v][centre] ? 1
                                      : 2,
          subset = v == w                    ? 0
                   : distance_v < distance_w ? 2
                                             : 1;
      if (b[v][w]) a[(subset * n + v) * n + w] = (float)(1.0 / degree);
    }
  }
  return BABEL_OK;
}
