#include "encoders/weight_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "kernels/batchnorm.h"

enum { NAME = 192 };

babel_status babel_weight_source_vector(const babel_weight_source *source, const char *name, int n,
                                        float *out) {
  const int64_t shape[1] = {n};
  return source->take(source->context, name, 1, shape, out);
}

babel_status babel_weight_source_matrix(const babel_weight_source *source, const char *name, int rows,
                                        int columns, float *out) {
  const int64_t shape[2] = {rows, columns};
  return source->take(source->context, name, 2, shape, out);
}

babel_status babel_weight_source_batchnorm(const babel_weight_source *source, const char *name, int n,
                                           float *scale, float *shift) {
  static const char *const parts[4] = {"weight", "bias", "running_mean", "running_var"};
  char full[NAME];
  void *memory;
  babel_status status = BABEL_OK;
  BABEL_TRY(babel_alloc(&memory, (size_t)n * 4, sizeof(float)));
  float *values = memory;
  for (int i = 0; i < 4; i++) {
    snprintf(full, sizeof full, "%s.%s", name, parts[i]);
    BABEL_TRY_OR(babel_weight_source_vector(source, full, n, values + (ptrdiff_t)i * n), done);
  }
  status = babel_batchnorm_coefficients(scale, shift, values, values + n, values + 2 * (ptrdiff_t)n,
                                        values + 3 * (ptrdiff_t)n, n);
  if (status != BABEL_OK) babel_fail_context("%s: ", name);
done:
  free(memory);
  return status;
}

static babel_status take(void *context, const char *name, int rank, const int64_t *shape, float *out) {
  const babel_checkpoint_source *source = context;
  char full[NAME];
  snprintf(full, sizeof full, "%s%s", source->prefix, name);
  return babel_checkpoint_take(source->checkpoint, full, rank, shape, out);
}

babel_weight_source babel_checkpoint_source_of(babel_checkpoint_source *source, babel_checkpoint *checkpoint,
                                               const char *prefix, const char *probe) {
  char full[NAME];
  snprintf(full, sizeof full, "%s%s", prefix, probe);
  source->checkpoint = checkpoint;
  source->prefix = babel_checkpoint_find(checkpoint, full) ? prefix : "";
  return (babel_weight_source){source, take};
}

static bool ends_with(const char *name, const char *end) {
  size_t size = strlen(name), tail = strlen(end);
  return size >= tail && !strcmp(name + size - tail, end);
}

babel_status babel_checkpoint_source_finish(const babel_checkpoint_source *source) {
  babel_checkpoint *checkpoint = source->checkpoint;
  for (int i = 0; i < checkpoint->count; i++) {
    const char *name = checkpoint->tensors[i].name;
    if (strncmp(name, source->prefix, strlen(source->prefix)) || ends_with(name, ".num_batches_tracked"))
      babel_checkpoint_ignore(checkpoint, name);
  }
  return babel_checkpoint_all_used(checkpoint);
}
