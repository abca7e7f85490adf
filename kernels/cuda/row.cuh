/* Rows of any width, one warp each, in panels of 128 columns: where rows are 16-byte aligned (`wide`) a lane holds four neighbouring
 * columns of a panel, else every 32nd one; both are coalesced. */
#ifndef BABEL_KERNELS_CUDA_ROW_CUH
#define BABEL_KERNELS_CUDA_ROW_CUH

#include "kernels/cuda/device.cuh"

#define BABEL_ROW_THREADS 128
#define BABEL_ROW_WARPS (BABEL_ROW_THREADS / 32) /* rows of a block */
#define BABEL_ROW_PANEL 128

/* Rows of d floats that begin at x are 16-byte aligned. */
BABEL_DEVICE bool babel_row_aligned(const void *x, int d) {
  return d % 4 == 0 && (uintptr_t)x % 16 == 0;
}

BABEL_DEVICE int babel_row_lane(void) {
  return threadIdx.x % 32;
}

BABEL_DEVICE int babel_row_warp(void) {
  return threadIdx.x / 32;
}

/* This lane's columns of the panel at `base`; zeros past d. */
BABEL_DEVICE float4 babel_row_load(const float *x, int base, int d, bool wide) {
  if (wide) {
    const int c = base + 4 * babel_row_lane();
    return c < d ? *(const float4 *)(x + c) : make_float4(0, 0, 0, 0);
  }
  const int c = base + babel_row_lane();
  return make_float4(c < d ? x[c] : 0, c + 32 < d ? x[c + 32] : 0, c + 64 < d ? x[c + 64] : 0, c + 96 < d ? x[c + 96] : 0);
}

BABEL_DEVICE void babel_row_store(float *x, int base, int d, bool wide, float4 v) {
  if (wide) {
    const int c = base + 4 * babel_row_lane();
    if (c < d) *(float4 *)(x + c) = v;
    return;
  }
  const int c = base + babel_row_lane();
  if (c < d) x[c] = v.x;
  if (c + 32 < d) x[c + 32] = v.y;
  if (c + 64 < d) x[c + 64] = v.z;
  if (c + 96 < d) x[c + 96] = v.w;
}

BABEL_DEVICE double babel_row_product(float4 a, float4 b) {
  return ((double)a.x * (double)b.x + (double)a.y * (double)b.y) + ((double)a.z * (double)b.z + (double)a.w * (double)b.w);
}

/* Sum over the 32 lanes, all of which must call; every lane gets the same bits. */
BABEL_DEVICE double babel_row_sum(double value) {
  BABEL_UNROLL
  for (int lanes = 16; lanes > 0; lanes /= 2) value += __shfl_xor_sync(0xffffffffu, value, lanes);
  return value;
}

#endif
