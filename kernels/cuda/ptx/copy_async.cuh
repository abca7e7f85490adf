/* Copies from global to shared memory that go on while the thread computes: PTX ISA, cp.async (non-bulk), sm_80.
 *
 * A thread's copies since its last commit are a group. A copy has landed for the thread that made it when it has waited for its
 * group, for the others when a barrier follows. Bytes: 16 (past L1: .cg), 8 or 4 (.ca); both addresses are multiples of it. */
#ifndef BABEL_KERNELS_CUDA_PTX_COPY_ASYNC_CUH
#define BABEL_KERNELS_CUDA_PTX_COPY_ASYNC_CUH

#include "kernels/cuda/device.cuh"

/* Where `inside` is false zeros are written and `from` is not read: it may point anywhere. BYTES is a constant. */
template <int BYTES>
BABEL_DEVICE void babel_copy_async(void *to_shared, const void *from, bool inside) {
#ifdef BABEL_SIMDEV
  simdev_cp_async(to_shared, from, BYTES, inside ? BYTES : 0);
#else
  const uint32_t to = (uint32_t)__cvta_generic_to_shared(to_shared);
  const int source_bytes = inside ? BYTES : 0;
  if (BYTES == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(source_bytes) : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(to), "l"(from), "n"(BYTES), "r"(source_bytes) : "memory");
#endif
}

BABEL_DEVICE void babel_copy_async_commit(void) {
#ifdef BABEL_SIMDEV
  simdev_cp_async_commit();
#else
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/* Until at most GROUPS of this thread's groups, the newest, are under way. */
template <int GROUPS>
BABEL_DEVICE void babel_copy_async_wait(void) {
#ifdef BABEL_SIMDEV
  simdev_cp_async_wait(GROUPS);
#else
  asm volatile("cp.async.wait_group %0;" ::"n"(GROUPS) : "memory");
#endif
}

#endif
