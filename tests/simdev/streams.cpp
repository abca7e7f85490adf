/* Order between streams. Kernels leave their traces in the shadow; of copies and memsets (operations of the host half) the ranges are
 * kept. At the start of a kernel or copy the few earlier ones that no stream, event or wait orders before it are listed, as a rule none;
 * only what touches the same bytes as one of these is looked at closer. The last 256 kernels and 1,024 copies are remembered. */
#include "tests/simdev/shadow.h"

#include <string>

enum { KERNELS = 256, COPIES = 1024 };
struct kernel { uint32_t first, last; unsigned long long operation; std::string name; };
struct copy { uintptr_t begin, end; bool write; unsigned long long operation; };
static std::vector<kernel> kernels, unordered;
static kernel overlapped; /* the launch before this one, which programmatic dependent launch lets it overlap; operation 0: none */
static std::vector<copy> copies, unordered_copies;

template <class T> static void list_unordered(const std::vector<T> &all, std::vector<T> *some) {
  some->clear();
  for (const T &t : all) {
    if (!simdev_ordered(t.operation)) some->push_back(t);
  }
}

template <class T> static void keep(std::vector<T> *all, size_t n) {
  if (all->size() > n) all->erase(all->begin(), all->end() - static_cast<std::ptrdiff_t>(n / 2));
}

void simdev_streams_begin_grid(uint32_t first_run) {
  keep(&kernels, KERNELS);
  list_unordered(kernels, &unordered);
  list_unordered(copies, &unordered_copies);
  overlapped.operation = 0;
  for (const kernel &k : kernels) {
    if (simdev_now.grid->early && simdev_ordered(k.operation)) overlapped = k;
  }
  kernels.push_back({first_run, first_run, simdev_operation(), simdev_now.grid->name});
}

void simdev_streams_begin_block(uint32_t run) { kernels.back().last = run; }

static const kernel *unordered_kernel(uint32_t run) {
  for (const kernel &k : unordered) {
    if (run >= k.first && run <= k.last) return &k;
  }
  return nullptr;
}

bool simdev_streams_behind(uint32_t run, bool dependency) {
  if (!dependency && overlapped.operation && run >= overlapped.first && run <= overlapped.last) return false;
  return !unordered_kernel(run);
}

static const copy *overlapping(const std::vector<copy> &some, uintptr_t at, size_t bytes, bool write) {
  for (const copy &c : some) {
    if ((write || c.write) && at < c.end && c.begin < at + bytes) return &c;
  }
  return nullptr;
}

void simdev_streams_access(uintptr_t at, size_t bytes, simdev_access kind, const void *pc) {
  if (unordered_copies.empty()) return;
  const copy *c = overlapping(unordered_copies, at, bytes, kind != SIMDEV_READ);
  if (!c) return;
  simdev_finding("race", "%s: access to %s; a copy or memset in another stream %s it; nothing orders the two", simdev_code_line(pc),
                 simdev_array_name(at), c->write ? "writes" : "reads");
}

/* The copy against what unordered kernels left at one place: their last write, and their reads if it writes. */
static bool kernel_conflict(const simdev_cell *c, uintptr_t at, bool write) {
  const kernel *w = unordered_kernel(c->write_run), *r = write ? unordered_kernel(c->read_run) : nullptr;
  if (!w && !r) return false;
  simdev_finding("race", "a copy or memset %s %s, which kernel %s in another stream %s; nothing orders the two", write ? "writes" : "reads",
                 simdev_array_name(at), (w ? w : r)->name.c_str(), w ? "wrote" : "read");
  return true;
}

void simdev_streams_copy(simdev_space *s, uintptr_t at, size_t bytes, bool write) {
  const unsigned long long operation = simdev_operation();
  if (!operation || !bytes) return;
  list_unordered(kernels, &unordered);
  list_unordered(copies, &unordered_copies);
  if (overlapping(unordered_copies, at, bytes, write)) {
    simdev_finding("race", "a copy or memset %s %s, as does one in another stream; nothing orders the two", write ? "writes" : "reads",
                   simdev_array_name(at));
  }
  for (size_t i = at - s->begin; s->word && !unordered.empty() && i < at - s->begin + bytes; ++i) {
    const simdev_cell *c = s->word + i / 4;
    if (kernel_conflict(c->split ? s->byte + i : c, s->begin + i, write)) break;
  }
  keep(&copies, COPIES);
  copies.push_back({at, at + bytes, write, operation});
}
