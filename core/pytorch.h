/* The two layouts of PyTorch checkpoints (formats.md sections 6 and 7), turned into the tensor list of
 * core/checkpoint.h. */
#ifndef BABEL_CORE_PYTORCH_H
#define BABEL_CORE_PYTORCH_H

#include "core/checkpoint.h"
#include "core/pickle.h"
#include "core/zip.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a checkpoint owns behind its list. */
struct babel_checkpoint_memory {
  babel_file file;
  babel_safetensors safetensors;
  size_t budget; /* bytes that this file may still make us allocate: 32 MiB and 16 times its size in all */
  void **blocks; /* inflated entries, gathered views */
  size_t block_count, block_capacity;
  int tensor_capacity;
  size_t skipped_more; /* skipped entries beyond the named ones */
};

bool babel_pytorch_is_legacy(const babel_file *file);

/* Reads memory->file, a zip archive or a file of five pickles, into the checkpoint. */
babel_status babel_pytorch_read_zip(babel_checkpoint *checkpoint);
babel_status babel_pytorch_read_legacy(babel_checkpoint *checkpoint);

/* ---- between pytorch.c (layouts, storages) and pytorch_state.c (the map of tensors) ---- */

typedef struct {
  const char *key; /* not terminated */
  uint32_t key_size;
  uint64_t width, count;     /* bytes of an element, elements */
  const unsigned char *data; /* NULL before it is loaded */
  bool loaded;
} babel_pytorch_storage;

typedef struct {
  babel_checkpoint *checkpoint;
  const babel_zip *zip; /* NULL in the legacy layout */
  const char *root;     /* "archive/": the folder inside the zip, not terminated */
  size_t root_size;
  babel_pytorch_storage *storages; /* sorted by key */
  size_t storage_count;
} babel_pytorch_source;

/* The elements that a persistent id stands for. */
typedef struct {
  babel_dtype dtype;
  const unsigned char *data;
  int64_t count;
} babel_pytorch_elements;

babel_status babel_pytorch_load(babel_pytorch_source *source, const babel_pickle_items *id,
                                babel_pytorch_elements *elements);
/* Finds the map of tensors in the unpickled object and adds every tensor to the checkpoint. */
babel_status babel_pytorch_add_state(babel_pytorch_source *source, const babel_pickle *pickle);

/* ---- checkpoint.c's services for readers ---- */

/* Adds a tensor under its name (size characters, not terminated) less the prefixes `module.` and
 * `_orig_mod.`. */
babel_status babel_checkpoint_add(babel_checkpoint *checkpoint, const char *name, size_t size,
                                  const babel_tensor *tensor);
/* Notes something that is not a tensor: "name: what". */
babel_status babel_checkpoint_skip(babel_checkpoint *checkpoint, const char *name, const char *what);
/* Hands a malloced block over; on failure it is freed. */
babel_status babel_checkpoint_own(babel_checkpoint *checkpoint, void *block);
/* Takes bytes off the budget, or BABEL_ERR_FORMAT. */
babel_status babel_checkpoint_charge(babel_checkpoint *checkpoint, uint64_t bytes);

#ifdef __cplusplus
}
#endif
#endif
