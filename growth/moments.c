#include "growth/moments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/range.h"
#include "growth/eigen.h"
#include "growth/trunk.h"

enum { CHUNK_ROWS = 1024, MOST_LAYERS = 3 * BABEL_MAX_LAYERS };

void babel_moments_destroy(babel_moments *moments) {
  for (int k = 0; k < moments->layers; k++) free(moments->of[k]);
  memset(moments, 0, sizeof *moments);
}

babel_status babel_moments_alloc(babel_moments *moments, const babel_mlp *mlp) {
  babel_status status = BABEL_OK;
  memset(moments, 0, sizeof *moments);
  for (int k = 0; k < mlp->layers && status == BABEL_OK; k++) {
    size_t width = (size_t)(moments->width[k] = mlp->widths[k]);
    moments->layers++;
    status = babel_alloc_to(&moments->of[k], width * width, sizeof(float));
  }
  if (status != BABEL_OK) babel_moments_destroy(moments);
  return status;
}

babel_status babel_moments_copy(babel_moments *to, const babel_moments *from) {
  babel_mlp shape = {.layers = from->layers};
  memcpy(shape.widths, from->width, sizeof from->width);
  BABEL_TRY(babel_moments_alloc(to, &shape));
  for (int k = 0; k < to->layers; k++) memcpy(to->of[k], from->of[k], (size_t)to->width[k] * (size_t)to->width[k] * sizeof(float));
  return BABEL_OK;
}

void babel_moments_forget(babel_trunk *trunk) {
  babel_moments_destroy(&trunk->moments);
  for (int i = 0; i < trunk->tower_count; i++) {
    babel_moments_destroy(&trunk->towers[i].moments);
    babel_moments_destroy(&trunk->towers[i].post_moments);
  }
}

/* One linear layer of the way through C, U and the projection, and the sum of x x^T so far. */
typedef struct {
  babel_linear_fwd_job job;
  float *moment;  /* of the trunk, (in, in) */
  double *sum;    /* upper triangle */
} pass_layer;

typedef struct {
  const babel_trunk *trunk;
  const babel_tower *tower;
  pass_layer layer[MOST_LAYERS];
  int layers;
  float *rows;      /* host: (CHUNK_ROWS, widest) */
  double *x;        /* host: the same */
  void *buffer[2];  /* backend: the same */
} pass;

static babel_status append(pass *p, const babel_mlp *mlp, babel_moments *moments) {
  for (int k = 0; k < mlp->layers; k++) {
    pass_layer *l = &p->layer[p->layers++];
    size_t width = (size_t)mlp->widths[k];
    l->job = (babel_linear_fwd_job){.w = mlp->params + mlp->weight_at[k], .b = mlp->params + mlp->bias_at[k], .in = mlp->widths[k],
                                    .out = mlp->widths[k + 1], .relu = k + 1 < mlp->layers};
    l->moment = moments->of[k];
    BABEL_TRY(babel_alloc_to(&l->sum, width * width, sizeof(double)));
  }
  return BABEL_OK;
}

static babel_status reserve(pass *p) {
  size_t widest = 1;
  for (int k = 0; k < p->layers; k++) {
    if ((size_t)p->layer[k].job.in > widest) widest = (size_t)p->layer[k].job.in;
    if ((size_t)p->layer[k].job.out > widest) widest = (size_t)p->layer[k].job.out;
  }
  BABEL_TRY(babel_alloc_to(&p->rows, CHUNK_ROWS * widest, sizeof(float)));
  BABEL_TRY(babel_alloc_to(&p->x, CHUNK_ROWS * widest, sizeof(double)));
  for (int i = 0; i < 2; i++) BABEL_TRY(p->trunk->ops->alloc(&p->buffer[i], CHUNK_ROWS * widest * sizeof(float)));
  return BABEL_OK;
}

/* Each entry is one sum in a fixed order: the number of threads does not matter. */
static void accumulate(double *sum, const double *x, int rows, size_t width) {
#pragma omp parallel for schedule(dynamic, 8)
  for (size_t i = 0; i < width; i++)
    for (int r = 0; r < rows; r++) {
      const double *row = x + (size_t)r * width, xi = row[i];
      for (size_t j = i; j < width && xi != 0; j++) sum[i * width + j] += xi * row[j];
    }
}

/* p->rows through all layers. */
static babel_status run_chunk(pass *p, int rows) {
  const babel_ops *ops = p->trunk->ops;
  float *in = p->buffer[0], *out = p->buffer[1], *other;
  BABEL_TRY(ops->upload(in, p->rows, (size_t)rows * (size_t)p->tower->in * sizeof(float), NULL));
  for (int k = 0; k < p->layers; k++) {
    pass_layer *l = &p->layer[k];
    size_t count = (size_t)rows * (size_t)l->job.in;
    BABEL_TRY(ops->download(p->rows, in, count * sizeof(float), NULL));
    for (size_t i = 0; i < count; i++) p->x[i] = (double)p->rows[i];
    accumulate(l->sum, p->x, rows, (size_t)l->job.in);
    l->job.x = in;
    l->job.y = out;
    l->job.n = rows;
    if (k + 1 < p->layers) BABEL_TRY(ops->linear_fwd(&l->job, 1, NULL));
    other = in, in = out, out = other;
  }
  return BABEL_OK;
}

static babel_status run_rows(pass *p, const babel_bank *bank, const int *index, int n, const float *mean, const float *inv_std, int64_t *all) {
  const size_t width = (size_t)bank->width;
  int rows = 0;
  *all = 0;
  for (int i = 0; i < n; i++) {
    int valid = babel_bank_length(bank, index[i], 0);
    for (int t = 0; t < valid; t++) {
      const float *from = bank->features + ((size_t)index[i] * (size_t)bank->steps + (size_t)t) * width;
      for (size_t c = 0; c < width; c++) p->rows[(size_t)rows * width + c] = (from[c] - mean[c]) * inv_std[c];
      if (++rows < CHUNK_ROWS) continue;
      BABEL_TRY(run_chunk(p, rows));
      *all += rows;
      rows = 0;
    }
  }
  *all += rows;
  return rows ? run_chunk(p, rows) : BABEL_OK;
}

static void keep(const pass *p, int64_t rows) {
  for (int k = 0; k < p->layers; k++) {
    const pass_layer *l = &p->layer[k];
    const size_t width = (size_t)l->job.in;
    for (size_t i = 0; i < width; i++)
      for (size_t j = i; j < width; j++)
        l->moment[i * width + j] = l->moment[j * width + i] = (float)((double)l->moment[i * width + j] + l->sum[i * width + j] / (double)rows);
  }
}

static babel_status ensure(babel_moments *moments, const babel_mlp *mlp) {
  return moments->layers ? BABEL_OK : babel_moments_alloc(moments, mlp);
}

babel_status babel_moments_add(babel_trunk *trunk, const babel_bank *bank, const int *index, int n) {
  BABEL_RANGE("moments");
  babel_tower *tower = babel_trunk_tower(trunk, bank->modality);
  pass p = {.trunk = trunk, .tower = tower};
  float *statistics[2] = {0};
  int64_t rows;
  babel_status status = BABEL_OK;
  if (!tower || n < 1) return BABEL_FAIL(BABEL_ERR_ARG, "second moments of %d rows of %s, %s", n, bank->modality, tower ? "expected at least 1" : "which has no tower");
  BABEL_TRY_OR(ensure(&tower->moments, &tower->module), done);
  BABEL_TRY_OR(ensure(&tower->post_moments, &tower->post), done);
  BABEL_TRY_OR(ensure(&trunk->moments, &trunk->prototype), done);
  BABEL_TRY_OR(append(&p, &tower->module, &tower->moments), done);
  BABEL_TRY_OR(append(&p, &trunk->prototype, &trunk->moments), done);
  BABEL_TRY_OR(append(&p, &tower->post, &tower->post_moments), done);
  BABEL_TRY_OR(reserve(&p), done);
  for (int i = 0; i < 2; i++) {
    BABEL_TRY_OR(babel_alloc_to(&statistics[i], (size_t)tower->in, sizeof(float)), done);
    BABEL_TRY_OR(trunk->ops->download(statistics[i], i ? tower->inv_std : tower->mean, (size_t)tower->in * sizeof(float), NULL), done);
  }
  BABEL_TRY_OR(run_rows(&p, bank, index, n, statistics[0], statistics[1], &rows), done);
  keep(&p, rows);
done:
  for (int k = 0; k < p.layers; k++) free(p.layer[k].sum);
  for (int i = 0; i < 2; i++) {
    free(statistics[i]);
    if (p.buffer[i]) trunk->ops->free(p.buffer[i]);
  }
  free(p.rows);
  free(p.x);
  return status;
}

babel_status babel_moments_basis(const float *matrix, int width, double energy, float **v, int *rank) {
  const size_t size = (size_t)width;
  double *square = NULL, *values = NULL, *vectors = NULL, trace = 0, held = 0;
  char what[64];
  babel_status status;
  *v = NULL;
  *rank = 0;
  BABEL_TRY_OR(babel_alloc_to(&square, size * size, sizeof *square), done);
  BABEL_TRY_OR(babel_alloc_to(&values, size, sizeof *values), done);
  BABEL_TRY_OR(babel_alloc_to(&vectors, size * size, sizeof *vectors), done);
  for (size_t i = 0; i < size * size; i++) square[i] = (double)matrix[i];
  for (size_t i = 0; i < size; i++) trace += square[i * size + i];
  snprintf(what, sizeof what, "the second moment of %d inputs", width);
  status = babel_eigen(square, width, width, values, vectors, what);
  for (; status == BABEL_OK && *rank < width && held < energy * trace; ++*rank) held += values[width - 1 - *rank]; /* ascending */
  if (*rank) BABEL_TRY_OR(babel_alloc_to(v, (size_t)*rank * size, sizeof **v), done);
  for (int k = 0; k < *rank; k++)
    for (size_t c = 0; c < size; c++) (*v)[(size_t)k * size + c] = (float)vectors[(size_t)(width - 1 - k) * size + c];
done:
  free(square);
  free(values);
  free(vectors);
  return status;
}
