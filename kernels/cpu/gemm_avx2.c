#include "kernels/cpu/gemm.h"

#if BABEL_GEMM_AVX2

#include <immintrin.h>
#include <omp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernels/cpu/parallel.h"

/* One tile of c is 6 rows by 16 columns: 12 sums, 2 vectors of b and a broadcast of a fill 15 of the 16 registers, and 8 loads
 * to 12 multiplications leave the multipliers as the limit (99 % of their peak from the first-level cache).
 *
 * Sums run over slabs of at most DEPTH. A panel, 16 columns of op(b) over one slab (32 KiB or less), is packed and then used by
 * the thread that packed it for all its tiles in those columns. Rows of a are read as they are; only a transposed a,
 * whose column steps would fall into the same cache sets, is packed too. Tiles are split evenly over the threads, panel
 * after panel; no tile is shared, so that the slabs of a tile add up in order without a lock. */
#define ROWS 6
#define COLUMNS 16
#define DEPTH 512
#define BLOCK 528  /* rows of a transposed a that are packed at a time */
#define GROUP_PAD 16
/* Up to so many threads pack a transposed a each for itself: 1 % more work for two, and no barrier at which one that is
 * held up holds up the other. More threads pack it together. */
#define PACK_ALONE 4

typedef __m256 vector;

static _Thread_local _Alignas(64) float packed_rows[BLOCK / ROWS * (DEPTH * ROWS + GROUP_PAD)];

typedef struct {
  const babel_gemm *g;
  const float *a; /* packed rows from row `from` on, when a is transposed */
  int from, col, columns;
  int p0, depth;     /* of the slab */
  bool add, last;    /* add to c; the last slab is followed by bias, ReLU, mask */
  __m256i inside[2]; /* columns of a panel that exist */
} panel;

static int least(int x, int y) {
  return x < y ? x : y;
}

static size_t group_size(int depth) {
  return (size_t)depth * ROWS + GROUP_PAD;
}

static int ceil_div(int x, int y) {
  return (x + y - 1) / y;
}

/* --- the end of a tile: 8 columns of one row from registers to c --- */

static inline __attribute__((always_inline)) void finish_half(vector x, const panel *s, int row, int half,
                                                              bool partial) {
  const babel_gemm *g = s->g;
  const int col = s->col + 8 * half;
  float *c = g->c + (size_t)row * (size_t)g->n + col;
#define LOAD(at) (partial ? _mm256_maskload_ps((at), s->inside[half]) : _mm256_loadu_ps(at))
  if (s->add) x = _mm256_add_ps(LOAD(c), x);
  if (s->last) {
    if (g->bias) x = _mm256_add_ps(x, LOAD(g->bias + col));
    if (g->relu) x = _mm256_max_ps(_mm256_setzero_ps(), x); /* in this order NaN comes through */
    if (g->mask) {
      vector mask = LOAD(g->mask + (size_t)(row % g->mask_rows) * (size_t)g->n + col);
      x = _mm256_andnot_ps(_mm256_cmp_ps(mask, _mm256_setzero_ps(), _CMP_LE_OQ), x);
    }
  }
#undef LOAD
  if (partial)
    _mm256_maskstore_ps(c, s->inside[half], x);
  else
    _mm256_storeu_ps(c, x);
}

static inline __attribute__((always_inline)) void finish_row(vector low, vector high, const panel *s, int row,
                                                             bool partial) {
  finish_half(low, s, row, 0, partial);
  if (!partial || s->columns > 8) finish_half(high, s, row, 1, partial);
}

/* --- the tile; macros because its 12 sums must be 12 variables --- */

#define SUMS(r) vector low##r = _mm256_setzero_ps(), high##r = _mm256_setzero_ps()
/* The empty instruction keeps both vectors in registers: gcc 12 would load them anew inside each multiplication. */
#define LOAD_PANEL(b)                                                                                        \
  vector b0 = _mm256_load_ps(b), b1 = _mm256_load_ps((b) + 8);                                               \
  __asm__("" : "+x"(b0), "+x"(b1))
#define STEP(r, from)                                                                                        \
  do {                                                                                                       \
    const vector x = _mm256_broadcast_ss(from);                                                              \
    low##r = _mm256_fmadd_ps(x, b0, low##r);                                                                 \
    high##r = _mm256_fmadd_ps(x, b1, high##r);                                                               \
  } while (0)
#define STEPS(a0, a1, a2, a3, a4, a5)                                                                        \
  do {                                                                                                       \
    LOAD_PANEL(b);                                                                                           \
    STEP(0, a0);                                                                                             \
    STEP(1, a1);                                                                                             \
    STEP(2, a2);                                                                                             \
    STEP(3, a3);                                                                                             \
    STEP(4, a4);                                                                                             \
    STEP(5, a5);                                                                                             \
    b += COLUMNS;                                                                                            \
  } while (0)
#define FINISH(r, partial)                                                                                   \
  if (r < rows) finish_row(low##r, high##r, s, row + r, partial)
#define FINISH_ALL(partial)                                                                                  \
  do {                                                                                                       \
    FINISH(0, partial);                                                                                      \
    FINISH(1, partial);                                                                                      \
    FINISH(2, partial);                                                                                      \
    FINISH(3, partial);                                                                                      \
    FINISH(4, partial);                                                                                      \
    FINISH(5, partial);                                                                                      \
  } while (0)
#define BEGIN                                                                                                \
  SUMS(0);                                                                                                   \
  SUMS(1);                                                                                                   \
  SUMS(2);                                                                                                   \
  SUMS(3);                                                                                                   \
  SUMS(4);                                                                                                   \
  SUMS(5)
#define END                                                                                                  \
  if (s->columns == COLUMNS)                                                                                 \
    FINISH_ALL(false);                                                                                       \
  else                                                                                                       \
    FINISH_ALL(true)

/* The lines of c that the end of this tile will touch. */
static inline void announce(const panel *s, int row, int rows) {
  for (int r = 0; r < rows; r++)
    _mm_prefetch((const char *)(s->g->c + (size_t)(row + r) * (size_t)s->g->n + s->col), _MM_HINT_T0);
}

/* Rows of a as they lie; a tile at the lower edge reads its first row for those that do not exist. */
static void tile_of_rows(const panel *s, const float *b, int row, int rows) {
  const size_t k = (size_t)s->g->k;
  const float *a0 = s->g->a + (size_t)row * k + s->p0, *a1 = rows > 1 ? a0 + k : a0,
              *a2 = rows > 2 ? a1 + k : a0;
  const float *a3 = rows > 3 ? a2 + k : a0, *a4 = rows > 4 ? a3 + k : a0, *a5 = rows > 5 ? a4 + k : a0;
  int p = 0;
  BEGIN;
  announce(s, row, rows);
  while (p + 16 <= s->depth) {
    for (size_t r = ROWS; r < 2 * ROWS; r++)
      _mm_prefetch((const char *)((uintptr_t)(a0 + p) + r * k * sizeof(float)), _MM_HINT_T0);
    for (int end = p + 16; p < end; p++) STEPS(a0 + p, a1 + p, a2 + p, a3 + p, a4 + p, a5 + p);
  }
  for (; p < s->depth; p++) STEPS(a0 + p, a1 + p, a2 + p, a3 + p, a4 + p, a5 + p);
  END;
}

static void tile_of_packed_rows(const panel *s, const float *b, int row, int rows) {
  const float *a = s->a + (size_t)((row - s->from) / ROWS) * group_size(s->depth);
  BEGIN;
  announce(s, row, rows);
  for (int p = 0; p < s->depth; p++, a += ROWS) STEPS(a, a + 1, a + 2, a + 3, a + 4, a + 5);
  END;
}

/* --- packing --- */

/* to[8 i + j], rows of 16 floats, = x[j][i]. */
static inline void turn_8_by_8(float *to, const float *const x[8]) {
  vector r[8], s[8], t[8];
  for (int j = 0; j < 8; j++) r[j] = _mm256_loadu_ps(x[j]);
  for (int j = 0; j < 8; j += 2) {
    s[j] = _mm256_unpacklo_ps(r[j], r[j + 1]);
    s[j + 1] = _mm256_unpackhi_ps(r[j], r[j + 1]);
  }
  for (int j = 0; j < 8; j += 4)
    for (int h = 0; h < 2; h++) {
      t[j + 2 * h] = _mm256_shuffle_ps(s[j + h], s[j + 2 + h], 0x44);
      t[j + 2 * h + 1] = _mm256_shuffle_ps(s[j + h], s[j + 2 + h], 0xee);
    }
  for (int j = 0; j < 4; j++) {
    _mm256_store_ps(to + (size_t)j * COLUMNS, _mm256_permute2f128_ps(t[j], t[j + 4], 0x20));
    _mm256_store_ps(to + (size_t)(j + 4) * COLUMNS, _mm256_permute2f128_ps(t[j], t[j + 4], 0x31));
  }
}

/* b (n, k): sixteen of its rows become columns; those past the edge repeat the first. */
static void pack_turned(float *to, const panel *s) {
  const babel_gemm *g = s->g;
  const float *x[COLUMNS];
  for (int j = 0; j < COLUMNS; j++)
    x[j] = g->b + (size_t)(s->col + (j < s->columns ? j : 0)) * (size_t)g->k + s->p0;
  int p = 0;
  for (; p + 8 <= s->depth; p += 8, to += 8 * COLUMNS) {
    turn_8_by_8(to, x);
    turn_8_by_8(to + 8, x + 8);
    for (int j = 0; j < COLUMNS; j++) x[j] += 8;
  }
  for (; p < s->depth; p++, to += COLUMNS)
    for (int j = 0; j < COLUMNS; j++) to[j] = *x[j]++;
}

static void pack_panel(float *to, const panel *s) {
  const babel_gemm *g = s->g;
  if (g->transpose_b) {
    pack_turned(to, s);
    return;
  }
  const float *b = g->b + (size_t)s->p0 * (size_t)g->n + s->col;
  for (int p = 0; p < s->depth; p++, b += g->n, to += COLUMNS) {
    if (s->columns == COLUMNS) {
      memcpy(to, b, COLUMNS * sizeof *to);
    } else {
      for (int j = 0; j < COLUMNS; j++) to[j] = j < s->columns ? b[j] : 0;
    }
  }
}

/* a (k, m): rows first..after-1 of the slab, columns s->from..end-1, into groups of six, (group, depth, 6). Whole rows
 * are read, and the groups lie GROUP_PAD apart, so that neither side falls into a few cache sets. A group that lacks
 * columns keeps what was there: nobody reads the sums that it enters. */
static void pack_rows(float *packed, const panel *s, int end, int first, int after) {
  const babel_gemm *g = s->g;
  const size_t group = group_size(s->depth);
  for (int p = first; p < after; p++) {
    const float *a = g->a + (size_t)(s->p0 + p) * (size_t)g->m + s->from;
    float *to = packed + (size_t)p * ROWS;
    int left = end - s->from;
    for (; left >= ROWS; left -= ROWS, a += ROWS, to += group) memcpy(to, a, ROWS * sizeof *to);
    for (int r = 0; r < left; r++) to[r] = a[r];
  }
}

/* --- one slab of one thread --- */

static void run_panel(panel *s, int col, int row, int end) {
  _Alignas(64) float b[DEPTH * COLUMNS];
  int inside[COLUMNS];
  s->col = col;
  s->columns = least(s->g->n - col, COLUMNS);
  for (int j = 0; j < COLUMNS; j++) inside[j] = j < s->columns ? -1 : 0;
  memcpy(s->inside, inside, sizeof inside);
  pack_panel(b, s);
  for (; row < end; row += ROWS) {
    if (s->g->transpose_a)
      tile_of_packed_rows(s, b, row, least(end - row, ROWS));
    else
      tile_of_rows(s, b, row, least(end - row, ROWS));
  }
}

/* This thread's share of the tiles in rows s->from..end-1, numbered down each panel. */
static void run_share(panel *s, int end) {
  const int64_t threads = omp_get_num_threads(), me = omp_get_thread_num();
  const int64_t groups = ceil_div(end - s->from, ROWS), tiles = groups * ceil_div(s->g->n, COLUMNS),
                stop = tiles * (me + 1) / threads;
  for (int64_t at = tiles * me / threads; at < stop;) {
    const int64_t number = at / groups, first = number * groups,
                  after = first + groups < stop ? first + groups : stop;
    run_panel(s, (int)number * COLUMNS, s->from + (int)(at - first) * ROWS,
              least(s->from + (int)(after - first) * ROWS, end));
    at = after;
  }
}

/* The transposed a of one slab: all of it by this thread, or its part and then wait for the others. */
static void pack_slab(float *packed, const panel *s, int end, bool alone) {
  const int64_t threads = alone ? 1 : omp_get_num_threads(), me = alone ? 0 : omp_get_thread_num();
  pack_rows(packed, s, end, (int)(s->depth * me / threads), (int)(s->depth * (me + 1) / threads));
  if (!alone) {
#pragma omp barrier
  }
}

babel_status babel_gemm_cpu(const babel_gemm *g) {
  float *shared = packed_rows; /* of the calling thread, for the whole team */
  const int slab = ceil_div(g->k, ceil_div(g->k, DEPTH)), block = g->transpose_a ? BLOCK : g->m;
#pragma omp parallel if ((double)g->m * g->n * g->k >= BABEL_PARALLEL_PRODUCTS)
  {
    const bool alone = omp_get_num_threads() <= PACK_ALONE;
    float *packed = alone ? packed_rows : shared;
    panel s = {.g = g, .a = packed};
    for (s.from = 0; s.from < g->m; s.from += block) {
      const int end = least(g->m - s.from, block) + s.from;
      for (s.p0 = 0; s.p0 < g->k; s.p0 += slab) {
        s.depth = least(slab, g->k - s.p0);
        s.add = s.p0 > 0 || g->accumulate;
        s.last = s.p0 + s.depth == g->k;
        if (g->transpose_a) pack_slab(packed, &s, end, alone);
        run_share(&s, end);
        if (g->transpose_a && !alone) {
#pragma omp barrier
        }
      }
    }
  }
  return BABEL_OK;
}

#endif
