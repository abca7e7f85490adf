#include "tests/simdev/shadow.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

bool simdev_hooks;
simdev_space simdev_shared_space;
static simdev_space global;

void *simdev_reserve(size_t bytes) {
  void *p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) {
    fputs("simdev: no address space for the shadow of device memory\n", stderr);
    abort();
  }
  return p;
}

static void open_space(simdev_space *s, const void *base, size_t bytes) {
  s->begin = reinterpret_cast<uintptr_t>(base);
  s->bytes = bytes;
  s->state = static_cast<uint8_t *>(simdev_reserve(bytes));
}

void simdev_shadow_arena(const void *base, size_t bytes) { open_space(&global, base, bytes); }

static simdev_space *space_of(uintptr_t at) {
  if (at - global.begin < global.bytes) return &global;
  if (at - simdev_shared_space.begin < simdev_shared_space.bytes) return &simdev_shared_space;
  return nullptr;
}

static void set_state(const void *p, size_t bytes, int state) {
  const uintptr_t at = reinterpret_cast<uintptr_t>(p);
  const simdev_space *s = space_of(at);
  if (s) memset(s->state + (at - s->begin), state, bytes);
}

void simdev_shadow_allocated(const void *p, size_t bytes) { set_state(p, bytes, SIMDEV_ALLOCATED); }
void simdev_shadow_freed(const void *p, size_t bytes) { set_state(p, bytes, SIMDEV_FREED); }
void simdev_shadow_written(const void *p, size_t bytes) {
  set_state(p, bytes, SIMDEV_ALLOCATED | SIMDEV_WRITTEN);
  if (simdev_hooks) simdev_streams_copy(&global, reinterpret_cast<uintptr_t>(p), bytes, true);
}

size_t simdev_shadow_unwritten(const void *p, size_t bytes) {
  const uintptr_t at = reinterpret_cast<uintptr_t>(p);
  size_t n = 0;
  if (!simdev_hooks) return 0;
  simdev_streams_copy(&global, at, bytes, false);
  for (size_t i = 0; i < bytes; ++i) n += !(global.state[at - global.begin + i] & SIMDEV_WRITTEN);
  return n;
}

void simdev_shadow_shared_buffer(const void *p, size_t all, size_t used) {
  if (!simdev_shared_space.state) open_space(&simdev_shared_space, p, all);
  memset(simdev_shared_space.state, 0, used);
}

static const char *name(const simdev_space *s, uintptr_t at);

void simdev_copy_started(const void *to, size_t bytes) { set_state(to, bytes, SIMDEV_ALLOCATED | SIMDEV_IN_FLIGHT); }

void simdev_copy_landed(const void *to, size_t bytes, const void *pc, bool agent) {
  const uintptr_t at = reinterpret_cast<uintptr_t>(to);
  set_state(to, bytes, SIMDEV_ALLOCATED | SIMDEV_WRITTEN);
  if (simdev_hooks) simdev_order_access(space_of(at), at, bytes, SIMDEV_WRITE, pc, agent);
}

void simdev_copy_reads(const void *shared, size_t bytes, const void *pc) {
  const uintptr_t at = reinterpret_cast<uintptr_t>(shared);
  if (!simdev_hooks || simdev_order_proxy_fenced(&simdev_shared_space, at, bytes)) return;
  simdev_finding("async proxy", "%s: a bulk copy of %s, which a thread wrote: no fence.proxy.async between the two", simdev_code_line(pc),
                 name(&simdev_shared_space, at));
}

static const char *verb(simdev_access kind) { return kind == SIMDEV_READ ? "read" : kind == SIMDEV_WRITE ? "write" : "atomic"; }

const char *simdev_array_name(uintptr_t at) {
  static char text[128];
  for (ptrdiff_t step = 0; step <= 512; ++step) {
    for (int side = -1; side <= 1; side += 2) {
      void *start;
      size_t size;
      const int live = simdev_allocation_of(reinterpret_cast<void *>(at + static_cast<uintptr_t>(side * step)), &start, &size);
      if (!live) continue;
      snprintf(text, sizeof text, "a %s global array of %zu bytes at offset %td", live > 0 ? "live" : "freed", size,
               static_cast<ptrdiff_t>(at - reinterpret_cast<uintptr_t>(start)));
      return text;
    }
  }
  snprintf(text, sizeof text, "global memory at %#zx, far from any array", static_cast<size_t>(at));
  return text;
}

static const char *name(const simdev_space *s, uintptr_t at) {
  return s == &simdev_shared_space ? simdev_shared_name(reinterpret_cast<void *>(at)) : simdev_array_name(at);
}

void simdev_race(const simdev_space *s, uintptr_t at, simdev_access kind, const void *pc, const simdev_past *past) {
  char lines[2][512];
  snprintf(lines[0], sizeof lines[0], "%s", simdev_code_line(pc));
  const uintptr_t high = reinterpret_cast<uintptr_t>(pc) & ~uintptr_t(0xffffffffu);
  snprintf(lines[1], sizeof lines[1], "%s", simdev_code_line(reinterpret_cast<void *>(high | past->pc)));
  char who[32];
  if (past->thread == SIMDEV_COPY_UNIT) snprintf(who, sizeof who, "a bulk copy");
  else snprintf(who, sizeof who, past->same_block && past->thread == simdev_now.running->linear ? "another thread" : "thread %u", past->thread);
  simdev_finding("race", "%s: %s of %s; %s (counted through) of %s %s at %s; nothing orders the two", lines[0], verb(kind), name(s, at), who,
                 past->same_block ? "this block" : past->same_launch ? "another block" : "an earlier launch",
                 past->write ? "wrote" : "read", lines[1]);
}

/* All bits of `needed` and not IN_FLIGHT in each of 1, 4, 8 or 16 bytes. */
static bool all_have(const uint8_t *state, size_t bytes, int needed) {
  const uint64_t ones = 0x0101010101010101u, pattern = ones * static_cast<unsigned>(needed), mask = pattern | ones * SIMDEV_IN_FLIGHT;
  uint64_t low = pattern, high = pattern;
  switch (bytes) {
    case 1: low = ones * state[0]; break;
    case 4: memcpy(&low, state, 4); break;
    case 8: memcpy(&low, state, 8); break;
    case 16: memcpy(&low, state, 8), memcpy(&high, state + 8, 8); break;
    default: return false;
  }
  return (low & mask) == pattern && (high & mask) == pattern;
}

/* Every byte of the access has the bits, or a finding. */
static void check_state(const simdev_space *s, uintptr_t at, size_t bytes, simdev_access kind, const void *pc) {
  const int needed = kind == SIMDEV_WRITE || !simdev_hooks ? SIMDEV_ALLOCATED : SIMDEV_ALLOCATED | SIMDEV_WRITTEN;
  const size_t begin = at - s->begin;
  if (begin + bytes <= s->bytes && all_have(s->state + begin, bytes, needed)) return;
  for (size_t i = 0; i < bytes; ++i) {
    const int state = at - s->begin + i < s->bytes ? s->state[at - s->begin + i] : 0;
    if ((state & (needed | SIMDEV_IN_FLIGHT)) == needed) continue;
    const char *found = !(state & SIMDEV_ALLOCATED) ? (state & SIMDEV_FREED ? "freed memory" : "out of bounds")
                        : state & SIMDEV_IN_FLIGHT  ? "async copy"
                                                    : "never written";
    simdev_finding(found, "%s: %s of %zu bytes of %s%s", simdev_code_line(pc), verb(kind), bytes, name(s, at + i),
                   state & SIMDEV_IN_FLIGHT ? ", where an async copy has not landed: no wait for it" : "");
  }
}

extern "C" char __executable_start, end; /* of the program, by the linker */

/* Neither global nor shared: the thread's own stack, the kernel's arguments, constants of the program and pinned memory are a thread's to
 * read; the rest of the host is not there on a device. */
static void check_host(uintptr_t at, size_t bytes, simdev_access kind, const void *pc) {
  const auto inside = [at](const void *begin, size_t size) { return at - reinterpret_cast<uintptr_t>(begin) < size; };
  const simdev_fiber *f = &simdev_now.running->fiber;
  if (inside(f->stack, f->stack_bytes) || inside(&__executable_start, static_cast<size_t>(&end - &__executable_start)) ||
      inside(simdev_now.closure, simdev_now.grid->closure_bytes) || inside(simdev_thread_index, sizeof *simdev_thread_index)) {
    return;
  }
  cudaPointerAttributes attributes;
  if (cudaPointerGetAttributes(&attributes, reinterpret_cast<void *>(at)) == cudaSuccess && attributes.type == cudaMemoryTypeHost) return;
  simdev_finding("host memory", "%s: %s of %zu bytes at %#zx, which is no device memory%s", simdev_code_line(pc), verb(kind), bytes, static_cast<size_t>(at),
                 simdev_fiber_owns(at) ? ": a local variable of another thread" : "");
}

/* Shared memory of another block may be touched inside the cluster, as long as that block lives. */
static void check_owner(uintptr_t at, size_t bytes, simdev_access kind, const void *pc) {
  const unsigned slot = simdev_shared_slot(reinterpret_cast<void *>(at));
  if (slot == simdev_now.block->slot) return;
  const simdev_block_state *b = slot < simdev_now.resident.size() ? simdev_now.resident[slot] : nullptr;
  if (b && b->over) {
    simdev_finding("freed memory", "%s: %s of %zu bytes of shared memory of block (%u,%u,%u), which has exited", simdev_code_line(pc), verb(kind), bytes,
                   b->index.x, b->index.y, b->index.z);
  }
  if (!b || !simdev_same_cluster(b, simdev_now.block)) {
    simdev_finding("out of bounds", "%s: %s of %zu bytes of shared memory of a block of another cluster", simdev_code_line(pc), verb(kind), bytes);
  }
}

void simdev_touch(const void *p, size_t bytes, size_t align, simdev_access kind, const void *pc) {
  const uintptr_t at = reinterpret_cast<uintptr_t>(p);
  simdev_space *s = space_of(at);
  if (!simdev_now.running_warp) return;
  if (!s) {
    if (simdev_hooks) check_host(at, bytes, kind, pc);
    return;
  }
  if (s == &simdev_shared_space) check_owner(at, bytes, kind, pc);
  if (at % align) {
    simdev_finding("misaligned", "%s: %s of %zu bytes of %s, not a multiple of %zu", simdev_code_line(pc), verb(kind), bytes, name(s, at), align);
  }
  check_state(s, at, bytes, kind, pc);
  if (!simdev_hooks) return;
  if (kind != SIMDEV_READ) {
    uint8_t *state = s->state + (at - s->begin);
    for (size_t i = 0; i < bytes; ++i) state[i] |= SIMDEV_WRITTEN;
  }
  simdev_order_access(s, at, bytes, kind, pc, false);
  simdev_counters_access(s == &simdev_shared_space, at, bytes, kind, pc);
}
