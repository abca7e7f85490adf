/* Launch 1 of the contrastive loss: logits tile by tile, and each tile's part of every softmax. */
#include "kernels/cuda/contrastive_tile.cuh"

#define STAGES 2
#define DEEP 128                      /* columns of a stage */
#define PITCH (DEEP + 4)              /* rows of 8 lanes lie in different banks */
#define STAGE (2 * TILE * PITCH)      /* floats: a tile of na, one of nb */
#define SUM_PITCH (TILE + 8)          /* pairs of 16 lanes lie in different banks */
#define SUM (TILE * SUM_PITCH)
#define LINE (TILE + 1)               /* rows and columns are read without conflicts */
#define QUARTERS 4                    /* warps that share a product, each a quarter of k */

/* The rows of both towers that meet in this tile. */
typedef struct {
  const float *a, *b; /* this thread's first place */
  int rows_a, rows_b, columns, pitch;
} sources;

template <bool ALIGNED>
static __device__ sources sources_of(const contrastive_plan *plan, int i0, int j0) {
  const int m = plan->job.m, d = plan->job.d, row = CONTRASTIVE_ROW(DEEP, ALIGNED), column = CONTRASTIVE_COLUMN(DEEP, ALIGNED);
  const sources from = {plan->job.na + (size_t)(i0 + row) * d + column, plan->job.nb + (size_t)(j0 + row) * d + column, m - i0, m - j0, d - column, d};
  return from;
}

/* The next DEEP columns. */
template <bool ALIGNED>
static __device__ __forceinline__ void fetch(float *stage, sources *from) {
  contrastive_fetch<DEEP, PITCH, ALIGNED>(stage, from->a, from->pitch, from->rows_a, from->columns > 0);
  contrastive_fetch<DEEP, PITCH, ALIGNED>(stage + TILE * PITCH, from->b, from->pitch, from->rows_b, from->columns > 0);
  from->a += DEEP;
  from->b += DEEP;
  from->columns -= DEEP;
}

/* product (16 x 32 of this warp) += its quarter of the stage's products. */
static __device__ __forceinline__ void multiply(contrastive_product *product, const float *stage) {
  const int lane = threadIdx.x % 32, half = threadIdx.x / 32 % 2, quarter = threadIdx.x / 64;
  float large[4][4];
  contrastive_clear(large);
  BABEL_UNROLL
  for (int step = 0; step < DEEP / QUARTERS / 8; step++) {
    const int k = quarter * (DEEP / QUARTERS) + 8 * step;
    float a[4], b[4][2];
    contrastive_load_a<PITCH>(a, stage + 16 * half * PITCH + k);
    BABEL_UNROLL
    for (int pair = 0; pair < 2; pair++) {
      float both[4];
      babel_ldmatrix_x4(both, stage + TILE * PITCH + (16 * pair + lane % 8 + lane / 16 * 8) * PITCH + k + lane / 8 % 2 * 4);
      b[2 * pair][0] = both[0];
      b[2 * pair][1] = both[1];
      b[2 * pair + 1][0] = both[2];
      b[2 * pair + 1][1] = both[3];
    }
    contrastive_multiply(large, product->small, a, b);
  }
  contrastive_add(product->total, large);
}

template <bool ALIGNED>
static __device__ void product_of_tile(float *shared, contrastive_product *product, const contrastive_plan *plan, int i0, int j0) {
  sources from = sources_of<ALIGNED>(plan, i0, j0);
  for (int stage = 0; stage < STAGES - 1; stage++) {
    fetch<ALIGNED>(shared + stage * STAGE, &from);
    babel_copy_async_commit();
  }
  int now = 0, next = (STAGES - 1) * STAGE;
  BABEL_NO_UNROLL
  for (int left = plan->job.d; left > 0; left -= DEEP) {
    babel_copy_async_wait<STAGES - 2>();
    __syncthreads();
    fetch<ALIGNED>(shared + next, &from); /* zeros behind the last column */
    babel_copy_async_commit();
    multiply(product, shared + now);
    now = now == (STAGES - 1) * STAGE ? 0 : now + STAGE;
    next = next == (STAGES - 1) * STAGE ? 0 : next + STAGE;
  }
  babel_copy_async_wait<0>();
  __syncthreads(); /* the stages are free */
}

/* The warps' sums where all threads see them: (QUARTERS, TILE, SUM_PITCH). */
static __device__ void leave_sums(float *sums, const float total[4][4]) {
  const int lane = threadIdx.x % 32, half = threadIdx.x / 32 % 2, quarter = threadIdx.x / 64;
  float *mine = sums + quarter * SUM + (16 * half + lane / 4) * SUM_PITCH + lane % 4 * 2;
  BABEL_UNROLL
  for (int n = 0; n < 4; n++) {
    *(float2 *)(mine + 8 * n) = make_float2(total[n][0], total[n][1]);
    *(float2 *)(mine + 8 * SUM_PITCH + 8 * n) = make_float2(total[n][2], total[n][3]);
  }
  __syncthreads();
}

/* Sums -> logits: into `tile` (TILE, LINE), and out; t s of way 0 into `aims`. */
static __device__ void write_logits(float *tile, float *aims, const float *sums, const contrastive_plan *plan, int i0, int j0, float scale) {
  const int m = plan->job.m, column = threadIdx.x % 32, j = j0 + column;
  for (int row = threadIdx.x / 32; row < TILE; row += THREADS / 32) {
    const int i = i0 + row;
    const bool inside = i < m && j < m;
    const size_t at = (size_t)i * m + j;
    const float *sum = sums + row * SUM_PITCH + column;
    float s = ((sum[0] + sum[SUM]) + (sum[2 * SUM] + sum[3 * SUM])) * scale;
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

/* Over the four lanes that share an anchor. */
static __device__ __forceinline__ float sum_of_four(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
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
__global__ void __launch_bounds__(THREADS) babel_contrastive_logits_kernel(const __grid_constant__ contrastive_plan plan) {
  BABEL_DYNAMIC_SHARED(float, shared);
  const int i0 = blockIdx.y * TILE, j0 = blockIdx.x * TILE;
  const float scale = (float)exp((double)*plan.job.log_scale); /* long before it is needed */
  if (blockIdx.x == 0 && blockIdx.y == 0 && threadIdx.x == 0) *plan.scale = scale;
  contrastive_product product;
  contrastive_clear(product.total);
  contrastive_clear(product.small);
  product_of_tile<ALIGNED>(shared, &product, &plan, i0, j0);
  contrastive_add(product.total, product.small);
  float *sums = shared, *tile = sums + QUARTERS * SUM, *aims = tile + TILE * LINE;
  leave_sums(sums, product.total);
  write_logits(tile, aims, sums, &plan, i0, j0, scale);
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
