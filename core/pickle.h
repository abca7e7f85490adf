/* A restricted unpickler: turns the pickles of PyTorch checkpoints into plain values and executes nothing.
 *
 * Known opcodes: those that state dictionaries and training checkpoints of protocols 2 to 5 need (formats.md
 * section 6); any other is refused with its code and offset. A name (GLOBAL) is looked up in a short list:
 * ordered dictionaries, the rebuild calls of tensors and parameters, storage types. Every other name stays a
 * name, and whatever is made with it becomes an opaque value that only knows that name. Names from modules
 * that exist to run things (os, sys, subprocess, builtins save its plain data types, ...) are refused
 * outright.
 *
 * Bounds: no recursion; nesting at most 64; memo numbers below 1,000,000; memory charged to the caller's
 * budget. Texts point into the pickle, which must outlive the result. */
#ifndef BABEL_CORE_PICKLE_H
#define BABEL_CORE_PICKLE_H

#include <stdbool.h>

#include "core/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_PICKLE_NESTING 64

typedef enum {
  BABEL_PICKLE_ABSENT, /* a zeroed value: nothing was read */
  BABEL_PICKLE_NONE,
  BABEL_PICKLE_BOOL,    /* integer */
  BABEL_PICKLE_INT,     /* integer */
  BABEL_PICKLE_LONG,    /* beyond 64 bits: value not kept */
  BABEL_PICKLE_FLOAT,   /* value not kept */
  BABEL_PICKLE_TEXT,    /* text, length */
  BABEL_PICKLE_BYTES,   /* text, length */
  BABEL_PICKLE_LIST,    /* items */
  BABEL_PICKLE_TUPLE,   /* items */
  BABEL_PICKLE_SET,     /* items */
  BABEL_PICKLE_DICT,    /* items: key, value, key, value, ... */
  BABEL_PICKLE_NAME,    /* name: a class or function */
  BABEL_PICKLE_OPAQUE,  /* name: something made with that class or function */
  BABEL_PICKLE_STORAGE, /* items: the persistent id ("storage", type, key, location, elements[, view]) */
  BABEL_PICKLE_TENSOR   /* items: the arguments of the rebuild call (storage, offset, size, stride, ...) */
} babel_pickle_kind;

typedef enum {
  BABEL_NAME_OTHER,
  BABEL_NAME_DICT,
  BABEL_NAME_TENSOR,
  BABEL_NAME_PARAMETER,
  BABEL_NAME_STORAGE
} babel_pickle_meaning;

typedef struct {
  const char *module, *name; /* not terminated */
  uint32_t module_size, name_size;
  babel_pickle_meaning meaning;
  babel_dtype dtype; /* of a storage type */
} babel_pickle_name;

typedef struct babel_pickle_items babel_pickle_items;

typedef struct {
  babel_pickle_kind kind;
  uint32_t length;
  union {
    int64_t integer;
    const char *text;
    babel_pickle_items *items;
    const babel_pickle_name *name;
  };
} babel_pickle_value;

struct babel_pickle_items {
  babel_pickle_value *values;
  uint32_t count, capacity,
      tensors; /* tensors: entries of a dictionary with text as key and a tensor as value */
  int depth;   /* 1 + the deepest value's */
};

typedef struct {
  const char *path; /* borrowed, for sentences */
  size_t *budget;   /* borrowed: bytes that may still be allocated */
  babel_pickle_value root;
  size_t size;                       /* bytes from the start to behind STOP */
  babel_pickle_items storages;       /* every STORAGE value, in order */
  const babel_pickle_name *names[8]; /* the first names outside the list: for sentences */
  int name_count;
  struct babel_pickle_block *blocks;
} babel_pickle;

/* Reads one pickle from the start of data. path: for sentences. *budget [bytes] goes down by what is
 * allocated. path, data and budget must outlive the pickle. On failure nothing is left to close. */
babel_status babel_pickle_read(babel_pickle *pickle, const char *path, const void *data, size_t size,
                               size_t *budget);
void babel_pickle_close(babel_pickle *pickle); /* accepts a zeroed one */

bool babel_pickle_is_text(const babel_pickle_value *value, const char *text);
/* The value under a text key, the last one if there are several; NULL when absent or when dict is not a
 * dictionary. */
const babel_pickle_value *babel_pickle_get(const babel_pickle_value *dict, const char *key);

/* What a value is, for people: "a number", "a dictionary of 3", "argparse.Namespace". Returns text. */
const char *babel_pickle_describe(const babel_pickle_value *value, char *text, size_t size);

/* ---- between pickle.c (the machine) and pickle_value.c (values, names, memory) ---- */

/* Zero-filled memory that lives as long as the pickle. */
babel_status babel_pickle_take(babel_pickle *pickle, size_t size, void **memory);
/* Memory of the caller's own, like realloc; the growth is charged. */
babel_status babel_pickle_grow(const babel_pickle *pickle, void **memory, size_t old_size, size_t size);
/* Copies values behind the others; BABEL_ERR_FORMAT when that nests deeper than 64. */
babel_status babel_pickle_append(babel_pickle *pickle, babel_pickle_items *items,
                                 const babel_pickle_value *values, size_t count);
/* Finds the meaning of a name; BABEL_ERR_FORMAT for the modules that are refused outright. */
babel_status babel_pickle_classify(babel_pickle *pickle, babel_pickle_name *name);

#ifdef __cplusplus
}
#endif
#endif
