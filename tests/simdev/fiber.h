/* Simulated device, internal: fibers, switched by hand (x86-64). A stack for each thread that is resident, reused for every block;
 * AddressSanitizer is told of each switch. */
#ifndef BABEL_TESTS_SIMDEV_FIBER_H
#define BABEL_TESTS_SIMDEV_FIBER_H

#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__)
#define SIMDEV_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIMDEV_ASAN 1
#endif
#endif

/* Stacks of the first SIMDEV_DEEP are 256 KiB, the others' 64. Guard pages below the first SIMDEV_GUARDED: a process may have 65,530 mappings. */
enum { SIMDEV_FIBERS = 270336, SIMDEV_DEEP = 1024, SIMDEV_GUARDED = 16384 };

struct simdev_fiber {
  void *sp;
  char *stack;      /* lowest usable byte; NULL for the host's own stack */
  size_t stack_bytes;
  void *fake_stack; /* AddressSanitizer's */
};

/* Fiber i of 0..SIMDEV_FIBERS-1 gets its stack and will begin in entry(), which must never return. */
void simdev_fiber_prepare(simdev_fiber *f, int i, void (*entry)(void));
/* Gives up a fiber in mid-call: its frames are forgotten. */
void simdev_fiber_abandon(simdev_fiber *f);
/* Continues `to`; returns when something switches back to `from`. `last` says that this never happens. */
void simdev_fiber_switch(simdev_fiber *from, simdev_fiber *to, int last);
/* First thing that a fiber does in entry(): completes the switch that started it. */
void simdev_fiber_began(simdev_fiber *host);
int simdev_fiber_owns(uintptr_t at); /* the address is on some fiber's stack */

#endif
