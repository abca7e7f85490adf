#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/pickle.h"

/* ---- memory ---- */

struct babel_pickle_block {
  struct babel_pickle_block *next;
  size_t size, used;
  _Alignas(16) unsigned char bytes[];
};

static babel_status charge(const babel_pickle *pickle, size_t size) {
  if (size > *pickle->budget)
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: its pickle needs more memory than a checkpoint of its size may take",
                      pickle->path);
  *pickle->budget -= size;
  return BABEL_OK;
}

babel_status babel_pickle_take(babel_pickle *pickle, size_t size, void **memory) {
  struct babel_pickle_block *block = pickle->blocks;
  size = (size + 15) / 16 * 16;
  if (!block || block->size - block->used < size) {
    size_t room = size > 16384 ? size : 16384;
    BABEL_TRY(charge(pickle, sizeof *block + room));
    block = calloc(1, sizeof *block + room);
    if (!block) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %zu bytes", pickle->path, room);
    block->size = room;
    block->next = pickle->blocks;
    pickle->blocks = block;
  }
  *memory = block->bytes + block->used;
  block->used += size;
  return BABEL_OK;
}

babel_status babel_pickle_grow(const babel_pickle *pickle, void **memory, size_t old_size, size_t size) {
  BABEL_TRY(charge(pickle, size - old_size));
  void *grown = realloc(*memory, size);
  if (!grown) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %zu bytes", pickle->path, size);
  memset((char *)grown + old_size, 0, size - old_size);
  *memory = grown;
  return BABEL_OK;
}

void babel_pickle_close(babel_pickle *pickle) {
  if (!pickle) return;
  for (struct babel_pickle_block *block = pickle->blocks, *next; block; block = next) {
    next = block->next;
    free(block);
  }
  memset(pickle, 0, sizeof *pickle);
}

static int depth_of(const babel_pickle_value *value) {
  switch (value->kind) {
  case BABEL_PICKLE_LIST:
  case BABEL_PICKLE_TUPLE:
  case BABEL_PICKLE_SET:
  case BABEL_PICKLE_DICT:
  case BABEL_PICKLE_STORAGE:
  case BABEL_PICKLE_TENSOR:
    return value->items->depth;
  default:
    return 0;
  }
}

babel_status babel_pickle_append(babel_pickle *pickle, babel_pickle_items *items,
                                 const babel_pickle_value *values, size_t count) {
  if (count > INT32_MAX || items->count > INT32_MAX)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: its pickle holds a list of more than %d items", pickle->path,
                      INT32_MAX);
  uint32_t need = items->count + (uint32_t)count;
  if (need > items->capacity) {
    size_t capacity = 2 * (size_t)items->capacity > need ? 2 * (size_t)items->capacity : need;
    void *grown;
    BABEL_TRY(babel_pickle_take(pickle, capacity * sizeof *values, &grown));
    if (items->count) memcpy(grown, items->values, items->count * sizeof *values);
    items->values = grown;
    items->capacity = (uint32_t)capacity;
  }
  for (size_t i = 0; i < count; i++) {
    int depth = 1 + depth_of(&values[i]);
    if (depth > BABEL_PICKLE_NESTING)
      return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: its pickle nests deeper than %d", pickle->path,
                        BABEL_PICKLE_NESTING);
    if (depth > items->depth) items->depth = depth;
    items->values[items->count++] = values[i];
  }
  return BABEL_OK;
}

/* ---- names ---- */

static bool same(const char *text, size_t size, const char *word) {
  return size == strlen(word) && !memcmp(text, word, size);
}

static bool is_one_of(const char *text, size_t size, const char *const *words) {
  for (; *words; words++)
    if (same(text, size, *words)) return true;
  return false;
}

/* Modules that a pickle names for one reason: to run something when it is loaded. */
static bool is_refused(const babel_pickle_name *name) {
  static const char *const modules[] = {"os",
                                        "posix",
                                        "nt",
                                        "sys",
                                        "subprocess",
                                        "builtins",
                                        "__builtin__",
                                        "commands",
                                        "shutil",
                                        "importlib",
                                        "imp",
                                        "runpy",
                                        "pty",
                                        "socket",
                                        "ctypes",
                                        "code",
                                        "codeop",
                                        "pdb",
                                        "bdb",
                                        "timeit",
                                        "profile",
                                        "cProfile",
                                        "pickle",
                                        "_pickle",
                                        "cPickle",
                                        "dill",
                                        "cloudpickle",
                                        "marshal",
                                        "multiprocessing",
                                        "asyncio",
                                        "webbrowser",
                                        "operator",
                                        "_operator",
                                        "pip",
                                        NULL};
  static const char *const plain_data[] = {
      "set", "frozenset", "dict",  "list",      "tuple", "int",   "long",   "float",  "complex", "bool",
      "str", "unicode",   "bytes", "bytearray", "slice", "range", "xrange", "object", NULL};
  const char *dot = memchr(name->module, '.', name->module_size);
  size_t first = dot ? (size_t)(dot - name->module) : name->module_size;
  bool builtin = same(name->module, name->module_size, "builtins") ||
                 same(name->module, name->module_size, "__builtin__");
  return is_one_of(name->module, first, modules) &&
         !(builtin && is_one_of(name->name, name->name_size, plain_data));
}

static void remember(babel_pickle *pickle, const babel_pickle_name *name) {
  int most = (int)(sizeof pickle->names / sizeof *pickle->names);
  for (int i = 0; i < pickle->name_count; i++) {
    const babel_pickle_name *seen = pickle->names[i];
    if (seen->module_size == name->module_size && seen->name_size == name->name_size &&
        !memcmp(seen->module, name->module, name->module_size) &&
        !memcmp(seen->name, name->name, name->name_size))
      return;
  }
  if (pickle->name_count < most) pickle->names[pickle->name_count++] = name;
}

babel_status babel_pickle_classify(babel_pickle *pickle, babel_pickle_name *name) {
  static const struct {
    const char *module, *name;
    babel_pickle_meaning meaning;
    babel_dtype dtype;
  } known[] = {
      {"collections", "OrderedDict", BABEL_NAME_DICT, BABEL_F32},
      {"torch._utils", "_rebuild_tensor_v2", BABEL_NAME_TENSOR, BABEL_F32},
      {"torch._utils", "_rebuild_tensor", BABEL_NAME_TENSOR, BABEL_F32},
      {"torch._utils", "_rebuild_parameter", BABEL_NAME_PARAMETER, BABEL_F32},
      {"torch", "FloatStorage", BABEL_NAME_STORAGE, BABEL_F32},
      {"torch", "DoubleStorage", BABEL_NAME_STORAGE, BABEL_F64},
      {"torch", "HalfStorage", BABEL_NAME_STORAGE, BABEL_F16},
      {"torch", "BFloat16Storage", BABEL_NAME_STORAGE, BABEL_BF16},
      {"torch", "LongStorage", BABEL_NAME_STORAGE, BABEL_I64},
      {"torch", "IntStorage", BABEL_NAME_STORAGE, BABEL_I32},
      {"torch", "ShortStorage", BABEL_NAME_STORAGE, BABEL_I16},
      {"torch", "CharStorage", BABEL_NAME_STORAGE, BABEL_I8},
      {"torch", "ByteStorage", BABEL_NAME_STORAGE, BABEL_U8},
      {"torch", "BoolStorage", BABEL_NAME_STORAGE, BABEL_BOOL},
      {"torch.storage", "UntypedStorage", BABEL_NAME_STORAGE, BABEL_U8},
  };
  name->meaning = BABEL_NAME_OTHER;
  if (is_refused(name))
    return BABEL_FAIL(
        BABEL_ERR_FORMAT,
        "%s: refused: its pickle asks for %.*s.%.*s, which can run programs; nothing was executed",
        pickle->path, (int)name->module_size, name->module, (int)name->name_size, name->name);
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (same(name->module, name->module_size, known[i].module) &&
        same(name->name, name->name_size, known[i].name)) {
      name->meaning = known[i].meaning;
      name->dtype = known[i].dtype;
    }
  if (name->meaning == BABEL_NAME_OTHER) remember(pickle, name);
  return BABEL_OK;
}

/* ---- values ---- */

bool babel_pickle_is_text(const babel_pickle_value *value, const char *text) {
  return value->kind == BABEL_PICKLE_TEXT && same(value->text, value->length, text);
}

const babel_pickle_value *babel_pickle_get(const babel_pickle_value *dict, const char *key) {
  if (dict->kind != BABEL_PICKLE_DICT) return NULL;
  for (uint32_t i = dict->items->count; i >= 2; i -= 2)
    if (babel_pickle_is_text(&dict->items->values[i - 2], key)) return &dict->items->values[i - 1];
  return NULL;
}

static void describe_tensor(const babel_pickle_items *arguments, char *text, size_t size) {
  const babel_pickle_value *storage = &arguments->values[0];
  if (storage->kind == BABEL_PICKLE_OPAQUE)
    snprintf(text, size, "a tensor of type %.*s", (int)storage->name->name_size, storage->name->name);
  else
    snprintf(text, size, "a tensor");
}

const char *babel_pickle_describe(const babel_pickle_value *value, char *text, size_t size) {
  static const char *const plain[] = {
      [BABEL_PICKLE_NONE] = "None",          [BABEL_PICKLE_BOOL] = "a truth value",
      [BABEL_PICKLE_INT] = "a whole number", [BABEL_PICKLE_LONG] = "a whole number beyond 64 bits",
      [BABEL_PICKLE_FLOAT] = "a number",     [BABEL_PICKLE_TEXT] = "a text",
      [BABEL_PICKLE_BYTES] = "bytes",        [BABEL_PICKLE_STORAGE] = "a storage"};
  switch (value->kind) {
  case BABEL_PICKLE_LIST:
    snprintf(text, size, "a list of %u", value->items->count);
    break;
  case BABEL_PICKLE_TUPLE:
    snprintf(text, size, "a tuple of %u", value->items->count);
    break;
  case BABEL_PICKLE_SET:
    snprintf(text, size, "a set of %u", value->items->count);
    break;
  case BABEL_PICKLE_DICT:
    snprintf(text, size, "a dictionary of %u", value->items->count / 2);
    break;
  case BABEL_PICKLE_NAME:
  case BABEL_PICKLE_OPAQUE:
    snprintf(text, size, "%.*s.%.*s", (int)value->name->module_size, value->name->module,
             (int)value->name->name_size, value->name->name);
    break;
  case BABEL_PICKLE_TENSOR:
    describe_tensor(value->items, text, size);
    break;
  default:
    snprintf(text, size, "%s", plain[value->kind]);
  }
  return text;
}
