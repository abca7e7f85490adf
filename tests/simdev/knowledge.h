/* Simulated device, internal: what is behind a thread, block by block of its launch. */
#ifndef BABEL_TESTS_SIMDEV_KNOWLEDGE_H
#define BABEL_TESTS_SIMDEV_KNOWLEDGE_H

#include <algorithm>
#include <memory>

#include "tests/simdev/shadow.h"

/* SIMDEV_AGENT: the block's copy unit, which is no thread. */
enum { SIMDEV_AGENT = SIMDEV_BLOCK_THREADS, SIMDEV_VIEW };

/* Of one block: everything before `all`; and of thread t, everything before each[t] (empty: nothing more). */
struct simdev_view {
  uint32_t all = 0;
  std::vector<uint32_t> each;
};

struct simdev_knowledge {
  std::vector<simdev_view> of; /* by run, from the first of the launch on */
  bool dependency = false;     /* the grids before this one are complete */

  simdev_view *view_of(uint32_t index) {
    if (of.size() <= index) of.resize(index + 1);
    return &of[index];
  }
  uint32_t time(uint32_t index, unsigned place) const {
    if (index >= of.size()) return 0;
    const simdev_view &v = of[index];
    if (place == SIMDEV_AGENT) return v.each.empty() ? 0 : v.each[place]; /* a barrier does not wait for copies */
    return v.each.empty() ? v.all : std::max(v.all, v.each[place]);
  }
  void drop(uint32_t index) {
    if (index >= of.size() || of[index].each.empty()) return;
    const uint32_t copies = of[index].each[SIMDEV_AGENT];
    of[index] = simdev_view();
    if (!copies) return;
    of[index].each.resize(SIMDEV_VIEW, 0);
    of[index].each[SIMDEV_AGENT] = copies;
  }
  void join(const simdev_knowledge &other) {
    dependency = dependency || other.dependency;
    if (of.size() < other.of.size()) of.resize(other.of.size());
    for (size_t i = 0; i < other.of.size(); ++i) {
      const simdev_view &from = other.of[i];
      simdev_view &to = of[i];
      to.all = std::max(to.all, from.all);
      if (from.each.empty()) continue;
      to.each.resize(SIMDEV_VIEW, 0);
      for (size_t t = 0; t < from.each.size(); ++t) to.each[t] = std::max(to.each[t], from.each[t]);
    }
  }
};

#endif
