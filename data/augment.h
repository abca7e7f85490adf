/* The 600 augmentation variants of a training pair (algorithm.md section 8; paper: 300 down-sampled and 300 truncated
 * versions, the same time mapping for both members).
 *
 * A variant is a map of relative time: output row i of n looks at u = start + length * i / (n - 1) of the recording,
 * n = max(8, round(rows * length * ratio)), by linear interpolation between the two rows around u * (rows - 1).
 *   v < 300:  start 0, length 1, ratio 1 - 0.5 v / 300. v = 0 is the recording itself, bit for bit.
 *   v >= 300: ratio 1, length uniform in [0.5, 1), start uniform in [0, 1 - length).
 * PAPER-GAP: ratios and distributions; the paper gives the number of variants and the bound of one half. */
#ifndef BABEL_DATA_AUGMENT_H
#define BABEL_DATA_AUGMENT_H

#include <stdint.h>

#include "data/sample.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_VARIANTS 600
#define BABEL_VARIANT_MIN_ROWS 8

typedef struct {
  int variant;
  double start, length; /* of the recording, as fractions of it */
  double ratio;         /* rows kept */
} babel_time_map;

/* Depends on (seed, key, variant) alone, so that both members of a pair, any subset of variants and any order give the same
 * map. Random words: stream BABEL_RNG_AUGMENT, block b = babel_hash64(key) + variant: index 4 b gives the length, index
 * 4 b + 1 the start. BABEL_ERR_ARG when variant is not 0..599. */
babel_status babel_time_map_create(babel_time_map *map, uint64_t seed, const char *key, int variant);

/* Rows of the result. */
int babel_time_map_rows(const babel_time_map *map, int rows);

/* out: a new sample of the same modality; must not be in. A person of a skeleton who is absent (all zero) in one of the two
 * rows is taken from the nearer row, never blended with zeros. */
babel_status babel_augment(babel_sample *out, const babel_sample *in, const babel_time_map *map);

/* The i-th of `count` variants spread over the 600: floor(i * 600 / count). */
int babel_variant_pick(int i, int count);
/* The same for windows, which are cut but not slowed: the recording itself, then 300 + floor((i - 1) * 300 / count); 4 give 0, 300, 375, 450. */
int babel_variant_pick_cut(int i, int count);

#ifdef __cplusplus
}
#endif
#endif
