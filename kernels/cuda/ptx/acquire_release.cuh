/* Words by which blocks that run at the same time tell each other something: PTX ISA, red.release and ld.acquire, .gpu scope, sm_70.
 *
 * What a thread did before its release, and what barriers of its block have put behind it, is seen by whoever acquires the word afterwards.
 * babel_spin_at_least is the only way to wait for another block: on the simulated device it lets the others run. Blocks that wait for each
 * other must be resident together: a cooperative launch (launch_shape.cuh) or a cluster. */
#ifndef BABEL_KERNELS_CUDA_PTX_ACQUIRE_RELEASE_CUH
#define BABEL_KERNELS_CUDA_PTX_ACQUIRE_RELEASE_CUH

#include "kernels/cuda/device.cuh"

BABEL_DEVICE void babel_add_release(unsigned *word, unsigned value) {
#ifdef BABEL_SIMDEV
  simdev_add_release(word, value);
#else
  asm volatile("red.release.gpu.global.add.u32 [%0], %1;" ::"l"(word), "r"(value) : "memory");
#endif
}

BABEL_DEVICE unsigned babel_load_acquire(const unsigned *word) {
#ifdef BABEL_SIMDEV
  return simdev_load_acquire(word);
#else
  unsigned value;
  asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(word) : "memory");
  return value;
#endif
}

/* Until *word - least, counting round at 2^32, is not negative. */
BABEL_DEVICE void babel_spin_at_least(const unsigned *word, unsigned least) {
#ifdef BABEL_SIMDEV
  simdev_spin_at_least(word, least);
#else
  while ((int)(babel_load_acquire(word) - least) < 0) {
  }
#endif
}

/* All threads of all blocks of a cooperative launch meet, for the round-th time: 1, 2, ...; *arrived: 0 before the launch. */
BABEL_DEVICE void babel_grid_barrier(unsigned *arrived, unsigned round) {
  __syncthreads();
  if (threadIdx.x + threadIdx.y + threadIdx.z == 0) {
    babel_add_release(arrived, 1);
    babel_spin_at_least(arrived, round * gridDim.x * gridDim.y * gridDim.z);
  }
  __syncthreads();
}

#endif
