/* Simulated device: what a kernel sees of CUDA. A kernel source compiled as C++ with -DBABEL_SIMDEV finds here, by CUDA's own
 * names, indices, barriers, warp collectives, atomics and intrinsics; shared memory and the PTX instructions have functions
 * of their own (simdev_*), called by the macros of kernels/cuda/device.cuh and the wrappers of kernels/cuda/ptx/.
 * A thread is a fiber: it runs until a barrier or warp collective, then another one does. docs/simulated_device.md.
 * C sources get the types only. What is not here does not compile: float atomics on purpose. */
#ifndef BABEL_TESTS_SIMDEV_DEVICE_H
#define BABEL_TESTS_SIMDEV_DEVICE_H

#include "tests/simdev/kernel.h"
#include "tests/simdev/types.h"

#ifdef __cplusplus
#include <math.h>
#include <stdint.h>
#include <string.h>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__

/* Indices */
extern "C" uint3 blockIdx;
extern "C" dim3 blockDim, gridDim;
extern "C" const uint3 *simdev_thread_index; /* NULL on the host: a kernel called without a launch crashes here */
#define threadIdx (*simdev_thread_index)
static const int warpSize = 32;

/* Where a kernel's source calls a barrier or collective: a default argument is evaluated at the caller's line. */
struct simdev_site { const char *file; int line; };
#define SIMDEV_SITE simdev_site site = {__builtin_FILE(), __builtin_LINE()}

enum simdev_vote { SIMDEV_PLAIN, SIMDEV_COUNT, SIMDEV_AND, SIMDEV_OR, SIMDEV_BALLOT };
enum simdev_shuffle_kind { SIMDEV_SHUFFLE_IDX, SIMDEV_SHUFFLE_UP, SIMDEV_SHUFFLE_DOWN, SIMDEV_SHUFFLE_XOR };
enum simdev_atomic_op { SIMDEV_ADD, SIMDEV_MIN, SIMDEV_MAX, SIMDEV_UMIN, SIMDEV_UMAX, SIMDEV_CAS, SIMDEV_EXCH, SIMDEV_BIT_AND, SIMDEV_BIT_OR, SIMDEV_BIT_XOR };

extern "C" {
int simdev_barrier(int vote, int predicate, simdev_site site);
unsigned simdev_warp_vote(int vote, unsigned mask, int predicate, simdev_site site);
uint64_t simdev_shuffle(int kind, unsigned mask, uint64_t value, int lane, int width, simdev_site site);
unsigned simdev_active_mask(void);
void simdev_fence(void);
uint32_t simdev_atomic_32(int op, void *p, uint32_t value, uint32_t compare);
uint64_t simdev_atomic_64(int op, void *p, uint64_t value, uint64_t compare);

/* Shared memory of the running block, filled with NaN bytes (0xff) before each block. One piece per (id, bytes), 128-byte aligned. */
void *simdev_shared(int id, size_t bytes);
void *simdev_dynamic_shared(void);

/* mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 and m16n8k16 with bf16 operands: fragments as the PTX manual lays them
 * out (ptx.cpp has the tables). TF32 operands: the low 13 bits are ignored, as the tensor core does: rounding is an instruction before
 * it (simdev_cvt_rna_tf32), and one that is forgotten costs accuracy here too. Products are exact, sums fp32, k ascending,
 * from c on (a tensor core sums in an order and with a truncation of its own). d may be c. */
void simdev_mma_tf32_16x8x8(float d[4], const uint32_t a[4], const uint32_t b[2], const float c[4]);
void simdev_mma_bf16_16x8x16(float d[4], const uint32_t a[4], const uint32_t b[2], const float c[4]);
/* ldmatrix.sync.aligned.m8n8.x4(.trans).shared.b16: `row` is the 16-byte row whose address this lane gives. */
void simdev_ldmatrix_x4(uint32_t d[4], const void *row, int trans = 0);

/* cp.async.{ca,cg}.shared.global: `bytes` is 4, 8 or 16, of which the first source_bytes are read and the rest becomes zero. The copy
 * lands when its thread waits for it, not before; until then the destination is NaN bytes. wait(n): all but the n newest groups. */
void simdev_cp_async(void *shared, const void *global, int bytes, int source_bytes);
void simdev_cp_async_commit(void);
void simdev_cp_async_wait(int groups);
void simdev_cp_async_wait_all(void);

/* barrier.cta.sync (waits) and barrier.cta.arrive: barrier `id` of 0..15, of `threads` threads, whole warps. */
void simdev_named_barrier(int id, int threads, int waits, simdev_site site);

/* Blocks that are resident together. red.release and ld.acquire, at the scope of the device; the only wait for another block's word: it lets
 * the others run. */
void simdev_add_release(unsigned *p, unsigned value);
unsigned simdev_load_acquire(const unsigned *p);
void simdev_spin_at_least(const unsigned *p, unsigned least); /* until *p - least >= 0, counting round */

/* A cluster's blocks; barrier.cluster.arrive.release and .wait.acquire; mapa: the same place in another block's shared memory. */
unsigned simdev_cluster_blocks(void);
unsigned simdev_cluster_rank(void);
void simdev_cluster_arrive(void);
void simdev_cluster_wait(void);
void *simdev_cluster_map(void *shared, unsigned rank);

/* mbarriers (64-bit objects in shared memory): arrive, of `bytes` > 0 with expect_tx; wait until the phase of this parity is complete. A
 * barrier may be another block's to arrive at, not to wait for. */
void simdev_mbarrier_init(uint64_t *bar, uint32_t count);
void simdev_mbarrier_invalidate(uint64_t *bar);
void simdev_mbarrier_arrive(uint64_t *bar, uint32_t bytes);
void simdev_mbarrier_wait(uint64_t *bar, uint32_t parity);
/* cp.async.bulk to the block's shared memory, told to an mbarrier of the block, and from it, in groups; fence.proxy.async. */
void simdev_bulk_load(void *shared, const void *global, uint32_t bytes, uint64_t *bar);
void simdev_bulk_store(void *global, const void *shared, uint32_t bytes);
void simdev_bulk_commit(void);
void simdev_bulk_wait(int groups);
void simdev_proxy_fence(void);

/* griddepcontrol.wait: of a launch that may overlap the one before it. */
void simdev_dependency_wait(void);
}

#include "tests/simdev/collectives.h"
#include "tests/simdev/intrinsics.h"
#endif /* __cplusplus */
#endif
