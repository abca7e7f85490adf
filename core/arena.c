#include "core/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t round_up(size_t size) {
  return (size + BABEL_ALIGNMENT - 1) / BABEL_ALIGNMENT * BABEL_ALIGNMENT;
}

size_t babel_arena_need(size_t count, size_t size) {
  /* What no machine can address must not wrap round to little: creating an arena of this size then fails. */
  return size && count > (SIZE_MAX / 2) / size ? SIZE_MAX : round_up(count * size);
}

/* The first touch of a page is what takes time: large memory is touched by all processors. */
static void fill_with_zeros(char *block, size_t bytes) {
  enum { PIECE = 1 << 22 };
#pragma omp parallel for schedule(static) if (bytes >= 16 * (size_t)PIECE)
  for (size_t at = 0; at < bytes; at += PIECE) memset(block + at, 0, bytes - at < PIECE ? bytes - at : PIECE);
}

babel_status babel_alloc(void **memory, size_t count, size_t size) {
  *memory = NULL;
  if (size && count > (SIZE_MAX / 2) / size)
    return BABEL_FAIL(BABEL_ERR_MEMORY, "%zu items of %zu bytes are more than a machine can address", count, size);
  size_t bytes = round_up(count * size);
  if (!bytes) bytes = BABEL_ALIGNMENT;
  void *block = aligned_alloc(BABEL_ALIGNMENT, bytes);
  if (!block) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for %zu bytes", bytes);
  fill_with_zeros(block, bytes);
  *memory = block;
  return BABEL_OK;
}

babel_status babel_alloc_to(void *pointer, size_t count, size_t size) {
  void *memory;
  BABEL_TRY(babel_alloc(&memory, count, size));
  memcpy(pointer, &memory, sizeof memory);
  return BABEL_OK;
}

babel_status babel_arena_create(babel_arena *arena, size_t size) {
  void *base;
  memset(arena, 0, sizeof *arena);
  BABEL_TRY(babel_alloc(&base, size, 1));
  arena->base = base;
  arena->size = round_up(size);
  return BABEL_OK;
}

void babel_arena_destroy(babel_arena *arena) {
  if (!arena) return;
  free(arena->base);
  memset(arena, 0, sizeof *arena);
}

void babel_arena_reset(babel_arena *arena) {
  arena->used = 0;
}

babel_status babel_arena_take(babel_arena *arena, size_t size, void **piece) {
  size_t need = round_up(size);
  if (need < size || need > arena->size - arena->used)
    return BABEL_FAIL(BABEL_ERR_MEMORY, "arena of %zu bytes has %zu left, %zu are needed", arena->size,
                      arena->size - arena->used, size);
  *piece = arena->base + arena->used;
  arena->used += need;
  return BABEL_OK;
}

babel_status babel_arena_floats(babel_arena *arena, size_t count, float **piece) {
  void *memory;
  if (count > SIZE_MAX / 2 / sizeof(float))
    return BABEL_FAIL(BABEL_ERR_MEMORY, "%zu floats are more than a machine can address", count);
  BABEL_TRY(babel_arena_take(arena, count * sizeof(float), &memory));
  *piece = memory;
  return BABEL_OK;
}
