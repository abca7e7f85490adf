/* Four neighbouring floats at once, in flat arrays that begin anywhere.
 *
 * Quads are cut where the first array is 16-byte aligned, so the first and the last one may be partial. Where all arrays of a job are
 * aligned alike, a whole quad is one 16-byte access; otherwise, and at the ends, it is up to four single ones. */
#ifndef BABEL_KERNELS_CUDA_QUAD_CUH
#define BABEL_KERNELS_CUDA_QUAD_CUH

#include "kernels/cuda/device.cuh"

#define BABEL_QUAD_THREADS 256
#define BABEL_QUAD_BLOCK (4 * BABEL_QUAD_THREADS) /* floats of a block */

typedef struct {
  float v[4];
} babel_quad;

/* Where a thread's quad lies. */
typedef struct {
  int64_t at;      /* of its first float; may be negative */
  int begin, end;  /* of the four, those inside the array */
  bool wide;       /* one access */
} babel_quad_place;

/* Blocks that n floats take, wherever they begin. */
static inline int64_t babel_quad_blocks(int64_t n) {
  return n ? (n + 3 + BABEL_QUAD_BLOCK - 1) / BABEL_QUAD_BLOCK : 0;
}

/* Floats of `x` that lie behind a 16-byte boundary: 0 to 3. */
static __device__ __forceinline__ int babel_quad_shift(const float *x) {
  return (int)(((uintptr_t)x >> 2) & 3);
}

/* Quad number `index` of an array of n floats that begins like x; `alike`: every array of the job does. */
static __device__ __forceinline__ babel_quad_place babel_quad_find(const float *x, bool alike, int64_t index, int64_t n) {
  babel_quad_place place;
  place.at = 4 * index - babel_quad_shift(x);
  place.begin = place.at < 0 ? (int)-place.at : 0;
  place.end = n - place.at < 4 ? (int)(n - place.at) : 4;
  place.wide = alike && place.begin == 0 && place.end == 4;
  return place;
}

/* Zeros outside the array. */
static __device__ __forceinline__ babel_quad babel_quad_load(const float *x, babel_quad_place place) {
  babel_quad q;
  if (place.wide) {
    float4 wide = *(const float4 *)(x + place.at);
    q.v[0] = wide.x;
    q.v[1] = wide.y;
    q.v[2] = wide.z;
    q.v[3] = wide.w;
    return q;
  }
  BABEL_UNROLL
  for (int k = 0; k < 4; k++) q.v[k] = k >= place.begin && k < place.end ? x[place.at + k] : 0.0f;
  return q;
}

static __device__ __forceinline__ void babel_quad_store(float *x, babel_quad_place place, babel_quad q) {
  if (place.wide) {
    *(float4 *)(x + place.at) = make_float4(q.v[0], q.v[1], q.v[2], q.v[3]);
    return;
  }
  BABEL_UNROLL
  for (int k = 0; k < 4; k++)
    if (k >= place.begin && k < place.end) x[place.at + k] = q.v[k];
}

#endif
