/* Happens-before. Time is one counter for each resident block: it ticks at barriers, collectives, fences and releases, and an access carries the
 * time at which it was made. Behind a thread is
 *   - everything its block did before the last barrier of the whole block;
 *   - of its own warp, everything before the last collective of all lanes, and for collectives of some lanes a table;
 *   - what it has acquired (knowledge.h): from named barriers, mbarriers, cluster barriers and words with release and acquire; and from other blocks
 *     by a fence, perhaps a barrier, then an atomic on a word that a thread here has changed by an atomic since (the last-block pattern);
 *   - everything of earlier launches that the streams order before this one (streams.cpp).
 * Two conflicting accesses (same byte, at least one a write, not both atomics) with none of these between are a race. */
#include "tests/simdev/knowledge.h"

#include <deque>
#include <unordered_map>

static const unsigned WARPS = SIMDEV_BLOCK_THREADS / 32;
typedef std::shared_ptr<const simdev_knowledge> shared_knowledge;

struct order_state {
  uint32_t run, now, barrier_time;
  uint32_t warp_time[WARPS];                   /* of the last collective of all lanes */
  std::vector<uint32_t> known[WARPS];          /* [32 u + t]: what lane t did before this time is behind lane u; empty: not in use */
  uint32_t fence_time[SIMDEV_BLOCK_THREADS], fence_barrier[SIMDEV_BLOCK_THREADS], proxy_fence[SIMDEV_BLOCK_THREADS];
  std::vector<uint32_t> fenced;                /* fence_time as of the last barrier, if there was a fence */
  bool fenced_since_barrier, anybody;          /* some thread has acquired something since the last barrier */
  shared_knowledge own[SIMDEV_BLOCK_THREADS], common; /* what a thread has acquired since the last barrier; all of the block, before */
};
static std::deque<order_state> states; /* by slot */
static order_state *o;                    /* of the running block */
static uint32_t run, first_run, first_resident;
static bool in_shared; /* the access at hand; shared memory begins anew with each block */
static std::unordered_map<uintptr_t, simdev_knowledge> words; /* what fences and atomics have released there */

/* Reads by several warps that nothing orders: a cell has room for one warp's. Kept exactly once a kernel has used what orders some threads of a
 * block or several blocks; before, a barrier of the whole block is all there is. */
struct read_by { uint32_t run, time, lanes, pc; uint16_t warp; };
static std::unordered_map<const simdev_cell *, std::vector<read_by>> readers;
static bool exact;

void simdev_order_begin_grid(void) {
  if (!simdev_hooks) return;
  first_run = run + 1;
  words.clear();
  readers.clear();
  exact = simdev_now.grid->cooperative || simdev_now.grid->cluster > 1;
  simdev_streams_begin_grid(first_run);
}

void simdev_order_begin_resident(void) {
  first_resident = run + 1;
  if (!readers.empty()) readers.clear();
}

void simdev_order_begin_block(unsigned slot) {
  if (!simdev_hooks) return;
  while (states.size() <= slot) states.emplace_back();
  o = &states[slot];
  simdev_streams_begin_block(o->run = ++run);
  o->now = o->barrier_time = 1;
  memset(o->warp_time, 0, sizeof o->warp_time);
  for (std::vector<uint32_t> &k : o->known) k.clear();
  memset(o->fence_time, 0, sizeof o->fence_time);
  memset(o->proxy_fence, 0, sizeof o->proxy_fence);
  o->fenced_since_barrier = o->anybody = false;
  o->fenced.clear();
  for (unsigned t = 0; t < simdev_now.threads; ++t) o->own[t].reset();
  o->common.reset();
}

void simdev_order_enter_block(unsigned slot) {
  if (simdev_hooks) o = &states[slot];
}

/* ---- what threads know ---- */

static void add_own(simdev_knowledge *k, unsigned thread) {
  if (o->own[thread]) k->join(*o->own[thread]);
}

/* All that is behind a thread of the running block, and what it did itself. */
static void everything(simdev_knowledge *k, unsigned thread) {
  const unsigned warp = thread / 32, threads = simdev_now.threads;
  simdev_view *v = k->view_of(o->run - first_run);
  if (v->all < o->barrier_time) v->all = o->barrier_time;
  v->each.resize(SIMDEV_VIEW, 0);
  for (unsigned t = 32 * warp; t < 32 * warp + 32 && t < threads; ++t) {
    uint32_t time = o->warp_time[warp];
    if (!o->known[warp].empty()) time = std::max(time, o->known[warp][32 * (thread % 32) + t % 32]);
    v->each[t] = std::max(v->each[t], time);
  }
  v->each[thread] = std::max(v->each[thread], o->now);
  if (o->common) k->join(*o->common);
  add_own(k, thread);
}

static void give(unsigned thread, const simdev_knowledge &k) {
  simdev_knowledge sum = k;
  if (o->own[thread]) sum.join(*o->own[thread]);
  o->own[thread] = std::make_shared<const simdev_knowledge>(std::move(sum));
  o->anybody = true;
}

/* All threads of the block now know what any of them does. */
static void share_all(void) {
  if (!o->anybody) return;
  simdev_knowledge k;
  if (o->common) k.join(*o->common);
  for (unsigned t = 0; t < simdev_now.threads; ++t) {
    add_own(&k, t);
    o->own[t].reset();
  }
  k.drop(o->run - first_run); /* behind the barrier anyway */
  o->common = std::make_shared<const simdev_knowledge>(std::move(k));
  o->anybody = false;
}

void simdev_order_barrier(void) {
  if (!simdev_hooks) return;
  share_all();
  o->barrier_time = ++o->now;
  if (o->fenced_since_barrier) o->fenced.assign(o->fence_time, o->fence_time + simdev_now.threads);
  o->fenced_since_barrier = false;
}

static void share_warp(unsigned warp, unsigned mask) {
  const shared_knowledge *own = o->own + 32 * warp, &one = own[__builtin_ctz(mask)];
  bool alike = true;
  for (unsigned rest = mask; rest; rest &= rest - 1) alike = alike && own[__builtin_ctz(rest)] == one;
  if (alike) return;
  simdev_knowledge k;
  for (unsigned rest = mask; rest; rest &= rest - 1) add_own(&k, 32 * warp + static_cast<unsigned>(__builtin_ctz(rest)));
  const shared_knowledge sum = std::make_shared<const simdev_knowledge>(std::move(k));
  for (unsigned rest = mask; rest; rest &= rest - 1) o->own[32 * warp + static_cast<unsigned>(__builtin_ctz(rest))] = sum;
}

void simdev_order_meet(unsigned warp, unsigned mask) {
  if (!simdev_hooks) return;
  ++o->now;
  if (o->anybody) share_warp(warp, mask);
  if (mask == simdev_now.block->warp[warp].exists) {
    o->warp_time[warp] = o->now;
    return;
  }
  std::vector<uint32_t> &known = o->known[warp];
  known.resize(32 * 32, 0);
  uint32_t all[32] = {0};
  for (unsigned rest = mask; rest; rest &= rest - 1) {
    const uint32_t *u = &known[32u * static_cast<unsigned>(__builtin_ctz(rest))];
    for (int t = 0; t < 32; ++t) all[t] = std::max(all[t], u[t]);
  }
  for (int t = 0; t < 32; ++t) all[t] = mask >> t & 1u ? o->now : all[t];
  for (unsigned rest = mask; rest; rest &= rest - 1) memcpy(&known[32u * static_cast<unsigned>(__builtin_ctz(rest))], all, sizeof all);
}

void simdev_order_release(simdev_knowledge **at) {
  if (!simdev_hooks) return;
  if (!*at) *at = new simdev_knowledge();
  exact = true;
  ++o->now;
  everything(*at, simdev_now.running->linear);
  ++o->now;
}

void simdev_order_release_copies(simdev_knowledge **at) {
  if (!simdev_hooks) return;
  if (!*at) *at = new simdev_knowledge();
  simdev_view *v = (*at)->view_of(o->run - first_run);
  v->each.resize(SIMDEV_VIEW, 0);
  v->each[SIMDEV_AGENT] = ++o->now;
}

void simdev_order_acquire(const simdev_knowledge *from) {
  if (simdev_hooks && from) give(simdev_now.running->linear, *from);
}

void simdev_order_give(const std::vector<unsigned> &threads, const simdev_knowledge *from) {
  for (const unsigned t : threads) {
    if (simdev_hooks && from) give(t, *from);
  }
}

void simdev_order_forget(simdev_knowledge *k) { delete k; }

void simdev_dependency_wait(void) {
  simdev_knowledge k;
  k.dependency = true;
  if (simdev_hooks) give(simdev_now.running->linear, k);
}

/* ---- fences and atomics ---- */

void simdev_fence(void) {
  if (!simdev_hooks) return;
  const unsigned me = simdev_now.running->linear;
  o->fence_time[me] = ++o->now; /* what it did so far is older than what it will do */
  o->fence_barrier[me] = o->barrier_time;
  o->fenced_since_barrier = true;
}

void simdev_proxy_fence(void) {
  if (simdev_hooks) o->proxy_fence[simdev_now.running->linear] = ++o->now;
}

simdev_moment simdev_order_moment(void) {
  if (!simdev_hooks) return {0, 0, 0};
  return {o->run, o->now, simdev_now.running->linear};
}

bool simdev_order_proxy_fence_since(simdev_moment m) {
  return !simdev_hooks || o->proxy_fence[m.thread] > m.time || o->proxy_fence[simdev_now.running->linear] > m.time;
}

/* The running thread changes the word by an atomic: it releases what it fenced and acquires what others released there. */
static void chain(uintptr_t at) {
  const unsigned me = simdev_now.running->linear;
  const auto found = words.find(at);
  if (found != words.end()) give(me, found->second);
  ++o->now;
  if (!o->fence_time[me] && o->fenced.empty()) return;
  simdev_knowledge *word = &words[at];
  if (o->common) word->join(*o->common);
  add_own(word, me);
  simdev_view *v = word->view_of(o->run - first_run);
  v->each.resize(SIMDEV_VIEW, 0);
  if (o->fence_time[me] && v->all < o->fence_barrier[me]) v->all = o->fence_barrier[me];
  for (size_t t = 0; t < o->fenced.size(); ++t) v->each[t] = std::max(v->each[t], o->fenced[t]);
  v->each[me] = std::max(v->each[me], o->fence_time[me]);
}

/* ---- accesses ---- */

static unsigned place_of(unsigned thread) { return thread == SIMDEV_COPY_UNIT ? static_cast<unsigned>(SIMDEV_AGENT) : thread; }

/* Whether what `thread` of run `past` did at `time` is behind the running thread. */
static bool behind(uint32_t past, uint32_t time, unsigned thread) {
  const unsigned me = simdev_now.running->linear;
  if (past == o->run) {
    if (thread == me || time < o->barrier_time) return true;
    const unsigned warp = me / 32;
    if (thread / 32 == warp && (time < o->warp_time[warp] || (!o->known[warp].empty() && time < o->known[warp][32 * (me % 32) + thread % 32]))) return true;
  } else if (past < (in_shared ? first_resident : first_run)) {
    const bool dependency = (o->own[me] && o->own[me]->dependency) || (o->common && o->common->dependency);
    return in_shared || past == 0 || simdev_streams_behind(past, dependency);
  }
  const uint32_t index = past - first_run;
  return (o->own[me] && time < o->own[me]->time(index, place_of(thread))) || (o->common && time < o->common->time(index, place_of(thread)));
}

bool simdev_order_behind(simdev_moment m) {
  in_shared = true;
  return !simdev_hooks || behind(m.run, m.time, m.thread);
}

static bool lanes_behind(uint32_t past, uint32_t time, unsigned warp, unsigned lanes) {
  for (; lanes; lanes &= lanes - 1) {
    if (!behind(past, time, warp * 32u + static_cast<unsigned>(__builtin_ctz(lanes)))) return false;
  }
  return true;
}

static bool write_behind(const simdev_cell *c) { return behind(c->write_run, c->write_time, c->write_thread); }

static bool reads_behind(const simdev_cell *c) {
  if (c->read_warp == SIMDEV_MANY && c->read_run >= first_resident) {
    const auto list = readers.find(c);
    if (list == readers.end()) return exact || (c->read_run == o->run && c->read_time < o->barrier_time);
    for (const read_by &r : list->second) {
      if (!lanes_behind(r.run, r.time, r.warp, r.lanes)) return false;
    }
    return true;
  }
  if (c->read_run == o->run && c->read_time < o->barrier_time) return true;
  return lanes_behind(c->read_run, c->read_time, c->read_warp == SIMDEV_MANY ? c->read_thread / 32u : c->read_warp, c->read_lanes);
}

static void past_of(uint32_t r, simdev_past *past) {
  past->same_block = r == o->run;
  past->same_launch = r >= first_run;
}

static void check(const simdev_space *s, const simdev_cell *c, uintptr_t at, simdev_access kind, const void *pc) {
  if (!write_behind(c) && !(kind == SIMDEV_ATOMIC && c->write_atomic)) {
    simdev_past past = {c->write_thread, c->write_pc, true, false, false};
    past_of(c->write_run, &past);
    simdev_race(s, at, kind, pc, &past);
  }
  if (kind != SIMDEV_READ && !reads_behind(c)) {
    simdev_past past = {c->read_thread, c->read_pc, false, false, false};
    past_of(c->read_run, &past);
    simdev_race(s, at, kind, pc, &past);
  }
}

/* The running thread reads what others read too. */
static void record_reader(simdev_cell *c, uint16_t warp, uint32_t code) {
  std::vector<read_by> &list = readers[c];
  const uint32_t lane = 1u << simdev_now.running->linear % 32;
  if (c->read_warp != SIMDEV_MANY) list = {{c->read_run, c->read_time, c->read_lanes, c->read_pc, c->read_warp}};
  for (read_by &r : list) {
    if (r.run != o->run || r.warp != warp) continue;
    r.lanes = lanes_behind(r.run, r.time, r.warp, r.lanes) ? lane : r.lanes | lane;
    r.time = o->now;
    return;
  }
  list.push_back({o->run, o->now, lane, code, warp});
}

static void record(simdev_cell *c, simdev_access kind, const void *pc, bool agent) {
  const unsigned me = simdev_now.running->linear;
  const uint32_t code = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(pc));
  if (kind != SIMDEV_READ) {
    c->write_run = o->run;
    c->write_time = o->now;
    c->write_pc = code;
    c->write_thread = agent ? static_cast<uint16_t>(SIMDEV_COPY_UNIT) : static_cast<uint16_t>(me);
    c->write_atomic = kind == SIMDEV_ATOMIC;
    return;
  }
  const uint16_t warp = static_cast<uint16_t>(me / 32);
  if (reads_behind(c)) {
    if (exact && c->read_warp == SIMDEV_MANY) readers.erase(c);
    c->read_lanes = 0;
    c->read_warp = warp;
  } else if (exact && (c->read_run != o->run || c->read_warp != warp)) {
    record_reader(c, warp, code);
    c->read_warp = SIMDEV_MANY;
  } else if (c->read_run != o->run) {
    return; /* another block's read: whoever writes now has a race with that one already */
  }
  c->read_run = o->run;
  c->read_time = o->now;
  c->read_pc = code;
  c->read_thread = static_cast<uint16_t>(me);
  c->read_lanes |= 1u << me % 32;
  if (c->read_warp != warp) c->read_warp = SIMDEV_MANY;
}

static void split(simdev_space *s, size_t word) {
  simdev_cell *c = s->word + word;
  if (c->split) return;
  for (int i = 0; i < 4; ++i) s->byte[4 * word + i] = *c;
  c->split = 1;
}

/* f(cell, address) for the cells of `bytes` bytes. */
template <class F> static void each_cell(simdev_space *s, uintptr_t at, size_t bytes, F f) {
  if (!s->word) {
    s->word = static_cast<simdev_cell *>(simdev_reserve((s->bytes / 4 + 1) * sizeof(simdev_cell)));
    s->byte = static_cast<simdev_cell *>(simdev_reserve((s->bytes + 4) * sizeof(simdev_cell)));
  }
  size_t i = at - s->begin;
  const size_t end = i + bytes;
  while (i < end) {
    const size_t word = i / 4;
    if (i % 4 == 0 && end - i >= 4 && !s->word[word].split) {
      f(s->word + word, s->begin + i);
      i += 4;
      continue;
    }
    split(s, word);
    for (; i < end && i / 4 == word; ++i) f(s->byte + i, s->begin + i);
  }
}

void simdev_order_access(simdev_space *s, uintptr_t at, size_t bytes, simdev_access kind, const void *pc, bool agent) {
  in_shared = s == &simdev_shared_space;
  if (!in_shared) simdev_streams_access(at, bytes, kind, pc);
  if (kind == SIMDEV_ATOMIC && !in_shared) chain(at);
  each_cell(s, at, bytes, [=](simdev_cell *c, uintptr_t place) {
    if (!agent) check(s, c, place, kind, pc); /* else checked when the copy began */
    record(c, kind, pc, agent);
  });
}

bool simdev_order_proxy_fenced(simdev_space *s, uintptr_t at, size_t bytes) {
  bool yes = true;
  each_cell(s, at, bytes, [&](simdev_cell *c, uintptr_t) {
    if (c->write_run != o->run || c->write_thread == SIMDEV_COPY_UNIT) return;
    yes = yes && (c->write_time < o->proxy_fence[c->write_thread] || c->write_time < o->proxy_fence[simdev_now.running->linear]);
  });
  return yes;
}
