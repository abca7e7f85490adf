/* Counters per kernel. A warp's threads run one after another here, so that what a device would issue as one request is put
 * together again: accesses of the lanes of a warp from the same place in the code, the n-th time since the warp last met.
 *   sectors     32-byte pieces of global memory that a request touches; at best its distinct bytes / 32, rounded up
 *   wavefronts  passes over the 32 banks of shared memory: per phase (32 lanes for 4 bytes a lane, 16 for 8, 8 for 16) the
 *               largest number of distinct words in one bank; at best one a phase */
#include "tests/simdev/shadow.h"

#include <algorithm>
#include <map>
#include <stdlib.h>
#include <string>
#include <unordered_map>

struct traffic { unsigned long long bytes, requests, cost, best; }; /* cost: sectors or wavefronts */
struct row {
  unsigned long long launches, blocks, threads, barriers, mma, multiply_adds, fused;
  size_t shared;
  traffic load, store, shared_load, shared_store;
};
static std::map<std::string, row> rows;
static row *counted; /* the running grid's, NULL when not counting */
static bool on, asked;

struct access { const void *pc; uintptr_t at; unsigned char bytes, lane; bool shared, store; };
static std::vector<std::vector<access>> logs; /* of each thread that is resident */

void simdev_counters(int yes) {
  on = yes != 0;
  asked = true;
  rows.clear();
}

static void report_at_exit(void) { simdev_counters_report(stderr); }

void simdev_counters_begin_grid(void) {
  if (!asked) {
    simdev_counters(getenv("BABEL_SIMDEV_COUNTERS") != nullptr);
    if (on) atexit(report_at_exit);
  }
  counted = on && simdev_hooks ? &rows[simdev_now.grid->name] : nullptr;
  if (!counted) return;
  logs.resize(simdev_now.resident.size() * SIMDEV_BLOCK_THREADS);
  const dim3 g = simdev_now.grid->grid;
  ++counted->launches;
  counted->blocks += static_cast<unsigned long long>(g.x) * g.y * g.z;
  counted->threads += static_cast<unsigned long long>(g.x) * g.y * g.z * simdev_now.threads;
}

void simdev_counters_end_grid(void) {
  if (counted) counted->shared = std::max(counted->shared, simdev_shared_bytes());
  counted = nullptr;
  for (std::vector<access> &log : logs) log.clear();
}

void simdev_count_barrier(void) {
  if (counted) ++counted->barriers;
}

void simdev_count_mma(int multiply_adds) {
  if (!counted) return;
  ++counted->mma;
  counted->multiply_adds += static_cast<unsigned long long>(multiply_adds);
}

void simdev_count_fused(void) {
  if (counted) ++counted->fused;
}

void simdev_counters_access(bool shared, uintptr_t at, size_t bytes, simdev_access kind, const void *pc) {
  if (!counted) return;
  const unsigned thread = simdev_now.running->linear;
  if (bytes > 16) { /* a bulk copy: one request */
    traffic *t = shared ? (kind == SIMDEV_READ ? &counted->shared_load : &counted->shared_store) : kind == SIMDEV_READ ? &counted->load : &counted->store;
    const size_t pieces = shared ? (bytes + 127) / 128 : (bytes + 31) / 32;
    t->bytes += bytes;
    ++t->requests;
    t->cost += pieces;
    t->best += pieces;
    return;
  }
  logs[simdev_now.block->slot * SIMDEV_BLOCK_THREADS + thread].push_back({pc, at, static_cast<unsigned char>(bytes), static_cast<unsigned char>(thread % 32), shared, kind != SIMDEV_READ});
}

static unsigned distinct(uintptr_t *v, unsigned n) {
  std::sort(v, v + n);
  return static_cast<unsigned>(std::unique(v, v + n) - v);
}

static void count_global(traffic *t, const access *const *a, unsigned n) {
  uintptr_t sector[32 * 2], word[32 * 5];
  unsigned sectors = 0, words = 0;
  for (unsigned i = 0; i < n; ++i) {
    const uintptr_t last = a[i]->at + a[i]->bytes - 1;
    for (uintptr_t s = a[i]->at / 32; s <= last / 32; ++s) sector[sectors++] = s;
    for (uintptr_t w = a[i]->at / 4; w <= last / 4; ++w) word[words++] = w;
    t->bytes += a[i]->bytes;
  }
  ++t->requests;
  t->cost += distinct(sector, sectors);
  t->best += (distinct(word, words) + 7) / 8;
}

static void count_shared(traffic *t, const access *const *a, unsigned n) {
  unsigned next = 0;
  const unsigned bytes = a[0]->bytes, lanes = bytes <= 4 ? 32 : bytes <= 8 ? 16 : 8;
  ++t->requests;
  while (next < n) { /* a phase: the lanes of one group, in order */
    uintptr_t word[32 * 5];
    unsigned words = 0, deepest = 0, depth[32] = {0};
    const unsigned group = a[next]->lane / lanes;
    for (; next < n && a[next]->lane / lanes == group; ++next) {
      for (uintptr_t w = a[next]->at / 4; w <= (a[next]->at + a[next]->bytes - 1) / 4; ++w) word[words++] = w;
      t->bytes += a[next]->bytes;
    }
    words = distinct(word, words);
    for (unsigned i = 0; i < words; ++i) deepest = std::max(deepest, ++depth[word[i] % 32]);
    t->cost += deepest;
    ++t->best;
  }
}

static void count_request(const access *const *a, unsigned n) {
  const bool store = a[0]->store;
  if (a[0]->shared) {
    count_shared(store ? &counted->shared_store : &counted->shared_load, a, n);
  } else {
    count_global(store ? &counted->store : &counted->load, a, n);
  }
}

/* Lanes that did the same, which is usual: request i is everybody's access i. */
static bool count_columns(const std::vector<access> *log) {
  const size_t n = log[0].size();
  for (unsigned lane = 1; lane < 32; ++lane) {
    if (log[lane].size() != n) return false;
    for (size_t i = 0; i < n; ++i) {
      if (log[lane][i].pc != log[0][i].pc || log[lane][i].shared != log[0][i].shared) return false;
    }
  }
  for (size_t i = 0; i < n; ++i) {
    const access *request[32];
    for (unsigned lane = 0; lane < 32; ++lane) request[lane] = &log[lane][i];
    count_request(request, 32);
  }
  return true;
}

static void count_by_place(const std::vector<access> *log) {
  struct key { const void *pc; unsigned occurrence; bool shared; };
  const auto less = [](const key &a, const key &b) {
    return std::tie(a.pc, a.occurrence, a.shared) < std::tie(b.pc, b.occurrence, b.shared);
  };
  std::map<key, std::vector<const access *>, decltype(less)> requests(less);
  for (unsigned lane = 0; lane < 32; ++lane) {
    std::unordered_map<const void *, unsigned> seen;
    for (const access &a : log[lane]) requests[{a.pc, seen[a.pc]++, a.shared}].push_back(&a);
  }
  for (const auto &r : requests) count_request(r.second.data(), static_cast<unsigned>(r.second.size()));
}

void simdev_counters_meet(unsigned warp, unsigned mask) {
  if (!counted || mask != simdev_now.block->warp[warp].exists) return;
  std::vector<access> *log = &logs[simdev_now.block->slot * SIMDEV_BLOCK_THREADS + 32 * warp];
  if (!count_columns(log)) count_by_place(log);
  for (unsigned lane = 0; lane < 32; ++lane) log[lane].clear();
}

void simdev_counters_totals(simdev_totals *all) {
  *all = simdev_totals();
  for (const auto &r : rows) {
    const row &c = r.second;
    all->launches += c.launches;
    all->bytes_read += c.load.bytes;
    all->bytes_written += c.store.bytes;
    all->requests += c.load.requests + c.store.requests;
    all->sectors += c.load.cost + c.store.cost;
    all->least_sectors += c.load.best + c.store.best;
    all->wavefronts += c.shared_load.cost + c.shared_store.cost;
    all->least_wavefronts += c.shared_load.best + c.shared_store.best;
    all->multiply_adds += c.multiply_adds;
    all->fused += c.fused;
  }
}

static double per(unsigned long long a, unsigned long long b) { return b ? static_cast<double>(a) / static_cast<double>(b) : 0; }

static void print_traffic(FILE *out, const traffic *t) {
  fprintf(out, " %12llu %9llu %6.2f %6.2f", t->bytes, t->requests, per(t->cost, t->requests), per(t->cost, t->best));
}

void simdev_counters_report(FILE *out) {
  fprintf(out, "# bytes, warp requests, and per request: 32-byte sectors (global) or wavefronts (shared), then the ratio to the least possible\n");
  fprintf(out, "%-36s %8s %8s %9s %8s %9s %12s %8s", "kernel", "launches", "blocks", "threads", "barriers", "mma", "mma_flop", "shared_B");
  for (const char *what : {"load", "store", "sh_load", "sh_store"}) fprintf(out, " %10s_B %9s %6s %6s", what, "requests", "each", "ratio");
  fprintf(out, " %12s\n", "fmaf");
  for (const auto &r : rows) {
    const row &c = r.second;
    fprintf(out, "%-36s %8llu %8llu %9llu %8llu %9llu %12llu %8zu", r.first.c_str(), c.launches, c.blocks, c.threads, c.barriers, c.mma, 2 * c.multiply_adds, c.shared);
    for (const traffic *t : {&c.load, &c.store, &c.shared_load, &c.shared_store}) print_traffic(out, t);
    fprintf(out, " %12llu\n", c.fused);
  }
}
