/* Weight files: PyTorch checkpoints of both layouts, and safetensors, behind one list of named tensors.
 *
 * PyTorch (formats.md sections 5 to 7): zip layout (zip64, stored or deflated) and legacy layout (five pickles, then raw
 * storages). The unpickler is restricted: it knows dictionaries, lists, tuples, numbers, strings, tensors and parameters;
 * every other global becomes an opaque object that is skipped and named; `os`, `subprocess`, `sys`, `builtins` (but for its
 * plain data types such as set) and the like are refused outright. Nothing is ever executed. A wrapped state dictionary (`state_dict`, `model_state_dict`, `model`, or
 * the only entry that is a map of tensors) is found by itself. The prefixes `module.` and `_orig_mod.` are stripped
 * repeatedly, only in front, and only when all names keep apart: a collision is refused.
 * Views that share a storage, offsets and non-contiguous strides are gathered into contiguous data. */
#ifndef BABEL_CORE_CHECKPOINT_H
#define BABEL_CORE_CHECKPOINT_H

#include "core/file.h"
#include "core/safetensors.h"
#include "core/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  char layout[32];   /* "pytorch zip", "pytorch legacy", "safetensors" */
  char sha256[65];   /* of the whole file */
  int count;
  babel_named_tensor *tensors; /* data: contiguous, row-major, owned by the checkpoint */
  bool *used;                  /* set by babel_checkpoint_take: strict import asks for what is left */
  int skipped_count;
  char **skipped; /* "args: argparse.Namespace", ...: what was not a tensor */
  struct babel_checkpoint_memory *memory;
} babel_checkpoint;

babel_status babel_checkpoint_open(babel_checkpoint *checkpoint, const char *path);
void babel_checkpoint_close(babel_checkpoint *checkpoint); /* accepts a zeroed one */

const babel_tensor *babel_checkpoint_find(const babel_checkpoint *checkpoint, const char *name);

/* Copies the float tensor `name` of exactly this shape into out, marks it used.
 * BABEL_ERR_FORMAT: absent (with the nearest names), other shape (both), NaN or infinity. */
babel_status babel_checkpoint_take(babel_checkpoint *checkpoint, const char *name, int rank, const int64_t *shape, float *out);
/* Marks as used without copying: expected but not needed (decoder heads, num_batches_tracked). No error when absent. */
void babel_checkpoint_ignore(babel_checkpoint *checkpoint, const char *name);
/* BABEL_ERR_FORMAT naming the first tensors that nobody took: strict import accounts for every one. */
babel_status babel_checkpoint_all_used(const babel_checkpoint *checkpoint);

#ifdef __cplusplus
}
#endif
#endif
