/* Banks and splits that are read once, however many phases use them; and the training pairs of a trunk's earlier phases, found again. */
#ifndef BABEL_GROWTH_SHELF_H
#define BABEL_GROWTH_SHELF_H

#include "data/split.h"
#include "growth/phase.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BABEL_SHELF_ITEMS = 128 };

typedef struct {
  babel_bank *banks[BABEL_SHELF_ITEMS];
  struct {
    babel_split split;
    const char **keys[3]; /* by part; NULL until asked for */
    int counts[3];
  } *splits[BABEL_SHELF_ITEMS];
  int bank_count, split_count;
} babel_shelf;

/* What they give belongs to the shelf. */
babel_status babel_shelf_bank(babel_shelf *shelf, const char *path, const babel_bank **bank);
babel_status babel_shelf_split(babel_shelf *shelf, const char *path, const babel_split **split);
/* part: "train", "holdout" or "test"; BABEL_ERR_ARG when it is none of them. */
babel_status babel_shelf_keys(babel_shelf *shelf, const char *split_path, const char *part, const char *const **keys, int *count);
void babel_shelf_destroy(babel_shelf *shelf); /* accepts a zeroed one */

/* The pairs of every phase in the trunk's history, in order: each bank where the history says it was (as given, then beside the trunk), or among
 * `extra`, by its checksum; the split likewise. pairs: BABEL_MAX_SOURCES / 2 of them. When one is not found: *count = 0, and `missing` says which file of
 * which phase. BABEL_ERR_FORMAT when the history cannot be read. */
babel_status babel_earlier_find(babel_shelf *shelf, const babel_trunk *trunk, const char *const *extra, int extra_count, babel_earlier_pair *pairs,
                                int *count, char *missing, size_t size);

#ifdef __cplusplus
}
#endif
#endif
