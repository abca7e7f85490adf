/* Where a network's tensors come from: a checkpoint, random numbers, or the rule of a test. A loader asks for
 * every tensor by the name of its state dictionary, so all sources run the same import. */
#ifndef BABEL_ENCODERS_WEIGHT_SOURCE_H
#define BABEL_ENCODERS_WEIGHT_SOURCE_H

#include "core/checkpoint.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  void *context;
  babel_status (*take)(void *context, const char *name, int rank, const int64_t *shape, float *out);
} babel_weight_source;

/* source->take of one vector or matrix. */
babel_status babel_weight_source_vector(const babel_weight_source *source, const char *name, int n,
                                        float *out);
babel_status babel_weight_source_matrix(const babel_weight_source *source, const char *name, int rows,
                                        int columns, float *out);

/* NAME.weight, .bias, .running_mean, .running_var of n channels -> y = scale x + shift (kernels/batchnorm.h).
 */
babel_status babel_weight_source_batchnorm(const babel_weight_source *source, const char *name, int n,
                                           float *scale, float *shift);

/* Tensors of a checkpoint, with the prefix in front of every name when the file has it in front of `probe`:
 * BABEL's own checkpoint holds every tower. */
typedef struct {
  babel_checkpoint *checkpoint;
  const char *prefix;
} babel_checkpoint_source;

babel_weight_source babel_checkpoint_source_of(babel_checkpoint_source *source, babel_checkpoint *checkpoint,
                                               const char *prefix, const char *probe);
/* Strict import: nothing may be left but `num_batches_tracked` and, behind a prefix, other towers. */
babel_status babel_checkpoint_source_finish(const babel_checkpoint_source *source);

#ifdef __cplusplus
}
#endif
#endif
