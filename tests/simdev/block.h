/* Simulated device, internal: the running block. Blocks of a grid run one after another; the threads of a block are fibers
 * that run until they wait, warp by warp, so that a warp's lanes meet in their collectives before the next warp starts. */
#ifndef BABEL_TESTS_SIMDEV_BLOCK_H
#define BABEL_TESTS_SIMDEV_BLOCK_H

#include <vector>

#include "tests/simdev/device.h"
#include "tests/simdev/fiber.h"
#include "tests/simdev/launch.h"

enum simdev_state { SIMDEV_RUNS, SIMDEV_AT_BARRIER, SIMDEV_AT_COLLECTIVE, SIMDEV_DONE };

/* An async copy that was started and has not landed. */
struct simdev_copy { void *to; const void *from; int bytes, source_bytes; const void *pc; };

struct simdev_thread {
  uint3 index; /* threadIdx */
  unsigned linear;
  simdev_state state;
  simdev_site site; /* where it waits or last waited; file NULL: at `pc` */
  const void *pc;
  simdev_fiber fiber;
  std::vector<simdev_copy> copies;
  std::vector<size_t> groups; /* copies.size() at each commit */
};

struct simdev_warp;
/* What a collective does once all lanes of its mask are there; operand[lane] is what each lane brought. */
typedef void simdev_resolve(simdev_warp *w, unsigned mask);

struct simdev_meeting { simdev_resolve *resolve; unsigned mask, arrived; };

struct simdev_warp {
  unsigned exists;  /* lanes; the last warp of a block may be short */
  unsigned ready;   /* positions in the order of running that can continue */
  unsigned waiting; /* lanes in a collective */
  void *operand[32];
  simdev_meeting meeting[32];
  int meetings;
};

struct simdev_block_state {
  const simdev_grid *grid;
  void *closure;
  unsigned linear, threads, warps;
  simdev_thread thread[SIMDEV_FIBERS];
  simdev_warp warp[SIMDEV_FIBERS / 32];
  simdev_thread *running;   /* NULL: the host's stack */
  simdev_warp *running_warp;
  unsigned char lane_at[32], position_of[32]; /* the order in which lanes run */
  int given_up;
  int vote, vote_kind, voted; /* predicates of the barrier that fills, 1 + its kind; of the last full one */
  simdev_fiber host;
};
extern simdev_block_state simdev_now;

static inline unsigned simdev_lane(const simdev_thread *t) { return t->linear & 31u; }

/* The running lane brings its operand and continues when all of mask & exists have come to the same collective. */
void simdev_meet(simdev_resolve *resolve, unsigned mask, void *operand, simdev_site site, const void *pc = nullptr);
/* In collect mode, after a finding: leaves the launch. Returns only on the host's stack. */
void simdev_block_give_up(void);

/* shared.cpp */
struct simdev_range { char *begin, *end; };
simdev_range simdev_shared_range(void);                     /* all of the block's pieces lie inside */
int simdev_shared_valid(const void *p, size_t bytes);       /* inside one piece */
void simdev_shared_begin_grid(size_t dynamic);
void simdev_shared_begin_block(void);                       /* NaN bytes everywhere */
size_t simdev_shared_bytes(void);                           /* of the block, without red zones */
/* "array 3 of 512 bytes + 12" or so. */
const char *simdev_shared_name(const void *p);

/* shadow.cpp */
enum simdev_access { SIMDEV_READ, SIMDEV_WRITE, SIMDEV_ATOMIC };
/* An access by the running thread to global or shared memory: bounds and alignment, and with hooks also never-written bytes,
 * races and counters. Other memory is ignored. `pc`: a return address in the kernel. */
void simdev_touch(const void *p, size_t bytes, size_t align, simdev_access kind, const void *pc);
void simdev_shadow_shared_buffer(const void *p, size_t bytes); /* at the start of a grid: nothing in it is allocated */
void simdev_copy_started(const void *shared, size_t bytes);
void simdev_copy_landed(const void *shared, size_t bytes, const void *pc);

extern bool simdev_hooks; /* kernels were compiled with access hooks (shadow.cpp) */

/* order.cpp: what orders accesses. */
void simdev_order_begin_grid(void);
void simdev_order_begin_block(void);
void simdev_order_barrier(void);
void simdev_order_meet(unsigned warp, unsigned mask);

/* counters.cpp */
void simdev_counters_begin_grid(void);
void simdev_counters_meet(unsigned warp, unsigned mask); /* a collective or the end of the block's part up to a barrier */
void simdev_counters_end_grid(void);
void simdev_count_barrier(void);
void simdev_count_mma(int multiply_adds);

/* finding.cpp: "function at file:line" of a code address; a static buffer. */
const char *simdev_code_line(const void *pc);

#endif
