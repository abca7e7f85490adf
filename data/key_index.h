/* A hash index over the keys of a list: finds a key's position, and a key that stands twice. The keys are borrowed. */
#ifndef BABEL_DATA_KEY_INDEX_H
#define BABEL_DATA_KEY_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  char *const *keys;
  int count;
  uint32_t mask;
  int *slots;            /* (mask + 1) position or -1 */
  int twice[2];          /* first positions of one key, or -1 */
} babel_key_index;

babel_status babel_key_index_create(babel_key_index *index, char *const *keys, int count);
void babel_key_index_destroy(babel_key_index *index); /* accepts a zeroed one */

/* Position of the key (the first, when it stands twice), or -1. */
int babel_key_index_find(const babel_key_index *index, const char *key);
/* True when some key stands twice: the first such pair of positions, first < second. */
bool babel_key_index_duplicate(const babel_key_index *index, int *first, int *second);

#ifdef __cplusplus
}
#endif
#endif
