#include "encoders/scratch_pool.h"

#include <stdlib.h>

#include "core/arena.h"

static babel_status grow(babel_scratch *scratch, size_t size) {
  free(scratch->memory);
  scratch->memory = NULL;
  scratch->size = 0;
  BABEL_TRY(babel_alloc(&scratch->memory, size, 1));
  scratch->size = size;
  return BABEL_OK;
}

babel_status babel_scratch_take(babel_scratch_pool *pool, size_t size, babel_scratch **scratch) {
  pthread_mutex_lock(&pool->lock);
  babel_scratch *found = pool->idle;
  if (found) pool->idle = found->next;
  pthread_mutex_unlock(&pool->lock);
  if (!found) {
    void *memory;
    BABEL_TRY(babel_alloc(&memory, 1, sizeof *found));
    found = memory;
  }
  if (found->size < size && grow(found, size) != BABEL_OK) {
    free(found);
    return BABEL_ERR_MEMORY;
  }
  *scratch = found;
  return BABEL_OK;
}

void babel_scratch_give(babel_scratch_pool *pool, babel_scratch *scratch) {
  if (!scratch) return;
  pthread_mutex_lock(&pool->lock);
  scratch->next = pool->idle;
  pool->idle = scratch;
  pthread_mutex_unlock(&pool->lock);
}

void babel_scratch_pool_destroy(babel_scratch_pool *pool) {
  while (pool->idle) {
    babel_scratch *next = pool->idle->next;
    free(pool->idle->memory);
    free(pool->idle);
    pool->idle = next;
  }
  pthread_mutex_destroy(&pool->lock);
}
