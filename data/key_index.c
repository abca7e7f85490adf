#include "data/key_index.h"

#include <stdlib.h>
#include <string.h>

#include "core/rng.h"

/* The slot that holds the key, or the free one where it belongs: linear probing, at most half full. */
static uint32_t probe(const babel_key_index *index, const char *key) {
  uint64_t hash = babel_hash64(key, strlen(key));
  uint32_t slot = (uint32_t)(hash ^ hash >> 32) & index->mask;
  while (index->slots[slot] >= 0 && strcmp(index->keys[index->slots[slot]], key))
    slot = (slot + 1) & index->mask;
  return slot;
}

babel_status babel_key_index_create(babel_key_index *index, char *const *keys, int count) {
  size_t size = 4;
  while (size < 2 * (size_t)count) size *= 2;
  *index = (babel_key_index){.keys = keys, .count = count, .mask = (uint32_t)(size - 1), .twice = {-1, -1}};
  index->slots = malloc(size * sizeof *index->slots);
  if (!index->slots) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for an index of %d keys", count);
  for (size_t i = 0; i < size; i++) index->slots[i] = -1;
  for (int i = 0; i < count; i++) {
    int *slot = &index->slots[probe(index, keys[i])];
    if (*slot < 0)
      *slot = i;
    else if (index->twice[0] < 0) {
      index->twice[0] = *slot;
      index->twice[1] = i;
    }
  }
  return BABEL_OK;
}

void babel_key_index_destroy(babel_key_index *index) {
  if (!index) return;
  free(index->slots);
  memset(index, 0, sizeof *index);
}

int babel_key_index_find(const babel_key_index *index, const char *key) {
  return index->slots[probe(index, key)];
}

bool babel_key_index_duplicate(const babel_key_index *index, int *first, int *second) {
  *first = index->twice[0];
  *second = index->twice[1];
  return *first >= 0;
}
