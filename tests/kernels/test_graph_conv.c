#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/graph_conv.h"
#include "kernels/plane_linear.h"
#include "tests/support/compare.h"

typedef struct {
  int subsets, joints, in, out, frames, relu, with_importance, with_norm;
} graph_case;

static const graph_case cases[] = {
    {3, 25, 3, 64, 5, 1, 1, 1}, {3, 25, 64, 32, 7, 1, 1, 1}, {3, 33, 16, 16, 4, 0, 1, 0},
    {1, 1, 1, 1, 1, 0, 0, 0},   {2, 5, 31, 33, 17, 0, 0, 1},
};

typedef struct {
  float *a, *e, *w, *b, *scale, *shift, *x;
} operands;

/* The formula of the header, term by term, in double. */
static void oracle(double *y, const operands *o, const graph_case *c) {
  int v_count = c->joints;
  size_t pitch = babel_plane_pitch(v_count * c->frames);
  for (int m = 0; m < c->out; m++)
    for (int w = 0; w < v_count; w++)
      for (int t = 0; t < c->frames; t++) {
        double sum = 0;
        for (int k = 0; k < c->subsets; k++)
          for (int v = 0; v < v_count; v++) {
            int at = (k * v_count + v) * v_count + w;
            double inner = (double)o->b[k * c->out + m];
            for (int i = 0; i < c->in; i++)
              inner += (double)o->w[(k * c->out + m) * c->in + i] *
                       (double)o->x[(size_t)i * pitch + (size_t)(v * c->frames + t)];
            sum += inner * (double)o->a[at] * (c->with_importance ? (double)o->e[at] : 1);
          }
        if (c->with_norm) sum = (double)o->scale[m] * sum + (double)o->shift[m];
        y[(m * v_count + w) * c->frames + t] = c->relu && sum < 0 ? 0 : sum;
      }
}

static float *filled(const char *key, size_t n) {
  float *x = malloc(n * sizeof *x);
  babel_fill_floats(key, x, n, 1);
  return x;
}

static void run_case(const graph_case *c) {
  size_t s = (size_t)c->subsets, v = (size_t)c->joints, in = (size_t)c->in, out = (size_t)c->out,
         pitch = babel_plane_pitch(c->joints * c->frames);
  operands o = {filled("a", s * v * v), filled("e", s * v * v), filled("w", s * out * in),
                filled("b", s * out),   filled("scale", out),   filled("shift", out),
                filled("x", in * pitch)};
  for (size_t i = 0; i < s * v * v; i++)
    if (i % 3) o.a[i] = 0; /* sparse, some columns empty */
  babel_graph_edges edges = {c->subsets, c->joints, malloc((s * v + 1) * sizeof(int)),
                             malloc(s * v * v * sizeof(int)), malloc(s * v * v * sizeof(float))};
  cr_assert_eq(babel_graph_edges_fill(&edges, o.a, c->with_importance ? o.e : NULL), BABEL_OK);
  size_t packed_count = babel_graph_conv_packed(c->subsets, c->out, c->in),
         space = babel_graph_conv_workspace(c->subsets, c->in, pitch);
  float *packed = babel_guarded(packed_count), *workspace = babel_guarded(space),
        *y = babel_guarded(out * pitch);
  float *again = babel_guarded(out * pitch), *fold = malloc(out * s * (in + 1) * sizeof *fold),
        *dense = malloc(out * v * (size_t)c->frames * sizeof *dense);
  double *expected = malloc(out * v * (size_t)c->frames * sizeof *expected);
  int *at = malloc(s * (in + 1) * sizeof *at);
  cr_assert_eq(babel_graph_conv_pack_cpu(packed, fold, o.w, o.b, c->with_norm ? o.scale : NULL, c->subsets,
                                         c->out, c->in),
               BABEL_OK);
  babel_graph_conv_job job = {y,      o.x,       packed, c->with_norm ? o.shift : NULL,
                              &edges, workspace, at,     c->in,
                              c->out, c->frames, c->relu};
  cr_assert_eq(babel_graph_conv_fwd_cpu(&job), BABEL_OK);
  job.y = again;
  cr_assert_eq(babel_graph_conv_fwd_cpu(&job), BABEL_OK);
  oracle(expected, &o, c);
  size_t plane = v * (size_t)c->frames;
  for (size_t m = 0; m < out; m++) {
    memcpy(dense + m * plane, y + m * pitch, plane * sizeof *dense);
    cr_assert_eq(memcmp(y + m * pitch, again + m * pitch, plane * sizeof *y), 0);
  }
  cr_assert(babel_close("graph conv", dense, expected, out * plane, 3e-5, 1e-5));
  cr_assert(babel_global_error(dense, expected, out * plane) < 1e-11);
  cr_assert(babel_guard_check(packed, packed_count) && babel_guard_check(workspace, space) &&
            babel_guard_check(y, out * pitch));
  babel_guarded_free(packed), babel_guarded_free(workspace), babel_guarded_free(y), babel_guarded_free(again);
  free(o.a), free(o.e), free(o.w), free(o.b), free(o.scale), free(o.shift), free(o.x);
  free(edges.start), free(edges.source), free(edges.value), free(fold), free(dense), free(expected), free(at);
}

Test(kernels_graph_conv, fwd_matches_the_formula_with_edge_importance_and_bias_through_the_adjacency) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) run_case(cases + i);
}

Test(kernels_graph_conv, edges_are_grouped_by_subset_and_destination) {
  /* [subset][source][destination]: 2 joints; subset 0: 0 -> 1 (0.5), 1 -> 1 (0.25); subset 1: 1 -> 0 (2). */
  float a[8] = {0, 0.5f, 0, 0.25f, 0, 0, 2, 0};
  int start[5], source[8];
  float value[8];
  babel_graph_edges edges = {2, 2, start, source, value};
  cr_assert_eq(babel_graph_edges_fill(&edges, a, NULL), BABEL_OK);
  static const int starts[5] = {0, 0, 2, 3, 3}, sources[3] = {0, 1, 1};
  static const float values[3] = {0.5f, 0.25f, 2};
  cr_assert(!memcmp(start, starts, sizeof starts) && !memcmp(source, sources, sizeof sources) &&
            !memcmp(value, values, sizeof values));
}

Test(kernels_graph_conv, bad_sizes_are_refused) {
  float f[64] = {0};
  int n[64] = {0};
  babel_graph_edges edges = {1, 0, n, n + 8, f};
  cr_assert_eq(babel_graph_edges_fill(&edges, f, NULL), BABEL_ERR_SHAPE);
  cr_assert_eq(babel_graph_conv_pack_cpu(f, f, f, f, NULL, 0, 1, 1), BABEL_ERR_SHAPE);
  babel_graph_conv_job job = {f, f, f, NULL, &edges, f, n, 1, 1, 1, 0};
  cr_assert_eq(babel_graph_conv_fwd_cpu(&job), BABEL_ERR_SHAPE);
  edges.joints = 1;
  job.frames = 0;
  cr_assert_eq(babel_graph_conv_fwd_cpu(&job), BABEL_ERR_SHAPE);
  job.frames = 2000000000;
  cr_assert_eq(babel_graph_conv_fwd_cpu(&job), BABEL_ERR_SHAPE);
}
