#include "kernels/linear_panel.h"

#include <string.h>

#include "kernels/cpu/tile.h"

static babel_status check(int n, int in, int out) {
  if (n < 0 || in < 1 || out < 1)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "linear layer of %d rows, %d to %d features", n, in, out);
  return BABEL_OK;
}

static size_t panel_floats(int in) {
  return ((size_t)in + 1) * BABEL_TILE_COLUMNS;
}

size_t babel_linear_panel_size(int in, int out) {
  return ((size_t)out + BABEL_TILE_COLUMNS - 1) / BABEL_TILE_COLUMNS * panel_floats(in);
}

babel_status babel_linear_panel_pack_cpu(float *packed, const float *w, const float *b, int in, int out) {
  BABEL_TRY(check(0, in, out));
  memset(packed, 0, babel_linear_panel_size(in, out) * sizeof *packed);
  for (int o = 0; o < out; o++) {
    float *column = packed + (size_t)(o / BABEL_TILE_COLUMNS) * panel_floats(in) + o % BABEL_TILE_COLUMNS;
    column[0] = b ? b[o] : 0;
    for (int k = 0; k < in; k++) column[((size_t)k + 1) * BABEL_TILE_COLUMNS] = w[(size_t)o * in + k];
  }
  return BABEL_OK;
}

babel_status babel_linear_panel_fwd_cpu(float *y, const float *x, const float *packed, int n, int in, int out,
                                        babel_stream *s) {
  BABEL_TRY(check(n, in, out));
  for (int o = 0; o < out; o += BABEL_TILE_COLUMNS, packed += panel_floats(in)) {
    int columns = out - o < BABEL_TILE_COLUMNS ? out - o : BABEL_TILE_COLUMNS;
    for (int i = 0; i < n; i += BABEL_TILE_ROWS) {
      int rows = n - i < BABEL_TILE_ROWS ? n - i : BABEL_TILE_ROWS;
      const float *from[BABEL_TILE_ROWS];
      for (int k = 0; k < BABEL_TILE_ROWS; k++) from[k] = x + (size_t)(i + (k < rows ? k : 0)) * in;
      if (rows == BABEL_TILE_ROWS && columns == BABEL_TILE_COLUMNS) {
        babel_tile(y + (size_t)i * out + o, (size_t)out, from, packed + BABEL_TILE_COLUMNS, packed, in);
      } else {
        float edge[BABEL_TILE_ROWS * BABEL_TILE_COLUMNS];
        babel_tile(edge, BABEL_TILE_COLUMNS, from, packed + BABEL_TILE_COLUMNS, packed, in);
        for (int k = 0; k < rows; k++)
          memcpy(y + (size_t)(i + k) * out + o, edge + k * BABEL_TILE_COLUMNS, (size_t)columns * sizeof *y);
      }
    }
  }
  return BABEL_OK;
}
