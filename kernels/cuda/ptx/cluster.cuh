/* Clusters: neighbouring blocks of a grid that run side by side and reach each other's shared memory. PTX ISA, %cluster_ctarank,
 * barrier.cluster, mapa; sm_90. The launch says how many blocks make a cluster (launch_shape.cuh).
 *
 * A block's shared memory is there from its start to its end: a cluster barrier before the first access, and one behind the last. */
#ifndef BABEL_KERNELS_CUDA_PTX_CLUSTER_CUH
#define BABEL_KERNELS_CUDA_PTX_CLUSTER_CUH

#include "kernels/cuda/device.cuh"

/* This block among those of its cluster, 0..n-1; n. */
BABEL_DEVICE unsigned babel_cluster_rank(void) {
#ifdef BABEL_SIMDEV
  return simdev_cluster_rank();
#else
  unsigned rank;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
#endif
}

BABEL_DEVICE unsigned babel_cluster_blocks(void) {
#ifdef BABEL_SIMDEV
  return simdev_cluster_blocks();
#else
  unsigned blocks;
  asm("mov.u32 %0, %%cluster_nctarank;" : "=r"(blocks));
  return blocks;
#endif
}

/* The barrier of all threads of the cluster in two halves, release and acquire; between them a thread may do what concerns nobody else. */
BABEL_DEVICE void babel_cluster_arrive(void) {
#ifdef BABEL_SIMDEV
  simdev_cluster_arrive();
#else
  asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
#endif
}

BABEL_DEVICE void babel_cluster_wait(void) {
#ifdef BABEL_SIMDEV
  simdev_cluster_wait();
#else
  asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
#endif
}

BABEL_DEVICE void babel_cluster_barrier(void) {
  babel_cluster_arrive();
  babel_cluster_wait();
}

/* Where in the shared memory of block `rank` of the cluster lies what has the address `shared` in this block: an ordinary pointer. */
BABEL_DEVICE void *babel_cluster_map(void *shared, unsigned rank) {
#ifdef BABEL_SIMDEV
  return simdev_cluster_map(shared, rank);
#else
  void *there;
  asm("mapa.u64 %0, %1, %2;" : "=l"(there) : "l"(shared), "r"(rank));
  return there;
#endif
}

#endif
