#include "tests/simdev/fiber.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef SIMDEV_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#ifndef __x86_64__
#error "the simulated device switches stacks in x86-64 assembly"
#endif

/* System V calls preserve rbx, rbp and r12-r15; the rest is dead at a call. */
extern "C" void simdev_swap_stacks(void **save, void *load);
__asm__(
    ".text\n.globl simdev_swap_stacks\n.hidden simdev_swap_stacks\n.type simdev_swap_stacks, @function\nsimdev_swap_stacks:\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq %rsp, (%rdi)\n  movq %rsi, %rsp\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n  ret\n"
    ".size simdev_swap_stacks, . - simdev_swap_stacks\n");

static const size_t PAGE = 4096, DEEP = 256 << 10, SHALLOW = 64 << 10;
struct stacks { char *begin; size_t bytes, each; }; /* each: a guard page and a stack */
static stacks deep, shallow;

static void reserve(stacks *s, size_t n, size_t guarded, size_t each) {
  s->each = each + PAGE;
  s->bytes = s->each * n;
  void *p = mmap(nullptr, s->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) {
    fputs("simdev: no address space for the stacks of the threads\n", stderr);
    abort();
  }
  s->begin = static_cast<char *>(p);
  for (size_t i = 0; i < guarded; ++i) mprotect(s->begin + i * s->each, PAGE, PROT_NONE);
}

void simdev_fiber_prepare(simdev_fiber *f, int i, void (*entry)(void)) {
  const bool first = i < SIMDEV_DEEP;
  stacks *s = first ? &deep : &shallow;
  if (!s->begin) reserve(s, first ? SIMDEV_DEEP : SIMDEV_FIBERS - SIMDEV_DEEP, first ? SIMDEV_DEEP : SIMDEV_GUARDED, first ? DEEP : SHALLOW);
  f->stack = s->begin + static_cast<size_t>(first ? i : i - SIMDEV_DEEP) * s->each + PAGE;
  f->stack_bytes = s->each - PAGE;
  f->fake_stack = nullptr;
  /* Spread over the cache sets: 64 places of one line. */
  const uintptr_t top = reinterpret_cast<uintptr_t>(f->stack + f->stack_bytes) - 64u * (static_cast<unsigned>(i) & 63u);
  uintptr_t *sp = reinterpret_cast<uintptr_t *>(top); /* 64-byte aligned */
  *--sp = 0;                                          /* entry's return address: the end for a debugger; keeps sp = 8 mod 16 at entry */
  *--sp = reinterpret_cast<uintptr_t>(entry);
  for (int r = 0; r < 6; ++r) *--sp = 0;
  f->sp = sp;
}

int simdev_fiber_owns(uintptr_t at) {
  return at - reinterpret_cast<uintptr_t>(deep.begin) < deep.bytes || at - reinterpret_cast<uintptr_t>(shallow.begin) < shallow.bytes;
}

void simdev_fiber_abandon(simdev_fiber *f) {
#ifdef SIMDEV_ASAN
  if (f->stack) __asan_unpoison_memory_region(f->stack, f->stack_bytes);
#else
  (void)f;
#endif
}

void simdev_fiber_switch(simdev_fiber *from, simdev_fiber *to, int last) {
#ifdef SIMDEV_ASAN
  __sanitizer_start_switch_fiber(last ? nullptr : &from->fake_stack, to->stack, to->stack_bytes);
  simdev_swap_stacks(&from->sp, to->sp);
  __sanitizer_finish_switch_fiber(from->fake_stack, nullptr, nullptr);
#else
  (void)last;
  simdev_swap_stacks(&from->sp, to->sp);
#endif
}

void simdev_fiber_began(simdev_fiber *host) {
#ifdef SIMDEV_ASAN
  const void *bottom;
  size_t bytes;
  __sanitizer_finish_switch_fiber(nullptr, &bottom, &bytes);
  if (!host->stack) { /* the first switch of all comes from the host's stack: remember it for the way back */
    host->stack = const_cast<char *>(static_cast<const char *>(bottom));
    host->stack_bytes = bytes;
  }
#else
  (void)host;
#endif
}
