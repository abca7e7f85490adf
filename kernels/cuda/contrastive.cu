/* Launch 2 of the contrastive loss: the cotangents, and in the first block the losses.
 *
 * A block owns TILE rows and WIDE columns of one tower's cotangents, both ways: out of each tile of logits it makes the cotangents of the
 * logits twice, once with its rows as anchors (`near`), once with the other tower's rows (`far`), and multiplies both with the
 * same rows of the other tower. While one tile is multiplied the next is made and the one behind it is under way. */
#include "kernels/cuda/contrastive_anchor.cuh"
#include "kernels/cuda/contrastive_loss.cuh"

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

/* What turns an anchor's logits into its cotangents, in shared memory. Entries 0 .. pitch - 1: the rows of the other tower, far; then this
 * block's own, near. */
typedef struct {
  float *top, *factor, *own, *peak_cot;
  int *peak;
} anchors;

typedef struct {
  int tower, row0, column0;
  float share;          /* exp(log_scale) / m */
  float *cots, *stages; /* (2, 2, TILE, COT_PITCH): buffer, near or far; (STAGES, STAGE) */
  anchors far, near;
} block;

/* Where this thread reads its share of the next tile. */
typedef struct {
  const float *logits, *other, *near, *far;
  int left; /* rows of the other tower */
} sources;

static __device__ anchors anchors_at(float *shared, int count, int first) {
  const anchors a = {shared + first, shared + count + first, shared + 2 * count + first, shared + 3 * count + first,
                     (int *)(shared + 4 * count) + first};
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
  return b;
}

template <bool SOFT, bool ALIGNED>
static __device__ sources sources_of(const block *b, const contrastive_plan *plan) {
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const size_t m = (size_t)plan->job.m;
  sources from;
  from.logits = plan->logits[b->tower] + (size_t)(b->row0 + threadIdx.x / (TILE / 4)) * plan->pitch + threadIdx.x % (TILE / 4) * 4;
  from.other = (b->tower ? plan->job.na : plan->job.nb) + (size_t)CONTRASTIVE_ROW(WIDE, ALIGNED) * plan->job.d + b->column0 + CONTRASTIVE_COLUMN(WIDE, ALIGNED);
  from.near = from.far = NULL;
  from.left = plan->job.m;
  if (!SOFT) return from;
  from.near = (b->tower ? plan->job.targets_b : plan->job.targets_a) + (b->row0 + warp) * m + lane;
  from.far = (b->tower ? plan->job.targets_a : plan->job.targets_b) + warp * m + b->row0 + lane;
  return from;
}

/* The next tile, if there is one: logits, the other tower's rows, targets. */
template <bool SOFT, bool ALIGNED>
static __device__ __forceinline__ void fetch(float *stage, sources *from, const block *b, const contrastive_plan *plan) {
  const int m = plan->job.m, d = plan->job.d, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  if (from->left > 0) {
    babel_copy_async<16>(stage + threadIdx.x * 4, from->logits, true);
    contrastive_fetch<WIDE, OTHER_PITCH, ALIGNED>(stage + OTHER, from->other, d, from->left, b->column0 + CONTRASTIVE_COLUMN(WIDE, ALIGNED) < d);
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
  a->top[at] = a->factor[at] = a->own[at] = a->peak_cot[at] = 0;
  a->peak[at] = -1;
  if (i >= plan->job.m) return;
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

/* Cotangents of the logits of tile t, both ways, into `cots`. */
template <bool SOFT>
static __device__ __forceinline__ void make_cotangents(float *cots, const float *stage, const block *b, int t) {
  const int column = threadIdx.x % 32, k = t * TILE + column;
  const float top = b->far.top[k], factor = b->far.factor[k], own = b->far.own[k];
  BABEL_UNROLL
  for (int e = 0; e < TILE / (THREADS / 32); e++) {
    const int r = threadIdx.x / 32 + e * (THREADS / 32), i = b->row0 + r;
    const float s = stage[r * TILE + column];
    float near = expf(s - b->near.top[r]) * b->near.factor[r], far = expf(s - top) * factor;
    if (SOFT) {
      near -= b->share * stage[NEAR + r * TILE + column];
      far -= b->share * stage[FAR + column * TURNED_PITCH + r];
      if (k == b->near.peak[r]) near = b->near.peak_cot[r];
      if (i == b->far.peak[k]) far = b->far.peak_cot[k];
    }
    cots[r * COT_PITCH + column] = i == k ? b->near.own[r] : near;
    cots[COT + r * COT_PITCH + column] = i == k ? own : far;
  }
}

/* product (16 x 32 of this warp) += cotangents of a tile times the other tower's rows. Warps 0 to 3 near, 4 to 7 far. */
static __device__ __forceinline__ void multiply(contrastive_product *product, const float *cots, const float *stage) {
  const int lane = threadIdx.x % 32, far = threadIdx.x / 128, row = threadIdx.x / 32 % 2 * 16, column = threadIdx.x / 64 % 2 * 32;
  const float *other = stage + OTHER + lane % 4 * OTHER_PITCH + column + lane / 4;
  float large[4][4];
  contrastive_clear(large);
  BABEL_UNROLL
  for (int k = 0; k < TILE; k += 8) {
    float a[4], b[4][2];
    contrastive_load_a<COT_PITCH>(a, cots + far * COT + row * COT_PITCH + k);
    BABEL_UNROLL
    for (int n = 0; n < 4; n++) {
      b[n][0] = other[k * OTHER_PITCH + 8 * n];
      b[n][1] = other[(k + 4) * OTHER_PITCH + 8 * n];
    }
    contrastive_multiply(large, product->small, a, b);
  }
  contrastive_add(product->total, large);
}

static __device__ void store(const float total[4][4], const block *b, const contrastive_plan *plan) {
  const int lane = threadIdx.x % 32, far = threadIdx.x / 128, m = plan->job.m, d = plan->job.d;
  const int way = far ? 1 - b->tower : b->tower, row = b->row0 + threadIdx.x / 32 % 2 * 16 + lane / 4;
  float *out = (b->tower ? plan->job.dnb : plan->job.dna) + (size_t)way * m * d;
  const bool pairs = d % 2 == 0 && (uintptr_t)out % 8 == 0;
  BABEL_UNROLL
  for (int n = 0; n < 4; n++)
    BABEL_UNROLL
    for (int half = 0; half < 2; half++) {
      const int i = row + 8 * half, c = b->column0 + threadIdx.x / 64 % 2 * 32 + 8 * n + lane % 4 * 2;
      float *to = out + (size_t)i * d + c;
      if (i >= m || c >= d) continue;
      if (pairs) {
        *(float2 *)to = make_float2(total[n][2 * half], total[n][2 * half + 1]);
      } else {
        to[0] = total[n][2 * half];
        if (c + 1 < d) to[1] = total[n][2 * half + 1];
      }
    }
}

template <bool SOFT, bool ALIGNED>
static __device__ void cotangents(float *shared, const contrastive_plan *plan, int number) {
  const block b = block_of<SOFT>(shared, plan, number);
  sources from = sources_of<SOFT, ALIGNED>(&b, plan);
  float *now = b.stages, *next = now + STAGE(SOFT), *then = next + STAGE(SOFT), *cots = b.cots, *next_cots = cots + 2 * COT;
  contrastive_product product;
  contrastive_clear(product.total);
  contrastive_clear(product.small);
  fetch<SOFT, ALIGNED>(now, &from, &b, plan);
  fetch<SOFT, ALIGNED>(next, &from, &b, plan);
  settle_all<SOFT>(&b, plan);
  babel_copy_async_wait<1>();
  __syncthreads();
  make_cotangents<SOFT>(cots, now, &b, 0);
  BABEL_NO_UNROLL
  for (int t = 0; t < plan->tiles; t++) {
    babel_copy_async_wait<0>();
    __syncthreads(); /* tile t is made, tile t + 1 is here, tile t - 1 is done with */
    fetch<SOFT, ALIGNED>(then, &from, &b, plan);
    multiply(&product, cots, now);
    if (t + 1 < plan->tiles) make_cotangents<SOFT>(next_cots, next, &b, t + 1);
    float *spare = now, *spare_cots = cots;
    now = next;
    next = then;
    then = spare;
    cots = next_cots;
    next_cots = spare_cots;
  }
  babel_copy_async_wait<0>();
  contrastive_add(product.total, product.small);
  store(product.total, &b, plan);
}

template <bool SOFT, bool ALIGNED>
__global__ void __launch_bounds__(THREADS, 2) babel_contrastive_cotangents_kernel(const __grid_constant__ contrastive_plan plan) {
  BABEL_DYNAMIC_SHARED(float, shared);
  if (blockIdx.x == 0)
    contrastive_losses<SOFT>((double *)shared, &plan);
  else
    cotangents<SOFT, ALIGNED>(shared, &plan, blockIdx.x - 1);
}

template <bool SOFT, bool ALIGNED>
static babel_status launch(const contrastive_plan *plan, babel_stream *s) {
  const int columns = (plan->job.d + WIDE - 1) / WIDE, blocks = plan->job.dna ? 2 * plan->tiles * columns : 0;
  const size_t floats = 4 * COT + STAGES * STAGE(SOFT) + 5 * (size_t)(plan->pitch + TILE);
  return BABEL_LAUNCH_AS("babel_contrastive_cotangents_kernel", (babel_contrastive_cotangents_kernel<SOFT, ALIGNED>), blocks + 1, THREADS,
                         floats * sizeof(float), (cudaStream_t)s, *plan);
}

static contrastive_plan plan_of(const babel_contrastive_job *job) {
  contrastive_plan plan = {};
  plan.job = *job;
  plan.tiles = (job->m + TILE - 1) / TILE;
  plan.pitch = plan.tiles * TILE;
  plan.aligned = job->d % 4 == 0 && ((uintptr_t)job->na | (uintptr_t)job->nb) % 16 == 0;
  const size_t square = (size_t)plan.pitch * plan.pitch, parts = (size_t)plan.pitch * plan.tiles;
  float *at = (float *)(((uintptr_t)job->workspace + 15) / 16 * 16);
  for (int way = 0; way < 2; way++, at += square) plan.logits[way] = at;
  for (int way = 0; way < 2; way++, at += 2 * parts) plan.part[way] = (float2 *)at;
  for (int way = 0; way < 2; way++, at += parts) plan.lean[way] = at;
  for (int way = 0; way < 2; way++, at += parts) plan.rival_at[way] = (int *)at;
  for (int way = 0; way < 2; way++, at += parts) plan.aim[way] = at;
  plan.scale = at;
  return plan;
}

extern "C" babel_status babel_contrastive_cuda(const babel_contrastive_job *job, babel_stream *s) {
  BABEL_TRY(babel_contrastive_check(job));
  if (job->m > BABEL_CONTRASTIVE_CUDA_ROWS)
    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "contrastive: a batch of %d; on a device it may have at most %d pairs", job->m,
                      BABEL_CONTRASTIVE_CUDA_ROWS);
  const contrastive_plan plan = plan_of(job);
  BABEL_TRY(babel_contrastive_logits_cuda(&plan, s));
  if (job->targets_a) return plan.aligned ? launch<true, true>(&plan, s) : launch<true, false>(&plan, s);
  return plan.aligned ? launch<false, true>(&plan, s) : launch<false, false>(&plan, s);
}
