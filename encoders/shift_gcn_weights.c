#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encoders/shift_gcn_net.h"
#include "kernels/batchnorm.h"
#include "kernels/plane_linear.h"

enum {
  JOINTS = BABEL_SHIFT_GCN_JOINTS,
  UNITS = BABEL_SHIFT_GCN_UNITS,
  WIDTH = BABEL_SHIFT_GCN_WIDTH,
  CLASSES = BABEL_SHIFT_GCN_CLASSES
};

static const struct {
  int in, out, stride;
} shapes[UNITS] = {{3, 64, 1},    {64, 64, 1},   {64, 64, 1},   {64, 64, 1},   {64, 128, 2},
                   {128, 128, 1}, {128, 128, 1}, {128, 256, 2}, {256, 256, 1}, {256, 256, 1}};

static const char prefix[] = "skeleton_model.";

/* One import under way. `matrix`: the tensor read last; `vector`: two more, (25 * 256) each. */
typedef struct {
  const babel_weight_source *source;
  babel_shift_gcn_net *net;
  float *matrix, *vector[2];
  char unit[16];
} import;

static const char *named(const import *i, const char *name, char text[96]) {
  snprintf(text, 96, "%s%s", i->unit, name);
  return text;
}

static babel_status vector(const import *i, const char *name, int n, float *out) {
  char text[96];
  return babel_weight_source_vector(i->source, named(i, name, text), n, out);
}

static babel_status norm(const import *i, const char *name, int n, float *scale, float *shift) {
  char text[96];
  return babel_weight_source_batchnorm(i->source, named(i, name, text), n, scale, shift);
}

static babel_status floats(const import *i, float **out, size_t count) {
  return babel_arena_floats(&i->net->memory, count, out);
}

/* A 1x1 convolution and its BatchNorm as one packed matrix; the remaining bias is added to bias (out). */
static babel_status convolution(const import *i, const char *conv, const char *bn, int out, int in,
                                float **packed, float *bias) {
  const int64_t shape[4] = {out, in, 1, 1};
  char text[96], name[64];
  float *scale = i->vector[0], *shift = i->vector[0] + WIDTH, *b = i->vector[0] + 2 * WIDTH;
  snprintf(name, sizeof name, "%s.weight", conv);
  BABEL_TRY(i->source->take(i->source->context, named(i, name, text), 4, shape, i->matrix));
  snprintf(name, sizeof name, "%s.bias", conv);
  BABEL_TRY(vector(i, name, out, b));
  BABEL_TRY(norm(i, bn, out, scale, shift));
  BABEL_TRY(babel_batchnorm_fold(i->matrix, b, scale, shift, out, in));
  BABEL_TRY(floats(i, packed, babel_plane_linear_packed(out, in)));
  BABEL_TRY(babel_plane_linear_pack_cpu(*packed, i->matrix, out, in, in, 1));
  for (int c = 0; c < out; c++) bias[c] += b[c];
  return BABEL_OK;
}

/* gcn1: Linear_weight is stored (in, out); the BatchNorm has a channel per (joint, channel), joint-major. */
static babel_status import_spatial(const import *i, babel_shift_gcn_unit *u) {
  const int64_t matrix_shape[2] = {u->in, u->out}, bias_shape[3] = {1, 1, u->out},
                mask_shape[3] = {1, JOINTS, u->in};
  const babel_weight_source *source = i->source;
  float bias[WIDTH], down_bias[WIDTH] = {0};
  char text[96];
  BABEL_TRY(source->take(source->context, named(i, "gcn1.Feature_Mask", text), 3, mask_shape, i->matrix));
  BABEL_TRY(floats(i, &u->mask, (size_t)u->in * JOINTS));
  for (int c = 0; c < u->in; c++)
    for (int v = 0; v < JOINTS; v++)
      u->mask[c * JOINTS + v] = (float)(1 + tanh((double)i->matrix[v * u->in + c]));
  BABEL_TRY(source->take(source->context, named(i, "gcn1.Linear_weight", text), 2, matrix_shape, i->matrix));
  BABEL_TRY(floats(i, &u->spatial, babel_plane_linear_packed(u->out, u->in)));
  BABEL_TRY(babel_plane_linear_pack_cpu(u->spatial, i->matrix, u->out, u->in, 1, u->out));
  BABEL_TRY(source->take(source->context, named(i, "gcn1.Linear_bias", text), 3, bias_shape, bias));
  if (u->in != u->out)
    BABEL_TRY(convolution(i, "gcn1.down.0", "gcn1.down.1", u->out, u->in, &u->down, down_bias));
  BABEL_TRY(norm(i, "gcn1.bn", JOINTS * u->out, i->vector[0], i->vector[1]));
  BABEL_TRY(floats(i, &u->spatial_scale, (size_t)u->out * JOINTS));
  BABEL_TRY(floats(i, &u->spatial_shift, (size_t)u->out * JOINTS));
  for (int c = 0; c < u->out; c++)
    for (int v = 0; v < JOINTS; v++) {
      float scale = i->vector[0][v * u->out + c];
      u->spatial_scale[c * JOINTS + v] = scale;
      u->spatial_shift[c * JOINTS + v] = i->vector[1][v * u->out + c] + scale * bias[c] + down_bias[c];
    }
  return BABEL_OK;
}

static babel_status import_temporal(const import *i, babel_shift_gcn_unit *u, int first) {
  const int64_t shape[4] = {u->out, u->out, 1, 1};
  float **vectors[] = {&u->norm_scale,    &u->norm_shift, &u->position_in, &u->position_out,
                       &u->temporal_bias, &u->out_scale,  &u->out_shift};
  char text[96];
  for (size_t k = 0; k < sizeof vectors / sizeof *vectors; k++)
    BABEL_TRY(floats(i, vectors[k], (size_t)u->out));
  BABEL_TRY(norm(i, "tcn1.bn", u->out, u->norm_scale, u->norm_shift));
  BABEL_TRY(norm(i, "tcn1.bn2", u->out, u->out_scale, u->out_shift));
  BABEL_TRY(vector(i, "tcn1.shift_in.xpos", u->out,
                   i->vector[0])); /* joint shift, at most 2.1e-10: no effect in float */
  BABEL_TRY(vector(i, "tcn1.shift_in.ypos", u->out, u->position_in));
  BABEL_TRY(vector(i, "tcn1.shift_out.xpos", u->out, i->vector[1]));
  BABEL_TRY(vector(i, "tcn1.shift_out.ypos", u->out, u->position_out));
  for (int c = 0; c < u->out; c++)
    if (fabsf(i->vector[0][c]) > 1e-6f || fabsf(i->vector[1][c]) > 1e-6f)
      return BABEL_FAIL(BABEL_ERR_UNSUPPORTED,
                        "%stcn1: channel %d is shifted along the joints (xpos %g, %g), which the published "
                        "weights never do",
                        i->unit, c, (double)i->vector[0][c], (double)i->vector[1][c]);
  BABEL_TRY(i->source->take(i->source->context, named(i, "tcn1.temporal_linear.weight", text), 4, shape,
                            i->matrix));
  BABEL_TRY(vector(i, "tcn1.temporal_linear.bias", u->out, u->temporal_bias));
  BABEL_TRY(floats(i, &u->temporal, babel_plane_linear_packed(u->out, u->out)));
  BABEL_TRY(babel_plane_linear_pack_cpu(u->temporal, i->matrix, u->out, u->out, u->out, 1));
  if (!first && (u->in != u->out || u->stride != 1))
    BABEL_TRY(convolution(i, "residual.conv", "residual.bn", u->out, u->in, &u->residual, u->out_shift));
  return BABEL_OK;
}

static babel_status import_all(import *i) {
  babel_shift_gcn_net *net = i->net;
  BABEL_TRY(floats(i, &net->data_scale, 2 * JOINTS * 3));
  BABEL_TRY(floats(i, &net->data_shift, 2 * JOINTS * 3));
  BABEL_TRY(norm(i, "data_bn", 2 * JOINTS * 3, net->data_scale, net->data_shift));
  for (int l = 0; l < UNITS; l++) {
    babel_shift_gcn_unit *u = &net->units[l];
    *u = (babel_shift_gcn_unit){.in = shapes[l].in, .out = shapes[l].out, .stride = shapes[l].stride};
    snprintf(i->unit, sizeof i->unit, "l%d.", l + 1);
    BABEL_TRY(import_spatial(i, u));
    BABEL_TRY(import_temporal(i, u, l == 0));
  }
  BABEL_TRY(floats(i, &net->fc, (size_t)CLASSES * WIDTH));
  BABEL_TRY(floats(i, &net->fc_bias, CLASSES));
  BABEL_TRY(babel_weight_source_matrix(i->source, "fc.weight", CLASSES, WIDTH, net->fc));
  return babel_weight_source_vector(i->source, "fc.bias", CLASSES, net->fc_bias);
}

babel_status babel_shift_gcn_net_create(babel_shift_gcn_net *net, const babel_weight_source *source) {
import i = {.source = source, .net = net };
  void *buffer;
  babel_status status;
  memset(net, 0, sizeof *net);
  BABEL_TRY(babel_alloc(&buffer, (size_t)WIDTH * WIDTH + 2 * JOINTS * WIDTH, sizeof(float)));
  i.matrix = buffer;
  i.vector[0] = i.matrix + WIDTH * WIDTH;
  i.vector[1] = i.vector[0] + JOINTS * WIDTH;
  /* 771,103 floats are stored; packing rounds widths up, every piece is aligned. */
  BABEL_TRY_OR(babel_arena_create(&net->memory, (size_t)4 << 20), done);
  status = import_all(&i);
done:
  free(buffer);
  if (status != BABEL_OK) babel_shift_gcn_net_destroy(net);
  return status;
}

/* `gcn1.shift_in` or `shift_out`: element (v, c) must name joint (v +- c) mod 25 of channel c. */
static babel_status check_table(const babel_checkpoint_source *from, int unit, const char *name, int channels,
                                int sign) {
  char full[96];
  int64_t all = (int64_t)JOINTS * channels;
  snprintf(full, sizeof full, "%sl%d.gcn1.%s", from->prefix, unit, name);
  const babel_tensor *table = babel_checkpoint_find(from->checkpoint, full);
  if (!table || table->dtype != BABEL_I64 || table->rank != 1 || table->shape[0] != all)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "tensor \"%s\": expected %lld int64 indices, it is %s", full,
                      (long long)all, table ? "another kind or size" : "absent");
  for (int v = 0; v < JOINTS; v++)
    for (int c = 0; c < channels; c++) {
      int joint = ((v + sign * c) % JOINTS + JOINTS) % JOINTS;
      int64_t found;
      memcpy(&found, (const char *)table->data + (size_t)(v * channels + c) * sizeof found, sizeof found);
      if (found != (int64_t)joint * channels + c)
        return BABEL_FAIL(BABEL_ERR_FORMAT,
                          "tensor \"%s\": joint %d, channel %d reads element %lld, expected %d", full, v, c,
                          (long long)found, joint * channels + c);
    }
  babel_checkpoint_ignore(from->checkpoint, full);
  return BABEL_OK;
}

babel_status babel_shift_gcn_net_load(babel_shift_gcn_net *net, const char *path, char sha256[65]) {
  babel_checkpoint checkpoint = {0};
  babel_checkpoint_source from;
  babel_status status;
  memset(net, 0, sizeof *net);
  BABEL_TRY(babel_checkpoint_open(&checkpoint, path));
  babel_weight_source source = babel_checkpoint_source_of(&from, &checkpoint, prefix, "fc.weight");
  BABEL_TRY_OR(babel_shift_gcn_net_create(net, &source), fail);
  for (int l = 0; l < UNITS; l++) {
    BABEL_TRY_OR(check_table(&from, l + 1, "shift_in", shapes[l].in, 1), named);
    BABEL_TRY_OR(check_table(&from, l + 1, "shift_out", shapes[l].out, -1), named);
  }
  BABEL_TRY_OR(babel_checkpoint_source_finish(&from), fail);
  memcpy(sha256, checkpoint.sha256, sizeof checkpoint.sha256);
fail:
  babel_checkpoint_close(&checkpoint);
  if (status != BABEL_OK) babel_shift_gcn_net_destroy(net);
  return status;
named:
  babel_fail_context("%s: ", path);
  goto fail;
}

void babel_shift_gcn_net_destroy(babel_shift_gcn_net *net) {
  babel_arena_destroy(&net->memory);
  memset(net, 0, sizeof *net);
}
