/* Scratch memory of encoders whose runs need megabytes: as many blocks as runs are under way at the same
 * time, kept between runs, freed with the encoder. Thread-safe. */
#ifndef BABEL_ENCODERS_SCRATCH_POOL_H
#define BABEL_ENCODERS_SCRATCH_POOL_H

#include <pthread.h>
#include <stddef.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct babel_scratch {
  struct babel_scratch *next;
  size_t size;  /* [bytes] */
  void *memory; /* 64-byte aligned, contents undefined */
} babel_scratch;

typedef struct {
  pthread_mutex_t lock;
  babel_scratch *idle;
} babel_scratch_pool;

#define BABEL_SCRATCH_POOL_INIT                                                                              \
  { PTHREAD_MUTEX_INITIALIZER, NULL }

/* Lends a block of at least `size` bytes until it is given back. */
babel_status babel_scratch_take(babel_scratch_pool *pool, size_t size, babel_scratch **scratch);
void babel_scratch_give(babel_scratch_pool *pool, babel_scratch *scratch); /* accepts NULL */
void babel_scratch_pool_destroy(babel_scratch_pool *pool); /* all blocks must have been given back */

#ifdef __cplusplus
}
#endif
#endif
