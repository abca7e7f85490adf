#include "eval/panel.h"

typedef float vector __attribute__((vector_size(32), aligned(4), may_alias));

/* gcc 12 would load each vector of b once per row of the tile; an empty instruction that names them keeps them in registers. */
#if defined(__x86_64__) && defined(__AVX__)
#define KEEP_IN_REGISTERS(a, b) __asm__("" : "+x"(a), "+x"(b))
#else
#define KEEP_IN_REGISTERS(a, b) ((void)0)
#endif

/* `rows` (a constant at every call) rows of y and one panel of columns: 2 x rows accumulators. */
static inline __attribute__((always_inline)) void tile(float *y, size_t ldy, const float *a, size_t a_row, size_t a_column,
                                                       const float *b, size_t ldb, int rows, int k) {
  vector sum[6][2];
  for (int i = 0; i < rows; i++)
    for (int c = 0; c < 2; c++) sum[i][c] = *(const vector *)(y + (size_t)i * ldy + 8 * c);
  for (int j = 0; j < k; j++, a += a_column, b += ldb) {
    vector low = *(const vector *)b, high = *(const vector *)(b + 8);
    KEEP_IN_REGISTERS(low, high);
    for (int i = 0; i < rows; i++) {
      sum[i][0] += low * a[(size_t)i * a_row];
      sum[i][1] += high * a[(size_t)i * a_row];
    }
  }
  for (int i = 0; i < rows; i++)
    for (int c = 0; c < 2; c++) *(vector *)(y + (size_t)i * ldy + 8 * c) = sum[i][c];
}

void babel_panel_multiply(float *y, size_t ldy, const float *a, size_t a_row, size_t a_column, const float *b, size_t ldb, int m, int k,
                          int columns) {
  for (int j = 0; j < columns; j += BABEL_PANEL)
    for (int i = 0; i < m;) {
      float *to = y + (size_t)i * ldy + j;
      const float *from = a + (size_t)i * a_row;
      int left = m - i;
      switch (left) {
      case 1: tile(to, ldy, from, a_row, a_column, b + j, ldb, 1, k); break;
      case 2: tile(to, ldy, from, a_row, a_column, b + j, ldb, 2, k); break;
      case 3: tile(to, ldy, from, a_row, a_column, b + j, ldb, 3, k); break;
      case 4: case 8: tile(to, ldy, from, a_row, a_column, b + j, ldb, 4, k); left = 4; break;
      case 5: tile(to, ldy, from, a_row, a_column, b + j, ldb, 5, k); break;
      default: tile(to, ldy, from, a_row, a_column, b + j, ldb, 6, k); left = 6;
      }
      i += left;
    }
}

typedef float quad __attribute__((vector_size(16), aligned(4), may_alias));

/* y (4, 4) = x^T. */
static inline void transpose_block(float *y, size_t ldy, const float *x, size_t ldx) {
  quad a = *(const quad *)x, b = *(const quad *)(x + ldx), c = *(const quad *)(x + 2 * ldx), d = *(const quad *)(x + 3 * ldx);
  quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  *(quad *)y = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
  *(quad *)(y + ldy) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
  *(quad *)(y + 2 * ldy) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  *(quad *)(y + 3 * ldy) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

void babel_panel_transpose(float *y, size_t ldy, const float *x, size_t ldx, int m, int columns) {
  int whole = m / 4 * 4;
  for (int j = 0; j < columns; j += 4) /* whole panels have room for the last block */
    for (int i = 0; i < whole; i += 4)
      transpose_block(y + (size_t)j * ldy + i, ldy, x + (size_t)i * ldx + j, ldx);
  for (int j = 0; j < columns; j++) {
    float *to = y + (size_t)j * ldy;
    for (int i = whole; i < m; i++) to[i] = x[(size_t)i * ldx + (size_t)j];
    for (size_t i = (size_t)m; i < ldy; i++) to[i] = 0;
  }
}
