/* What a thread does when it waits: collectives of a warp, barriers of a block, spinning. */
#include "tests/simdev/block.h"

#include <algorithm>

simdev_launch_state simdev_now;

void simdev_run_lane(simdev_thread *t) {
  simdev_now.running = t;
  simdev_thread_index = &t->index;
}

void simdev_leave(bool last) {
  simdev_thread *me = simdev_now.running;
  simdev_warp *w = simdev_now.running_warp;
  simdev_block_state *b = simdev_now.block;
  simdev_fiber *to = &simdev_now.host;
  if (w->ready) {
    const unsigned position = static_cast<unsigned>(__builtin_ctz(w->ready));
    w->ready &= w->ready - 1;
    simdev_thread *next = &b->thread[static_cast<size_t>(w - b->warp) * 32 + b->lane_at[position]];
    if (next->state != SIMDEV_SPINS) ++simdev_now.progress;
    simdev_run_lane(next);
    to = &next->fiber;
  }
  simdev_fiber_switch(&me->fiber, to, last);
}

void simdev_block_give_up(void) {
  simdev_now.given_up = 1;
  if (!simdev_now.running_warp) return; /* the scheduler itself: it looks */
  simdev_fiber_switch(&simdev_now.running->fiber, &simdev_now.host, 1);
}

void simdev_set_ready(simdev_warp *w, unsigned lanes) {
  if (lanes == 0xffffffffu) {
    w->ready = lanes;
    return;
  }
  for (; lanes; lanes &= lanes - 1) w->ready |= 1u << simdev_now.block->position_of[__builtin_ctz(lanes)];
}

static void met(simdev_warp *w, unsigned lanes) {
  if (!simdev_hooks) return;
  const unsigned warp = static_cast<unsigned>(w - simdev_now.block->warp);
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
    simdev_set_ready(w, wanted & ~(1u << lane));
    return;
  }
  me->state = SIMDEV_AT_COLLECTIVE;
  w->waiting |= 1u << lane;
  simdev_leave(false);
  me->state = SIMDEV_RUNS;
}

void simdev_spin(const char *wait, const void *pc) {
  simdev_thread *me = simdev_now.running;
  me->site = {nullptr, 0};
  me->pc = pc;
  me->wait = wait;
  me->state = SIMDEV_SPINS;
  ++simdev_now.block->spinning;
  simdev_leave(false);
  me->state = SIMDEV_RUNS;
}

/* ---- barriers of a block ---- */

static bool same_site(simdev_site a, simdev_site b) { return a.line == b.line && !strcmp(a.file, b.file); }

/* The running thread is the last to come: the waiting ones continue. */
static void open_barrier(simdev_barrier_state *s) {
  simdev_block_state *b = simdev_now.block;
  if (s->whole) {
    for (unsigned i = 0; simdev_hooks && i < simdev_now.warps; ++i) simdev_counters_meet(i, b->warp[i].exists);
    simdev_order_barrier();
  } else {
    simdev_order_give(s->waiting, s->released);
    simdev_order_forget(s->released);
    s->released = nullptr;
  }
  simdev_count_barrier();
  const unsigned me = simdev_now.running->linear;
  for (const unsigned t : s->waiting) {
    if (t != me) simdev_set_ready(simdev_warp_of(b, t), 1u << t % 32);
  }
  s->voted = s->vote;
  s->vote = s->vote_kind = 0;
  s->wanted = 0;
  s->arrived.clear();
  s->waiting.clear();
}

/* barrier.sync and barrier.arrive of PTX: the latter does not wait. */
static void come(int id, unsigned wanted, bool waits, int vote, int predicate, simdev_site site) {
  simdev_thread *me = simdev_now.running;
  simdev_barrier_state *s = simdev_now.block->barrier + id;
  me->site = site;
  if (!s->wanted) {
    s->wanted = wanted;
    s->site = site;
    s->vote_kind = vote;
    s->whole = id == 0 && wanted == simdev_now.threads;
  }
  if (s->wanted != wanted) {
    simdev_finding("barrier divergence", "%s:%d: barrier %d of %u threads, of which others expect %u", site.file, site.line, id, wanted, s->wanted);
  }
  if (s->vote_kind != vote) {
    simdev_finding("barrier divergence", "%s:%d: other threads wait at a barrier of another kind", site.file, site.line);
  }
  if (s->whole && !same_site(s->site, site)) {
    const simdev_thread &first = simdev_now.block->thread[s->arrived[0]];
    simdev_finding("barrier divergence", "%s:%d: waits at this barrier while thread (%u,%u,%u) waits at %s:%d", site.file, site.line, first.index.x,
                   first.index.y, first.index.z, s->site.file, s->site.line);
  }
  s->vote += predicate != 0;
  s->arrived.push_back(me->linear);
  if (!s->whole) simdev_order_release(&s->released);
  if (waits) s->waiting.push_back(me->linear);
  if (s->arrived.size() == wanted) {
    open_barrier(s);
  } else if (waits) {
    me->state = SIMDEV_AT_BARRIER;
    me->barrier = id;
    simdev_leave(false);
    me->state = SIMDEV_RUNS;
  }
}

int simdev_barrier(int vote, int predicate, simdev_site site) {
  come(0, simdev_now.threads, true, vote, predicate, site);
  const int voted = simdev_now.block->barrier[0].voted;
  if (vote == SIMDEV_COUNT) return voted;
  if (vote == SIMDEV_AND) return voted == static_cast<int>(simdev_now.threads);
  return voted > 0;
}

void simdev_named_barrier(int id, int threads, int waits, simdev_site site) {
  if (id < 0 || id >= SIMDEV_BARRIERS || threads <= 0 || threads % 32 || threads > static_cast<int>((simdev_now.threads + 31) / 32 * 32)) {
    simdev_finding("barrier divergence", "%s:%d: barrier %d of %d threads: expected one of 16 and whole warps of the block", site.file, site.line, id, threads);
  }
  come(id, std::min(static_cast<unsigned>(threads), simdev_now.threads), waits, SIMDEV_PLAIN, 0, site);
}
