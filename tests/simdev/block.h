/* Simulated device, internal: the blocks that run. Of an ordinary grid one block after another is resident, of a grid of clusters one cluster, of a
 * cooperative grid all blocks. Resident blocks take turns; the threads of a block are fibers that run until they wait, warp by warp, so that a
 * warp's lanes meet in their collectives before the next warp starts. */
#ifndef BABEL_TESTS_SIMDEV_BLOCK_H
#define BABEL_TESTS_SIMDEV_BLOCK_H

#include <vector>

#include "tests/simdev/device.h"
#include "tests/simdev/fiber.h"
#include "tests/simdev/launch.h"

enum { SIMDEV_BLOCK_THREADS = 1024, SIMDEV_RESIDENT = 1056, SIMDEV_BARRIERS = 16 };
enum simdev_state { SIMDEV_RUNS, SIMDEV_AT_BARRIER, SIMDEV_AT_COLLECTIVE, SIMDEV_SPINS, SIMDEV_DONE };

/* An async copy that was started and has not landed. */
struct simdev_copy { void *to; const void *from; int bytes, source_bytes; const void *pc; };

/* A bulk copy to global memory under way: what the source held when it began, and its group (-1: not committed). */
struct simdev_bulk_store_state { simdev_copy copy; std::vector<char> data; int group; };

struct simdev_knowledge; /* what is behind a thread: knowledge.h */

struct simdev_thread {
  uint3 index; /* threadIdx */
  unsigned linear;
  simdev_state state;
  simdev_site site; /* where it waits or last waited; file NULL: at `pc` */
  const void *pc;
  int barrier;          /* at a barrier: which */
  const char *wait;     /* spinning: for what */
  simdev_fiber fiber;
  std::vector<simdev_copy> copies;
  std::vector<size_t> groups; /* copies.size() at each commit */
  std::vector<simdev_bulk_store_state> stores;
  int store_groups;
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

/* A barrier of a block, while it fills. */
struct simdev_barrier_state {
  unsigned wanted;           /* threads; 0: nobody is there */
  bool whole;                /* __syncthreads: all threads of the block, at one place */
  std::vector<unsigned> arrived, waiting; /* threads, by linear index */
  simdev_knowledge *released; /* by those that have come; NULL at the barrier of the whole block */
  simdev_site site;          /* of the first */
  int vote, vote_kind, voted; /* predicates so far, its kind; of the last full one */
};

struct simdev_block_state {
  uint3 index;
  unsigned linear, slot;   /* in the grid; among the resident ones */
  std::vector<simdev_thread> thread;
  simdev_warp warp[SIMDEV_BLOCK_THREADS / 32];
  simdev_barrier_state barrier[SIMDEV_BARRIERS];
  unsigned char lane_at[32], position_of[32]; /* the order in which lanes run */
  unsigned spinning; /* threads */
  bool over;
};

struct simdev_launch_state {
  const simdev_grid *grid;
  void *closure;
  unsigned threads, warps; /* of a block */
  unsigned cluster;        /* blocks of a cluster; 1: none */
  std::vector<simdev_block_state *> resident;
  simdev_block_state *block;  /* the running one */
  simdev_thread *running;     /* NULL: the host's stack */
  simdev_warp *running_warp;
  int given_up;
  unsigned long long progress; /* grows unless all that runs is threads that look whether their wait is over */
  simdev_fiber host;
};
extern simdev_launch_state simdev_now;

static inline unsigned simdev_lane(const simdev_thread *t) { return t->linear & 31u; }
static inline simdev_warp *simdev_warp_of(simdev_block_state *b, unsigned thread) { return b->warp + thread / 32; }

/* The running lane brings its operand and continues when all of mask & exists have come to the same collective. */
void simdev_meet(simdev_resolve *resolve, unsigned mask, void *operand, simdev_site site, const void *pc = nullptr);
/* The running thread waits until something has changed, then looks again: while (!done()) simdev_spin("...", pc). */
void simdev_spin(const char *wait, const void *pc);
template <class Done> static inline void simdev_spin_until(const char *wait, const void *pc, Done done) {
  if (done()) return;
  do simdev_spin(wait, pc);
  while (!done());
  ++simdev_now.progress;
}
/* In collect mode, after a finding: leaves the launch. Returns only on the host's stack. */
void simdev_block_give_up(void);
/* Lanes of the running block that can continue. */
void simdev_set_ready(simdev_warp *w, unsigned lanes);
void simdev_run_lane(simdev_thread *t);
/* Leaves the running lane: for the next one of its warp that can run, else for the host's stack. */
void simdev_leave(bool last);

/* shared.cpp: memory of each resident block, laid out alike. */
struct simdev_range { char *begin, *end; };
simdev_range simdev_shared_range(void);                     /* all of the running block's pieces lie inside */
void simdev_shared_begin_grid(size_t dynamic, unsigned resident);
void simdev_shared_begin_block(unsigned slot);              /* NaN bytes everywhere */
void simdev_shared_end_block(unsigned slot);                /* nobody may touch it any more */
size_t simdev_shared_bytes(void);                           /* of a block, without red zones */
unsigned simdev_shared_slot(const void *p);                 /* whose it is */
void *simdev_shared_in(unsigned slot, const void *p);       /* the same place of another block */
/* "array 3 of 512 bytes + 12" or so. */
const char *simdev_shared_name(const void *p);

/* cluster.cpp */
bool simdev_same_cluster(const simdev_block_state *a, const simdev_block_state *b);
void simdev_cluster_begin(void); /* of the resident blocks */
void simdev_cluster_end(void);

/* mbarrier.cpp */
void simdev_mbarrier_end(void); /* of the resident blocks: all are gone */
void simdev_bulk_exit(simdev_thread *t); /* the thread ends */

/* shadow.cpp */
enum simdev_access { SIMDEV_READ, SIMDEV_WRITE, SIMDEV_ATOMIC };
/* An access by the running thread to global or shared memory: bounds and alignment, and with hooks also never-written bytes,
 * races and counters. Other memory is ignored. `pc`: a return address in the kernel. */
void simdev_touch(const void *p, size_t bytes, size_t align, simdev_access kind, const void *pc);
void simdev_shadow_shared_buffer(const void *p, size_t all, size_t used); /* at the start of a grid: nothing in it is allocated */
void simdev_copy_started(const void *to, size_t bytes);
/* It has landed; agent: by the copy unit, seen by whoever waits for it, else by the running thread, in whose name it was made. */
void simdev_copy_landed(const void *to, size_t bytes, const void *pc, bool agent);
/* The copy unit reads shared memory that a thread wrote before a proxy fence. */
void simdev_copy_reads(const void *shared, size_t bytes, const void *pc);

extern bool simdev_hooks; /* kernels were compiled with access hooks (shadow.cpp) */

/* order.cpp: what orders accesses. */
void simdev_order_begin_grid(void);
void simdev_order_begin_resident(void);              /* the next blocks become resident */
void simdev_order_begin_block(unsigned slot);
void simdev_order_enter_block(unsigned slot);        /* it is the running one from here on */
void simdev_order_barrier(void);                     /* all threads of the block */
void simdev_order_meet(unsigned warp, unsigned mask);
/* The running thread leaves what is behind it in *at; takes what lies there. NULL: nothing. */
void simdev_order_release(simdev_knowledge **at);
void simdev_order_release_copies(simdev_knowledge **at); /* landed copies of the running block, not the thread's own accesses */
void simdev_order_acquire(const simdev_knowledge *from);
void simdev_order_give(const std::vector<unsigned> &threads, const simdev_knowledge *from); /* threads of the running block acquire */
void simdev_order_forget(simdev_knowledge *k);
/* A moment of a thread; whether it is behind the running one; whether that thread, or the running one, has made a proxy fence since. */
struct simdev_moment { uint32_t run, time; unsigned thread; };
simdev_moment simdev_order_moment(void); /* of the running thread, now */
bool simdev_order_behind(simdev_moment m);
bool simdev_order_proxy_fence_since(simdev_moment m);

/* counters.cpp */
void simdev_counters_begin_grid(void);
void simdev_counters_meet(unsigned warp, unsigned mask); /* a collective or the end of the block's part up to a barrier */
void simdev_counters_end_grid(void);
void simdev_count_barrier(void);
void simdev_count_mma(int multiply_adds);

/* finding.cpp: "function at file:line" of a code address; a static buffer. */
const char *simdev_code_line(const void *pc);

#endif
