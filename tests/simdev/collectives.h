/* Simulated device: barriers, warp collectives and atomics by CUDA's names, on top of the functions of device.h. */
#ifndef BABEL_TESTS_SIMDEV_COLLECTIVES_H
#define BABEL_TESTS_SIMDEV_COLLECTIVES_H

static inline void __syncthreads(SIMDEV_SITE) { simdev_barrier(SIMDEV_PLAIN, 0, site); }
static inline int __syncthreads_count(int predicate, SIMDEV_SITE) { return simdev_barrier(SIMDEV_COUNT, predicate, site); }
static inline int __syncthreads_and(int predicate, SIMDEV_SITE) { return simdev_barrier(SIMDEV_AND, predicate, site); }
static inline int __syncthreads_or(int predicate, SIMDEV_SITE) { return simdev_barrier(SIMDEV_OR, predicate, site); }

static inline void __syncwarp(unsigned mask = 0xffffffffu, SIMDEV_SITE) { simdev_warp_vote(SIMDEV_PLAIN, mask, 0, site); }
static inline unsigned __ballot_sync(unsigned mask, int predicate, SIMDEV_SITE) { return simdev_warp_vote(SIMDEV_BALLOT, mask, predicate, site); }
static inline int __any_sync(unsigned mask, int predicate, SIMDEV_SITE) { return (int)simdev_warp_vote(SIMDEV_OR, mask, predicate, site); }
static inline int __all_sync(unsigned mask, int predicate, SIMDEV_SITE) { return (int)simdev_warp_vote(SIMDEV_AND, mask, predicate, site); }
static inline unsigned __activemask(void) { return simdev_active_mask(); }

/* Shuffles of any type of at most 8 bytes. */
template <class T>
static inline T simdev_shuffle_value(int kind, unsigned mask, T value, int lane, int width, simdev_site site) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "a shuffle moves 4 or 8 bytes");
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof value);
  bits = simdev_shuffle(kind, mask, bits, lane, width, site);
  memcpy(&value, &bits, sizeof value);
  return value;
}
template <class T>
static inline T __shfl_sync(unsigned mask, T value, int lane, int width = 32, SIMDEV_SITE) {
  return simdev_shuffle_value(SIMDEV_SHUFFLE_IDX, mask, value, lane, width, site);
}
template <class T>
static inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, SIMDEV_SITE) {
  return simdev_shuffle_value(SIMDEV_SHUFFLE_UP, mask, value, (int)delta, width, site);
}
template <class T>
static inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, SIMDEV_SITE) {
  return simdev_shuffle_value(SIMDEV_SHUFFLE_DOWN, mask, value, (int)delta, width, site);
}
template <class T>
static inline T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, SIMDEV_SITE) {
  return simdev_shuffle_value(SIMDEV_SHUFFLE_XOR, mask, value, lanes, width, site);
}

static inline void __threadfence(void) { simdev_fence(); }
static inline void __threadfence_block(void) { simdev_fence(); }

static inline int atomicAdd(int *p, int v) { return (int)simdev_atomic_32(SIMDEV_ADD, p, (uint32_t)v, 0); }
static inline unsigned atomicAdd(unsigned *p, unsigned v) { return simdev_atomic_32(SIMDEV_ADD, p, v, 0); }
static inline unsigned long long atomicAdd(unsigned long long *p, unsigned long long v) { return simdev_atomic_64(SIMDEV_ADD, p, v, 0); }
static inline int atomicSub(int *p, int v) { return (int)simdev_atomic_32(SIMDEV_ADD, p, 0u - (uint32_t)v, 0); }
static inline unsigned atomicSub(unsigned *p, unsigned v) { return simdev_atomic_32(SIMDEV_ADD, p, 0u - v, 0); }
static inline int atomicMin(int *p, int v) { return (int)simdev_atomic_32(SIMDEV_MIN, p, (uint32_t)v, 0); }
static inline unsigned atomicMin(unsigned *p, unsigned v) { return simdev_atomic_32(SIMDEV_UMIN, p, v, 0); }
static inline int atomicMax(int *p, int v) { return (int)simdev_atomic_32(SIMDEV_MAX, p, (uint32_t)v, 0); }
static inline unsigned atomicMax(unsigned *p, unsigned v) { return simdev_atomic_32(SIMDEV_UMAX, p, v, 0); }
static inline int atomicCAS(int *p, int compare, int v) { return (int)simdev_atomic_32(SIMDEV_CAS, p, (uint32_t)v, (uint32_t)compare); }
static inline unsigned atomicCAS(unsigned *p, unsigned compare, unsigned v) { return simdev_atomic_32(SIMDEV_CAS, p, v, compare); }
static inline unsigned long long atomicCAS(unsigned long long *p, unsigned long long compare, unsigned long long v) {
  return simdev_atomic_64(SIMDEV_CAS, p, v, compare);
}
static inline int atomicExch(int *p, int v) { return (int)simdev_atomic_32(SIMDEV_EXCH, p, (uint32_t)v, 0); }
static inline unsigned atomicExch(unsigned *p, unsigned v) { return simdev_atomic_32(SIMDEV_EXCH, p, v, 0); }
static inline int atomicAnd(int *p, int v) { return (int)simdev_atomic_32(SIMDEV_BIT_AND, p, (uint32_t)v, 0); }
static inline unsigned atomicAnd(unsigned *p, unsigned v) { return simdev_atomic_32(SIMDEV_BIT_AND, p, v, 0); }
static inline int atomicOr(int *p, int v) { return (int)simdev_atomic_32(SIMDEV_BIT_OR, p, (uint32_t)v, 0); }
static inline unsigned atomicOr(unsigned *p, unsigned v) { return simdev_atomic_32(SIMDEV_BIT_OR, p, v, 0); }

#endif
