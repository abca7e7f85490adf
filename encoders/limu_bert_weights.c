#include "encoders/limu_bert_net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/rng.h"
#include "encoders/weight_source.h"
#include "kernels/linear_panel.h"

enum {
  CHANNELS = BABEL_LIMU_CHANNELS,
  STEPS = BABEL_LIMU_STEPS,
  HIDDEN = BABEL_LIMU_HIDDEN,
  INNER = BABEL_LIMU_INNER
};

typedef enum { MATRIX, BIAS, POSITION, GAMMA, BETA } kind;

/* The tensors in file order, each matrix before its bias; `fc.*` (never used) is not among them. */
enum {
  EMBED_W,
  EMBED_B,
  POSITIONS,
  EMBED_GAMMA,
  EMBED_BETA,
  Q_W,
  Q_B,
  K_W,
  K_B,
  V_W,
  V_B,
  PROJ_W,
  PROJ_B,
  NORM1_GAMMA,
  NORM1_BETA,
  FC1_W,
  FC1_B,
  FC2_W,
  FC2_B,
  NORM2_GAMMA,
  NORM2_BETA,
  LINEAR_W,
  LINEAR_B,
  NORM_GAMMA,
  NORM_BETA,
  DECODER_W,
  DECODER_B,
  TENSORS,
  ENCODER_TENSORS = LINEAR_W
};

static const struct {
  const char *name;
  kind kind;
  int rows, columns; /* of a vector: its length, fan-in of its matrix */
} table[TENSORS] = {
    [EMBED_W] = {"transformer.embed.lin.weight", MATRIX, HIDDEN, CHANNELS},
    [EMBED_B] = {"transformer.embed.lin.bias", BIAS, HIDDEN, CHANNELS},
    [POSITIONS] = {"transformer.embed.pos_embed.weight", POSITION, STEPS, HIDDEN},
    [EMBED_GAMMA] = {"transformer.embed.norm.gamma", GAMMA, HIDDEN, 1},
    [EMBED_BETA] = {"transformer.embed.norm.beta", BETA, HIDDEN, 1},
    [Q_W] = {"transformer.attn.proj_q.weight", MATRIX, HIDDEN, HIDDEN},
    [Q_B] = {"transformer.attn.proj_q.bias", BIAS, HIDDEN, HIDDEN},
    [K_W] = {"transformer.attn.proj_k.weight", MATRIX, HIDDEN, HIDDEN},
    [K_B] = {"transformer.attn.proj_k.bias", BIAS, HIDDEN, HIDDEN},
    [V_W] = {"transformer.attn.proj_v.weight", MATRIX, HIDDEN, HIDDEN},
    [V_B] = {"transformer.attn.proj_v.bias", BIAS, HIDDEN, HIDDEN},
    [PROJ_W] = {"transformer.proj.weight", MATRIX, HIDDEN, HIDDEN},
    [PROJ_B] = {"transformer.proj.bias", BIAS, HIDDEN, HIDDEN},
    [NORM1_GAMMA] = {"transformer.norm1.gamma", GAMMA, HIDDEN, 1},
    [NORM1_BETA] = {"transformer.norm1.beta", BETA, HIDDEN, 1},
    [FC1_W] = {"transformer.pwff.fc1.weight", MATRIX, INNER, HIDDEN},
    [FC1_B] = {"transformer.pwff.fc1.bias", BIAS, INNER, HIDDEN},
    [FC2_W] = {"transformer.pwff.fc2.weight", MATRIX, HIDDEN, INNER},
    [FC2_B] = {"transformer.pwff.fc2.bias", BIAS, HIDDEN, INNER},
    [NORM2_GAMMA] = {"transformer.norm2.gamma", GAMMA, HIDDEN, 1},
    [NORM2_BETA] = {"transformer.norm2.beta", BETA, HIDDEN, 1},
    [LINEAR_W] = {"linear.weight", MATRIX, HIDDEN, HIDDEN},
    [LINEAR_B] = {"linear.bias", BIAS, HIDDEN, HIDDEN},
    [NORM_GAMMA] = {"norm.gamma", GAMMA, HIDDEN, 1},
    [NORM_BETA] = {"norm.beta", BETA, HIDDEN, 1},
    [DECODER_W] = {"decoder.weight", MATRIX, CHANNELS, HIDDEN},
    [DECODER_B] = {"decoder.bias", BIAS, CHANNELS, HIDDEN},
};

static bool is_matrix(int i) {
  return table[i].kind == MATRIX || table[i].kind == POSITION;
}

static size_t floats(int i) {
  return (size_t)table[i].rows * (is_matrix(i) ? (size_t)table[i].columns : 1);
}

/* Tensors as they come from a file or a generator. */
typedef struct {
  babel_arena memory;
  float *at[TENSORS];
} raw_weights;

static babel_status create_raw(raw_weights *raw) {
  size_t size = 0;
  memset(raw, 0, sizeof *raw);
  for (int i = 0; i < TENSORS; i++) size += babel_arena_need(floats(i), sizeof(float));
  BABEL_TRY(babel_arena_create(&raw->memory, size));
  for (int i = 0; i < TENSORS; i++) BABEL_TRY(babel_arena_floats(&raw->memory, floats(i), &raw->at[i]));
  return BABEL_OK;
}

typedef struct {
  float **to;
  int in, out, first, parts; /* parts: matrices one below the other, each a whole number of panels */
} packing;

static babel_status pack(babel_arena *memory, const packing *layer, const raw_weights *raw) {
  const int out = layer->out / layer->parts;
  BABEL_TRY(babel_arena_floats(memory, babel_linear_panel_size(layer->in, layer->out), layer->to));
  for (int i = 0; i < layer->parts; i++)
    BABEL_TRY(babel_linear_panel_pack_cpu(*layer->to + (size_t)i * babel_linear_panel_size(layer->in, out),
                                          raw->at[layer->first + 2 * i], raw->at[layer->first + 2 * i + 1],
                                          layer->in, out));
  return BABEL_OK;
}

static babel_status build(babel_limu_bert_net *net, const raw_weights *raw) {
  const packing layers[] = {
      {&net->embed, CHANNELS, HIDDEN, EMBED_W, 1},
      {&net->qkv, HIDDEN, 3 * HIDDEN, Q_W, 3},
      {&net->proj, HIDDEN, HIDDEN, PROJ_W, 1},
      {&net->fc1, HIDDEN, INNER, FC1_W, 1},
      {&net->fc2, INNER, HIDDEN, FC2_W, 1},
      {&net->decoder_linear, HIDDEN, HIDDEN, LINEAR_W, 1},
      {&net->decoder_out, HIDDEN, CHANNELS, DECODER_W, 1},
  };
  const struct {
    float **to;
    int tensor;
  } copies[] = {
      {&net->positions, POSITIONS},     {&net->embed_gamma, EMBED_GAMMA},  {&net->embed_beta, EMBED_BETA},
      {&net->norm1_gamma, NORM1_GAMMA}, {&net->norm1_beta, NORM1_BETA},    {&net->norm2_gamma, NORM2_GAMMA},
      {&net->norm2_beta, NORM2_BETA},   {&net->decoder_gamma, NORM_GAMMA}, {&net->decoder_beta, NORM_BETA},
  };
  const int layer_count = sizeof layers / sizeof *layers, copy_count = sizeof copies / sizeof *copies;
  size_t size = 0;
  for (int i = 0; i < layer_count; i++)
    size += babel_arena_need(babel_linear_panel_size(layers[i].in, layers[i].out), sizeof(float));
  for (int i = 0; i < copy_count; i++) size += babel_arena_need(floats(copies[i].tensor), sizeof(float));
  BABEL_TRY(babel_arena_create(&net->memory, size));
  for (int i = 0; i < layer_count; i++) BABEL_TRY(pack(&net->memory, &layers[i], raw));
  for (int i = 0; i < copy_count; i++) {
    BABEL_TRY(babel_arena_floats(&net->memory, floats(copies[i].tensor), copies[i].to));
    memcpy(*copies[i].to, raw->at[copies[i].tensor], floats(copies[i].tensor) * sizeof(float));
  }
  return BABEL_OK;
}

static babel_status take(const babel_weight_source *source, raw_weights *raw, int first, int end) {
  for (int i = first; i < end; i++) {
    const int64_t shape[2] = {table[i].rows, table[i].columns};
    BABEL_TRY(source->take(source->context, table[i].name, is_matrix(i) ? 2 : 1, shape, raw->at[i]));
  }
  return BABEL_OK;
}

static babel_status take_all(raw_weights *raw, bool *has_decoder, babel_checkpoint *checkpoint) {
  char name[96];
  babel_checkpoint_source named;
  const babel_weight_source source =
      babel_checkpoint_source_of(&named, checkpoint, "imu_model.", table[EMBED_W].name);
  BABEL_TRY(take(&source, raw, 0, ENCODER_TENSORS));
  snprintf(name, sizeof name, "%s%s", named.prefix, table[LINEAR_W].name);
  *has_decoder = babel_checkpoint_find(checkpoint, name) != NULL;
  if (*has_decoder) BABEL_TRY(take(&source, raw, ENCODER_TENSORS, TENSORS));
  for (int i = 0; i < 2; i++) {
    snprintf(name, sizeof name, "%sfc.%s", named.prefix, i ? "bias" : "weight");
    babel_checkpoint_ignore(checkpoint, name);
  }
  return babel_checkpoint_source_finish(&named);
}

babel_status babel_limu_bert_net_load(babel_limu_bert_net *net, const char *path, char sha256[65]) {
  babel_checkpoint checkpoint = {0};
  raw_weights raw = {0};
  babel_status status;
  memset(net, 0, sizeof *net);
  BABEL_TRY_OR(babel_checkpoint_open(&checkpoint, path), fail);
  BABEL_TRY_OR(create_raw(&raw), fail);
  BABEL_TRY_OR(take_all(&raw, &net->has_decoder, &checkpoint), fail);
  BABEL_TRY_OR(build(net, &raw), fail);
  memcpy(sha256, checkpoint.sha256, 65);
fail:
  babel_arena_destroy(&raw.memory);
  babel_checkpoint_close(&checkpoint);
  if (status != BABEL_OK) babel_limu_bert_net_destroy(net);
  return status;
}

/* Numbers are counted over all tensors in file order; the normal ones lie far behind, for they use two words each. */
static void draw(float *out, int i, uint64_t first, uint64_t seed) {
  const float bound = 1.0f / sqrtf((float)table[i].columns);
  for (size_t j = 0; j < floats(i); j++) {
    uint64_t index = first + j;
    switch (table[i].kind) {
    case MATRIX:
    case BIAS:
      out[j] = bound * (2 * babel_rng_uniform(seed, BABEL_RNG_ENCODER, index) - 1);
      break;
    case POSITION:
      out[j] = (float)(0.02 * babel_rng_normal(seed, BABEL_RNG_ENCODER, ((uint64_t)1 << 32) + index));
      break;
    case GAMMA:
      out[j] = 1;
      break;
    case BETA:
      out[j] = 0;
      break;
    }
  }
}

babel_status babel_limu_bert_net_random(babel_limu_bert_net *net, uint64_t seed) {
  raw_weights raw;
  uint64_t first = 0;
  babel_status status;
  memset(net, 0, sizeof *net);
  BABEL_TRY_OR(create_raw(&raw), fail);
  for (int i = 0; i < TENSORS; i++) {
    draw(raw.at[i], i, first, seed);
    first += floats(i);
  }
  net->has_decoder = true;
  BABEL_TRY_OR(build(net, &raw), fail);
fail:
  babel_arena_destroy(&raw.memory);
  if (status != BABEL_OK) babel_limu_bert_net_destroy(net);
  return status;
}

void babel_limu_bert_net_destroy(babel_limu_bert_net *net) {
  babel_arena_destroy(&net->memory);
  memset(net, 0, sizeof *net);
}
