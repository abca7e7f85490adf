/* Happens-before. Time is one counter for the block: it ticks at every barrier and collective, and an access carries the time at
 * which it was made. Of the running thread,
 *   - everything its block did before the last barrier is behind it;
 *   - of its own warp, everything before the last collective of all lanes, and for collectives of some lanes a table;
 *   - nothing that another block of the same launch did, except what that block released: a fence (then perhaps a barrier), then an
 *     atomic on a word that a thread here has changed by an atomic since (the last-block pattern);
 *   - everything of earlier launches that the streams order before this one (streams.cpp).
 * Two conflicting accesses (same byte, at least one a write, not both atomics) with none of these between are a race. */
#include "tests/simdev/shadow.h"

#include <memory>
#include <unordered_map>

static const unsigned WARPS = SIMDEV_FIBERS / 32;
static uint32_t run, first_run, now, barrier_time;
static bool in_shared;                            /* the access at hand; shared memory begins anew with each block */
static uint32_t warp_time[WARPS];                 /* of the last collective of all lanes */
static uint32_t known[WARPS][32][32];             /* known[w][u][t]: what lane t did before this time is behind lane u */
static bool partial[WARPS];                       /* known[w] is in use */

/* What a block of this launch has released at time `at`: all its accesses before `all`, those of `thread` before `own`, and of each
 * thread those before a fence of its own that a barrier followed. */
typedef std::shared_ptr<std::vector<uint32_t>> fences;
struct release { uint32_t at, all, own; unsigned thread; fences fenced; };
static std::unordered_map<uintptr_t, std::vector<release>> released; /* by word, by run - first_run */
static std::vector<release> acquired;                                /* by run - first_run: behind the running block */
static uint32_t acquired_time;
static unsigned acquired_by;
static uint32_t fence_time[SIMDEV_FIBERS], fence_barrier[SIMDEV_FIBERS];
static bool fenced_since_barrier;
static fences fenced; /* fence_time as of the last barrier */

void simdev_order_begin_grid(void) {
  if (!simdev_hooks) return;
  first_run = run + 1;
  released.clear();
  simdev_streams_begin_grid(first_run);
}

void simdev_order_begin_block(void) {
  if (!simdev_hooks) return;
  simdev_streams_begin_block(++run);
  now = barrier_time = 1;
  acquired.clear();
  memset(warp_time, 0, sizeof warp_time);
  memset(partial, 0, sizeof partial);
  memset(fence_time, 0, sizeof fence_time);
  fenced_since_barrier = false;
  fenced.reset();
}

void simdev_order_barrier(void) {
  barrier_time = ++now;
  if (fenced_since_barrier) fenced = std::make_shared<std::vector<uint32_t>>(fence_time, fence_time + simdev_now.threads);
  fenced_since_barrier = false;
}

void simdev_order_meet(unsigned warp, unsigned mask) {
  if (!simdev_hooks) return;
  ++now;
  if (mask == simdev_now.warp[warp].exists) {
    warp_time[warp] = now;
    return;
  }
  uint32_t(*lane)[32] = known[warp];
  if (!partial[warp]) memset(lane, 0, sizeof known[warp]);
  partial[warp] = true;
  uint32_t all[32] = {0};
  for (unsigned rest = mask; rest; rest &= rest - 1) {
    const uint32_t *u = lane[__builtin_ctz(rest)];
    for (int t = 0; t < 32; ++t) all[t] = u[t] > all[t] ? u[t] : all[t];
  }
  for (int t = 0; t < 32; ++t) all[t] = mask >> t & 1u ? now : all[t];
  for (unsigned rest = mask; rest; rest &= rest - 1) memcpy(lane[__builtin_ctz(rest)], all, sizeof all);
}

void simdev_fence(void) {
  const unsigned me = simdev_now.running->linear;
  fence_time[me] = ++now; /* what it did so far is older than what it will do */
  fence_barrier[me] = barrier_time;
  fenced_since_barrier = true;
}

static bool behind_of_block(uint32_t time, unsigned thread, uint32_t past) {
  if (past == 0 || in_shared) return true;
  if (past < first_run) return simdev_streams_behind(past);
  if (past - first_run >= acquired.size()) return false;
  if (acquired_by != simdev_now.running->linear && acquired_time >= barrier_time) return false;
  const release &r = acquired[past - first_run];
  return time < r.all || (thread == r.thread && time < r.own) || (r.fenced && time < (*r.fenced)[thread]);
}

/* Whether what `thread` of run `past` did at `time` is behind the running thread. */
static bool behind(uint32_t past, uint32_t time, unsigned thread) {
  const unsigned me = simdev_now.running->linear;
  if (past != run) return behind_of_block(time, thread, past);
  if (thread == me || time < barrier_time) return true;
  const unsigned warp = me / 32;
  if (thread / 32 != warp) return false;
  return time < warp_time[warp] || (partial[warp] && time < known[warp][me % 32][thread % 32]);
}

static bool write_behind(const simdev_cell *c) { return behind(c->write_run, c->write_time, c->write_thread); }

static bool reads_behind(const simdev_cell *c) {
  if (c->read_run != run) return behind_of_block(c->read_time, c->read_thread, c->read_run);
  if (c->read_time < barrier_time) return true;
  if (c->read_warp == SIMDEV_MANY) return false;
  for (unsigned rest = c->read_lanes; rest; rest &= rest - 1) {
    if (!behind(run, c->read_time, c->read_warp * 32u + static_cast<unsigned>(__builtin_ctz(rest)))) return false;
  }
  return true;
}

static void past_of(uint32_t r, simdev_past *past) {
  past->same_block = r == run;
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

static void record(simdev_cell *c, simdev_access kind, const void *pc) {
  const unsigned me = simdev_now.running->linear;
  const uint32_t code = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(pc));
  if (kind != SIMDEV_READ) {
    c->write_run = run;
    c->write_time = now;
    c->write_pc = code;
    c->write_thread = static_cast<uint16_t>(me);
    c->write_atomic = kind == SIMDEV_ATOMIC;
    return;
  }
  const uint16_t warp = static_cast<uint16_t>(me / 32);
  if (reads_behind(c)) {
    c->read_lanes = 0;
    c->read_warp = warp;
  } else if (c->read_run != run) {
    return; /* another block's read: whoever writes now has a race with that one already */
  }
  c->read_run = run;
  c->read_time = now;
  c->read_pc = code;
  c->read_thread = static_cast<uint16_t>(me);
  c->read_lanes |= 1u << me % 32;
  if (c->read_warp != warp) c->read_warp = SIMDEV_MANY;
}

/* The running thread changes the word by an atomic: it releases what it fenced and acquires what others released there. */
static void chain(uintptr_t at) {
  const unsigned me = simdev_now.running->linear;
  std::vector<release> &word = released[at];
  const uint32_t index = run - first_run;
  if (acquired.size() < word.size()) acquired.resize(word.size());
  for (size_t i = 0; i < word.size(); ++i) {
    if (word[i].at > acquired[i].at) acquired[i] = word[i];
  }
  acquired_by = me;
  acquired_time = now++;
  if (!fence_time[me] && !fenced) return;
  if (word.size() <= index) word.resize(index + 1);
  for (size_t i = 0; i < acquired.size() && i < index; ++i) word[i] = acquired[i];
  word[index] = {now, fence_time[me] ? fence_barrier[me] : 0, fence_time[me], me, fenced};
}

static void access_cell(simdev_space *s, simdev_cell *c, uintptr_t at, simdev_access kind, const void *pc) {
  check(s, c, at, kind, pc);
  record(c, kind, pc);
}

static void split(simdev_space *s, size_t word) {
  simdev_cell *c = s->word + word;
  if (c->split) return;
  for (int i = 0; i < 4; ++i) s->byte[4 * word + i] = *c;
  c->split = 1;
}

void simdev_order_access(simdev_space *s, uintptr_t at, size_t bytes, simdev_access kind, const void *pc) {
  if (!s->word) {
    s->word = static_cast<simdev_cell *>(simdev_reserve((s->bytes / 4 + 1) * sizeof(simdev_cell)));
    s->byte = static_cast<simdev_cell *>(simdev_reserve((s->bytes + 4) * sizeof(simdev_cell)));
  }
  in_shared = s == &simdev_shared_space;
  if (!in_shared) simdev_streams_access(at, bytes, kind, pc);
  if (kind == SIMDEV_ATOMIC && !in_shared) chain(at);
  size_t i = at - s->begin;
  const size_t end = i + bytes;
  while (i < end) {
    const size_t word = i / 4;
    if (i % 4 == 0 && end - i >= 4 && !s->word[word].split) {
      access_cell(s, s->word + word, s->begin + i, kind, pc);
      i += 4;
      continue;
    }
    split(s, word);
    for (; i < end && i / 4 == word; ++i) access_cell(s, s->byte + i, s->begin + i, kind, pc);
  }
}
