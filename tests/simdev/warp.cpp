#include "tests/simdev/block.h"

/* Votes */

struct vote_operand { int predicate; unsigned result; };

static unsigned predicates(const simdev_warp *w, unsigned mask) {
  unsigned bits = 0;
  for (unsigned rest = mask; rest; rest &= rest - 1) {
    const int lane = __builtin_ctz(rest);
    if (static_cast<const vote_operand *>(w->operand[lane])->predicate) bits |= 1u << lane;
  }
  return bits;
}

static void give_all(simdev_warp *w, unsigned mask, unsigned result) {
  for (; mask; mask &= mask - 1) static_cast<vote_operand *>(w->operand[__builtin_ctz(mask)])->result = result;
}

static void resolve_plain(simdev_warp *, unsigned) {}
static void resolve_ballot(simdev_warp *w, unsigned mask) { give_all(w, mask, predicates(w, mask)); }
static void resolve_any(simdev_warp *w, unsigned mask) { give_all(w, mask, predicates(w, mask) != 0); }
static void resolve_all(simdev_warp *w, unsigned mask) { give_all(w, mask, predicates(w, mask) == mask); }

unsigned simdev_warp_vote(int vote, unsigned mask, int predicate, simdev_site site) {
  vote_operand operand = {predicate, 0};
  simdev_meet(vote == SIMDEV_BALLOT ? resolve_ballot : vote == SIMDEV_OR ? resolve_any : vote == SIMDEV_AND ? resolve_all : resolve_plain,
              mask, &operand, site);
  return operand.result;
}

unsigned simdev_active_mask(void) { return 1u << simdev_lane(simdev_now.running); } /* all that may be relied on */

/* Shuffles. Each kind meets its own kind only; the lane asked for must take part. */

struct shuffle_operand { uint64_t value, result; int lane, width; };

template <int kind> static void resolve_shuffle(simdev_warp *w, unsigned mask) {
  for (unsigned rest = mask; rest; rest &= rest - 1) {
    const int me = __builtin_ctz(rest);
    shuffle_operand *o = static_cast<shuffle_operand *>(w->operand[me]);
    const int first = me & -o->width;
    int from = kind == SIMDEV_SHUFFLE_IDX    ? first + (o->lane & (o->width - 1))
               : kind == SIMDEV_SHUFFLE_UP   ? me - o->lane
               : kind == SIMDEV_SHUFFLE_DOWN ? me + o->lane
                                             : me ^ o->lane;
    if (kind == SIMDEV_SHUFFLE_UP ? from < first : from >= first + o->width) from = me;
    /* A lane outside the mask: the manual leaves the value undefined. */
    o->result = mask >> from & 1u ? static_cast<shuffle_operand *>(w->operand[from])->value : ~uint64_t(0);
  }
}

uint64_t simdev_shuffle(int kind, unsigned mask, uint64_t value, int lane, int width, simdev_site site) {
  static simdev_resolve *const resolve[] = {resolve_shuffle<SIMDEV_SHUFFLE_IDX>, resolve_shuffle<SIMDEV_SHUFFLE_UP>,
                                            resolve_shuffle<SIMDEV_SHUFFLE_DOWN>, resolve_shuffle<SIMDEV_SHUFFLE_XOR>};
  shuffle_operand operand = {value, 0, lane, width};
  simdev_meet(resolve[kind], mask, &operand, site);
  return operand.result;
}

/* Atomics: one thread runs at a time, so plain reads and writes are atomic here. */

template <class U, class S> static U atomic(int op, U *p, U value, U compare) {
  const U old = *p;
  const S olds = static_cast<S>(old), values = static_cast<S>(value);
  switch (op) {
    case SIMDEV_ADD: *p = old + value; break;
    case SIMDEV_MIN: *p = values < olds ? value : old; break;
    case SIMDEV_MAX: *p = values > olds ? value : old; break;
    case SIMDEV_UMIN: *p = value < old ? value : old; break;
    case SIMDEV_UMAX: *p = value > old ? value : old; break;
    case SIMDEV_CAS: *p = old == compare ? value : old; break;
    case SIMDEV_EXCH: *p = value; break;
    case SIMDEV_BIT_AND: *p = old & value; break;
    case SIMDEV_BIT_OR: *p = old | value; break;
    case SIMDEV_BIT_XOR: *p = old ^ value; break;
  }
  return old;
}

uint32_t simdev_atomic_32(int op, void *p, uint32_t value, uint32_t compare) {
  simdev_touch(p, 4, 4, SIMDEV_ATOMIC, __builtin_return_address(0));
  return atomic<uint32_t, int32_t>(op, static_cast<uint32_t *>(p), value, compare);
}

uint64_t simdev_atomic_64(int op, void *p, uint64_t value, uint64_t compare) {
  simdev_touch(p, 8, 8, SIMDEV_ATOMIC, __builtin_return_address(0));
  return atomic<uint64_t, int64_t>(op, static_cast<uint64_t *>(p), value, compare);
}
