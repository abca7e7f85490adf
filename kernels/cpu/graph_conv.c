#include "kernels/graph_conv.h"

#include <limits.h>
#include <omp.h>

#include "kernels/plane_linear.h"

babel_status babel_graph_edges_fill(babel_graph_edges *edges, const float *adjacency,
                                    const float *importance) {
  int joints = edges->joints, count = 0;
  if (edges->subsets < 1 || joints < 1)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "graph: %d subsets, %d joints", edges->subsets, joints);
  for (int k = 0; k < edges->subsets; k++)
    for (int w = 0; w < joints; w++) {
      edges->start[k * joints + w] = count;
      for (int v = 0; v < joints; v++) {
        int at = (k * joints + v) * joints + w;
        float value = importance ? adjacency[at] * importance[at] : adjacency[at];
        if (value == 0) continue;
        edges->source[count] = v;
        edges->value[count++] = value;
      }
    }
  edges->start[edges->subsets * joints] = count;
  return BABEL_OK;
}

size_t babel_graph_conv_packed(int subsets, int out, int in) {
  return babel_plane_linear_packed(out, subsets * (in + 1));
}

babel_status babel_graph_conv_pack_cpu(float *packed, float *workspace, const float *w, const float *b,
                                       const float *scale, int subsets, int out, int in) {
  if (subsets < 1 || out < 1 || in < 1)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "graph convolution: %d subsets, %d outputs, %d inputs", subsets, out,
                      in);
  int inputs = subsets * (in + 1);
  for (int c = 0; c < out; c++) {
    float factor = scale ? scale[c] : 1.0f, *row = workspace + (ptrdiff_t)c * inputs;
    for (int k = 0; k < subsets; k++) {
      const float *from = w + (ptrdiff_t)(k * out + c) * in;
      for (int i = 0; i < in; i++) *row++ = factor * from[i];
      *row++ = factor * b[k * out + c];
    }
  }
  return babel_plane_linear_pack_cpu(packed, workspace, out, inputs, inputs, 1);
}

size_t babel_graph_conv_workspace(int subsets, int in, size_t pitch) {
  return (size_t)subsets * (size_t)(in + 1) * pitch;
}

/* One plane summed over the neighbours of subset k: y[w][t] = sum_v x[v][t] A[v][w]; x == NULL means ones. */
static void gather_neighbours(float *y, const float *x, const babel_graph_edges *edges, int k, int frames) {
  for (int w = 0; w < edges->joints; w++, y += frames) {
    const int *start = edges->start + k * edges->joints + w;
    int e = start[0];
    float *restrict out = y;
    if (e == start[1])
      for (int t = 0; t < frames; t++) out[t] = 0;
    for (int first = 1; e < start[1]; e++, first = 0) {
      const float *restrict in = x ? x + (ptrdiff_t)edges->source[e] * frames : NULL;
      float value = edges->value[e];
      if (!in)
        for (int t = 0; t < frames; t++) out[t] = first ? value : out[t] + value;
      else if (first)
        for (int t = 0; t < frames; t++) out[t] = value * in[t];
      else
        for (int t = 0; t < frames; t++) out[t] += value * in[t];
    }
  }
}

babel_status babel_graph_conv_fwd_cpu(const babel_graph_conv_job *job) {
  const babel_graph_edges *edges = job->edges;
  int subsets = edges->subsets, per_subset = job->in + 1;
  if (subsets < 1 || edges->joints < 1 || job->in < 1 || job->out < 1 || job->frames < 1)
    return BABEL_FAIL(BABEL_ERR_SHAPE,
                      "graph convolution: %d subsets, %d joints, %d inputs, %d outputs, %d frames", subsets,
                      edges->joints, job->in, job->out, job->frames);
  if (job->frames > INT_MAX / (subsets * per_subset) / edges->joints - 64)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "graph convolution: %d frames are too many", job->frames);
  int columns = edges->joints * job->frames, inputs = subsets * per_subset;
  size_t pitch = babel_plane_pitch(columns);
#pragma omp parallel for schedule(static) if (!omp_in_parallel())
  for (int i = 0; i < inputs; i++) {
    int k = i / per_subset, channel = i % per_subset;
    job->at[i] = (int)((size_t)i * pitch);
    gather_neighbours(job->workspace + (size_t)i * pitch,
                      channel < job->in ? job->x + (size_t)channel * pitch : NULL, edges, k, job->frames);
  }
  babel_plane_linear_job product = {.y = job->y,
                                    .x = job->workspace,
                                    .packed = job->packed,
                                    .bias = job->shift,
                                    .at = job->at,
                                    .out = job->out,
                                    .in = inputs,
                                    .columns = columns,
                                    .y_pitch = pitch,
                                    .relu = job->relu};
  return babel_plane_linear_fwd_cpu(&product);
}
