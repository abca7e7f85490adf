/* Operand tiles from global to shared memory, asynchronously: each thread has a column of every THREADS / per_row-th row. */
#ifndef BABEL_KERNELS_CUDA_LINEAR_COPY_CUH
#define BABEL_KERNELS_CUDA_LINEAR_COPY_CUH

#include "kernels/cuda/linear_fragment.cuh"
#include "kernels/cuda/ptx/copy_async.cuh"

/* A thread's part of the tiles of one operand, k0, k0 + TILE_K, .. */
typedef struct {
  const float *from; /* in the tile that comes next */
  int to;            /* floats from the start of the tile in shared memory */
  int pitch, step;   /* of global memory; floats a copy */
  int rows, columns; /* that there are from here on: zeros stand for the rest */
} linear_stream;

/* Rows of a tile are the operand's (ALONG_K), `first` .. of `count`, or values of k. */
template <bool ALONG_K, int TILE, int TILE_K, int THREADS>
BABEL_DEVICE linear_stream linear_stream_open(const float *operand, int pitch, int step, int first, int count, int k) {
  constexpr int ROW = ALONG_K ? TILE_K : TILE;
  const int row = step == 4 ? threadIdx.x / (ROW / 4) : step == 2 ? threadIdx.x / (ROW / 2) : threadIdx.x / ROW;
  const int column = threadIdx.x * step % ROW;
  linear_stream s;
  s.from = operand + (ptrdiff_t)(ALONG_K ? first + row : row) * pitch + (ALONG_K ? column : first + column);
  s.to = row * LINEAR_PITCH(ALONG_K, TILE, TILE_K) + column;
  s.pitch = pitch, s.step = step;
  s.rows = (ALONG_K ? count - first : k) - row;
  s.columns = (ALONG_K ? k : count - first) - column;
  if (!ALONG_K && s.columns <= 0) s.rows = 0;
  return s;
}

template <bool ALONG_K, int TILE, int TILE_K, int THREADS, int STEP>
BABEL_DEVICE void linear_stream_rows(float *tile, const linear_stream *s) {
  constexpr int ROW = ALONG_K ? TILE_K : TILE, ROWS = ALONG_K ? TILE : TILE_K, TOGETHER = THREADS / (ROW / STEP);
  const int rows = !ALONG_K || s->columns > 0 ? s->rows : 0;
  BABEL_UNROLL
  for (int row = 0; row < ROWS; row += TOGETHER)
    babel_copy_async<4 * STEP>(tile + s->to + row * (ROW + LINEAR_PAD), s->from + (ptrdiff_t)row * s->pitch, row < rows);
}

/* Copies the tile that comes next. WIDE: 4 floats a copy. */
template <bool ALONG_K, int TILE, int TILE_K, int THREADS, bool WIDE>
BABEL_DEVICE void linear_stream_next(float *tile, linear_stream *s) {
  if (WIDE || s->step == 4)
    linear_stream_rows<ALONG_K, TILE, TILE_K, THREADS, 4>(tile, s);
  else if (s->step == 2)
    linear_stream_rows<ALONG_K, TILE, TILE_K, THREADS, 2>(tile, s);
  else
    linear_stream_rows<ALONG_K, TILE, TILE_K, THREADS, 1>(tile, s);
  s->from += ALONG_K ? TILE_K : (ptrdiff_t)TILE_K * s->pitch;
  (ALONG_K ? s->columns : s->rows) -= TILE_K;
}

#endif
