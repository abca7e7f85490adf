#include "tests/simdev/block.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef SIMDEV_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

/* Pieces stand apart by a red zone. Limits: static 48 KiB; with the dynamic part 163 KiB, what one block gets on sm_80. */
enum { STATIC_LIMIT = 48 << 10, LIMIT = 163 << 10, RED_ZONE = 128, PIECES = 64, BUFFER = LIMIT + (PIECES + 1) * 2 * RED_ZONE };

struct piece { int id; size_t bytes; char *at; };
static piece pieces[PIECES]; /* 0 is the dynamic one */
static int used;
static size_t static_bytes;
static char *buffer, *end;

simdev_range simdev_shared_range(void) { return {buffer, buffer ? buffer + BUFFER : nullptr}; }

static void fill(const piece *p) {
  memset(p->at, 0xff, p->bytes);
  simdev_shadow_allocated(p->at, p->bytes);
}

static void *carve(int id, size_t bytes) {
  piece *p = pieces + used++;
  *p = {id, bytes, end};
  end += (bytes + RED_ZONE - 1) / RED_ZONE * RED_ZONE + RED_ZONE;
  ASAN_UNPOISON_MEMORY_REGION(p->at, bytes);
  fill(p);
  return p->at;
}

void simdev_shared_begin_grid(size_t dynamic) {
  if (!buffer) buffer = static_cast<char *>(aligned_alloc(RED_ZONE, BUFFER));
  ASAN_POISON_MEMORY_REGION(buffer, BUFFER);
  simdev_shadow_shared_buffer(buffer, BUFFER);
  used = 0;
  static_bytes = 0;
  end = buffer + RED_ZONE;
  carve(-1, dynamic);
}

void simdev_shared_begin_block(void) {
  for (int i = 0; i < used; ++i) fill(pieces + i);
}

size_t simdev_shared_bytes(void) { return static_bytes + pieces[0].bytes; }

void *simdev_dynamic_shared(void) { return pieces[0].at; }

void *simdev_shared(int id, size_t bytes) {
  for (int i = 1; i < used; ++i) {
    if (pieces[i].id == id && pieces[i].bytes == bytes) return pieces[i].at;
  }
  static_bytes += bytes;
  if (used == PIECES || static_bytes > STATIC_LIMIT || static_bytes + pieces[0].bytes > LIMIT) {
    simdev_finding("shared memory", "%s: %zu static and %zu dynamic bytes; at most %d static, %d in all, %d arrays", simdev_code_line(__builtin_return_address(0)), static_bytes, pieces[0].bytes,
                   STATIC_LIMIT, LIMIT, PIECES - 1);
  }
  return carve(id, bytes);
}

const char *simdev_shared_name(const void *p) {
  static char text[96];
  const char *at = static_cast<const char *>(p);
  for (int i = used - 1; i >= 0; --i) {
    if (at < pieces[i].at - RED_ZONE) continue;
    snprintf(text, sizeof text, "%s shared array of %zu bytes at offset %td", i ? "static" : "dynamic", pieces[i].bytes, at - pieces[i].at);
    return text;
  }
  return "shared memory";
}
