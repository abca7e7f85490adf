#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/rng.h"
#include "eval/heads.h"
#include "eval/panel.h"

typedef struct {
  int n, samples, d, hidden, classes, batch; /* batch: most rows of a step */
  size_t ld;         /* columns of every (.., hidden) matrix, zeros behind `hidden` */
  size_t lb;         /* columns of every (.., batch) matrix */
  float *kernel;     /* (samples, n): inner products of the inputs with the support inputs */
  float *first;      /* (samples, ld): inputs times W1_0, without bias */
  float *span, *span_momentum; /* (n, ld): C of W1 = share W1_0 + C^T X, and its momentum */
  float *w2, *w2_momentum;     /* (classes, ld) */
  float *b1, *b1_momentum, *b2, *b2_momentum; /* (ld), (classes) */
  float *z, *dz;     /* (batch, ld): hidden units before ReLU, then behind it; their gradient */
  float *turned;     /* (ld, lb): hidden units behind ReLU, transposed */
  float *logits;     /* (classes, lb): logits, then their gradient */
  float *products;   /* (batch, n): rows of `kernel` */
  double share, share_momentum;
  babel_arena arena;
} head;

static babel_status create(head *h, const babel_head_problem *problem, const babel_config *config) {
  memset(h, 0, sizeof *h);
  BABEL_TRY(babel_head_mlp_check(config));
  h->n = problem->n;
  h->samples = problem->n + problem->q;
  h->d = problem->d;
  h->classes = problem->classes;
  h->hidden = config->head_hidden;
  h->batch = config->head_batch < problem->n ? config->head_batch : problem->n;
  h->ld = babel_panel_stride(h->hidden);
  h->lb = babel_panel_round(h->batch);
  size_t n = (size_t)h->n, samples = (size_t)h->samples, c = (size_t)h->classes, b = (size_t)h->batch;
  struct {
    float **piece;
    size_t count;
  } pieces[] = {{&h->kernel, samples * n}, {&h->first, samples * h->ld}, {&h->span, n * h->ld}, {&h->span_momentum, n * h->ld},
                {&h->w2, c * h->ld}, {&h->w2_momentum, c * h->ld}, {&h->b1, h->ld}, {&h->b1_momentum, h->ld}, {&h->b2, c},
                {&h->b2_momentum, c}, {&h->z, b * h->ld}, {&h->dz, b * h->ld}, {&h->turned, h->ld * h->lb}, {&h->logits, c * h->lb},
                {&h->products, b * n}};
  size_t total = 0;
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) total += babel_arena_need(pieces[i].count, sizeof(float));
  BABEL_TRY(babel_arena_create(&h->arena, total));
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
    BABEL_TRY(babel_arena_floats(&h->arena, pieces[i].count, pieces[i].piece));
  return BABEL_OK;
}

void babel_head_uniform(float *out, uint64_t seed, uint64_t from, size_t count, float bound) {
  uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, word[4];
  for (size_t i = 0; i < count;) { /* a block of Philox gives four of them */
    uint64_t index = from + i;
    uint32_t counter[4] = {(uint32_t)(index >> 2), (uint32_t)(index >> 34), BABEL_RNG_HEAD, 0};
    babel_philox(counter, key, word);
    for (uint64_t at = index & 3; at < 4 && i < count; at++, i++)
      out[i] = ((float)(word[at] >> 8) * 0x1p-23f - 1) * bound;
  }
}

/* Parameters at the start, and inputs times W1_0 for all samples: the only products with d columns. */
static babel_status initialise(head *h, const babel_head_problem *problem, uint64_t seed) {
  enum { ROWS = 16 };
  size_t d = (size_t)h->d, columns = babel_panel_round(h->hidden);
  const float scale = sqrtf(512);
  float bound = 1 / sqrtf((float)h->d), bound2 = 1 / sqrtf((float)h->hidden);
  void *memory;
  BABEL_TRY(babel_alloc(&memory, d * columns + (ROWS + 1) * d, sizeof(float)));
  float *packed = memory, *inputs = packed + d * columns, *row = inputs + ROWS * d;
  for (int j = 0; j < h->hidden; j++) { /* W1_0 in panels of BABEL_PANEL columns: (columns / PANEL, d, PANEL) */
    babel_head_uniform(row, seed, (uint64_t)j * d, d, bound);
    float *to = packed + (size_t)(j / BABEL_PANEL) * d * BABEL_PANEL + j % BABEL_PANEL;
    for (size_t i = 0; i < d; i++) to[i * BABEL_PANEL] = row[i];
  }
  uint64_t index = (uint64_t)h->hidden * d;
  babel_head_uniform(h->b1, seed, index, (size_t)h->hidden, bound);
  index += (uint64_t)h->hidden;
  for (int c = 0; c < h->classes; c++, index += (uint64_t)h->hidden) babel_head_uniform(h->w2 + (size_t)c * h->ld, seed, index, (size_t)h->hidden, bound2);
  babel_head_uniform(h->b2, seed, index, (size_t)h->classes, bound2);
  for (int at = 0; at < h->samples; at += ROWS) {
    int rows = h->samples - at < ROWS ? h->samples - at : ROWS;
    for (int r = 0; r < rows; r++) {
      const float *from = problem->x + (size_t)problem->rows[at + r] * d;
      for (size_t i = 0; i < d; i++) inputs[(size_t)r * d + i] = scale * from[i];
    }
    for (size_t j = 0; j < columns; j += BABEL_PANEL)
      babel_panel_multiply(h->first + (size_t)at * h->ld + j, h->ld, inputs, d, 1, packed + j * d, BABEL_PANEL, rows, h->d, BABEL_PANEL);
  }
  for (size_t i = 0; i < (size_t)h->samples * (size_t)h->n; i++) h->kernel[i] = (float)(512 * problem->gram[i]);
  h->share = 1;
  free(memory);
  return BABEL_OK;
}

/* z, turned and logits of b samples. */
static void forward(head *h, const int *samples, int b) {
  for (int r = 0; r < b; r++) {
    const float *first = h->first + (size_t)samples[r] * h->ld;
    float *z = h->z + (size_t)r * h->ld, share = (float)h->share;
    memcpy(h->products + (size_t)r * (size_t)h->n, h->kernel + (size_t)samples[r] * (size_t)h->n, (size_t)h->n * sizeof(float));
    for (size_t j = 0; j < h->ld; j++) z[j] = share * first[j] + h->b1[j];
  }
  babel_panel_multiply(h->z, h->ld, h->products, (size_t)h->n, 1, h->span, h->ld, b, h->n, h->hidden);
  for (int r = 0; r < b; r++) {
    float *z = h->z + (size_t)r * h->ld;
    for (size_t j = 0; j < h->ld; j++) z[j] = z[j] > 0 ? z[j] : 0;
  }
  babel_panel_transpose(h->turned, h->lb, h->z, h->ld, b, h->hidden);
  for (int c = 0; c < h->classes; c++)
    for (size_t r = 0; r < h->lb; r++) h->logits[(size_t)c * h->lb + r] = h->b2[c];
  babel_panel_multiply(h->logits, h->lb, h->w2, h->ld, 1, h->turned, h->lb, h->classes, h->hidden, b);
}

/* logits of column r become (softmax - one-hot of target) / b. */
static void cross_entropy(head *h, const int *samples, int b, const int *target) {
  float inverse = 1.0f / (float)b;
  for (int r = 0; r < b; r++) {
    float *x = h->logits + r, most = x[0], sum = 0;
    for (int c = 1; c < h->classes; c++) most = x[(size_t)c * h->lb] > most ? x[(size_t)c * h->lb] : most;
    for (int c = 0; c < h->classes; c++) sum += x[(size_t)c * h->lb] = expf(x[(size_t)c * h->lb] - most);
    for (int c = 0; c < h->classes; c++) x[(size_t)c * h->lb] *= inverse / sum;
    x[(size_t)target[samples[r]] * h->lb] -= inverse;
  }
}

/* p -= lr momentum, and at once the next step's momentum without its gradient: momentum = mu momentum + decay p. */
static void move(float *restrict p, float *restrict momentum, size_t count, float lr, float mu, float weight_decay) {
  for (size_t i = 0; i < count; i++) {
    p[i] -= lr * momentum[i];
    momentum[i] = mu * momentum[i] + weight_decay * p[i];
  }
}

/* All parameters; share is the one number that stands for W1_0. */
static void update(head *h, double lr, double mu, double weight_decay) {
  float rate = (float)lr, keep = (float)mu, shrink = (float)weight_decay;
  move(h->span, h->span_momentum, (size_t)h->n * h->ld, rate, keep, shrink);
  move(h->b1, h->b1_momentum, h->ld, rate, keep, shrink);
  move(h->w2, h->w2_momentum, (size_t)h->classes * h->ld, rate, keep, shrink);
  move(h->b2, h->b2_momentum, (size_t)h->classes, rate, keep, shrink);
  h->share -= lr * h->share_momentum;
  h->share_momentum = mu * h->share_momentum + weight_decay * h->share;
}

/* Adds the gradient of b support samples to the momenta. */
static void accumulate(head *h, const int *samples, int b, const int *target) {
  size_t ld = h->ld;
  forward(h, samples, b);
  cross_entropy(h, samples, b, target);
  memset(h->dz, 0, (size_t)b * ld * sizeof(float));
  babel_panel_multiply(h->dz, ld, h->logits, 1, h->lb, h->w2, ld, b, h->classes, h->hidden);
  for (int r = 0; r < b; r++) {
    const float *z = h->z + (size_t)r * ld, *dz = h->dz + (size_t)r * ld;
    float *restrict to = h->span_momentum + (size_t)samples[r] * ld, *restrict bias = h->b1_momentum;
    for (size_t j = 0; j < ld; j++) {
      float gradient = z[j] > 0 ? dz[j] : 0;
      to[j] += gradient;
      bias[j] += gradient;
    }
    for (int c = 0; c < h->classes; c++) h->b2_momentum[c] += h->logits[(size_t)c * h->lb + (size_t)r];
  }
  babel_panel_multiply(h->w2_momentum, ld, h->logits, h->lb, 1, h->z, ld, h->classes, b, h->hidden);
}

static void train(head *h, const babel_head_problem *problem, const babel_config *config, uint64_t seed, int *order) {
  double mu = config->head_momentum, weight_decay = config->head_weight_decay;
  update(h, 0, mu, weight_decay); /* momentum = decay p: what the first step adds its gradient to */
  for (int epoch = 0; epoch < config->head_epochs; epoch++) {
    double lr = config->head_lr * 0.5 * (1 + cos(acos(-1) * epoch / config->head_epochs));
    babel_rng_permutation(seed, BABEL_RNG_HEAD, BABEL_HEAD_SHUFFLE + (uint64_t)epoch * (uint64_t)h->n, h->n, order);
    for (int at = 0; at < h->n; at += h->batch) {
      accumulate(h, order + at, h->n - at < h->batch ? h->n - at : h->batch, problem->target);
      update(h, lr, mu, weight_decay);
    }
  }
}

void babel_head_softmax(double *p, const float *logits, size_t step, int classes) {
  double most = -INFINITY, sum = 0;
  for (int c = 0; c < classes; c++) {
    p[c] = (double)logits[(size_t)c * step];
    most = p[c] > most ? p[c] : most;
  }
  for (int c = 0; c < classes; c++) sum += p[c] = exp(p[c] - most);
  for (int c = 0; c < classes; c++) p[c] /= sum;
}

babel_status babel_head_mlp_check(const babel_config *config) {
  if (config->head_hidden < 1 || config->head_batch < 1 || config->head_epochs < 1)
    return BABEL_FAIL(BABEL_ERR_ARG, "mlp head: hidden units, batch and epochs must be at least 1, found %d, %d and %d", config->head_hidden,
                      config->head_batch, config->head_epochs);
  return BABEL_OK;
}

babel_status babel_head_mlp(double *scores, const babel_head_problem *problem, const babel_config *config, uint64_t seed) {
  head h;
  void *order = NULL;
  babel_status status;
  BABEL_TRY_OR(create(&h, problem, config), fail);
  BABEL_TRY_OR(babel_alloc(&order, (size_t)h.n, sizeof(int)), fail);
  BABEL_TRY_OR(initialise(&h, problem, seed), fail);
  train(&h, problem, config, seed, order);
  for (int at = 0; at < problem->q; at += h.batch) {
    int b = problem->q - at < h.batch ? problem->q - at : h.batch, *samples = order;
    for (int r = 0; r < b; r++) samples[r] = h.n + at + r;
    forward(&h, samples, b);
    for (int r = 0; r < b; r++) babel_head_softmax(scores + (size_t)(at + r) * (size_t)h.classes, h.logits + r, h.lb, h.classes);
  }
fail:
  free(order);
  babel_arena_destroy(&h.arena);
  return status;
}
