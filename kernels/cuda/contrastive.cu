/* Launch 2 of the contrastive loss: the cotangents, and in the first block the losses.
 *
 * A block owns TILE rows and WIDE columns of one tower's cotangents, both ways: out of each tile of logits it makes the cotangents of the
 * logits twice, once with its rows as anchors (`near`), once with the other tower's rows (`far`), and multiplies both with the
 * same rows of the other tower. While one tile is multiplied the next is made and the one behind it is under way. */
#include "kernels/cuda/contrastive_anchor.cuh"
#include "kernels/cuda/contrastive_loss.cuh"
#include "kernels/cuda/ptx/copy_async.cuh"
#include "kernels/l2norm.h"

#define STAGES 3
#define WIDE 64                 /* columns of a block */
#define OTHER_PITCH (WIDE + 8)  /* 4 rows of 8 lanes lie in different banks */
#define COT_PITCH (TILE + 4)    /* 8 rows of 16 bytes lie in different banks */
#define TURNED_PITCH (TILE + 1)
#define COT (TILE * COT_PITCH)
#define OTHER (TILE * TILE)                  /* where in a stage the other tower's rows begin, behind the logits */
#define NEAR (OTHER + TILE * OTHER_PITCH)    /* soft: the targets of near anchors */
#define FAR (NEAR + TILE * TILE)             /* of far anchors */
#define STAGE(SOFT) ((SOFT) ? FAR + TILE * TURNED_PITCH : NEAR) /* floats */
#define SUM_PITCH (WIDE + 8)                 /* pairs of 16 lanes lie in different banks */
#define SUM (TILE * SUM_PITCH)
#define ENTRIES 6                            /* numbers of an anchor */
#define ROWS (TILE / (THREADS / 32))         /* of a tile of cotangents that a warp makes */

/* A thread has one column of the other tower's rows and of the cotangents, or with ALIGNED rows four neighbouring ones, of every EVERY-th row. */
#define ACROSS(ALIGNED) ((ALIGNED) ? WIDE / 4 : WIDE) /* threads a row */
#define COLUMN(ALIGNED) ((int)threadIdx.x % ACROSS(ALIGNED) * ((ALIGNED) ? 4 : 1))
#define ROW(ALIGNED) ((int)threadIdx.x / ACROSS(ALIGNED))
#define EVERY(ALIGNED) (THREADS / ACROSS(ALIGNED))

/* What turns an anchor's logits into its cotangents, in shared memory. Entries 0 .. pitch - 1: the rows of the other tower, far; then this
 * block's own, near. */
typedef struct {
  float *top, *factor, *own, *inverse; /* 1 / norm of the anchor's row */
  float *peak_cot;
  int *peak;
} anchors;

typedef struct {
  int tower, row0, column0;
  float share;          /* exp(log_scale) / m */
  float *cots, *stages; /* (2, 2, TILE, COT_PITCH): buffer, near or far; (STAGES, STAGE) */
  float *dots;          /* (2, TILE): near and far, of each row with its cotangent */
  anchors far, near;
} block;

/* Where this thread reads its share of the next tile. */
typedef struct {
  const float *logits, *other, *near, *far;
  int left; /* rows of the other tower */
} sources;

static __device__ anchors anchors_at(float *shared, int count, int first) {
  const anchors a = {shared + first, shared + count + first, shared + 2 * count + first, shared + 3 * count + first, shared + 4 * count + first,
                     (int *)(shared + 5 * count) + first};
  return a;
}

template <bool SOFT>
static __device__ block block_of(float *shared, const contrastive_plan *plan, int number) {
  const int columns = (plan->job.d + WIDE - 1) / WIDE, count = plan->pitch + TILE;
  block b;
  b.column0 = number % columns * WIDE;
  b.row0 = number / columns % plan->tiles * TILE;
  b.tower = number / columns / plan->tiles;
  b.share = *plan->scale / (float)plan->job.m;
  b.cots = shared;
  b.stages = b.cots + 4 * COT;
  b.far = anchors_at(b.stages + STAGES * STAGE(SOFT), count, 0);
  b.near = anchors_at(b.stages + STAGES * STAGE(SOFT), count, plan->pitch);
  b.dots = b.stages + STAGES * STAGE(SOFT) + ENTRIES * count;
  return b;
}

template <bool SOFT, bool ALIGNED>
static __device__ sources sources_of(const block *b, const contrastive_plan *plan) {
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const size_t m = (size_t)plan->job.m;
  sources from;
  from.logits = plan->logits[b->tower] + (size_t)(b->row0 + threadIdx.x / (TILE / 4)) * plan->pitch + threadIdx.x % (TILE / 4) * 4;
  from.other = (b->tower ? plan->job.na : plan->job.nb) + (size_t)ROW(ALIGNED) * plan->job.d + b->column0 + COLUMN(ALIGNED);
  from.near = from.far = NULL;
  from.left = plan->job.m;
  if (!SOFT) return from;
  from.near = (b->tower ? plan->job.targets_b : plan->job.targets_a) + (b->row0 + warp) * m + lane;
  from.far = (b->tower ? plan->job.targets_a : plan->job.targets_b) + warp * m + b->row0 + lane;
  return from;
}

/* `from` is this thread's first place in the other tower's rows, `rows` of which are left; `inside`: so is its column. Zeros elsewhere. */
template <bool ALIGNED>
static __device__ __forceinline__ void fetch_other(float *tile, const float *from, int pitch, int rows, bool inside) {
  const int first = ROW(ALIGNED);
  float *to = tile + first * OTHER_PITCH + COLUMN(ALIGNED);
  BABEL_UNROLL
  for (int r = 0; r < TILE; r += EVERY(ALIGNED))
    babel_copy_async<ALIGNED ? 16 : 4>(to + r * OTHER_PITCH, from + (size_t)r * pitch, inside && first + r < rows);
}

/* The next tile, if there is one: logits, the other tower's rows, targets. */
template <bool SOFT, bool ALIGNED>
static __device__ __forceinline__ void fetch(float *stage, sources *from, const block *b, const contrastive_plan *plan) {
  const int m = plan->job.m, d = plan->job.d, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  if (from->left > 0) {
    babel_copy_async<16>(stage + threadIdx.x * 4, from->logits, true);
    fetch_other<ALIGNED>(stage + OTHER, from->other, d, from->left, b->column0 + COLUMN(ALIGNED) < d);
    BABEL_UNROLL
    for (int r = 0; SOFT && r < TILE; r += THREADS / 32) {
      babel_copy_async<4>(stage + NEAR + (warp + r) * TILE + lane, from->near + (size_t)r * m, b->row0 + warp + r < m && lane < from->left);
      babel_copy_async<4>(stage + FAR + (warp + r) * TURNED_PITCH + lane, from->far + (size_t)r * m, warp + r < from->left && b->row0 + lane < m);
    }
  }
  babel_copy_async_commit();
  from->logits += TILE;
  from->other += (size_t)TILE * d;
  from->left -= TILE;
  if (!SOFT) return;
  from->near += TILE;
  from->far += (size_t)TILE * m;
}

/* Anchor i of that way into entry `at`; anchors of the padding get zeros. */
template <bool SOFT>
static __device__ void settle(const anchors *a, int at, const contrastive_plan *plan, float share, int way, int i) {
  a->top[at] = a->factor[at] = a->own[at] = a->inverse[at] = a->peak_cot[at] = 0;
  a->peak[at] = -1;
  if (i >= plan->job.m) return;
  a->inverse[at] = plan->inverse[way][i];
  const contrastive_anchor anchor = contrastive_merge<SOFT, false>(plan, way, i);
  if (anchor.total == 0) return;
  const float others = anchor.others / anchor.total, part = anchor.own_exp / anchor.total;
  a->top[at] = anchor.top;
  a->factor[at] = share / anchor.total;
  a->own[at] = -others * share;
  if (!SOFT) return;
  const float *targets = (way ? plan->job.targets_b : plan->job.targets_a) + (size_t)i * plan->job.m;
  a->own[at] = (anchor.rival_leads ? part - targets[i] : (1 - targets[i]) - others) * share;
  if (anchor.peak < 0) return;
  a->peak[at] = anchor.peak;
  a->peak_cot[at] = ((1 - targets[anchor.peak]) - (others + part)) * share;
}

template <bool SOFT>
static __device__ void settle_all(const block *b, const contrastive_plan *plan) {
  BABEL_NO_UNROLL
  for (int at = threadIdx.x; at < plan->pitch + TILE; at += THREADS) {
    const bool near = at >= plan->pitch;
    settle<SOFT>(&b->far, at, plan, b->share, near ? b->tower : 1 - b->tower, near ? b->row0 + at - plan->pitch : at);
  }
}

/* Cotangents of the logits of tile t, both ways, into `cots`, times what makes unit rows of the other tower's; dots[0, 1][e] += near and far
 * cotangent times logit, in this thread's column. */
template <bool SOFT>
static __device__ __forceinline__ void make_cotangents(float *cots, float dots[2][ROWS], const float *stage, const block *b, int t) {
  const int column = threadIdx.x % 32, k = t * TILE + column;
  const float top = b->far.top[k], factor = b->far.factor[k], own = b->far.own[k], inverse = b->far.inverse[k];
  BABEL_UNROLL
  for (int e = 0; e < ROWS; e++) {
    const int r = threadIdx.x / 32 + e * (THREADS / 32), i = b->row0 + r;
    const float s = stage[r * TILE + column];
    float near = expf(s - b->near.top[r]) * b->near.factor[r], far = expf(s - top) * factor;
    if (SOFT) {
      near -= b->share * stage[NEAR + r * TILE + column];
      far -= b->share * stage[FAR + column * TURNED_PITCH + r];
      if (k == b->near.peak[r]) near = b->near.peak_cot[r];
      if (i == b->far.peak[k]) far = b->far.peak_cot[k];
    }
    if (i == k) near = b->near.own[r];
    if (i == k) far = own;
    const float finite = fmaxf(s, -1e30f); /* what is masked has the cotangent 0 */
    dots[0][e] = fmaf(near, finite, dots[0][e]);
    dots[1][e] = fmaf(far, finite, dots[1][e]);
    cots[r * COT_PITCH + column] = near * inverse;
    cots[COT + r * COT_PITCH + column] = far * inverse;
  }
}

/* A warp's piece: 32 rows, of near or far cotangents, by 32 columns, over one half of every tile's k. */
typedef struct {
  int part, far, column;
} piece;

static __device__ __forceinline__ piece piece_of(void) {
  const int warp = threadIdx.x / 32;
  const piece p = {warp / 4, warp / 2 % 2, warp % 2 * 32};
  return p;
}

/* product (32 x 32) += cotangents of a tile times the other tower's rows. */
static __device__ __forceinline__ void multiply(contrastive_product product[2], const float *cots, const float *stage) {
  const piece p = piece_of();
  const float *a_from = cots + p.far * COT + p.part * (TILE / 2);
  const babel_fragment_place first = babel_fragment_tf32_b(threadIdx.x % 32, 0), second = babel_fragment_tf32_b(threadIdx.x % 32, 1);
  const float *b_from = stage + OTHER + (p.part * (TILE / 2) + first.row) * OTHER_PITCH + p.column + first.column;
  float large[2][4][4];
  contrastive_clear(large[0]);
  contrastive_clear(large[1]);
  BABEL_UNROLL
  for (int k = 0; k < TILE / 2; k += 8) {
    float a[2][4], b[4][2];
    contrastive_load_a<COT_PITCH>(a[0], a_from + k);
    contrastive_load_a<COT_PITCH>(a[1], a_from + 16 * COT_PITCH + k);
    BABEL_UNROLL
    for (int n = 0; n < 4; n++) {
      b[n][0] = b_from[k * OTHER_PITCH + 8 * n];
      b[n][1] = b_from[(k + second.row - first.row) * OTHER_PITCH + 8 * n];
    }
    contrastive_multiply(large, product, a, b);
  }
  contrastive_add(product[0].total, large[0]);
  contrastive_add(product[1].total, large[1]);
}

/* The warps' sums where all threads see them, in place of the stages: (2, 2, TILE, SUM_PITCH): half of k, near or far; and the dots. */
static __device__ void leave_sums(contrastive_product product[2], float dots[2][ROWS], const block *b) {
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const piece p = piece_of();
  const babel_fragment_place first = babel_fragment_accumulator(lane, 0); /* and its neighbour; elements 2 and 3: 8 rows below */
  float *mine = b->stages + (2 * p.part + p.far) * SUM + first.row * SUM_PITCH + p.column + first.column;
  BABEL_UNROLL
  for (int half = 0; half < 2; half++) {
    contrastive_add(product[half].total, product[half].small);
    BABEL_UNROLL
    for (int n = 0; n < 4; n++) {
      *(float2 *)(mine + 16 * half * SUM_PITCH + 8 * n) = make_float2(product[half].total[n][0], product[half].total[n][1]);
      *(float2 *)(mine + (16 * half + 8) * SUM_PITCH + 8 * n) = make_float2(product[half].total[n][2], product[half].total[n][3]);
    }
  }
  BABEL_UNROLL
  for (int e = 0; e < 2 * ROWS; e++) {
    const float dot = babel_warp_sum(dots[e / ROWS][e % ROWS]);
    if (lane == 0) b->dots[e / ROWS * TILE + warp + e % ROWS * (THREADS / 32)] = dot;
  }
  __syncthreads();
}

/* The cotangent of a row x as given, out of that of its unit row u = x inverse (kernels/l2norm.h). */
static __device__ __forceinline__ float lengthen(float cot, float x, float along, float inverse) {
  return (cot - along * (x * inverse)) * inverse;
}

template <bool ALIGNED>
static __device__ void store(const block *b, const contrastive_plan *plan) {
  const int m = plan->job.m, d = plan->job.d, c = COLUMN(ALIGNED);
  const float *rows = b->tower ? plan->job.nb : plan->job.na, scale = *plan->scale, clamped = (float)(1 / (double)BABEL_L2NORM_EPS);
  const int64_t step = b->tower ? plan->job.dnb_step : plan->job.dna_step; /* not 0: plan_of */
  float *out = b->tower ? plan->job.dnb : plan->job.dna;
  if (b->column0 + c >= d) return;
  for (int r = ROW(ALIGNED); r < 2 * TILE; r += EVERY(ALIGNED)) {
    const int far = r / TILE, row = r % TILE, i = b->row0 + row, way = far ? 1 - b->tower : b->tower;
    if (i >= m) continue;
    const float *sum = b->stages + far * SUM + row * SUM_PITCH + c, inverse = b->near.inverse[row];
    const float along = inverse < clamped ? b->dots[r] / scale : 0;
    const float *x = rows + (size_t)i * d + b->column0 + c;
    float *to = out + way * step + (int64_t)i * d + b->column0 + c;
    if (ALIGNED) {
      const float4 s = *(const float4 *)sum, t = *(const float4 *)(sum + 2 * SUM);
      float4 y = make_float4(s.x + t.x, s.y + t.y, s.z + t.z, s.w + t.w);
      if (plan->job.normalise) {
        const float4 v = *(const float4 *)x;
        y = make_float4(lengthen(y.x, v.x, along, inverse), lengthen(y.y, v.y, along, inverse), lengthen(y.z, v.z, along, inverse),
                        lengthen(y.w, v.w, along, inverse));
      }
      *(float4 *)to = y;
    } else {
      const float y = sum[0] + sum[2 * SUM];
      *to = plan->job.normalise ? lengthen(y, *x, along, inverse) : y;
    }
  }
}

template <bool SOFT, bool ALIGNED>
static __device__ void cotangents(float *shared, const contrastive_plan *plan, int number) {
  const block b = block_of<SOFT>(shared, plan, number);
  sources from = sources_of<SOFT, ALIGNED>(&b, plan);
  float *now = b.stages, *next = now + STAGE(SOFT), *then = next + STAGE(SOFT), *cots = b.cots, *next_cots = cots + 2 * COT;
  contrastive_product product[2];
  float dots[2][ROWS] = {};
  for (int half = 0; half < 2; half++) {
    contrastive_clear(product[half].total);
    contrastive_clear(product[half].small);
  }
  fetch<SOFT, ALIGNED>(now, &from, &b, plan);
  fetch<SOFT, ALIGNED>(next, &from, &b, plan);
  settle_all<SOFT>(&b, plan);
  babel_copy_async_wait<1>();
  __syncthreads();
  make_cotangents<SOFT>(cots, dots, now, &b, 0);
  BABEL_NO_UNROLL
  for (int t = 0; t < plan->tiles; t++) {
    babel_copy_async_wait<0>();
    __syncthreads(); /* tile t is made, tile t + 1 is here, tile t - 1 is done with */
    fetch<SOFT, ALIGNED>(then, &from, &b, plan);
    multiply(product, cots, now);
    if (t + 1 < plan->tiles) make_cotangents<SOFT>(next_cots, dots, next, &b, t + 1);
    float *spare = now, *spare_cots = cots;
    now = next;
    next = then;
    then = spare;
    cots = next_cots;
    next_cots = spare_cots;
  }
  __syncthreads(); /* the stages are free: past the end nothing was copied */
  leave_sums(product, dots, &b);
  store<ALIGNED>(&b, plan);
}

template <bool SOFT, bool ALIGNED>
__global__ void __launch_bounds__(THREADS, 1) babel_contrastive_cotangents_kernel(const __grid_constant__ contrastive_plan plan) {
  BABEL_DYNAMIC_SHARED(float, shared);
  if (blockIdx.x == 0)
    contrastive_losses<SOFT>((double *)shared, &plan);
  else
    cotangents<SOFT, ALIGNED>(shared, &plan, blockIdx.x - 1);
}

template <bool SOFT, bool ALIGNED>
static babel_status launch(const contrastive_plan *plan, babel_stream *s) {
  const int columns = (plan->job.d + WIDE - 1) / WIDE, blocks = plan->job.dna ? 2 * plan->tiles * columns : 0;
  const size_t floats = 4 * COT + STAGES * STAGE(SOFT) + ENTRIES * (size_t)(plan->pitch + TILE) + 2 * TILE;
  return BABEL_LAUNCH_AS("babel_contrastive_cotangents_kernel", (babel_contrastive_cotangents_kernel<SOFT, ALIGNED>), blocks + 1, THREADS,
                         floats * sizeof(float), (cudaStream_t)s, *plan);
}

static contrastive_plan plan_of(const babel_contrastive_job *job) {
  contrastive_plan plan = {};
  plan.job = *job;
  if (!plan.job.dna_step) plan.job.dna_step = (int64_t)job->m * job->d;
  if (!plan.job.dnb_step) plan.job.dnb_step = (int64_t)job->m * job->d;
  plan.tiles = (job->m + TILE - 1) / TILE;
  plan.pitch = plan.tiles * TILE;
  plan.aligned = (job->d | plan.job.dna_step | plan.job.dnb_step) % 4 == 0 && ((uintptr_t)job->na | (uintptr_t)job->nb | (uintptr_t)job->dna | (uintptr_t)job->dnb) % 16 == 0;
  const size_t square = (size_t)plan.pitch * plan.pitch, parts = (size_t)plan.pitch * plan.tiles;
  float *at = (float *)(((uintptr_t)job->workspace + 15) / 16 * 16);
  for (int way = 0; way < 2; way++, at += square) plan.logits[way] = at;
  for (int way = 0; way < 2; way++, at += 2 * parts) plan.part[way] = (float2 *)at;
  for (int way = 0; way < 2; way++, at += parts) plan.lean[way] = at;
  for (int way = 0; way < 2; way++, at += parts) plan.rival_at[way] = (int *)at;
  for (int way = 0; way < 2; way++, at += parts) plan.aim[way] = at;
  for (int way = 0; way < 2; way++, at += plan.pitch) plan.inverse[way] = at;
  plan.scale = at;
  return plan;
}

extern "C" babel_status babel_contrastive_cuda(const babel_contrastive_job *job, babel_stream *s) {
  BABEL_TRY(babel_contrastive_check(job));
  if (job->m > BABEL_CONTRASTIVE_CUDA_ROWS)
    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "contrastive: a batch of %d; on a device at most %d pairs have their logits kept: set chunk", job->m,
                      BABEL_CONTRASTIVE_CUDA_ROWS);
  const contrastive_plan plan = plan_of(job);
  BABEL_TRY(babel_contrastive_logits_cuda(&plan, s));
  if (job->targets_a) return plan.aligned ? launch<true, true>(&plan, s) : launch<true, false>(&plan, s);
  return plan.aligned ? launch<false, true>(&plan, s) : launch<false, false>(&plan, s);
}
