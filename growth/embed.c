/* From features to unit embeddings, in chunks that bound the memory. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/range.h"
#include "growth/trunk.h"

enum { CHUNK_ROWS = 1024 };

typedef struct {
  const babel_ops *ops;
  float *ping, *pong; /* (rows, widest) */
  float *features;    /* (rows, in) */
  float *unit, *inv;  /* (samples, embed), (samples) */
  int *order, *lengths;
} embed_memory;

static babel_status take(const babel_ops *ops, void *pointer, size_t count, size_t size) {
  void *memory;
  BABEL_TRY(ops->alloc(&memory, count * size));
  memcpy(pointer, &memory, sizeof memory);
  return BABEL_OK;
}

static void release(embed_memory *memory) {
  void *pieces[] = {memory->ping, memory->pong, memory->features, memory->unit, memory->inv, memory->order, memory->lengths};
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
    if (pieces[i]) memory->ops->free(pieces[i]);
}

/* x -> mlp(x), alternating between ping and pong; *x is where the result lies. */
static babel_status forward(embed_memory *memory, const babel_mlp *mlp, float **x, int rows) {
  for (int i = 0; i < mlp->layers; i++) {
    float *y = *x == memory->ping ? memory->pong : memory->ping;
    babel_linear_fwd_job job = {.y = y, .x = *x, .w = mlp->params + mlp->weight_at[i], .b = mlp->params + mlp->bias_at[i],
                                .n = rows, .in = mlp->widths[i], .out = mlp->widths[i + 1], .relu = i + 1 < mlp->layers};
    BABEL_TRY(memory->ops->linear_fwd(&job, 1, NULL));
    *x = y;
  }
  return BABEL_OK;
}

static babel_status embed_chunk(const babel_trunk *trunk, const babel_tower *tower, embed_memory *memory, const float *features, int samples,
                                int steps, const int *lengths, babel_output output, float *embeddings) {
  const babel_ops *ops = trunk->ops;
  babel_step_state state = {0};
  int rows = samples * steps, width = trunk->config.embed_dim;
  float *x = memory->ping;
  BABEL_TRY(ops->upload(memory->features, features, (size_t)rows * (size_t)tower->in * sizeof(float), NULL));
  babel_input_gather_job gather = {.y = x, .bank = memory->features, .rows = memory->order, .mean = tower->mean,
                                   .inv_std = tower->inv_std, .n = rows, .d = tower->in, .bank_rows = rows};
  BABEL_TRY(ops->input_gather(&gather, 1, &state, NULL));
  BABEL_TRY(forward(memory, &tower->module, &x, rows));
  BABEL_TRY(forward(memory, babel_trunk_prototype(trunk, tower), &x, rows));
  if (output == BABEL_OUTPUT_ALIGNED) BABEL_TRY(forward(memory, &tower->post, &x, rows));
  if (steps > 1) {
    float *pooled = x == memory->ping ? memory->pong : memory->ping;
    babel_segment_mean_job mean = {.pooled = pooled, .sequence = x, .n = samples, .steps = steps, .d = width, .stacked = 1};
    if (lengths) {
      BABEL_TRY(ops->upload(memory->lengths, lengths, (size_t)samples * sizeof(int), NULL));
      mean.lengths = memory->lengths;
    }
    BABEL_TRY(ops->segment_mean_fwd(&mean, NULL));
    x = pooled;
  }
  babel_l2norm_fwd_job norm = {.y = memory->unit, .inv = memory->inv, .x = x, .n = samples, .d = width};
  BABEL_TRY(ops->l2norm_fwd(&norm, 1, NULL));
  return ops->download(embeddings, memory->unit, (size_t)samples * (size_t)width * sizeof(float), NULL);
}

static int widest(const babel_trunk *trunk, const babel_tower *tower) {
  int most = tower->in;
  for (int i = 0; i <= tower->module.layers; i++)
    if (tower->module.widths[i] > most) most = tower->module.widths[i];
  for (int i = 0; i <= trunk->prototype.layers; i++)
    if (trunk->prototype.widths[i] > most) most = trunk->prototype.widths[i];
  return most;
}

static babel_status reserve(embed_memory *memory, const babel_trunk *trunk, const babel_tower *tower, int samples, int steps) {
  size_t rows = (size_t)samples * (size_t)steps;
  int *order;
  void *host;
  BABEL_TRY(take(trunk->ops, &memory->ping, rows * (size_t)widest(trunk, tower), sizeof(float)));
  BABEL_TRY(take(trunk->ops, &memory->pong, rows * (size_t)widest(trunk, tower), sizeof(float)));
  BABEL_TRY(take(trunk->ops, &memory->features, rows * (size_t)tower->in, sizeof(float)));
  BABEL_TRY(take(trunk->ops, &memory->unit, (size_t)samples * (size_t)trunk->config.embed_dim, sizeof(float)));
  BABEL_TRY(take(trunk->ops, &memory->inv, (size_t)samples, sizeof(float)));
  BABEL_TRY(take(trunk->ops, &memory->order, rows, sizeof(int)));
  BABEL_TRY(take(trunk->ops, &memory->lengths, (size_t)samples, sizeof(int)));
  BABEL_TRY(babel_alloc(&host, rows, sizeof(int)));
  order = host;
  for (size_t i = 0; i < rows; i++) order[i] = (int)i;
  babel_status status = trunk->ops->upload(memory->order, order, rows * sizeof(int), NULL);
  free(order);
  return status;
}

static babel_status find_tower(const babel_trunk *trunk, const char *modality, const babel_tower **tower) {
  char known[BABEL_MAX_TOWERS * 34 + 1] = "";
  *tower = babel_trunk_tower(trunk, modality);
  if (*tower) return BABEL_OK;
  for (int i = 0; i < trunk->tower_count; i++)
    snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", trunk->towers[i].name);
  return BABEL_FAIL(BABEL_ERR_ARG, "%s: no tower for %s; it has %s", *trunk->path ? trunk->path : "the trunk", modality, known);
}

babel_status babel_trunk_embed(const babel_trunk *trunk, const char *modality, const float *features, int n, int steps,
                               const int *lengths, babel_output output, float *embeddings) {
  BABEL_RANGE("embed");
  const babel_tower *tower;
  embed_memory memory = {.ops = trunk->ops};
  babel_status status = BABEL_OK;
  BABEL_TRY(find_tower(trunk, modality, &tower));
  if (n < 0 || steps < 1) return BABEL_FAIL(BABEL_ERR_SHAPE, "%d samples of %d steps cannot be embedded", n, steps);
  size_t stride = (size_t)steps * (size_t)tower->in;
  for (size_t i = 0; i < (size_t)n * stride; i++)
    if (!isfinite(features[i]))
      return BABEL_FAIL(BABEL_ERR_VALUE, "%s features: NaN or infinity in sample %zu", modality, i / stride);
  for (int i = 0; lengths && i < n; i++)
    if (lengths[i] < 1 || lengths[i] > steps)
      return BABEL_FAIL(BABEL_ERR_SHAPE, "%s features: sample %d has %d valid steps of %d", modality, i, lengths[i], steps);
  int chunk = steps > CHUNK_ROWS ? 1 : CHUNK_ROWS / steps;
  if (chunk > n) chunk = n;
  if (!n) return BABEL_OK;
  BABEL_TRY_OR(reserve(&memory, trunk, tower, chunk, steps), fail);
  for (int at = 0; at < n; at += chunk) {
    int count = n - at < chunk ? n - at : chunk;
    BABEL_TRY_OR(embed_chunk(trunk, tower, &memory, features + (size_t)at * stride, count, steps, lengths ? lengths + at : NULL, output,
                             embeddings + (size_t)at * (size_t)trunk->config.embed_dim),
                 fail);
  }
fail:
  release(&memory);
  return status;
}
