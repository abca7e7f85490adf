/* Simulated device, internal: what is known of each byte of device memory, and of the accesses to it. */
#ifndef BABEL_TESTS_SIMDEV_SHADOW_H
#define BABEL_TESTS_SIMDEV_SHADOW_H

#include "tests/simdev/block.h"

enum { SIMDEV_ALLOCATED = 1, SIMDEV_WRITTEN = 2, SIMDEV_IN_FLIGHT = 4, SIMDEV_FREED = 8 };

/* The last write and the last reads of four bytes, or of one when the word was ever accessed in parts. A run is one execution of one
 * block, numbered through the process; time counts barriers and collectives within it. 0 = never. */
struct simdev_cell {
  uint32_t write_run, write_time, write_pc;
  uint16_t write_thread;
  uint8_t write_atomic, split;
  uint32_t read_run, read_time, read_pc, read_lanes; /* reads that nothing orders among themselves */
  uint16_t read_thread, read_warp;                   /* one of them; SIMDEV_MANY when several warps read */
};
enum { SIMDEV_MANY = 0xffff, SIMDEV_COPY_UNIT = 0xfffe }; /* read_warp; write_thread: a copy that no thread carries out */

struct simdev_space {
  uintptr_t begin;
  size_t bytes;
  uint8_t *state;           /* of each byte */
  simdev_cell *word, *byte; /* bytes / 4 and bytes of them, made at the first access with hooks */
};
extern simdev_space simdev_shared_space;

void *simdev_reserve(size_t bytes); /* zeroed address space, or the end */

/* order.cpp: happens-before. Records the access; a finding when nothing orders it behind a conflicting one. */
void simdev_order_access(simdev_space *s, uintptr_t at, size_t bytes, simdev_access kind, const void *pc, bool agent);
/* Whether a proxy fence stands between the threads' writes and the running thread. */
bool simdev_order_proxy_fenced(simdev_space *s, uintptr_t at, size_t bytes);
struct simdev_past { unsigned thread; uint32_t pc; bool write, same_block, same_launch; };
void simdev_race(const simdev_space *s, uintptr_t at, simdev_access kind, const void *pc, const simdev_past *past);

const char *simdev_array_name(uintptr_t at); /* global memory by the array that it lies in, or just outside of; a static buffer */

/* streams.cpp */
void simdev_streams_begin_grid(uint32_t first_run);
void simdev_streams_begin_block(uint32_t run);
/* A run of an earlier launch is ordered before this one; `dependency`: the thread has waited for the launch that this one may overlap. */
bool simdev_streams_behind(uint32_t run, bool dependency);
void simdev_streams_access(uintptr_t at, size_t bytes, simdev_access kind, const void *pc);
void simdev_streams_copy(simdev_space *s, uintptr_t at, size_t bytes, bool write); /* by the host half, to global memory */

/* counters.cpp */
void simdev_counters_access(bool shared, uintptr_t at, size_t bytes, simdev_access kind, const void *pc);

#endif
