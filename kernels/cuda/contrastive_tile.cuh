/* What both launches of the contrastive loss share: the layout of the workspace, products in 3xTF32. docs/cuda_step.md.
 *
 * Launch 1 (contrastive_logits.cu): a block computes a tile of TILE x TILE logits, writes it and its transpose, and leaves for each of its
 * rows (anchors a) and columns (anchors b) what the tile adds to that anchor's softmax.
 * Launch 2 (contrastive.cu): blocks of cotangents, and one for the losses, put the tiles' parts together in their order.
 * `way` 0 is L_ab (anchor a), 1 is L_ba (anchor b); `tower` 0 is a, 1 is b. */
#ifndef BABEL_KERNELS_CUDA_CONTRASTIVE_TILE_CUH
#define BABEL_KERNELS_CUDA_CONTRASTIVE_TILE_CUH

#include "kernels/contrastive.h"
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/ptx/ldmatrix.cuh"
#include "kernels/cuda/ptx/mma.cuh"

#define TILE BABEL_CONTRASTIVE_TILE
#define THREADS 256

/* `part` and what stands below it: (tiles, pitch) each, one tile's part of one anchor's softmax. The own partner is no part of it. */
typedef struct {
  babel_contrastive_job job;
  int tiles, pitch;  /* pitch = tiles * TILE: rows and columns of the padded logits */
  int aligned;       /* all rows are 16-byte aligned */
  float *logits[2];  /* (pitch, pitch), anchors of that way in the rows; -infinity where masked and in the padding */
  float2 *part[2];   /* the rival: the largest logit, -infinity without a candidate; sum of exp(s - rival) over the others */
  float *lean[2];    /* sum of exp(s - rival) (s - rival) */
  int *rival_at[2];  /* with targets only: the rival's first place in the tile */
  float *aim[2];     /* with targets only: sum of t s */
  float *scale;      /* (1): exp(log_scale) */
  float *inverse[2]; /* (pitch): 1 / norm of the rows of each tower, or 1 where they are unit rows */
} contrastive_plan;

extern "C" babel_status babel_contrastive_logits_cuda(const contrastive_plan *plan, babel_stream *s);

/* x = big + small, two TF32 values, to 2^-21 of x: big is cut off, small is rounded, its low bits are left for the tensor core to drop. */
BABEL_DEVICE void contrastive_split(uint32_t *big, uint32_t *small, float x) {
  *big = __float_as_uint(x) & 0xffffe000u;
  *small = __float_as_uint(x - __uint_as_float(*big)) + 0x1000u;
}

/* Sums of one warp, 16 x 32. The tensor core adds with truncation: sums of the large products are kept short and added to `total` outside;
 * those of the small ones, 2^-10 of it, may run on. */
typedef struct {
  float total[4][4], small[4][4];
} contrastive_product;

BABEL_DEVICE void contrastive_clear(float sum[4][4]) {
  BABEL_UNROLL
  for (int n = 0; n < 4; n++)
    BABEL_UNROLL
    for (int i = 0; i < 4; i++) sum[n][i] = 0;
}

BABEL_DEVICE void contrastive_add(float total[4][4], const float sum[4][4]) {
  BABEL_UNROLL
  for (int n = 0; n < 4; n++)
    BABEL_UNROLL
    for (int i = 0; i < 4; i++) total[n][i] += sum[n][i];
}

/* large[r] + product[r].small += a[r] (16 x 8) b (8 x 32) of two pieces r that share b, to fp32 accuracy: the product of the small parts is
 * left out. */
BABEL_DEVICE void contrastive_multiply(float large[2][4][4], contrastive_product product[2], const float a[2][4], const float b[4][2]) {
  uint32_t a_big[2][4], a_small[2][4], b_big[4][2], b_small[4][2];
  BABEL_UNROLL
  for (int i = 0; i < 8; i++) {
    contrastive_split(&a_big[i / 4][i % 4], &a_small[i / 4][i % 4], a[i / 4][i % 4]);
    contrastive_split(&b_big[i / 2][i % 2], &b_small[i / 2][i % 2], b[i / 2][i % 2]);
  }
  BABEL_UNROLL
  for (int e = 0; e < 8; e++) babel_mma_tf32(large[e / 4][e % 4], a_big[e / 4], b_big[e % 4], large[e / 4][e % 4]);
  BABEL_UNROLL
  for (int e = 0; e < 8; e++) babel_mma_tf32(product[e / 4].small[e % 4], a_small[e / 4], b_big[e % 4], product[e / 4].small[e % 4]);
  BABEL_UNROLL
  for (int e = 0; e < 8; e++) babel_mma_tf32(product[e / 4].small[e % 4], a_big[e / 4], b_small[e % 4], product[e / 4].small[e % 4]);
}

/* The fragment a (16 x 8) whose first element lies at `corner`, rows PITCH floats apart. */
template <int PITCH>
BABEL_DEVICE void contrastive_load_a(float a[4], const float *corner) {
  const babel_fragment_place from = babel_ldmatrix_a(threadIdx.x % 32);
  babel_ldmatrix_x4(a, corner + from.row * PITCH + from.column);
}

#endif
