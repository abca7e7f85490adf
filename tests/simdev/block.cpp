#include "tests/simdev/block.h"

#include <stdio.h>
#include <stdlib.h>

simdev_block_state simdev_now;
extern "C" {
simdev_block_indices simdev_block;
const uint3 *simdev_thread_index;
}

static unsigned long long seed, launches;
static bool seed_known;

void simdev_seed(unsigned long long s) {
  seed = s;
  seed_known = true;
  launches = 0;
}

/* splitmix64 */
static unsigned long long random_next(unsigned long long *state) {
  unsigned long long z = *state += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

/* order = 0..n-1, shuffled unless the seed is 0. */
template <class T> static void random_order(T *order, unsigned n, unsigned long long *state) {
  for (unsigned i = 0; i < n; ++i) order[i] = static_cast<T>(i);
  if (!seed) return;
  for (unsigned i = n; i > 1; --i) {
    const unsigned j = static_cast<unsigned>(random_next(state) % i);
    const T swap = order[i - 1];
    order[i - 1] = order[j];
    order[j] = swap;
  }
}

static void run_thread(simdev_thread *t) {
  simdev_now.running = t;
  simdev_thread_index = &t->index;
}

/* Leaves the running lane: for the next one of its warp that can run, else for the host's stack. */
static void leave(bool last) {
  simdev_thread *me = simdev_now.running;
  simdev_warp *w = simdev_now.running_warp;
  simdev_fiber *to = &simdev_now.host;
  if (w->ready) {
    const unsigned position = static_cast<unsigned>(__builtin_ctz(w->ready));
    w->ready &= w->ready - 1;
    simdev_thread *next = simdev_now.thread + (w - simdev_now.warp) * 32 + simdev_now.lane_at[position];
    run_thread(next);
    to = &next->fiber;
  }
  simdev_fiber_switch(&me->fiber, to, last);
}

#ifdef SIMDEV_ASAN
__attribute__((no_sanitize_address)) /* never returns: would leave its frame poisoned on a reused stack */
#endif
static void thread_main(void) {
  simdev_fiber_began(&simdev_now.host);
  simdev_now.grid->call(simdev_now.closure);
  simdev_now.running->state = SIMDEV_DONE;
  leave(true);
}

void simdev_block_give_up(void) {
  simdev_now.given_up = 1;
  if (!simdev_now.running_warp) return; /* the scheduler itself: it looks */
  simdev_fiber_switch(&simdev_now.running->fiber, &simdev_now.host, 1);
}

static void set_ready(simdev_warp *w, unsigned lanes) {
  if (lanes == 0xffffffffu) {
    w->ready = lanes;
    return;
  }
  for (; lanes; lanes &= lanes - 1) w->ready |= 1u << simdev_now.position_of[__builtin_ctz(lanes)];
}

static void met(simdev_warp *w, unsigned lanes) {
  if (!simdev_hooks) return;
  const unsigned warp = static_cast<unsigned>(w - simdev_now.warp);
  simdev_order_meet(warp, lanes);
  simdev_counters_meet(warp, lanes);
}

void simdev_meet(simdev_resolve *resolve, unsigned mask, void *operand, simdev_site site, const void *pc) {
  simdev_thread *me = simdev_now.running;
  simdev_warp *w = simdev_now.running_warp;
  const unsigned lane = simdev_lane(me);
  if (!(mask >> lane & 1u)) {
    simdev_finding("warp divergence", "%s:%d: the mask %#x of this warp collective lacks its own lane %u", site.file, site.line, mask, lane);
  }
  const unsigned wanted = mask & w->exists;
  w->operand[lane] = operand;
  me->site = site;
  me->pc = pc;
  simdev_meeting *m = w->meeting, *end = m + w->meetings;
  while (m < end && !(m->resolve == resolve && m->mask == wanted)) ++m;
  if (m == end) {
    *m = {resolve, wanted, 0};
    ++w->meetings;
  }
  m->arrived |= 1u << lane;
  if (m->arrived == wanted) {
    *m = w->meeting[--w->meetings];
    resolve(w, wanted);
    met(w, wanted);
    w->waiting &= ~wanted;
    set_ready(w, wanted & ~(1u << lane));
    return;
  }
  me->state = SIMDEV_AT_COLLECTIVE;
  w->waiting |= 1u << lane;
  leave(false);
  me->state = SIMDEV_RUNS;
}

int simdev_barrier(int vote, int predicate, simdev_site site) {
  simdev_thread *me = simdev_now.running;
  me->site = site;
  if (!simdev_now.vote_kind) simdev_now.vote_kind = 1 + vote;
  if (simdev_now.vote_kind != 1 + vote) {
    simdev_finding("barrier divergence", "%s:%d: other threads wait at a barrier of another kind", site.file, site.line);
  }
  simdev_now.vote += predicate != 0;
  me->state = SIMDEV_AT_BARRIER;
  leave(false);
  me->state = SIMDEV_RUNS;
  if (vote == SIMDEV_COUNT) return simdev_now.voted;
  if (vote == SIMDEV_AND) return simdev_now.voted == static_cast<int>(simdev_now.threads);
  return simdev_now.voted > 0;
}

static void place(const simdev_thread *t, char *text, size_t size) {
  if (t->site.file) {
    snprintf(text, size, "%s:%d", t->site.file, t->site.line);
  } else {
    snprintf(text, size, "%s", t->pc ? simdev_code_line(t->pc) : "(start)");
  }
}

/* A warp of which no lane can run: none may be left in a collective. */
static void check_warp(simdev_warp *w) {
  if (!w->waiting) return;
  simdev_thread *first = simdev_now.thread + (w - simdev_now.warp) * 32;
  simdev_thread *waits = first + __builtin_ctz(w->waiting);
  unsigned missing = 0;
  for (int i = 0; i < w->meetings; ++i) {
    if (w->meeting[i].arrived >> simdev_lane(waits) & 1u) missing = w->meeting[i].mask & ~w->meeting[i].arrived;
  }
  const simdev_thread *late = first + __builtin_ctz(missing);
  char at[512], late_at[512];
  place(waits, at, sizeof at);
  place(late, late_at, sizeof late_at);
  run_thread(waits);
  const char *fate = late->state == SIMDEV_AT_BARRIER ? "waits at the barrier" : "waits in another collective or with another mask at";
  if (late->state == SIMDEV_DONE) {
    simdev_finding("warp divergence", "%s: lane %u waits for lane %u of its mask, which has exited", at, simdev_lane(waits), simdev_lane(late));
  } else {
    simdev_finding("warp divergence", "%s: lane %u waits for lane %u of its mask, which %s %s", at, simdev_lane(waits), simdev_lane(late), fate, late_at);
  }
}

static bool same_site(simdev_site a, simdev_site b) { return a.line == b.line && !strcmp(a.file, b.file); }

/* All warps have stopped: true when the block is over (or given up), false after releasing a barrier that all have reached. */
static bool block_over(void) {
  simdev_thread *t = simdev_now.thread, *end = t + simdev_now.threads, *waits = nullptr, *done = nullptr;
  for (; t < end; ++t) {
    if (t->state == SIMDEV_DONE) {
      done = t;
    } else if (!waits) {
      waits = t;
    } else if (!same_site(waits->site, t->site)) {
      run_thread(t);
      simdev_finding("barrier divergence", "%s:%d: waits at this barrier while thread (%u,%u,%u) waits at %s:%d", t->site.file, t->site.line,
                     waits->index.x, waits->index.y, waits->index.z, waits->site.file, waits->site.line);
      return true;
    }
  }
  for (unsigned i = 0; simdev_hooks && i < simdev_now.warps; ++i) simdev_counters_meet(i, simdev_now.warp[i].exists);
  if (!waits) return true;
  if (done) {
    run_thread(waits);
    simdev_finding("barrier divergence", "%s:%d: waits at this barrier, but thread (%u,%u,%u) has exited", waits->site.file, waits->site.line,
                   done->index.x, done->index.y, done->index.z);
    return true;
  }
  simdev_now.voted = simdev_now.vote;
  simdev_now.vote = simdev_now.vote_kind = 0;
  simdev_order_barrier();
  simdev_count_barrier();
  for (unsigned i = 0; i < simdev_now.warps; ++i) set_ready(simdev_now.warp + i, simdev_now.warp[i].exists);
  return false;
}

static void begin_block(void) {
  const dim3 dim = simdev_block.dim;
  for (unsigned i = 0; i < simdev_now.threads; ++i) {
    simdev_thread *t = simdev_now.thread + i;
    t->index = {i % dim.x, i / dim.x % dim.y, i / (dim.x * dim.y)};
    t->linear = i;
    t->state = SIMDEV_RUNS;
    t->site = {nullptr, 0};
    t->pc = nullptr;
    t->copies.clear();
    t->groups.clear();
    simdev_fiber_prepare(&t->fiber, static_cast<int>(i), thread_main);
  }
  for (unsigned i = 0; i < simdev_now.warps; ++i) {
    simdev_warp *w = simdev_now.warp + i;
    const unsigned lanes = simdev_now.threads - 32 * i;
    w->exists = lanes >= 32 ? 0xffffffffu : (1u << lanes) - 1;
    w->ready = w->waiting = 0;
    w->meetings = 0;
    set_ready(w, w->exists);
  }
  simdev_now.vote = simdev_now.vote_kind = 0;
  simdev_shared_begin_block();
  simdev_order_begin_block();
}

static void run_block(unsigned long long *random) {
  unsigned char warp_order[SIMDEV_FIBERS / 32];
  random_order(simdev_now.lane_at, 32, random);
  for (unsigned i = 0; i < 32; ++i) simdev_now.position_of[simdev_now.lane_at[i]] = static_cast<unsigned char>(i);
  begin_block();
  do {
    random_order(warp_order, simdev_now.warps, random);
    for (unsigned i = 0; i < simdev_now.warps && !simdev_now.given_up; ++i) {
      simdev_warp *w = simdev_now.warp + warp_order[i];
      if (!w->ready) continue; /* all its lanes are done */
      const unsigned position = static_cast<unsigned>(__builtin_ctz(w->ready));
      w->ready &= w->ready - 1;
      simdev_thread *t = simdev_now.thread + 32 * warp_order[i] + simdev_now.lane_at[position];
      run_thread(t);
      simdev_now.running_warp = w;
      simdev_fiber_switch(&simdev_now.host, &t->fiber, 0);
      simdev_now.running_warp = nullptr;
      if (!simdev_now.given_up) check_warp(w);
    }
  } while (!simdev_now.given_up && !block_over());
  simdev_now.running = nullptr;
  simdev_thread_index = nullptr;
  for (unsigned i = 0; simdev_now.given_up && i < simdev_now.threads; ++i) simdev_fiber_abandon(&simdev_now.thread[i].fiber);
}

int simdev_grid_run(const simdev_grid *g, void *closure) {
  if (!seed_known) {
    const char *text = getenv("BABEL_SIMDEV_SEED");
    simdev_seed(text ? strtoull(text, nullptr, 10) : 0);
  }
  unsigned long long random = seed + ++launches * 0x632be59bd9b4e019ull;
  const unsigned blocks = g->grid.x * g->grid.y * g->grid.z;
  std::vector<unsigned> order(blocks);
  random_order(order.data(), blocks, &random);
  simdev_block.dim = g->block;
  simdev_block.grid = g->grid;
  simdev_now.grid = g;
  simdev_now.closure = closure;
  simdev_now.threads = g->block.x * g->block.y * g->block.z;
  simdev_now.warps = (simdev_now.threads + 31) / 32;
  simdev_now.given_up = 0;
  simdev_now.host.stack = nullptr;
  simdev_shared_begin_grid(g->shared);
  simdev_order_begin_grid();
  simdev_counters_begin_grid();
  for (unsigned i = 0; i < blocks && !simdev_now.given_up; ++i) {
    simdev_now.linear = order[i];
    simdev_block.index = {order[i] % g->grid.x, order[i] / g->grid.x % g->grid.y, order[i] / (g->grid.x * g->grid.y)};
    run_block(&random);
  }
  simdev_counters_end_grid();
  simdev_now.grid = nullptr;
  return simdev_now.given_up;
}
