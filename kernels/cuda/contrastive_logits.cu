/* Launch 1 of the contrastive loss: logits tile by tile, and each tile's part of every softmax. */
#include "kernels/cuda/contrastive_tile.cuh"
#include "kernels/cuda/ptx/copy_async.cuh"
#include "kernels/l2norm.h"

#define STAGES 2                      /* one is multiplied while the other arrives */
#define DEEP 128                      /* columns of a stage */
#define PITCH (DEEP + 4)              /* rows of 8 lanes lie in different banks */
#define STAGE (2 * TILE * PITCH)      /* floats: a tile of na, one of nb */
#define SUM_PITCH (TILE + 8)          /* pairs of 16 lanes lie in different banks */
#define SUM (TILE * SUM_PITCH)
#define LINE (TILE + 1)               /* rows and columns are read without conflicts */
#define WARPS (THREADS / 32)           /* share the product: each has its part of every stage's k */
#define NORMS (2 * TILE)              /* rows of both towers */

/* The rows of both towers that meet in this tile. A warp copies every WARPS-th row, a lane every 32nd column of it, or with ALIGNED rows every
 * 32nd four. Behind the last row that one stands again: nothing of the padding is kept. */
typedef struct {
  const float *a, *b; /* the tile's first row, from the next column on */
  int last_a, last_b; /* row of the tile */
  int pitch, left;    /* bytes of a row; columns */
} sources;

static __device__ sources sources_of(const contrastive_plan *plan, int i0, int j0) {
  const int m = plan->job.m, d = plan->job.d;
  const sources from = {plan->job.na + (size_t)i0 * d, plan->job.nb + (size_t)j0 * d, min(TILE, m - i0) - 1, min(TILE, m - j0) - 1, d * (int)sizeof(float), d};
  return from;
}

template <bool ALIGNED>
static __device__ __forceinline__ void fetch_rows(float *tile, const float *from, int last, int pitch, int left) {
  constexpr int FLOATS = ALIGNED ? 4 : 1;
  const int column = threadIdx.x % 32 * FLOATS, warp = threadIdx.x / 32;
  BABEL_NOT_AHEAD(last);
  BABEL_UNROLL
  for (int r = 0; r < TILE; r += WARPS) {
    const float *row = (const float *)((const char *)(from + column) + (ptrdiff_t)min(warp + r, last) * pitch);
    BABEL_UNROLL
    for (int c = 0; c < DEEP; c += 32 * FLOATS) babel_copy_async<4 * FLOATS>(tile + (warp + r) * PITCH + column + c, row + c, column + c < left);
  }
}

/* The next DEEP columns, zeros behind the last one. */
template <bool ALIGNED>
static __device__ __forceinline__ void fetch(float *stage, sources *from) {
  fetch_rows<ALIGNED>(stage, from->a, from->last_a, from->pitch, from->left);
  fetch_rows<ALIGNED>(stage + TILE * PITCH, from->b, from->last_b, from->pitch, from->left);
  babel_copy_async_commit();
  from->a += DEEP;
  from->b += DEEP;
  from->left -= DEEP;
}

/* Over the four lanes that share a row. */
static __device__ __forceinline__ float sum_of_four(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

/* A lane's sums of squares: of rows lane / 4 + 8 r of a and of b. */
typedef struct {
  float a[4], b[4];
} squares;

/* product (32 x 32) += this warp's part of the stage's. */
static __device__ __forceinline__ void multiply(contrastive_product product[2], squares *square, const float *stage) {
  const int warp = threadIdx.x / 32;
  const babel_fragment_place from = babel_ldmatrix_b(threadIdx.x % 32);
  float large[2][4][4];
  contrastive_clear(large[0]);
  contrastive_clear(large[1]);
  BABEL_UNROLL
  for (int step = 0; step < DEEP / WARPS / 8; step++) {
    const int k = warp * (DEEP / WARPS) + 8 * step;
    float a[2][4], b[4][2];
    BABEL_UNROLL
    for (int half = 0; half < 2; half++) {
      float both[4];
      contrastive_load_a<PITCH>(a[half], stage + 16 * half * PITCH + k);
      babel_ldmatrix_x4(both, stage + TILE * PITCH + (16 * half + from.row) * PITCH + k + from.column);
      BABEL_UNROLL
      for (int e = 0; e < 4; e++) b[2 * half + e / 2][e % 2] = both[e];
    }
    BABEL_UNROLL
    for (int r = 0; r < 4; r++) {
      square->a[r] = fmaf(a[r / 2][r % 2], a[r / 2][r % 2], fmaf(a[r / 2][r % 2 + 2], a[r / 2][r % 2 + 2], square->a[r]));
      square->b[r] = fmaf(b[r][0], b[r][0], fmaf(b[r][1], b[r][1], square->b[r]));
    }
    contrastive_multiply(large, product, a, b);
  }
  contrastive_add(product[0].total, large[0]);
  contrastive_add(product[1].total, large[1]);
}

template <bool ALIGNED>
static __device__ void product_of_tile(float *shared, contrastive_product product[2], squares *square, const contrastive_plan *plan, int i0, int j0) {
  sources from = sources_of(plan, i0, j0);
  fetch<ALIGNED>(shared, &from);
  int now = 0;
  BABEL_NO_UNROLL
  while (from.left > -DEEP) {
    babel_copy_async_wait<0>();
    __syncthreads();
    fetch<ALIGNED>(shared + STAGE - now, &from);
    multiply(product, square, shared + now);
    now = STAGE - now;
  }
  babel_copy_async_wait<0>();
  __syncthreads(); /* the stages are free */
}

/* The warps' sums where all threads see them: (WARPS, TILE, SUM_PITCH) and (WARPS, NORMS). */
static __device__ void leave_sums(float *sums, float *norms, contrastive_product product[2], const squares *square) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const babel_fragment_place first = babel_fragment_accumulator(lane, 0); /* and its neighbour; elements 2 and 3: 8 rows below */
  BABEL_UNROLL
  for (int half = 0; half < 2; half++) {
    float *mine = sums + warp * SUM + (16 * half + first.row) * SUM_PITCH + first.column;
    contrastive_add(product[half].total, product[half].small);
    BABEL_UNROLL
    for (int n = 0; n < 4; n++) {
      *(float2 *)(mine + 8 * n) = make_float2(product[half].total[n][0], product[half].total[n][1]);
      *(float2 *)(mine + 8 * SUM_PITCH + 8 * n) = make_float2(product[half].total[n][2], product[half].total[n][3]);
    }
  }
  BABEL_UNROLL
  for (int r = 0; r < 4; r++) {
    const float a = sum_of_four(square->a[r]), b = sum_of_four(square->b[r]);
    if (lane % 4 == 0) norms[warp * NORMS + lane / 4 + 8 * r] = a;
    if (lane % 4 == 0) norms[warp * NORMS + TILE + lane / 4 + 8 * r] = b;
  }
  __syncthreads();
}

/* 1 / norm of the rows of both towers into `inverse` (NORMS); out, where this block is the first of its row or column. */
static __device__ void write_inverses(float *inverse, const float *norms, const contrastive_plan *plan, int i0, int j0) {
  const int row = threadIdx.x, tower = row / TILE;
  if (row < NORMS) {
    float square = 0;
    for (int warp = 0; warp < WARPS; warp++) square += norms[warp * NORMS + row];
    inverse[row] = plan->job.normalise ? 1 / fmaxf(sqrtf(square), BABEL_L2NORM_EPS) : 1;
    if ((tower ? i0 : j0) == 0) plan->inverse[tower][(tower ? j0 : i0) + row % TILE] = inverse[row];
  }
  __syncthreads();
}

/* Sums -> logits: into `tile` (TILE, LINE), and out; t s of way 0 into `aims`. */
static __device__ void write_logits(float *tile, float *aims, const float *sums, const float *inverse, const contrastive_plan *plan, int i0, int j0, float scale) {
  const int m = plan->job.m, column = threadIdx.x % 32, j = j0 + column;
  for (int row = threadIdx.x / 32; row < TILE; row += THREADS / 32) {
    const int i = i0 + row;
    const bool inside = i < m && j < m;
    const size_t at = (size_t)i * m + j;
    const float *sum = sums + row * SUM_PITCH + column;
    float s = 0;
    BABEL_UNROLL
    for (int warp = 0; warp < WARPS; warp++) s += sum[warp * SUM];
    s *= scale * (inverse[row] * inverse[TILE + column]);
    if (!inside || (i != j && plan->job.masked && plan->job.masked[at])) s = -INFINITY;
    tile[row * LINE + column] = s;
    plan->logits[0][(size_t)i * plan->pitch + j] = s;
    if (!plan->job.targets_a) continue;
    const float t = inside ? plan->job.targets_a[at] : 0;
    aims[row * LINE + column] = t != 0 ? t * s : 0;
  }
  __syncthreads();
}

/* The transpose; t s of way 1 into `aims`. */
static __device__ void write_turned(float *aims, const float *tile, const contrastive_plan *plan, int i0, int j0) {
  const int m = plan->job.m, column = threadIdx.x % 32, i = i0 + column;
  for (int row = threadIdx.x / 32; row < TILE; row += THREADS / 32) {
    const int j = j0 + row;
    const float s = tile[column * LINE + row];
    plan->logits[1][(size_t)j * plan->pitch + i] = s;
    if (!plan->job.targets_b) continue;
    const float t = i < m && j < m ? plan->job.targets_b[(size_t)j * m + i] : 0;
    aims[row * LINE + column] = t != 0 ? t * s : 0;
  }
  __syncthreads();
}

/* Four lanes an anchor, eight logits a lane: rows of the tile in warps 0 to 3, columns in 4 to 7. */
static __device__ void write_parts(const float *tile, const float *aims, const contrastive_plan *plan, int i0, int j0) {
  const int way = threadIdx.x / 128, line = threadIdx.x / 4 % TILE, first = threadIdx.x % 4 * 8;
  const int anchor = (way ? j0 : i0) + line, own = anchor - (way ? i0 : j0);
  float s[8], rival = -INFINITY;
  BABEL_UNROLL
  for (int e = 0; e < 8; e++) {
    s[e] = way ? tile[(first + e) * LINE + line] : tile[line * LINE + first + e];
    if (first + e == own) s[e] = -INFINITY;
    rival = fmaxf(rival, s[e]);
  }
  rival = fmaxf(rival, __shfl_xor_sync(0xffffffffu, rival, 1));
  rival = fmaxf(rival, __shfl_xor_sync(0xffffffffu, rival, 2));
  int rival_at = TILE;
  BABEL_UNROLL
  for (int e = 7; e >= 0; e--)
    if (s[e] == rival && rival > -INFINITY) rival_at = first + e;
  rival_at = min(rival_at, __shfl_xor_sync(0xffffffffu, rival_at, 1));
  rival_at = min(rival_at, __shfl_xor_sync(0xffffffffu, rival_at, 2));
  const float top = rival > -INFINITY ? rival : 0;
  float sum = 0, lean = 0, aim = 0;
  BABEL_UNROLL
  for (int e = 0; e < 8; e++) {
    const float z = s[e] - top, x = first + e == rival_at ? 0 : expf(z);
    sum += x;
    lean += x * fmaxf(z, -200.0f); /* 0 times -infinity is no number */
    if (plan->job.targets_a) aim += aims[(way * TILE + line) * LINE + first + e];
  }
  sum = sum_of_four(sum);
  lean = sum_of_four(lean);
  aim = sum_of_four(aim);
  if (first > 0) return;
  const size_t at = (size_t)(way ? blockIdx.y : blockIdx.x) * plan->pitch + anchor;
  plan->part[way][at] = make_float2(rival, sum);
  plan->lean[way][at] = lean;
  if (!plan->job.targets_a) return;
  plan->rival_at[way][at] = rival_at;
  plan->aim[way][at] = aim;
}

template <bool ALIGNED>
__global__ void __launch_bounds__(THREADS, 2) babel_contrastive_logits_kernel(const __grid_constant__ contrastive_plan plan) {
  BABEL_DYNAMIC_SHARED(float, shared);
  const int i0 = blockIdx.y * TILE, j0 = blockIdx.x * TILE;
  const float scale = (float)exp((double)*plan.job.log_scale); /* long before it is needed */
  if (blockIdx.x == 0 && blockIdx.y == 0 && threadIdx.x == 0) *plan.scale = scale;
  contrastive_product product[2];
  squares square = {{0, 0, 0, 0}, {0, 0, 0, 0}};
  for (int half = 0; half < 2; half++) {
    contrastive_clear(product[half].total);
    contrastive_clear(product[half].small);
  }
  product_of_tile<ALIGNED>(shared, product, &square, &plan, i0, j0);
  float *sums = shared, *tile = sums + WARPS * SUM, *aims = tile + TILE * LINE, *norms = aims + 2 * TILE * LINE, *inverse = norms + WARPS * NORMS;
  leave_sums(sums, norms, product, &square);
  write_inverses(inverse, norms, &plan, i0, j0);
  write_logits(tile, aims, sums, inverse, &plan, i0, j0, scale);
  write_turned(aims + TILE * LINE, tile, &plan, i0, j0);
  write_parts(tile, aims, &plan, i0, j0);
}

extern "C" babel_status babel_contrastive_logits_cuda(const contrastive_plan *plan, babel_stream *s) {
  const dim3 grid((unsigned)plan->tiles, (unsigned)plan->tiles);
  const size_t shared = STAGES * STAGE * sizeof(float);
  if (plan->aligned)
    return BABEL_LAUNCH_AS("babel_contrastive_logits_kernel aligned", (babel_contrastive_logits_kernel<true>), grid, THREADS, shared, (cudaStream_t)s, *plan);
  return BABEL_LAUNCH_AS("babel_contrastive_logits_kernel", (babel_contrastive_logits_kernel<false>), grid, THREADS, shared, (cudaStream_t)s, *plan);
}
