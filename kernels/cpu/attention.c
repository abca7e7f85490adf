#include "kernels/attention.h"

#include <string.h>

#include "kernels/cpu/simd_math.h"
#include "kernels/cpu/tile.h"

enum { ROWS = BABEL_TILE_ROWS, COLUMNS = BABEL_TILE_COLUMNS };

static babel_status check(const babel_attention_shape *a) {
  if (a->steps < 1 || a->heads < 1 || a->width < 1 || (int64_t)a->heads * a->width > a->stride ||
      (a->y_stride && (int64_t)a->heads * a->width > a->y_stride))
    return BABEL_FAIL(BABEL_ERR_SHAPE,
                      "attention over %d steps with %d heads of width %d in rows of %d values", a->steps,
                      a->heads, a->width, a->stride);
  return BABEL_OK;
}

/* Values from one row of y or dy to the next. */
static size_t y_stride(const babel_attention_shape *a) {
  return a->y_stride ? (size_t)a->y_stride : (size_t)a->heads * a->width;
}

static size_t panels(int n) {
  return ((size_t)n + COLUMNS - 1) / COLUMNS;
}

/* Keys of a head as panels of 24 keys, values as panels of 24 features, the score rows of one tile. */
static size_t key_floats(const babel_attention_shape *a) {
  return panels(a->steps) * COLUMNS * (size_t)a->width;
}

static size_t value_floats(const babel_attention_shape *a) {
  return panels(a->width) * COLUMNS * (size_t)a->steps;
}

size_t babel_attention_workspace(const babel_attention_shape *a) {
  return key_floats(a) + value_floats(a) + panels(a->steps) * COLUMNS * ROWS;
}

/* The keys take the scale with them: the scores then need no further multiplication. */
static void pack_keys(float *keys, const float *k, const babel_attention_shape *a) {
  memset(keys, 0, key_floats(a) * sizeof *keys);
  for (int j = 0; j < a->steps; j++) {
    float *column = keys + (size_t)(j / COLUMNS) * COLUMNS * a->width + j % COLUMNS;
    for (int c = 0; c < a->width; c++) column[(size_t)c * COLUMNS] = a->scale * k[(size_t)j * a->stride + c];
  }
}

static void pack_values(float *values, const float *v, const babel_attention_shape *a) {
  memset(values, 0, value_floats(a) * sizeof *values);
  for (int first = 0; first < a->width; first += COLUMNS, values += (size_t)a->steps * COLUMNS) {
    int columns = a->width - first < COLUMNS ? a->width - first : COLUMNS;
    for (int j = 0; j < a->steps; j++)
      memcpy(values + (size_t)j * COLUMNS, v + (size_t)j * a->stride + first, (size_t)columns * sizeof *v);
  }
}

/* row = exp(row - max), not yet divided; returns 1 / sum. The row is whole panels long; the columns behind the n keys take
 * part with a score so low that they count nothing. Three vectors a panel, so three running values. */
static float exponentiate(float *row, int n) {
  const int end = (int)panels(n) * COLUMNS;
  for (int j = n; j < end; j++) row[j] = -1e30f;
  babel_vector *x = (babel_vector *)row, *const behind = (babel_vector *)(row + end);
  babel_vector most[3] = {x[0], x[1], x[2]}, sum[3] = {{0}, {0}, {0}};
  for (x += 3; x < behind; x += 3)
    for (int i = 0; i < 3; i++) babel_simd_max(&most[i], &x[i]);
  babel_simd_max(&most[0], &most[1]);
  babel_simd_max(&most[0], &most[2]);
  float top = most[0][0], total = 0;
  for (int i = 1; i < BABEL_LANES; i++) top = most[0][i] > top ? most[0][i] : top;
  for (x = (babel_vector *)row; x < behind; x += 3)
    for (int i = 0; i < 3; i++) {
      x[i] -= top;
      babel_simd_exp(&x[i]);
      sum[i] += x[i];
    }
  sum[0] += sum[1] + sum[2];
  for (int i = 0; i < BABEL_LANES; i++) total += sum[0][i];
  return 1.0f / total;
}

/* Up to four query rows of one head, first row i. */
static void attend(float *y, float *p, float *scores, const float *q, const float *keys, const float *values,
                   int i, const babel_attention_shape *a) {
  const int steps = a->steps, width = a->width, rows = steps - i < ROWS ? steps - i : ROWS;
  const size_t ld = panels(steps) * COLUMNS, model = y_stride(a);
  const float *from[ROWS];
  float share[ROWS], tile[ROWS * COLUMNS];
  for (int r = 0; r < ROWS; r++) from[r] = q + (size_t)(i + (r < rows ? r : 0)) * a->stride;
  for (size_t j = 0; j < ld; j += COLUMNS) babel_tile(scores + j, ld, from, keys + j * width, NULL, width);
  for (int r = 0; r < ROWS; r++) {
    share[r] = r < rows ? exponentiate(scores + r * ld, steps) : 0;
    from[r] = scores + r * ld;
  }
  for (int r = 0; p && r < rows; r++)
    for (int j = 0; j < steps; j++) p[(size_t)(i + r) * steps + j] = scores[r * ld + j] * share[r];
  for (int first = 0; first < width; first += COLUMNS, values += (size_t)steps * COLUMNS) {
    int columns = width - first < COLUMNS ? width - first : COLUMNS;
    babel_tile(tile, COLUMNS, from, values, NULL, steps);
    for (int r = 0; r < rows; r++)
      for (int c = 0; c < columns; c++)
        y[(size_t)(i + r) * model + first + c] = tile[r * COLUMNS + c] * share[r];
  }
}

babel_status babel_attention_fwd_cpu(float *y, float *p, float *workspace, const float *q, const float *k,
                                     const float *v, const babel_attention_shape *a, babel_stream *s) {
  BABEL_TRY(check(a));
  float *keys = workspace, *values = keys + key_floats(a), *scores = values + value_floats(a);
  for (int h = 0; h < a->heads; h++) {
    size_t column = (size_t)h * a->width;
    pack_keys(keys, k + column, a);
    pack_values(values, v + column, a);
    for (int i = 0; i < a->steps; i += ROWS)
      attend(y + column, p ? p + (size_t)h * a->steps * a->steps : NULL, scores, q + column, keys, values, i,
             a);
  }
  return BABEL_OK;
}

static float dot(const float *x, const float *y, int n) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int i = 0; i < n; i++) sum += x[i] * y[i];
  return sum;
}

/* One head; all pointers at its first column. ds: (steps). */
static void backward_head(float *dq, float *dk, float *dv, float *ds, const float *dy, const float *q,
                          const float *k, const float *v, const float *p, const babel_attention_shape *a) {
  const int steps = a->steps, width = a->width;
  const size_t stride = (size_t)a->stride, model = y_stride(a);
  for (int j = 0; j < steps; j++) {
    memset(dk + j * stride, 0, (size_t)width * sizeof *dk);
    memset(dv + j * stride, 0, (size_t)width * sizeof *dv);
  }
  for (int i = 0; i < steps; i++, p += steps) {
    const float *dyi = dy + i * model, *qi = q + i * stride;
    float *dqi = dq + i * stride;
    for (int j = 0; j < steps; j++) ds[j] = dot(dyi, v + j * stride, width);
    float mean = dot(p, ds, steps);
    memset(dqi, 0, (size_t)width * sizeof *dqi);
    for (int j = 0; j < steps; j++) {
      float g = a->scale * p[j] * (ds[j] - mean);
      for (int c = 0; c < width; c++) {
        dqi[c] += g * k[j * stride + c];
        dk[j * stride + c] += g * qi[c];
        dv[j * stride + c] += p[j] * dyi[c];
      }
    }
  }
}

babel_status babel_attention_bwd_cpu(float *dq, float *dk, float *dv, float *workspace, const float *dy,
                                     const float *q, const float *k, const float *v, const float *p,
                                     const babel_attention_shape *a, babel_stream *s) {
  BABEL_TRY(check(a));
  for (int h = 0; h < a->heads; h++) {
    size_t column = (size_t)h * a->width;
    backward_head(dq + column, dk + column, dv + column, workspace, dy + column, q + column, k + column,
                  v + column, p + (size_t)h * a->steps * a->steps, a);
  }
  return BABEL_OK;
}
