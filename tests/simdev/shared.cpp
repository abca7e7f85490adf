#include "tests/simdev/shadow.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef SIMDEV_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

/* Pieces stand apart by a red zone, at the same offsets in the buffer of every resident block. Limits: static 48 KiB; with the dynamic part
 * 163 KiB, what one block gets on sm_80. */
enum { STATIC_LIMIT = 48 << 10, LIMIT = 163 << 10, RED_ZONE = 128, PIECES = 64, BUFFER = (LIMIT + (PIECES + 1) * 2 * RED_ZONE + 4095) / 4096 * 4096 };

struct piece { int id; size_t bytes, offset; };
static piece pieces[PIECES]; /* 0 is the dynamic one */
static int used;
static unsigned slots; /* resident blocks */
static size_t static_bytes, end;
static char *buffers;

static char *buffer_of(unsigned slot) { return buffers + static_cast<size_t>(slot) * BUFFER; }
static char *own_buffer(void) { return buffer_of(simdev_now.block->slot); }

simdev_range simdev_shared_range(void) { return {own_buffer(), own_buffer() + BUFFER}; }

static void fill(const piece *p, unsigned slot) {
  char *at = buffer_of(slot) + p->offset;
  ASAN_UNPOISON_MEMORY_REGION(at, p->bytes);
  memset(at, 0xff, p->bytes);
  simdev_shadow_allocated(at, p->bytes);
}

/* Of all blocks that run: one may touch what another has not come to. */
static size_t carve(int id, size_t bytes) {
  piece *p = pieces + used++;
  *p = {id, bytes, end};
  end += (bytes + RED_ZONE - 1) / RED_ZONE * RED_ZONE + RED_ZONE;
  for (unsigned slot = 0; slot < slots; ++slot) {
    if (!simdev_now.resident[slot]->over) fill(p, slot);
  }
  return p->offset;
}

void simdev_shared_begin_grid(size_t dynamic, unsigned resident) {
  if (!buffers) buffers = static_cast<char *>(simdev_reserve(static_cast<size_t>(BUFFER) * SIMDEV_RESIDENT));
  slots = resident;
  ASAN_POISON_MEMORY_REGION(buffers, static_cast<size_t>(BUFFER) * slots);
  simdev_shadow_shared_buffer(buffers, static_cast<size_t>(BUFFER) * SIMDEV_RESIDENT, static_cast<size_t>(BUFFER) * slots);
  used = 0;
  static_bytes = 0;
  end = RED_ZONE;
  carve(-1, dynamic);
}

void simdev_shared_begin_block(unsigned slot) {
  for (int i = 0; i < used; ++i) fill(pieces + i, slot);
}

void simdev_shared_end_block(unsigned slot) {
  for (int i = 0; i < used && slots > 1; ++i) simdev_shadow_freed(buffer_of(slot) + pieces[i].offset, pieces[i].bytes);
}

unsigned simdev_shared_slot(const void *p) { return static_cast<unsigned>(static_cast<size_t>(static_cast<const char *>(p) - buffers) / BUFFER); }

void *simdev_shared_in(unsigned slot, const void *p) {
  return buffer_of(slot) + static_cast<size_t>(static_cast<const char *>(p) - buffers) % BUFFER;
}

size_t simdev_shared_bytes(void) { return static_bytes + pieces[0].bytes; }

void *simdev_dynamic_shared(void) { return own_buffer() + pieces[0].offset; }

void *simdev_shared(int id, size_t bytes) {
  for (int i = 1; i < used; ++i) {
    if (pieces[i].id == id && pieces[i].bytes == bytes) return own_buffer() + pieces[i].offset;
  }
  static_bytes += bytes;
  if (used == PIECES || static_bytes > STATIC_LIMIT || static_bytes + pieces[0].bytes > LIMIT) {
    simdev_finding("shared memory", "%s: %zu static and %zu dynamic bytes; at most %d static, %d in all, %d arrays", simdev_code_line(__builtin_return_address(0)), static_bytes, pieces[0].bytes,
                   STATIC_LIMIT, LIMIT, PIECES - 1);
  }
  return own_buffer() + carve(id, bytes);
}

const char *simdev_shared_name(const void *p) {
  static char text[160];
  const unsigned slot = simdev_shared_slot(p);
  const ptrdiff_t at = static_cast<const char *>(p) - buffer_of(slot);
  for (int i = used - 1; i >= 0; --i) {
    if (at < static_cast<ptrdiff_t>(pieces[i].offset) - RED_ZONE) continue;
    const int n = snprintf(text, sizeof text, "%s shared array of %zu bytes at offset %td", i ? "static" : "dynamic", pieces[i].bytes,
                           at - static_cast<ptrdiff_t>(pieces[i].offset));
    if (slot != simdev_now.block->slot && slot < slots) {
      const uint3 b = simdev_now.resident[slot]->index;
      snprintf(text + n, sizeof text - static_cast<size_t>(n), " of block (%u,%u,%u)", b.x, b.y, b.z);
    }
    return text;
  }
  return "shared memory";
}
