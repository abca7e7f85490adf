/* A random permutation by one block: that of babel_rng_permutation, exchange by exchange. */
#ifndef BABEL_KERNELS_CUDA_PERMUTATION_CUH
#define BABEL_KERNELS_CUDA_PERMUTATION_CUH

#include "core/rng.h"
#include "kernels/cuda/device.cuh"

/* Fisher-Yates exchanges place i with a place partner(i) <= i, i from n - 1 down to 1. In a round every exchange that is still to be done claims its
 * two places, the larger i wins, and who holds both exchanges: nothing before it in the chain touches them. workspace: (2, n). All threads must call; all see
 * the order behind it. */
BABEL_DEVICE void babel_permute(int *order, int *workspace, int n, uint64_t seed, uint32_t stream, uint64_t index0) {
  int *claims = workspace, *partner = workspace + n; /* partner: -1 = done */
  for (int i = threadIdx.x; i < n; i += blockDim.x) {
    order[i] = i;
    claims[i] = 0;
    partner[i] = i ? (int)babel_rng_below(seed, stream, index0 + (uint64_t)i, (uint32_t)i + 1) : -1;
  }
  int more;
  do {
    bool waits = false;
    __syncthreads();
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
      if (partner[i] < 0) continue;
      atomicMax(&claims[i], i);
      atomicMax(&claims[partner[i]], i);
    }
    __syncthreads();
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
      const int j = partner[i];
      if (j < 0) continue;
      if (claims[i] != i || claims[j] != i) {
        waits = true;
        continue;
      }
      const int swap = order[i];
      order[i] = order[j];
      order[j] = swap;
      partner[i] = -1;
    }
    more = __syncthreads_or(waits);
    for (int i = threadIdx.x; i < n; i += blockDim.x) claims[i] = 0;
  } while (more);
}

#endif
