/* Barriers of some of a block's warps: PTX ISA, barrier.cta.sync.aligned and barrier.cta.arrive.aligned. Barrier 0 is __syncthreads.
 *
 * ID: 1..15. threads: of all that come, a multiple of 32; a warp comes with all its lanes. Those that arrive do not wait: what they did before
 * is behind those that sync. */
#ifndef BABEL_KERNELS_CUDA_PTX_NAMED_BARRIER_CUH
#define BABEL_KERNELS_CUDA_PTX_NAMED_BARRIER_CUH

#include "kernels/cuda/device.cuh"

#ifdef BABEL_SIMDEV
#define babel_named_sync(id, threads) simdev_named_barrier((id), (threads), 1, simdev_site{__FILE__, __LINE__})
#define babel_named_arrive(id, threads) simdev_named_barrier((id), (threads), 0, simdev_site{__FILE__, __LINE__})
#else
BABEL_DEVICE void babel_named_sync(int id, int threads) { asm volatile("barrier.cta.sync.aligned %0, %1;" ::"r"(id), "r"(threads) : "memory"); }
BABEL_DEVICE void babel_named_arrive(int id, int threads) { asm volatile("barrier.cta.arrive.aligned %0, %1;" ::"r"(id), "r"(threads) : "memory"); }
#endif

#endif
