/* The feature bank: encoder outputs of one (data set, modality, split), computed once. All that training and evaluation
 * see of the data.
 *
 * File: safetensors. Tensors (N samples, K variants, T time steps, D features):
 *   features  F32 (N, D) or (N, T, D)        the originals, sample order = key order of the data set
 *   variants  F32 (N, K, D) or (N, K, T, D)  augmented versions; absent when K = 0
 *   variant_ids I32 (K)                      numbers 0..599 of algorithm.md section 8 (0 = the original)
 *   lengths   I32 (N, 1 + K)                 valid time steps of each sequence; only with T
 *   labels I32 (N) 0-based, subjects I32 (N), first I32 (N), last I32 (N)   rows of the recording a window covers, last excluded
 * Metadata (strings): format "babel-bank 1", keys and recordings (one line each, '\n' between), modality, dataset, split,
 * provenance (a JSON object: encoder, encoder_output, weights file and sha256, licence, trained_on, labels_seen,
 * random_weights, simulated, preprocessing, commit). docs/files.md repeats this for people. */
#ifndef BABEL_DATA_BANK_H
#define BABEL_DATA_BANK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/safetensors.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  char modality[32], dataset[64], split[64];
  int rows;     /* N */
  int variants; /* K, 0 = none */
  int steps;    /* T, 1 = pooled features */
  int width;    /* D */
  char **keys, **recordings;          /* (N); recording = key unless windows of one recording */
  int *labels, *subjects, *first, *last; /* (N) */
  int *variant_ids;                   /* (K) */
  int *lengths;                       /* (N, 1 + K) or NULL */
  float *features;                    /* (N, T, D) */
  float *augmented;                   /* (N, K, T, D) or NULL */
  char *provenance;                   /* JSON text */
  char sha256[65];                    /* of the file it was read from or written to; "" before */
  char path[1024];
  struct babel_bank_index *index; /* of the keys; see babel_bank_row */
} babel_bank;

/* Valid time steps of a row: of the original (version 0) or of its variant version - 1. */
static inline int babel_bank_length(const babel_bank *bank, int row, int version) {
  return bank->lengths ? bank->lengths[(size_t)row * (size_t)(1 + bank->variants) + (size_t)version] : bank->steps;
}

/* Allocates all arrays, zero-filled but for variant_ids, which are spread evenly: floor(i * 600 / K). The strings keys[i] and
 * recordings[i] stay NULL for the caller to set (heap strings, owned); provenance is "{}". */
babel_status babel_bank_create(babel_bank *bank, const char *modality, int rows, int variants, int steps, int width);
void babel_bank_destroy(babel_bank *bank); /* accepts a zeroed one */

babel_status babel_bank_read(babel_bank *bank, const char *path); /* validates */
babel_status babel_bank_write(babel_bank *bank, const char *path); /* validates first; atomic; sets sha256 and path */

/* Shapes, finite values, unique keys, labels >= 0, known format. Sentence names file, key and column. */
babel_status babel_bank_validate(const babel_bank *bank);

/* Row of a key, or -1. The first call builds a hash index of the keys, so they must not change afterwards. Thread-safe. */
int babel_bank_row(const babel_bank *bank, const char *key);

/* Row numbers of both banks for the keys that `keys` lists (NULL = all keys of a, which must then be all keys of b too).
 * BABEL_ERR_FORMAT when a key is missing on one side (names the first ten and both counts) or a label differs.
 * rows_a, rows_b: malloced, *count long. */
babel_status babel_bank_pair(const babel_bank *a, const babel_bank *b, const char *const *keys, int key_count, int **rows_a,
                             int **rows_b, int *count);

/* The rows of these keys, in this order, as a new bank: one part of a split, say. BABEL_ERR_FORMAT when a key is missing (names
 * the first ten and both counts) or stands twice. out->split is that of `in`: set it afterwards. */
babel_status babel_bank_select(babel_bank *out, const babel_bank *in, const char *const *keys, int count);

/* Pairs of windows of one recording whose row ranges overlap, how many recordings have any, and the largest part of a window
 * that an earlier one holds too (0..1). A random split would put near copies of training windows into the test part. */
babel_status babel_bank_overlaps(const babel_bank *bank, int64_t *pairs, int *recordings, double *share);

/* A user's own features: x.npy (N, D) or (N, T, D) of any real dtype and keys.csv with header
 * `key,label,subject[,recording,first,last]`. Refuses NaN (row and column named) and a row count that differs from the
 * keys'. Warns when windows of one recording overlap. Without the last three columns recording = key, first = last = 0.
 * dataset and split become "imported" and "all". */
babel_status babel_bank_import(babel_bank *bank, const char *npy_path, const char *keys_path, const char *modality);

/* Column-wise mean and 1 / scale over the given rows of `features` (rows NULL = all), accumulated in double (T > 1: over valid steps):
 * scale = population deviation + 1e-6; a column whose deviation is below 1e-6 * (1 + |mean|) gets scale 1 and is counted in
 * *constant (algorithm.md section 1). */
babel_status babel_bank_statistics(const babel_bank *bank, const int *rows, int count, float *mean, float *inv_std, int *constant);

#ifdef __cplusplus
}
#endif
#endif
