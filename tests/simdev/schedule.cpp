/* Which block, warp and lane runs when. */
#include "tests/simdev/block.h"

#include <deque>
#include <stdio.h>
#include <stdlib.h>

extern "C" {
uint3 blockIdx;
dim3 blockDim, gridDim;
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

#ifdef SIMDEV_ASAN
__attribute__((no_sanitize_address)) /* never returns: would leave its frame poisoned on a reused stack */
#endif
static void thread_main(void) {
  simdev_fiber_began(&simdev_now.host);
  simdev_now.grid->call(simdev_now.closure);
  simdev_bulk_exit(simdev_now.running);
  simdev_now.running->state = SIMDEV_DONE;
  simdev_leave(true);
}

static const char *place(const simdev_thread *t) {
  static char text[2][512];
  static int turn;
  char *at = text[turn = !turn];
  if (t->site.file) snprintf(at, sizeof text[0], "%s:%d", t->site.file, t->site.line);
  else snprintf(at, sizeof text[0], "%s", t->pc ? simdev_code_line(t->pc) : "(start)");
  return at;
}

/* A lane in a collective that another of its mask has not come to; NULL if there is none. */
static simdev_thread *left_alone(simdev_block_state *b, simdev_warp *w, simdev_thread **late) {
  if (!w->waiting) return nullptr;
  simdev_thread *first = &b->thread[static_cast<size_t>(w - b->warp) * 32], *waits = first + __builtin_ctz(w->waiting);
  unsigned missing = 0;
  for (int i = 0; i < w->meetings; ++i) {
    if (w->meeting[i].arrived >> simdev_lane(waits) & 1u) missing = w->meeting[i].mask & ~w->meeting[i].arrived;
  }
  *late = first + __builtin_ctz(missing);
  return waits;
}

/* A warp of which no lane can run: none may be left in a collective, but for a lane that spins and may come yet. */
static void check_warp(simdev_block_state *b, simdev_warp *w) {
  simdev_thread *late = nullptr, *waits = left_alone(b, w, &late);
  if (!waits || late->state == SIMDEV_SPINS) return;
  simdev_run_lane(waits);
  const char *fate = late->state == SIMDEV_AT_BARRIER ? "waits at the barrier" : "waits in another collective or with another mask at";
  if (late->state == SIMDEV_DONE) {
    simdev_finding("warp divergence", "%s: lane %u waits for lane %u of its mask, which has exited", place(waits), simdev_lane(waits), simdev_lane(late));
  } else {
    simdev_finding("warp divergence", "%s: lane %u waits for lane %u of its mask, which %s %s", place(waits), simdev_lane(waits), simdev_lane(late), fate, place(late));
  }
}

static void begin_block(simdev_block_state *b, unsigned linear, unsigned long long *random) {
  const dim3 dim = blockDim, grid = gridDim;
  b->linear = linear;
  b->index = {linear % grid.x, linear / grid.x % grid.y, linear / (grid.x * grid.y)};
  b->over = false;
  b->spinning = 0;
  random_order(b->lane_at, 32, random);
  for (unsigned i = 0; i < 32; ++i) b->position_of[b->lane_at[i]] = static_cast<unsigned char>(i);
  b->thread.resize(simdev_now.threads);
  for (unsigned i = 0; i < simdev_now.threads; ++i) {
    simdev_thread *t = &b->thread[i];
    t->index = {i % dim.x, i / dim.x % dim.y, i / (dim.x * dim.y)};
    t->linear = i;
    t->state = SIMDEV_RUNS;
    t->site = {nullptr, 0};
    t->pc = nullptr;
    t->copies.clear();
    t->groups.clear();
    t->stores.clear();
    t->store_groups = 0;
    simdev_fiber_prepare(&t->fiber, static_cast<int>(b->slot * simdev_now.threads + i), thread_main);
  }
  simdev_now.block = b;
  for (unsigned i = 0; i < simdev_now.warps; ++i) {
    simdev_warp *w = b->warp + i;
    const unsigned lanes = simdev_now.threads - 32 * i;
    w->exists = lanes >= 32 ? 0xffffffffu : (1u << lanes) - 1;
    w->ready = w->waiting = 0;
    w->meetings = 0;
    simdev_set_ready(w, w->exists);
  }
  for (simdev_barrier_state &s : b->barrier) s = simdev_barrier_state();
  simdev_shared_begin_block(b->slot);
  simdev_order_begin_block(b->slot);
}

static void enter(simdev_block_state *b) {
  simdev_now.block = b;
  blockIdx = b->index;
  simdev_order_enter_block(b->slot);
}

/* Threads that spin look again. */
static void wake(simdev_block_state *b) {
  if (!b->spinning) return;
  b->spinning = 0;
  for (simdev_thread &t : b->thread) {
    if (t.state == SIMDEV_SPINS) simdev_set_ready(simdev_warp_of(b, t.linear), 1u << simdev_lane(&t));
  }
}

/* Each warp runs until no lane of it can. */
static void turn(simdev_block_state *b, unsigned long long *random) {
  unsigned char warp_order[SIMDEV_BLOCK_THREADS / 32];
  enter(b);
  wake(b);
  random_order(warp_order, simdev_now.warps, random);
  for (unsigned i = 0; i < simdev_now.warps && !simdev_now.given_up; ++i) {
    simdev_warp *w = b->warp + warp_order[i];
    if (!w->ready) continue;
    const unsigned position = static_cast<unsigned>(__builtin_ctz(w->ready));
    w->ready &= w->ready - 1;
    simdev_thread *t = &b->thread[32u * warp_order[i] + b->lane_at[position]];
    if (t->state != SIMDEV_SPINS) ++simdev_now.progress;
    simdev_run_lane(t);
    simdev_now.running_warp = w;
    simdev_fiber_switch(&simdev_now.host, &t->fiber, 0);
    simdev_now.running_warp = nullptr;
    if (!simdev_now.given_up) check_warp(b, w);
  }
  b->over = true;
  for (const simdev_thread &t : b->thread) b->over = b->over && t.state == SIMDEV_DONE;
  for (unsigned i = 0; b->over && simdev_hooks && i < simdev_now.warps; ++i) simdev_counters_meet(i, b->warp[i].exists);
  if (b->over) simdev_shared_end_block(b->slot);
}

static simdev_thread *one_in(simdev_block_state *b, simdev_state state) {
  for (simdev_thread &t : b->thread) {
    if (t.state == state) return &t;
  }
  return nullptr;
}

/* Nothing has changed for a whole round: says what waits for what. */
static void stuck(void) {
  simdev_block_state *of = nullptr;
  simdev_thread *waits = nullptr;
  for (simdev_block_state *b : simdev_now.resident) {
    simdev_thread *at_barrier = b->over ? nullptr : one_in(b, SIMDEV_AT_BARRIER), *spins = b->over ? nullptr : one_in(b, SIMDEV_SPINS);
    if (at_barrier && !spins) of = b, waits = at_barrier;
    if (!waits && spins) of = b, waits = spins;
  }
  enter(of);
  simdev_run_lane(waits);
  if (waits->state == SIMDEV_SPINS) {
    const bool alone = simdev_now.resident.size() == 1 && gridDim.x * gridDim.y * gridDim.z > 1;
    simdev_finding("deadlock", "%s: waits for %s, and no thread can do anything else%s", place(waits), waits->wait,
                   alone ? "; of this launch one block runs at a time: blocks that wait for each other must be resident together, as a cluster or by a cooperative launch" : "");
    return;
  }
  const simdev_barrier_state &s = of->barrier[waits->barrier];
  const simdev_thread *done = s.whole ? one_in(of, SIMDEV_DONE) : nullptr;
  if (done) {
    simdev_finding("barrier divergence", "%s: waits at this barrier, but thread (%u,%u,%u) has exited", place(waits), done->index.x, done->index.y, done->index.z);
  } else {
    simdev_finding("barrier divergence", "%s: waits at barrier %d, to which %zu of %u threads have come", place(waits), waits->barrier, s.arrived.size(), s.wanted);
  }
}

/* Blocks first[0] .. first[n - 1] of the grid, side by side. */
static void run_resident(const unsigned *first, unsigned n, unsigned long long *random) {
  std::vector<unsigned> order(n);
  simdev_now.resident.resize(n);
  simdev_order_begin_resident();
  simdev_cluster_begin();
  for (unsigned i = 0; i < n; ++i) begin_block(simdev_now.resident[i], first[i], random);
  for (unsigned live = n; live && !simdev_now.given_up;) {
    const unsigned long long before = simdev_now.progress;
    random_order(order.data(), n, random);
    live = 0;
    for (unsigned i = 0; i < n && !simdev_now.given_up; ++i) {
      simdev_block_state *b = simdev_now.resident[order[i]];
      if (!b->over) turn(b, random);
      live += !b->over;
    }
    if (live && !simdev_now.given_up && simdev_now.progress == before) stuck();
  }
  simdev_now.running = nullptr;
  simdev_thread_index = nullptr;
  for (simdev_block_state *b : simdev_now.resident) {
    for (simdev_barrier_state &s : b->barrier) simdev_order_forget(s.released);
    for (simdev_thread &t : b->thread) {
      if (simdev_now.given_up) simdev_fiber_abandon(&t.fiber);
    }
  }
  simdev_cluster_end();
  simdev_mbarrier_end();
}

static simdev_block_state *state_of(unsigned slot) {
  static std::deque<simdev_block_state> states; /* which do not move */
  while (states.size() <= slot) {
    states.emplace_back();
    states.back().slot = static_cast<unsigned>(states.size() - 1);
  }
  return &states[slot];
}

int simdev_grid_run(const simdev_grid *g, void *closure) {
  if (!seed_known) {
    const char *text = getenv("BABEL_SIMDEV_SEED");
    simdev_seed(text ? strtoull(text, nullptr, 10) : 0);
  }
  unsigned long long random = seed + ++launches * 0x632be59bd9b4e019ull;
  const unsigned blocks = g->grid.x * g->grid.y * g->grid.z, together = g->cooperative ? blocks : g->cluster;
  blockDim = g->block;
  gridDim = g->grid;
  simdev_now.closure = closure;
  simdev_now.threads = g->block.x * g->block.y * g->block.z;
  simdev_now.warps = (simdev_now.threads + 31) / 32;
  simdev_now.cluster = g->cluster;
  simdev_now.given_up = 0;
  simdev_now.host.stack = nullptr;
  if (together > SIMDEV_RESIDENT || together * simdev_now.threads > SIMDEV_FIBERS) {
    simdev_finding("launch", "%s: %u blocks of %u threads at once: the simulated device has room for %d blocks and %d threads", g->name, together,
                   simdev_now.threads, SIMDEV_RESIDENT, SIMDEV_FIBERS);
    return 1;
  }
  simdev_now.grid = g;
  simdev_now.resident.clear();
  for (unsigned i = 0; i < together; ++i) simdev_now.resident.push_back(state_of(i));
  simdev_shared_begin_grid(g->shared, together);
  simdev_order_begin_grid();
  simdev_counters_begin_grid();
  std::vector<unsigned> order(blocks / together), first(together);
  random_order(order.data(), blocks / together, &random);
  for (unsigned i = 0; i < blocks / together && !simdev_now.given_up; ++i) {
    for (unsigned j = 0; j < together; ++j) first[j] = order[i] * together + j;
    run_resident(first.data(), together, &random);
  }
  simdev_counters_end_grid();
  simdev_now.grid = nullptr;
  simdev_now.block = nullptr;
  return simdev_now.given_up;
}
