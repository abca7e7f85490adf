/* Simulated device: the line between its two halves. The kernel half (block.cpp, warp.cpp, ...) executes kernels; the host
 * half (runtime.h) is streams, memory and errors. C and C++. One launch runs at a time, on one host thread.
 *
 * Shadow: for every byte of device memory the kernel half keeps whether it is allocated and whether it was ever written.
 * The host half reports what it does to device memory; kernels compiled for the access-hook build report the rest. */
#ifndef BABEL_TESTS_SIMDEV_KERNEL_H
#define BABEL_TESTS_SIMDEV_KERNEL_H

#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The address range that all device memory comes from; once, before the first allocation. */
void simdev_shadow_arena(const void *base, size_t bytes);
void simdev_shadow_allocated(const void *p, size_t bytes); /* kernels may touch it; never written */
void simdev_shadow_freed(const void *p, size_t bytes);
void simdev_shadow_written(const void *p, size_t bytes);   /* by a copy or a memset */
size_t simdev_shadow_unwritten(const void *p, size_t bytes); /* how many bytes nothing has written; 0 where kernels have no hooks */

/* "kernel NAME, block (0,0,0), thread (0,0,0)" while a kernel runs, else NULL. */
const char *simdev_where(void);

/* A finding: `kind` is one of the words of docs/simulated_device.md. Prints both and aborts; in collect mode (for tests of
 * the simulated device itself) it is kept instead, the launch is given up, and the stream's error becomes sticky.
 * Does not return when called from inside a kernel. */
void simdev_finding(const char *kind, const char *format, ...) __attribute__((format(printf, 2, 3)));
void simdev_findings_collect(int on);     /* forgets what was collected */
int simdev_findings_count(void);
const char *simdev_finding_kind(int i);   /* NULL past the end */
const char *simdev_finding_text(int i);

/* The order in which blocks, warps and lanes run: 0 = ascending. Starts as $BABEL_SIMDEV_SEED. */
void simdev_seed(unsigned long long seed);

/* One table row per kernel name: what it asked of the memory system and of the tensor cores since the last reset.
 * Counted when $BABEL_SIMDEV_COUNTERS is set or after simdev_counters(1), in the access-hook build only. */
void simdev_counters(int on); /* also resets */
void simdev_counters_report(FILE *out);

/* The sum over all kernels. sectors and wavefronts beside the least possible for what was asked. */
typedef struct {
  unsigned long long launches, bytes_read, bytes_written, requests, sectors, least_sectors; /* of global memory */
  unsigned long long wavefronts, least_wavefronts;                                          /* of shared memory */
  unsigned long long multiply_adds;                                                         /* of tensor cores */
  unsigned long long fused;                                                                 /* fmaf, one a thread */
} simdev_totals;
void simdev_counters_totals(simdev_totals *all);

#ifdef __cplusplus
}
#endif
#endif
