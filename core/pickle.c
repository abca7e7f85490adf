#include "core/pickle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"

#define MEMO_LIMIT 1000000u

typedef babel_pickle_value value;

/* The stack machine that a pickle is a program for. */
typedef struct {
  babel_pickle *out;
  const unsigned char *start, *at, *end;
  const unsigned char *opcode; /* the one being executed */
  value *stack;
  size_t count, capacity;
  size_t marks[BABEL_PICKLE_NESTING]; /* stack heights */
  int mark_count;
  value *memo;
  size_t memo_capacity, memo_count; /* memo_count: numbers in use, which is what MEMOIZE counts */
} machine;

static babel_status damaged(const machine *m, const char *what) {
  return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: damaged pickle: opcode 0x%02X at byte %zu: %s", m->out->path,
                    *m->opcode, (size_t)(m->opcode - m->start), what);
}

/* The next n bytes of the program. */
static babel_status next(machine *m, size_t n, const unsigned char **bytes) {
  if (n > (size_t)(m->end - m->at)) return damaged(m, "the pickle ends inside it: the file is truncated");
  *bytes = m->at;
  m->at += n;
  return BABEL_OK;
}

static babel_status push(machine *m, value v) {
  if (m->count == m->capacity) {
    size_t capacity = m->capacity ? 2 * m->capacity : 256;
    void *stack = m->stack;
    BABEL_TRY(babel_pickle_grow(m->out, &stack, m->capacity * sizeof v, capacity * sizeof v));
    m->stack = stack;
    m->capacity = capacity;
  }
  m->stack[m->count++] = v;
  return BABEL_OK;
}

/* Opcodes without a mark of their own may take only what lies above the last mark. */
static size_t bottom(const machine *m) {
  return m->mark_count ? m->marks[m->mark_count - 1] : 0;
}

static size_t available(const machine *m) {
  return m->count - bottom(m);
}

static babel_status pop(machine *m, value *v) {
  if (!available(m)) return damaged(m, "nothing is left on the stack");
  *v = m->stack[--m->count];
  return BABEL_OK;
}

/* Removes the last mark: the values above it are m->stack[*from ... m->count - 1]. */
static babel_status pop_mark(machine *m, size_t *from) {
  if (!m->mark_count) return damaged(m, "no mark is left");
  *from = m->marks[--m->mark_count];
  return BABEL_OK;
}

/* Replaces m->stack[from ...] by one container that holds them. */
static babel_status push_items(machine *m, babel_pickle_kind kind, size_t from) {
  void *memory;
  BABEL_TRY(babel_pickle_take(m->out, sizeof(babel_pickle_items), &memory));
  babel_pickle_items *items = memory;
  items->depth = 1;
  if (m->count > from) BABEL_TRY(babel_pickle_append(m->out, items, m->stack + from, m->count - from));
  m->count = from;
  return push(m, (value){.kind = kind, .items = items});
}

/* ---- constants, numbers, texts ---- */

static babel_status op_proto(machine *m) {
  const unsigned char *b;
  BABEL_TRY(next(m, 1, &b));
  return *b >= 2 && *b <= 5 ? BABEL_OK : damaged(m, "expected pickle protocol 2 to 5");
}

static babel_status op_frame(machine *m) {
  const unsigned char *b;
  BABEL_TRY(next(m, 8, &b));
  return babel_u64(b) <= (uint64_t)(m->end - m->at)
             ? BABEL_OK
             : damaged(m, "the pickle ends inside its frame: the file is truncated");
}

static babel_status op_constant(machine *m) {
  if (*m->opcode == 'N') return push(m, (value){.kind = BABEL_PICKLE_NONE});
  return push(m, (value){.kind = BABEL_PICKLE_BOOL, .integer = *m->opcode == 0x88});
}

static babel_status op_int(machine *m) {
  const unsigned char *b;
  size_t size = *m->opcode == 'J' ? 4 : *m->opcode == 'M' ? 2 : 1;
  BABEL_TRY(next(m, size, &b));
  return push(m, (value){.kind = BABEL_PICKLE_INT,
                         .integer = size == 4   ? (int32_t)babel_u32(b)
                                    : size == 2 ? babel_u16(b)
                                                : *b});
}

/* LONG1: two's complement of any length. */
static babel_status op_long(machine *m) {
  const unsigned char *b, *digits;
  BABEL_TRY(next(m, 1, &b));
  BABEL_TRY(next(m, *b, &digits));
  if (*b > 8) return push(m, (value){.kind = BABEL_PICKLE_LONG});
  uint64_t bits = *b && digits[*b - 1] & 0x80 ? UINT64_MAX : 0;
  for (size_t i = *b; i-- > 0;) bits = bits << 8 | digits[i];
  return push(m, (value){.kind = BABEL_PICKLE_INT, .integer = (int64_t)bits});
}

static babel_status op_float(machine *m) {
  const unsigned char *b;
  BABEL_TRY(next(m, 8, &b));
  return push(m, (value){.kind = BABEL_PICKLE_FLOAT});
}

static babel_status op_text(machine *m) {
  const unsigned char *b;
  unsigned char op = *m->opcode;
  int size = op == 0x96 ? 8 : op == 'X' || op == 'T' || op == 'B' ? 4 : 1; /* of the length */
  BABEL_TRY(next(m, (size_t)size, &b));
  uint64_t length = size == 8 ? babel_u64(b) : size == 4 ? babel_u32(b) : *b;
  BABEL_TRY(next(m, length, &b));
  if (length > UINT32_MAX) return damaged(m, "a text of 4 GiB or more");
  bool bytes = op == 'B' || op == 'C' || op == 0x96;
  return push(
      m, (value){bytes ? BABEL_PICKLE_BYTES : BABEL_PICKLE_TEXT, (uint32_t)length, .text = (const char *)b});
}

/* ---- containers ---- */

static babel_status op_mark(machine *m) {
  if (m->mark_count == BABEL_PICKLE_NESTING) return damaged(m, "nesting deeper than 64");
  m->marks[m->mark_count++] = m->count;
  return BABEL_OK;
}

static babel_status op_empty(machine *m) {
  static babel_pickle_items nothing = {.depth = 1}; /* all empty tuples share it: tuples do not change */
  unsigned char op = *m->opcode;
  if (op == ')') return push(m, (value){.kind = BABEL_PICKLE_TUPLE, .items = &nothing});
  return push_items(m,
                    op == ']'   ? BABEL_PICKLE_LIST
                    : op == '}' ? BABEL_PICKLE_DICT
                                : BABEL_PICKLE_SET,
                    m->count);
}

static babel_status op_short_tuple(machine *m) {
  size_t size = (size_t)(*m->opcode - 0x84);
  if (available(m) < size) return damaged(m, "too few values on the stack");
  return push_items(m, BABEL_PICKLE_TUPLE, m->count - size);
}

static babel_status op_from_mark(machine *m) {
  size_t from = 0;
  BABEL_TRY(pop_mark(m, &from));
  return push_items(m, *m->opcode == 't' ? BABEL_PICKLE_TUPLE : BABEL_PICKLE_SET, from);
}

/* Adds key, value, key, value, ... and counts what looks like an entry of a state dictionary. */
static babel_status add_pairs(machine *m, babel_pickle_items *items, const value *pairs, size_t count) {
  if (count % 2) return damaged(m, "a key without a value");
  BABEL_TRY(babel_pickle_append(m->out, items, pairs, count));
  for (size_t i = 0; i < count; i += 2)
    items->tensors += pairs[i].kind == BABEL_PICKLE_TEXT && pairs[i + 1].kind == BABEL_PICKLE_TENSOR;
  return BABEL_OK;
}

/* Hands m->stack[from ...] to the container below; an opaque container swallows them. */
static babel_status fill(machine *m, size_t from, babel_pickle_kind kind) {
  if (from <= bottom(m)) return damaged(m, "no container is on the stack");
  value *target = &m->stack[from - 1];
  if (target->kind == kind && kind == BABEL_PICKLE_DICT)
    BABEL_TRY(add_pairs(m, target->items, m->stack + from, m->count - from));
  else if (target->kind == kind)
    BABEL_TRY(babel_pickle_append(m->out, target->items, m->stack + from, m->count - from));
  else if (target->kind != BABEL_PICKLE_OPAQUE)
    return damaged(m, "the value on the stack is not of the kind that it fills");
  m->count = from;
  return BABEL_OK;
}

static babel_status op_fill_one(machine *m) {
  size_t size = *m->opcode == 's' ? 2 : 1;
  if (available(m) <= size) return damaged(m, "too few values on the stack");
  return fill(m, m->count - size, size == 2 ? BABEL_PICKLE_DICT : BABEL_PICKLE_LIST);
}

static babel_status op_fill(machine *m) {
  size_t from = 0;
  BABEL_TRY(pop_mark(m, &from));
  return fill(m, from,
              *m->opcode == 'u'   ? BABEL_PICKLE_DICT
              : *m->opcode == 'e' ? BABEL_PICKLE_LIST
                                  : BABEL_PICKLE_SET);
}

/* ---- memo ---- */

static babel_status memo_set(machine *m, uint32_t number) {
  if (number >= MEMO_LIMIT) return damaged(m, "a memo number of 1,000,000 or more");
  if (!available(m)) return damaged(m, "nothing is left on the stack");
  if (number >= m->memo_capacity) {
    size_t capacity = m->memo_capacity ? m->memo_capacity : 256;
    void *memo = m->memo;
    while (capacity <= number) capacity *= 2;
    BABEL_TRY(babel_pickle_grow(m->out, &memo, m->memo_capacity * sizeof(value), capacity * sizeof(value)));
    m->memo = memo;
    m->memo_capacity = capacity;
  }
  m->memo_count += m->memo[number].kind == BABEL_PICKLE_ABSENT;
  m->memo[number] = m->stack[m->count - 1];
  return BABEL_OK;
}

static babel_status op_put(machine *m) {
  const unsigned char *b;
  if (*m->opcode == 0x94) return memo_set(m, (uint32_t)m->memo_count);
  BABEL_TRY(next(m, *m->opcode == 'q' ? 1 : 4, &b));
  return memo_set(m, *m->opcode == 'q' ? *b : babel_u32(b));
}

static babel_status op_get(machine *m) {
  const unsigned char *b;
  BABEL_TRY(next(m, *m->opcode == 'h' ? 1 : 4, &b));
  uint32_t number = *m->opcode == 'h' ? *b : babel_u32(b);
  if (number >= m->memo_capacity || m->memo[number].kind == BABEL_PICKLE_ABSENT)
    return damaged(m, "a memo number that was never set");
  return push(m, m->memo[number]);
}

/* ---- names and what is made with them ---- */

static babel_status push_name(machine *m, const char *module, size_t module_size, const char *name,
                              size_t name_size) {
  void *memory;
  if (module_size > 1000 || name_size > 1000) return damaged(m, "a name of more than 1,000 characters");
  BABEL_TRY(babel_pickle_take(m->out, sizeof(babel_pickle_name), &memory));
  babel_pickle_name *made = memory;
  *made = (babel_pickle_name){
      .module = module, .module_size = (uint32_t)module_size, .name = name, .name_size = (uint32_t)name_size};
  BABEL_TRY(babel_pickle_classify(m->out, made));
  return push(m, (value){.kind = BABEL_PICKLE_NAME, .name = made});
}

static babel_status next_line(machine *m, const char **text, size_t *size) {
  const unsigned char *end = memchr(m->at, '\n', (size_t)(m->end - m->at));
  if (!end) return damaged(m, "the pickle ends inside it: the file is truncated");
  *text = (const char *)m->at;
  *size = (size_t)(end - m->at);
  m->at = end + 1;
  return BABEL_OK;
}

static babel_status op_global(machine *m) {
  const char *module, *name;
  size_t module_size, name_size;
  BABEL_TRY(next_line(m, &module, &module_size));
  BABEL_TRY(next_line(m, &name, &name_size));
  return push_name(m, module, module_size, name, name_size);
}

static babel_status op_stack_global(machine *m) {
  value module, name;
  BABEL_TRY(pop(m, &name));
  BABEL_TRY(pop(m, &module));
  if (module.kind != BABEL_PICKLE_TEXT || name.kind != BABEL_PICKLE_TEXT)
    return damaged(m, "expected two texts");
  return push_name(m, module.text, module.length, name.text, name.length);
}

static babel_status op_persistent(machine *m) {
  value id;
  BABEL_TRY(pop(m, &id));
  const value *part = id.kind == BABEL_PICKLE_TUPLE ? id.items->values : NULL;
  if (!part || id.items->count < 2 || part[1].kind != BABEL_PICKLE_NAME)
    return damaged(m, "expected the id of a storage");
  if (part[1].name->meaning != BABEL_NAME_STORAGE || id.items->count < 5 ||
      !babel_pickle_is_text(&part[0], "storage"))
    return push(m, (value){.kind = BABEL_PICKLE_OPAQUE, .name = part[1].name});
  id.kind = BABEL_PICKLE_STORAGE;
  BABEL_TRY(babel_pickle_append(m->out, &m->out->storages, &id, 1));
  return push(m, id);
}

/* OrderedDict(), or Python 2's OrderedDict([[key, value], ...]). */
static babel_status push_dict(machine *m, const babel_pickle_items *arguments) {
  BABEL_TRY(push_items(m, BABEL_PICKLE_DICT, m->count));
  babel_pickle_items *made = m->stack[m->count - 1].items;
  if (!arguments->count) return BABEL_OK;
  const value *list = &arguments->values[0];
  if (list->kind != BABEL_PICKLE_LIST) return damaged(m, "expected a list of pairs for an OrderedDict");
  for (uint32_t i = 0; i < list->items->count; i++) {
    const value *pair = &list->items->values[i];
    if ((pair->kind != BABEL_PICKLE_LIST && pair->kind != BABEL_PICKLE_TUPLE) || pair->items->count != 2)
      return damaged(m, "expected a list of pairs for an OrderedDict");
    BABEL_TRY(add_pairs(m, made, pair->items->values, 2));
  }
  return BABEL_OK;
}

static babel_status make(machine *m, const babel_pickle_name *name, const value *arguments) {
  const babel_pickle_items *items = arguments->kind == BABEL_PICKLE_TUPLE ? arguments->items : NULL;
  const value *first = items && items->count ? &items->values[0] : NULL;
  if (!items && name->meaning != BABEL_NAME_OTHER) return damaged(m, "expected a tuple of arguments");
  switch (name->meaning) {
  case BABEL_NAME_DICT:
    return push_dict(m, items);
  case BABEL_NAME_TENSOR:
    if (items->count < 4 || (first->kind != BABEL_PICKLE_STORAGE && first->kind != BABEL_PICKLE_OPAQUE))
      return damaged(m, "expected storage, offset, size and stride of a tensor");
    return push(m, (value){.kind = BABEL_PICKLE_TENSOR, .items = arguments->items});
  case BABEL_NAME_PARAMETER:
    if (!first || (first->kind != BABEL_PICKLE_TENSOR && first->kind != BABEL_PICKLE_OPAQUE))
      return damaged(m, "expected the tensor of a parameter");
    return push(m, *first);
  default:
    return push(m, (value){.kind = BABEL_PICKLE_OPAQUE, .name = name});
  }
}

/* REDUCE, NEWOBJ, NEWOBJ_EX: "call this with these arguments". Nothing is called. */
static babel_status op_reduce(machine *m) {
  value callable, arguments;
  BABEL_TRY(pop(m, &arguments));
  if (*m->opcode == 0x92) BABEL_TRY(pop(m, &arguments)); /* the first were keywords */
  BABEL_TRY(pop(m, &callable));
  if (callable.kind == BABEL_PICKLE_OPAQUE) return push(m, callable);
  if (callable.kind != BABEL_PICKLE_NAME) return damaged(m, "expected a name to call");
  return make(m, callable.name, &arguments);
}

/* BUILD: attributes of the object below (`_metadata` of state dictionaries): dropped. */
static babel_status op_build(machine *m) {
  if (available(m) < 2) return damaged(m, "too few values on the stack");
  m->count--;
  return BABEL_OK;
}

static babel_status (*const operations[256])(machine *) = {
    [0x80] = op_proto,       [0x95] = op_frame,    ['N'] = op_constant,      [0x88] = op_constant,
    [0x89] = op_constant,    ['J'] = op_int,       ['K'] = op_int,           ['M'] = op_int,
    [0x8A] = op_long,        ['G'] = op_float,     ['X'] = op_text,          ['T'] = op_text,
    ['U'] = op_text,         [0x8C] = op_text,     ['B'] = op_text,          ['C'] = op_text,
    [0x96] = op_text,        ['('] = op_mark,      [')'] = op_empty,         [']'] = op_empty,
    ['}'] = op_empty,        [0x8F] = op_empty,    [0x85] = op_short_tuple,  [0x86] = op_short_tuple,
    [0x87] = op_short_tuple, ['t'] = op_from_mark, [0x91] = op_from_mark,    ['a'] = op_fill_one,
    ['s'] = op_fill_one,     ['e'] = op_fill,      ['u'] = op_fill,          [0x90] = op_fill,
    ['q'] = op_put,          ['r'] = op_put,       [0x94] = op_put,          ['h'] = op_get,
    ['j'] = op_get,          ['c'] = op_global,    [0x93] = op_stack_global, ['Q'] = op_persistent,
    ['R'] = op_reduce,       [0x81] = op_reduce,   [0x92] = op_reduce,       ['b'] = op_build};

static babel_status run(machine *m) {
  for (;;) {
    m->opcode = m->at;
    if (m->at == m->end)
      return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: truncated: its pickle ends at byte %zu without STOP",
                        m->out->path, (size_t)(m->at - m->start));
    if (*m->at++ == '.') break;
    if (!operations[*m->opcode])
      return BABEL_FAIL(BABEL_ERR_UNSUPPORTED,
                        "%s: pickle opcode 0x%02X at byte %zu is not one that checkpoints need: refused",
                        m->out->path, *m->opcode, (size_t)(m->opcode - m->start));
    BABEL_TRY(operations[*m->opcode](m));
  }
  if (m->mark_count || m->count != 1) return damaged(m, "expected exactly one value at the end");
  m->out->root = m->stack[0];
  m->out->size = (size_t)(m->at - m->start);
  return BABEL_OK;
}

babel_status babel_pickle_read(babel_pickle *pickle, const char *path, const void *data, size_t size,
                               size_t *budget) {
  machine m = {.out = pickle, .start = data, .at = data, .end = (const unsigned char *)data + size};
  *pickle = (babel_pickle){.path = path, .budget = budget};
  babel_status status = run(&m);
  *budget += (m.capacity + m.memo_capacity) * sizeof(value);
  free(m.stack);
  free(m.memo);
  if (status != BABEL_OK) babel_pickle_close(pickle);
  return status;
}
