/* Small matrix products for the mlp head: tens of rows, a call per microsecond, so no library call and no thread. Inside eval/ only. */
#ifndef BABEL_EVAL_PANEL_H
#define BABEL_EVAL_PANEL_H

#include <stddef.h>

#define BABEL_PANEL 16

/* Rounded up to whole panels of columns. */
static inline size_t babel_panel_round(int columns) {
  return ((size_t)columns + BABEL_PANEL - 1) / BABEL_PANEL * BABEL_PANEL;
}

/* The same as distance between rows, moved off the powers of two: rows 1 KiB apart share a few sets of the cache. */
static inline size_t babel_panel_stride(int columns) {
  size_t stride = babel_panel_round(columns);
  return stride % 64 ? stride : stride + BABEL_PANEL;
}

/* y (m, columns) += a (m, k) b (k, columns). Row i, column j of a stands at a[i * a_row + j * a_column]; rows of y and b are
 * ldy and ldb floats apart. Whole panels are read and written: columns is rounded up, so the rows must have that room.
 * y aliases neither a nor b. */
void babel_panel_multiply(float *y, size_t ldy, const float *a, size_t a_row, size_t a_column, const float *b, size_t ldb, int m, int k,
                          int columns);

/* y (columns, ldy) = x (m, columns) transposed; columns m..ldy-1 of y become zero. */
void babel_panel_transpose(float *y, size_t ldy, const float *x, size_t ldx, int m, int columns);

#endif
