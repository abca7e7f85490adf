/* mbarriers, barriers in shared memory that count arrivals and bytes: PTX ISA, mbarrier.*, sm_90; 8 bytes, 8-byte aligned.
 *
 * A phase is complete when `count` threads have arrived and all bytes that arrivals expect have landed; then the next one begins. A thread waits for
 * the phase of a parity, 0 for the first: it passes when that phase is complete. What was done before an arrival is behind the thread that has
 * waited. After the initialisation: babel_proxy_fence, then a barrier of the block (or cluster). */
#ifndef BABEL_KERNELS_CUDA_PTX_MBARRIER_CUH
#define BABEL_KERNELS_CUDA_PTX_MBARRIER_CUH

#include "kernels/cuda/device.cuh"

#ifndef BABEL_SIMDEV
BABEL_DEVICE uint32_t babel_shared_address(const void *shared) { return (uint32_t)__cvta_generic_to_shared(shared); }
#endif

BABEL_DEVICE void babel_mbarrier_init(uint64_t *bar, uint32_t count) {
#ifdef BABEL_SIMDEV
  simdev_mbarrier_init(bar, count);
#else
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(babel_shared_address(bar)), "r"(count) : "memory");
#endif
}

/* The 8 bytes are ordinary memory again. */
BABEL_DEVICE void babel_mbarrier_invalidate(uint64_t *bar) {
#ifdef BABEL_SIMDEV
  simdev_mbarrier_invalidate(bar);
#else
  asm volatile("mbarrier.inval.shared::cta.b64 [%0];" ::"r"(babel_shared_address(bar)) : "memory");
#endif
}

BABEL_DEVICE void babel_mbarrier_arrive(uint64_t *bar) {
#ifdef BABEL_SIMDEV
  simdev_mbarrier_arrive(bar, 0);
#else
  asm volatile("mbarrier.arrive.release.cta.shared::cta.b64 _, [%0];" ::"r"(babel_shared_address(bar)) : "memory");
#endif
}

/* The phase is not complete before `bytes` more have landed. */
BABEL_DEVICE void babel_mbarrier_arrive_expect(uint64_t *bar, uint32_t bytes) {
#ifdef BABEL_SIMDEV
  simdev_mbarrier_arrive(bar, bytes);
#else
  asm volatile("mbarrier.arrive.expect_tx.release.cta.shared::cta.b64 _, [%0], %1;" ::"r"(babel_shared_address(bar)), "r"(bytes) : "memory");
#endif
}

/* At the mbarrier of block `rank` of the cluster that lies where `bar` lies in this one. */
BABEL_DEVICE void babel_mbarrier_arrive_at(uint64_t *bar, unsigned rank) {
#ifdef BABEL_SIMDEV
  simdev_mbarrier_arrive((uint64_t *)simdev_cluster_map(bar, rank), 0);
#else
  asm volatile(
      "{\n .reg .b32 there;\n mapa.shared::cluster.u32 there, %0, %1;\n"
      " mbarrier.arrive.release.cluster.shared::cluster.b64 _, [there];\n}" ::"r"(babel_shared_address(bar)), "r"(rank)
      : "memory");
#endif
}

/* Also for what other blocks of the cluster did before they arrived. */
BABEL_DEVICE void babel_mbarrier_wait(uint64_t *bar, uint32_t parity) {
#ifdef BABEL_SIMDEV
  simdev_mbarrier_wait(bar, parity);
#else
  asm volatile(
      "{\n .reg .pred done;\n"
      "again:\n mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 done, [%0], %1;\n @!done bra again;\n}" ::"r"(babel_shared_address(bar)),
      "r"(parity)
      : "memory");
#endif
}

/* What this thread did to shared memory, mbarriers too, comes before the bulk copies that follow, its own and, behind a barrier, those of others. */
BABEL_DEVICE void babel_proxy_fence(void) {
#ifdef BABEL_SIMDEV
  simdev_proxy_fence();
#else
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

#endif
