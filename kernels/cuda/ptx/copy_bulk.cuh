/* Copies of many bytes by one thread's instruction, carried out by the copy unit: PTX ISA, cp.async.bulk, sm_90. Both addresses and the size
 * are multiples of 16. */
#ifndef BABEL_KERNELS_CUDA_PTX_COPY_BULK_CUH
#define BABEL_KERNELS_CUDA_PTX_COPY_BULK_CUH

#include "kernels/cuda/ptx/mbarrier.cuh"

/* Global to this block's shared memory; `bar`, of this block, expects the bytes (babel_mbarrier_arrive_expect), and who waits for it sees them. */
BABEL_DEVICE void babel_bulk_load(void *to_shared, const void *from, uint32_t bytes, uint64_t *bar) {
#ifdef BABEL_SIMDEV
  simdev_bulk_load(to_shared, from, bytes, bar);
#else
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(babel_shared_address(to_shared)),
               "l"(from), "r"(bytes), "r"(babel_shared_address(bar))
               : "memory");
#endif
}

/* Shared to global memory. Before it: babel_proxy_fence by the threads that wrote the source. A thread's stores since its last commit are a group. */
BABEL_DEVICE void babel_bulk_store(void *to, const void *from_shared, uint32_t bytes) {
#ifdef BABEL_SIMDEV
  simdev_bulk_store(to, from_shared, bytes);
#else
  asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(to), "r"(babel_shared_address(from_shared)), "r"(bytes) : "memory");
#endif
}

BABEL_DEVICE void babel_bulk_commit(void) {
#ifdef BABEL_SIMDEV
  simdev_bulk_commit();
#else
  asm volatile("cp.async.bulk.commit_group;" ::: "memory");
#endif
}

/* Until all but the GROUPS newest of this thread's groups are complete: what they wrote is seen by this thread. A thread that has stored waits
 * before it ends. */
template <int GROUPS>
BABEL_DEVICE void babel_bulk_wait(void) {
#ifdef BABEL_SIMDEV
  simdev_bulk_wait(GROUPS);
#else
  asm volatile("cp.async.bulk.wait_group %0;" ::"n"(GROUPS) : "memory");
#endif
}

#endif
