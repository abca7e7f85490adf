/* Split and draw files: who trains, who is held out, which samples support and which query (algorithm.md 9.2).
 *   split: header `key,part`, part one of train, holdout, test.
 *   draws: header `draw,role,key`, draw 0.., role support or query.
 * The stored UTD-MHAD files (configs/splits/) carry SHA-256 sums in the program; a changed stored file is refused, a
 * user's own file is taken and its checksum recorded. */
#ifndef BABEL_DATA_SPLIT_H
#define BABEL_DATA_SPLIT_H

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { BABEL_PART_TRAIN, BABEL_PART_HOLDOUT, BABEL_PART_TEST } babel_part;

typedef struct {
  int count;
  char **keys;
  babel_part *parts;
  char sha256[65];
  char path[1024];
} babel_split;

babel_status babel_split_read(babel_split *split, const char *path);
void babel_split_destroy(babel_split *split);
/* Keys of one part, in file order: pointers into split, array malloced. */
babel_status babel_split_keys(const babel_split *split, babel_part part, const char ***keys, int *count);

typedef struct {
  int support_count, query_count;
  char **support, **query;
} babel_draw;

typedef struct {
  int count;
  babel_draw *draws;
  char sha256[65];
  char path[1024];
} babel_draws;

/* Refuses an empty support or query, a key that is both in one draw, draw numbers with gaps. */
babel_status babel_draws_read(babel_draws *draws, const char *path);
void babel_draws_destroy(babel_draws *draws);

#ifdef __cplusplus
}
#endif
#endif
