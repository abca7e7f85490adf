/* mbarriers in shared memory, and the bulk copies that they or their thread wait for. A copy lands as late as it may: when its barrier has
 * all arrivals and somebody looks, or when its thread waits for its group; until then its destination is NaN bytes. */
#include <algorithm>
#include <map>
#include <stdio.h>

#include "tests/simdev/block.h"

#define PC __builtin_return_address(0)

struct mbarrier {
  uint32_t count, missing; /* arrivals of a phase; still to come */
  long long bytes;         /* expected and not landed */
  unsigned phase;          /* full phases so far */
  unsigned slot;
  simdev_moment initialised;
  simdev_knowledge *filling, *full;
  std::vector<simdev_copy> copies;
  char wait[112];
};
static std::map<const void *, mbarrier> barriers;

static void remove(std::map<const void *, mbarrier>::iterator at) {
  simdev_order_forget(at->second.filling);
  simdev_order_forget(at->second.full);
  barriers.erase(at);
}

void simdev_mbarrier_end(void) {
  while (!barriers.empty()) remove(barriers.begin());
}

static mbarrier *find(const void *bar, const void *pc) {
  const auto found = barriers.find(bar);
  if (found == barriers.end()) {
    simdev_finding("mbarrier", "%s: %s is no mbarrier: not initialised", simdev_code_line(pc), simdev_shared_name(bar));
  }
  if (!simdev_order_behind(found->second.initialised)) {
    simdev_finding("race", "%s: %s was initialised by another thread; nothing orders the two", simdev_code_line(pc), simdev_shared_name(bar));
  }
  simdev_touch(bar, 8, 8, SIMDEV_ATOMIC, pc);
  return &found->second;
}

void simdev_mbarrier_init(uint64_t *bar, uint32_t count) {
  const simdev_range own = simdev_shared_range();
  if (reinterpret_cast<char *>(bar) < own.begin || reinterpret_cast<char *>(bar) >= own.end || !count || count >= 1u << 20) {
    simdev_finding("mbarrier", "%s: initialised for %u arrivals: expected 1 to 1,048,575, and a place in the block's shared memory", simdev_code_line(PC), count);
  }
  if (barriers.count(bar)) simdev_finding("mbarrier", "%s: %s is an mbarrier already", simdev_code_line(PC), simdev_shared_name(bar));
  simdev_touch(bar, 8, 8, SIMDEV_WRITE, PC);
  mbarrier *b = &barriers[bar];
  *b = mbarrier();
  b->count = b->missing = count;
  b->slot = simdev_now.block->slot;
  b->initialised = simdev_order_moment();
}

void simdev_mbarrier_invalidate(uint64_t *bar) {
  find(bar, PC);
  simdev_touch(bar, 8, 8, SIMDEV_WRITE, PC);
  remove(barriers.find(bar));
}

void simdev_mbarrier_arrive(uint64_t *bar, uint32_t bytes) {
  mbarrier *b = find(bar, PC);
  if (!b->missing) simdev_finding("mbarrier", "%s: one arrival more than the %u of a phase of %s", simdev_code_line(PC), b->count, simdev_shared_name(bar));
  b->bytes += bytes;
  --b->missing;
  simdev_order_release(&b->filling);
}

/* Whether the phase is full: then the next one begins. */
static bool advance(mbarrier *b) {
  if (b->missing) return false;
  for (const simdev_copy &c : b->copies) {
    memcpy(c.to, c.from, static_cast<size_t>(c.bytes));
    simdev_copy_landed(c.to, static_cast<size_t>(c.bytes), c.pc, true);
    b->bytes -= c.bytes;
  }
  if (!b->copies.empty()) simdev_order_release_copies(&b->filling);
  b->copies.clear();
  if (b->bytes) return false;
  ++b->phase;
  b->missing = b->count;
  simdev_order_forget(b->full);
  b->full = b->filling;
  b->filling = nullptr;
  return true;
}

void simdev_mbarrier_wait(uint64_t *bar, uint32_t parity) {
  const void *pc = PC;
  mbarrier *b = find(bar, pc);
  if (b->slot != simdev_now.block->slot) simdev_finding("mbarrier", "%s: waits for an mbarrier of another block", simdev_code_line(pc));
  simdev_spin_until(b->wait, pc, [=] {
    if ((b->phase & 1u) != parity || (advance(b) && (b->phase & 1u) != parity)) return true;
    if (b->bytes < 0) simdev_finding("mbarrier", "%s: %lld bytes more have landed than the phase expects", simdev_code_line(pc), -b->bytes);
    snprintf(b->wait, sizeof b->wait, "an mbarrier's phase, in which %u of %u arrivals and %lld bytes are missing", b->missing, b->count, b->bytes);
    return false;
  });
  simdev_order_acquire(b->full);
}

/* ---- bulk copies ---- */

static void check_bulk(const void *shared, const void *global, uint32_t bytes, const void *pc) {
  const simdev_range own = simdev_shared_range();
  const uintptr_t places = reinterpret_cast<uintptr_t>(shared) | reinterpret_cast<uintptr_t>(global);
  if (places % 16 || bytes % 16 || !bytes) simdev_finding("misaligned", "%s: a bulk copy of %u bytes: expected addresses and a size of whole 16 bytes", simdev_code_line(pc), bytes);
  if (static_cast<const char *>(shared) < own.begin || static_cast<const char *>(shared) >= own.end) {
    simdev_finding("async copy", "%s: a bulk copy with an address that is not in the block's shared memory", simdev_code_line(pc));
  }
}

void simdev_bulk_load(void *shared, const void *global, uint32_t bytes, uint64_t *bar) {
  const void *pc = PC;
  check_bulk(shared, global, bytes, pc);
  mbarrier *b = find(bar, pc);
  if (!simdev_order_proxy_fence_since(b->initialised)) {
    simdev_finding("async proxy", "%s: a bulk copy to an mbarrier: no fence.proxy.async since it was initialised", simdev_code_line(pc));
  }
  simdev_touch(global, bytes, 16, SIMDEV_READ, pc);
  simdev_touch(shared, bytes, 16, SIMDEV_WRITE, pc);
  memset(shared, 0xff, bytes);
  simdev_copy_started(shared, bytes);
  b->copies.push_back({shared, global, static_cast<int>(bytes), static_cast<int>(bytes), pc});
}

void simdev_bulk_store(void *global, const void *shared, uint32_t bytes) {
  const void *pc = PC;
  check_bulk(shared, global, bytes, pc);
  simdev_touch(shared, bytes, 16, SIMDEV_READ, pc);
  simdev_copy_reads(shared, bytes, pc);
  simdev_touch(global, bytes, 16, SIMDEV_WRITE, pc);
  memset(global, 0xff, bytes);
  simdev_copy_started(global, bytes);
  const char *from = static_cast<const char *>(shared);
  simdev_now.running->stores.push_back({{global, shared, static_cast<int>(bytes), static_cast<int>(bytes), pc}, {from, from + bytes}, -1});
}

void simdev_bulk_commit(void) {
  simdev_thread *t = simdev_now.running;
  for (simdev_bulk_store_state &s : t->stores) s.group = s.group < 0 ? t->store_groups : s.group;
  ++t->store_groups;
}

static void land(simdev_thread *t, int groups) {
  size_t n = 0;
  for (; n < t->stores.size() && t->stores[n].group >= 0 && t->stores[n].group < groups; ++n) {
    const simdev_bulk_store_state &s = t->stores[n];
    const size_t bytes = s.data.size();
    if (memcmp(s.copy.from, s.data.data(), bytes)) {
      simdev_finding("async copy", "%s: the shared memory was written again before this bulk copy had read it: no wait for it", simdev_code_line(s.copy.pc));
    }
    memcpy(s.copy.to, s.data.data(), bytes);
    simdev_copy_landed(s.copy.to, bytes, s.copy.pc, false);
  }
  t->stores.erase(t->stores.begin(), t->stores.begin() + static_cast<std::ptrdiff_t>(n));
}

void simdev_bulk_wait(int groups) { land(simdev_now.running, simdev_now.running->store_groups - groups); }

void simdev_bulk_exit(simdev_thread *t) {
  if (t->stores.empty()) return;
  simdev_finding("async copy", "%s: the thread exits before this bulk copy has read its shared memory: no wait for it", simdev_code_line(t->stores[0].copy.pc));
}
