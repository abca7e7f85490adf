/* Which job of a list a block works on. Lists travel to the kernel by value, in one parameter of less than 4 KiB: a longer list is
 * several launches. */
#ifndef BABEL_KERNELS_CUDA_BLOCK_LIST_CUH
#define BABEL_KERNELS_CUDA_BLOCK_LIST_CUH

#include "kernels/cuda/device.cuh"

#define BABEL_LIST_JOBS 56 /* jobs of one launch */

/* Blocks first[i] .. first[i + 1] - 1 belong to job i of n. */
typedef struct {
  int n, first[BABEL_LIST_JOBS + 1];
} babel_block_list;

static inline void babel_block_list_add(babel_block_list *list, int64_t blocks) {
  list->first[list->n + 1] = list->first[list->n] + (int)blocks;
  list->n++;
}

static inline int babel_block_list_blocks(const babel_block_list *list) {
  return list->first[list->n];
}

/* The job of this block, by bisection; the same for all of its threads. */
static __device__ __forceinline__ int babel_block_list_job(const babel_block_list *list) {
  int low = 0, high = list->n;
  while (high - low > 1) {
    int middle = (low + high) / 2;
    if ((int)blockIdx.x >= list->first[middle]) low = middle;
    else high = middle;
  }
  return low;
}

#endif
