/* One block of memory, handed out front to back in 64-byte-aligned pieces and freed at once.
 * Parameters, gradients and activations each live in one arena, so that checkpoint, all-reduce and AdamW are single calls. */
#ifndef BABEL_CORE_ARENA_H
#define BABEL_CORE_ARENA_H

#include <stddef.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  unsigned char *base; /* 64-byte aligned */
  size_t size, used;   /* [bytes] */
} babel_arena;

#define BABEL_ALIGNMENT 64

/* Zero-filled. size 0 is allowed. */
babel_status babel_arena_create(babel_arena *arena, size_t size);
void babel_arena_destroy(babel_arena *arena); /* accepts a zeroed arena */
void babel_arena_reset(babel_arena *arena);   /* hands everything out anew; contents stay */

/* BABEL_ERR_MEMORY with both numbers when the arena is full. */
babel_status babel_arena_take(babel_arena *arena, size_t size, void **piece);
babel_status babel_arena_floats(babel_arena *arena, size_t count, float **piece);

/* Bytes that `count` items of `size` need, rounded up to the alignment: for sizing an arena before creating it. SIZE_MAX,
 * which babel_arena_create refuses, when that is more than a machine can address. */
size_t babel_arena_need(size_t count, size_t size);

/* Aligned, zero-filled memory outside an arena; free with free(). BABEL_ERR_MEMORY on overflow of count * size too. */
babel_status babel_alloc(void **memory, size_t count, size_t size);
/* The same into the pointer of any type that `pointer` points to; it stays what it was on failure. */
babel_status babel_alloc_to(void *pointer, size_t count, size_t size);

#ifdef __cplusplus
}
#endif
#endif
