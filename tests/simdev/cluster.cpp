/* What blocks that are resident together have in common: words with acquire and release, clusters. */
#include <map>

#include "tests/simdev/block.h"

#define PC __builtin_return_address(0)

/* ---- acquire and release ---- */

static std::map<const unsigned *, simdev_knowledge *> words; /* what was released there by the resident blocks */

void simdev_add_release(unsigned *p, unsigned value) {
  simdev_touch(p, 4, 4, SIMDEV_ATOMIC, PC);
  simdev_order_release(&words[p]);
  *p += value;
}

static unsigned load(const unsigned *p, const void *pc) {
  simdev_touch(p, 4, 4, SIMDEV_ATOMIC, pc);
  const auto found = words.find(p);
  if (found != words.end()) simdev_order_acquire(found->second);
  return *p;
}

unsigned simdev_load_acquire(const unsigned *p) { return load(p, PC); }

void simdev_spin_at_least(const unsigned *p, unsigned least) {
  const void *pc = PC;
  simdev_spin_until("a word that another block counts up", pc, [=] { return static_cast<int>(load(p, pc) - least) >= 0; });
}

/* ---- clusters ---- */

struct cluster_state {
  unsigned generation; /* full barriers so far */
  simdev_knowledge *filling, *full;
  std::vector<unsigned> arrived; /* of each thread: 1 + the generation in which it last came, 0: never */
};
static std::vector<cluster_state> clusters;

void simdev_cluster_begin(void) {
  clusters.assign(simdev_now.resident.size() / simdev_now.cluster, cluster_state());
  for (cluster_state &c : clusters) c.arrived.assign(simdev_now.cluster * simdev_now.threads, 0);
}

void simdev_cluster_end(void) {
  for (const cluster_state &c : clusters) {
    simdev_order_forget(c.filling);
    simdev_order_forget(c.full);
  }
  for (const auto &w : words) simdev_order_forget(w.second);
  clusters.clear();
  words.clear();
}

bool simdev_same_cluster(const simdev_block_state *a, const simdev_block_state *b) { return a->slot / simdev_now.cluster == b->slot / simdev_now.cluster; }

unsigned simdev_cluster_blocks(void) { return simdev_now.cluster; }
unsigned simdev_cluster_rank(void) { return simdev_now.block->slot % simdev_now.cluster; }

void *simdev_cluster_map(void *shared, unsigned rank) {
  const simdev_range own = simdev_shared_range();
  if (static_cast<char *>(shared) < own.begin || static_cast<char *>(shared) >= own.end || rank >= simdev_now.cluster) {
    simdev_finding("out of bounds", "%s: expected an address in the block's own shared memory, and a block of 0..%u, not %u", simdev_code_line(PC),
                   simdev_now.cluster - 1, rank);
  }
  return simdev_shared_in(simdev_now.block->slot / simdev_now.cluster * simdev_now.cluster + rank, shared);
}

static cluster_state *own_cluster(void) { return &clusters[simdev_now.block->slot / simdev_now.cluster]; }
static unsigned *own_arrival(cluster_state *c) {
  return &c->arrived[simdev_cluster_rank() * simdev_now.threads + simdev_now.running->linear];
}

void simdev_cluster_arrive(void) {
  cluster_state *c = own_cluster();
  unsigned *mine = own_arrival(c);
  if (*mine > c->generation) simdev_finding("barrier divergence", "%s: arrives at the cluster's barrier a second time without a wait between", simdev_code_line(PC));
  *mine = 1 + c->generation;
  simdev_order_release(&c->filling);
}

/* All threads of the cluster that have not exited have come. */
static bool full(const cluster_state *c) {
  const unsigned first = static_cast<unsigned>(c - clusters.data()) * simdev_now.cluster;
  for (unsigned i = 0; i < c->arrived.size(); ++i) {
    const simdev_thread &t = simdev_now.resident[first + i / simdev_now.threads]->thread[i % simdev_now.threads];
    if (c->arrived[i] != 1 + c->generation && t.state != SIMDEV_DONE) return false;
  }
  return true;
}

void simdev_cluster_wait(void) {
  cluster_state *c = own_cluster();
  const unsigned *mine = own_arrival(c), generation = *mine - 1;
  if (!*mine || generation + 1 < c->generation) simdev_finding("barrier divergence", "%s: waits at the cluster's barrier without having arrived", simdev_code_line(PC));
  simdev_spin_until("the other threads of its cluster to arrive at the cluster's barrier", PC, [=] {
    if (c->generation > generation) return true;
    if (!full(c)) return false;
    ++c->generation;
    simdev_order_forget(c->full);
    c->full = c->filling;
    c->filling = nullptr;
    return true;
  });
  simdev_order_acquire(c->full);
}
