#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/rng.h"
#include "eval/heads.h"

enum { PIECE = 512 }; /* queries of a head at a time */

/* One head: where its numbers lie in backend memory. */
typedef struct {
  const babel_mlp_head *wanted;
  int n, q, d, classes, batch, hidden; /* batch: most rows of a step */
  size_t parameters;
  float *p, *momentum, *g;             /* (parameters): W1 (hidden, d), b1, W2 (classes, hidden), b2 */
  float *support, *input, *units, *dunits, *logits; /* (n, d), (rows, d), (rows, hidden), (rows, hidden), (rows, classes) */
  int *order, *labels;                 /* (n) support rows as this epoch visits them, and their classes */
} head;

/* All heads, stage by stage: one list a launch. */
typedef struct {
  const babel_ops *ops;
  const babel_config *config;
  babel_stream *stream;
  babel_recording *epoch;
  head *heads;
  int count;
  void *memory;                        /* of the backend */
  char *sent, *arrived;                /* what changes from epoch to epoch, here and there: the learning rate, then orders and labels of all heads */
  size_t sent_bytes;
  float *loss, *host;                  /* (count) nobody asks; rows of the largest head */
  babel_input_gather_job *gather;
  babel_linear_fwd_job *forward;
  babel_softmax_xent_job *entropy;
  babel_linear_bwd_weight_job *weight;
  babel_linear_bwd_data_job *data;
  babel_sgd_job *sgd;
} heads;

static size_t rounded(size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

/* Hands out pieces of one array, or counts them while base is NULL. */
static void *carve(char *base, size_t *used, size_t bytes) {
  void *piece = base ? base + *used : NULL;
  *used += rounded(bytes);
  return piece;
}

static int least(int a, int b) {
  return a < b ? a : b;
}

/* Memory of the backend: what an epoch is sent first, so that it arrives in one piece. */
static size_t lay_out(heads *h, char *base) {
  size_t used = 0;
  h->arrived = carve(base, &used, sizeof(float));
  for (int i = 0; i < h->count; i++) {
    head *o = &h->heads[i];
    o->order = carve(base, &used, (size_t)o->n * sizeof(int));
    o->labels = carve(base, &used, (size_t)o->n * sizeof(int));
  }
  h->sent_bytes = used;
  h->loss = carve(base, &used, (size_t)h->count * sizeof(float));
  for (int i = 0; i < h->count; i++) {
    head *o = &h->heads[i];
    const size_t rows = (size_t)(o->batch > least(o->q, PIECE) ? o->batch : least(o->q, PIECE));
    float **arrays[] = {&o->p, &o->momentum, &o->g};
    for (int k = 0; k < 3; k++) *arrays[k] = carve(base, &used, o->parameters * sizeof(float));
    o->support = carve(base, &used, (size_t)o->n * (size_t)o->d * sizeof(float));
    o->input = carve(base, &used, rows * (size_t)o->d * sizeof(float));
    o->units = carve(base, &used, rows * (size_t)o->hidden * sizeof(float));
    o->dunits = carve(base, &used, rows * (size_t)o->hidden * sizeof(float));
    o->logits = carve(base, &used, rows * (size_t)o->classes * sizeof(float));
  }
  return used;
}

/* Rows at + 0 .. of the samples, sqrt(512) times, to `to`. */
static babel_status send_inputs(heads *h, const head *o, float *to, int at, int rows) {
  const babel_head_problem *problem = o->wanted->problem;
  const float scale = sqrtf(512);
  for (int r = 0; r < rows; r++) {
    const float *from = problem->x + (size_t)problem->rows[at + r] * (size_t)o->d;
    for (int i = 0; i < o->d; i++) h->host[(size_t)r * (size_t)o->d + (size_t)i] = scale * from[i];
  }
  return h->ops->upload(to, h->host, (size_t)rows * (size_t)o->d * sizeof(float), h->stream);
}

static babel_status create(heads *h) {
  size_t most = 0;
  for (int i = 0; i < h->count; i++) {
    const head *o = &h->heads[i];
    const size_t rows = (size_t)(o->n > PIECE ? o->n : PIECE);
    const size_t floats = o->parameters > rows * (size_t)o->d ? o->parameters : rows * (size_t)o->d;
    if (floats > most) most = floats;
    if (rows * (size_t)o->classes > most) most = rows * (size_t)o->classes;
  }
  const size_t n = (size_t)h->count;
  BABEL_TRY(babel_alloc_to(&h->gather, n, sizeof *h->gather));
  BABEL_TRY(babel_alloc_to(&h->forward, n, sizeof *h->forward));
  BABEL_TRY(babel_alloc_to(&h->entropy, n, sizeof *h->entropy));
  BABEL_TRY(babel_alloc_to(&h->weight, 2 * n, sizeof *h->weight));
  BABEL_TRY(babel_alloc_to(&h->data, n, sizeof *h->data));
  BABEL_TRY(babel_alloc_to(&h->sgd, n, sizeof *h->sgd));
  BABEL_TRY(babel_alloc_to(&h->host, most, sizeof(float)));
  BABEL_TRY(h->ops->alloc(&h->memory, lay_out(h, NULL)));
  BABEL_TRY(babel_alloc_to(&h->sent, h->sent_bytes, 1));
  lay_out(h, h->memory);
  if (h->ops->stream_create) BABEL_TRY(h->ops->stream_create(&h->stream, 0));
  for (int i = 0; i < h->count; i++) {
    head *o = &h->heads[i];
    const size_t first = (size_t)o->hidden * (size_t)o->d + (size_t)o->hidden;
    babel_head_uniform(h->host, o->wanted->seed, 0, first, 1 / sqrtf((float)o->d));
    babel_head_uniform(h->host + first, o->wanted->seed, first, o->parameters - first, 1 / sqrtf((float)o->hidden));
    BABEL_TRY(h->ops->upload(o->p, h->host, o->parameters * sizeof(float), h->stream));
    BABEL_TRY(send_inputs(h, o, o->support, 0, o->n));
  }
  return BABEL_OK;
}

static void destroy(heads *h) {
  if (h->epoch) h->ops->recording_destroy(h->epoch);
  if (h->stream) h->ops->stream_destroy(h->stream);
  if (h->memory) h->ops->free(h->memory);
  void *host[] = {h->sent, h->host, h->gather, h->forward, h->entropy, h->weight, h->data, h->sgd, h->heads};
  for (size_t i = 0; i < sizeof host / sizeof *host; i++) free(host[i]);
}

/* Units and logits of rows[i] inputs of head i; heads with 0 rows are left out. */
static babel_status forward(heads *h, const int *rows) {
  int jobs = 0;
  for (int i = 0; i < h->count; i++) {
    const head *o = &h->heads[i];
    if (rows[i]) h->forward[jobs++] = (babel_linear_fwd_job){.y = o->units, .x = o->input, .w = o->p, .b = o->p + (size_t)o->hidden * (size_t)o->d, .n = rows[i], .in = o->d, .out = o->hidden, .relu = 1};
  }
  BABEL_TRY(h->ops->linear_fwd(h->forward, jobs, h->stream));
  jobs = 0;
  for (int i = 0; i < h->count; i++) {
    const head *o = &h->heads[i];
    const float *w2 = o->p + (size_t)o->hidden * (size_t)(o->d + 1);
    if (rows[i]) h->forward[jobs++] = (babel_linear_fwd_job){.y = o->logits, .x = o->units, .w = w2, .b = w2 + (size_t)o->classes * (size_t)o->hidden, .n = rows[i], .in = o->hidden, .out = o->classes};
  }
  return h->ops->linear_fwd(h->forward, jobs, h->stream);
}

/* One step on rows at .. of each head's order. rows: (count) workspace. */
static babel_status step(heads *h, int s, int *rows) {
  int jobs = 0;
  for (int i = 0; i < h->count; i++) {
    const head *o = &h->heads[i];
    const int64_t at = (int64_t)s * o->batch;
    rows[i] = at < o->n ? least(o->batch, o->n - (int)at) : 0;
    if (!rows[i]) continue;
    const float *w2 = o->p + (size_t)o->hidden * (size_t)(o->d + 1);
    float *g2 = o->g + (w2 - o->p);
    h->gather[jobs] = (babel_input_gather_job){.y = o->input, .bank = o->support, .rows = o->order + at, .n = rows[i], .d = o->d, .bank_rows = o->n};
    h->entropy[jobs] = (babel_softmax_xent_job){.loss = h->loss + i, .dz = o->logits, .z = o->logits, .labels = o->labels + at, .n = rows[i], .c = o->classes};
    h->weight[jobs] = (babel_linear_bwd_weight_job){.dw = g2, .db = g2 + (size_t)o->classes * (size_t)o->hidden, .dy = o->logits, .x = o->units, .n = rows[i], .in = o->hidden, .out = o->classes};
    h->data[jobs] = (babel_linear_bwd_data_job){.dx = o->dunits, .dy = o->logits, .w = w2, .y_prev = o->units, .n = rows[i], .in = o->hidden, .out = o->classes, .mask_rows = rows[i]};
    h->sgd[jobs++] = (babel_sgd_job){.p = o->p, .momentum = o->momentum, .g = o->g, .lr = (const float *)h->arrived, .n = (int64_t)o->parameters,
                                     .mu = (float)h->config->head_momentum, .weight_decay = (float)h->config->head_weight_decay};
  }
  const int both = 2 * jobs;
  for (int i = 0, k = jobs; i < h->count; i++) {
    const head *o = &h->heads[i];
    if (rows[i]) h->weight[k++] = (babel_linear_bwd_weight_job){.dw = o->g, .db = o->g + (size_t)o->hidden * (size_t)o->d, .dy = o->dunits, .x = o->input, .n = rows[i], .in = o->d, .out = o->hidden};
  }
  BABEL_TRY(h->ops->input_gather(h->gather, jobs, NULL, h->stream));
  BABEL_TRY(forward(h, rows));
  BABEL_TRY(h->ops->softmax_xent(h->entropy, jobs, h->stream));
  BABEL_TRY(h->ops->linear_bwd_data(h->data, jobs, h->stream));
  BABEL_TRY(h->ops->linear_bwd_weight(h->weight, both, h->stream));
  return h->ops->sgd(h->sgd, jobs, h->stream);
}

static babel_status epoch(heads *h, int *rows) {
  int steps = 0;
  for (int i = 0; i < h->count; i++) {
    const int its = (h->heads[i].n + h->heads[i].batch - 1) / h->heads[i].batch;
    if (its > steps) steps = its;
  }
  for (int s = 0; s < steps; s++) BABEL_TRY(step(h, s, rows));
  return BABEL_OK;
}

static babel_status record(heads *h, int *rows) {
  BABEL_TRY(h->ops->record_begin(h->stream));
  babel_status status = epoch(h, rows);
  babel_error first = babel_error_take();
  babel_status ended = h->ops->record_end(&h->epoch, h->stream);
  if (status == BABEL_OK) return ended;
  babel_error_put(&first);
  return status;
}

/* Learning rate, orders and labels of that epoch. */
static babel_status send_epoch(heads *h, int number) {
  const float lr = (float)(h->config->head_lr * 0.5 * (1 + cos(acos(-1) * number / h->config->head_epochs)));
  memcpy(h->sent, &lr, sizeof lr);
  for (int i = 0; i < h->count; i++) {
    const head *o = &h->heads[i];
    int *order = (int *)(h->sent + ((const char *)o->order - h->arrived)), *labels = (int *)(h->sent + ((const char *)o->labels - h->arrived));
    babel_rng_permutation(o->wanted->seed, BABEL_RNG_HEAD, BABEL_HEAD_SHUFFLE + (uint64_t)number * (uint64_t)o->n, o->n, order);
    for (int r = 0; r < o->n; r++) labels[r] = o->wanted->problem->target[order[r]];
  }
  return h->ops->upload(h->arrived, h->sent, h->sent_bytes, h->stream);
}

static babel_status train(heads *h, int *rows) {
  const bool records = h->ops->record_begin && !h->ops->one_by_one;
  for (int e = 0; e < h->config->head_epochs; e++) {
    BABEL_TRY(send_epoch(h, e));
    if (records && !h->epoch) BABEL_TRY(record(h, rows));
    BABEL_TRY(records ? h->ops->replay(h->epoch, h->stream) : epoch(h, rows));
  }
  return BABEL_OK;
}

/* All heads' queries, a piece at a time. */
static babel_status answer(heads *h, int *rows) {
  int most = 0;
  for (int i = 0; i < h->count; i++) most = h->heads[i].q > most ? h->heads[i].q : most;
  for (int at = 0; at < most; at += PIECE) {
    for (int i = 0; i < h->count; i++) {
      const head *o = &h->heads[i];
      rows[i] = at < o->q ? least(PIECE, o->q - at) : 0;
      if (rows[i]) BABEL_TRY(send_inputs(h, o, o->input, o->n + at, rows[i]));
    }
    BABEL_TRY(forward(h, rows));
    for (int i = 0; i < h->count; i++) {
      const head *o = &h->heads[i];
      if (rows[i]) BABEL_TRY(h->ops->download(h->host, o->logits, (size_t)rows[i] * (size_t)o->classes * sizeof(float), h->stream));
      for (int r = 0; r < rows[i]; r++)
        babel_head_softmax(o->wanted->scores + (size_t)(at + r) * (size_t)o->classes, h->host + (size_t)r * (size_t)o->classes, 1, o->classes);
    }
  }
  return BABEL_OK;
}

babel_status babel_head_mlp_device(const babel_mlp_head *wanted, int count, const babel_config *config, const babel_ops *ops) {
  heads h = {.ops = ops->exact ? ops->exact : ops, .config = config, .count = count};
  int *rows = NULL;
  babel_status status;
  if (count < 1) return BABEL_OK;
  BABEL_TRY(babel_head_mlp_check(config));
  BABEL_TRY_OR(babel_alloc_to(&rows, (size_t)count, sizeof(int)), done);
  BABEL_TRY_OR(babel_alloc_to(&h.heads, (size_t)count, sizeof(head)), done);
  for (int i = 0; i < count; i++) {
    const babel_head_problem *problem = wanted[i].problem;
    const size_t hidden = (size_t)config->head_hidden, d = (size_t)problem->d, classes = (size_t)problem->classes;
    h.heads[i] = (head){.wanted = &wanted[i], .n = problem->n, .q = problem->q, .d = problem->d, .classes = problem->classes, .hidden = config->head_hidden,
                        .batch = least(config->head_batch, problem->n), .parameters = hidden * d + hidden + classes * hidden + classes};
  }
  BABEL_TRY_OR(create(&h), done);
  BABEL_TRY_OR(train(&h, rows), done);
  status = answer(&h, rows);
done:
  destroy(&h);
  free(rows);
  return status;
}
