#include <criterion/criterion.h>
#include <math.h>

#include "encoders/skeleton_graph.h"

enum { V = 25 };

static float ntu[3][V][V];

static void build(void) {
  cr_assert_eq(babel_skeleton_graph_adjacency(&babel_skeleton_graph_ntu, &ntu[0][0][0]), BABEL_OK);
}

static void close_to(double value, double expected) {
  cr_assert_float_eq(value, expected, 2e-6, "%.9g, the reference is %.9g", value, expected);
}

Test(encoders_skeleton_graph, ntu_subsets_hold_the_reference_counts_and_totals) {
  static const int counts[3] = {25, 40, 8};
  static const double totals[3] = {8.95, 13.3, 2.75};
  double squares = 0;
  build();
  for (int k = 0; k < 3; k++) {
    int count = 0;
    double total = 0;
    for (int v = 0; v < V; v++)
      for (int w = 0; w < V; w++) {
        count += ntu[k][v][w] != 0;
        total += (double)ntu[k][v][w];
        squares += (double)ntu[k][v][w] * (double)ntu[k][v][w];
      }
    cr_assert_eq(count, counts[k]);
    close_to(total, totals[k]);
  }
  cr_assert_float_eq(sqrt(squares), 2.99165506, 3e-7); /* the entries are floats */
}

Test(encoders_skeleton_graph, every_destination_receives_a_mean_over_its_neighbours) {
  static const int degrees[V] = {4, 3, 3, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 3, 3, 3, 2, 5, 2, 3, 2, 3};
  build();
  for (int w = 0; w < V; w++) {
    double sum = 0;
    for (int k = 0; k < 3; k++)
      for (int v = 0; v < V; v++) {
        sum += (double)ntu[k][v][w];
        if (ntu[k][v][w] != 0) close_to((double)ntu[k][v][w], 1.0 / degrees[w]);
      }
    close_to(sum, 1);
  }
}

Test(encoders_skeleton_graph, nearer_sources_stand_in_subset_two_and_equal_ones_in_subset_one) {
  static const struct {
    int v, w, degree;
  } nearer[8] = {{1, 0, 4}, {2, 3, 2}, {4, 5, 3}, {8, 9, 3}, {20, 1, 3}, {20, 2, 3}, {20, 4, 3}, {20, 8, 3}};
  static const double rows[V] = {1,       0.2,     0.2,      1.0 / 3, 0.2,     2.0 / 3,  2.0 / 3,
                                 2.0 / 3, 0.2,     2.0 / 3,  2.0 / 3, 2.0 / 3, 7.0 / 12, 2.0 / 3,
                                 5.0 / 6, 1.0 / 3, 7.0 / 12, 2.0 / 3, 5.0 / 6, 1.0 / 3,  0,
                                 1.0 / 3, 5.0 / 6, 1.0 / 3,  5.0 / 6};
  build();
  for (int i = 0; i < 8; i++) close_to((double)ntu[2][nearer[i].v][nearer[i].w], 1.0 / nearer[i].degree);
  for (int v = 0; v < V; v++) {
    double sum = 0;
    for (int w = 0; w < V; w++) sum += (double)ntu[1][v][w];
    close_to(sum, rows[v]);
  }
  for (int w = 0; w < V; w++) close_to((double)ntu[1][0][w], w == 1 || w == 12 || w == 16 ? 1.0 / 3 : 0);
}

Test(encoders_skeleton_graph, openpose_layout_has_the_reference_values) {
  static const int degrees[18] = {4, 4, 4, 3, 2, 4, 3, 2, 3, 3, 2, 3, 3, 2, 3, 3, 2, 2},
                   counts[3] = {18, 25, 9};
  static const double totals[3] = {6.666667, 8.583333, 2.75};
  float a[3][18][18];
  cr_assert_eq(babel_skeleton_graph_adjacency(&babel_skeleton_graph_openpose, &a[0][0][0]), BABEL_OK);
  for (int k = 0; k < 3; k++) {
    int count = 0;
    double total = 0;
    for (int v = 0; v < 18; v++)
      for (int w = 0; w < 18; w++) {
        count += a[k][v][w] != 0;
        total += (double)a[k][v][w];
      }
    cr_assert_eq(count, counts[k]);
    close_to(total, totals[k]);
  }
  for (int v = 0; v < 18; v++) close_to((double)a[0][v][v], 1.0 / degrees[v]);
}

Test(encoders_skeleton_graph, joints_out_of_range_are_refused) {
  static const unsigned char pairs[1][2] = {{0, 3}};
  float a[3 * 9];
  cr_assert_eq(babel_skeleton_graph_adjacency(&(babel_skeleton_graph){3, 1, 0, pairs}, a), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_skeleton_graph_adjacency(&(babel_skeleton_graph){3, 0, 3, pairs}, a), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_skeleton_graph_adjacency(&(babel_skeleton_graph){65, 0, 0, pairs}, a), BABEL_ERR_SHAPE);
}
