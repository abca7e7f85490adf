/* The block that comes last: it alone sees what all blocks of its kind have written, and can finish what they began, in a fixed order. */
#ifndef BABEL_KERNELS_CUDA_LAST_BLOCK_CUH
#define BABEL_KERNELS_CUDA_LAST_BLOCK_CUH

#include "kernels/cuda/device.cuh"

/* True in the one block of `blocks` that comes last, when all others have written; all threads must call. `arrived`: 0 before, and 0 again for
 * the next launch. What others have written is read past L1: __ldcg. */
BABEL_DEVICE bool babel_last_block(unsigned *arrived, unsigned blocks) {
  BABEL_SHARED(int, last, 1);
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    last[0] = atomicAdd(arrived, 1u) == blocks - 1;
    if (last[0]) *arrived = 0;
  }
  __syncthreads();
  __threadfence();
  return last[0];
}

#endif
