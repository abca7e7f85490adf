/* Weight files of the skeleton networks with the deterministic fill rule, as a user would have them: written
 * by asking a loader for its tensors and keeping what it asked for. */
#ifndef BABEL_TESTS_ENCODERS_SKELETON_FILE_H
#define BABEL_TESTS_ENCODERS_SKELETON_FILE_H

#include "encoders/weight_source.h"

typedef struct {
  const char *prefix; /* before every name; NULL = none */
  const char *omit;   /* leave out this tensor */
  const char *spoil;  /* this tensor gets a NaN (floats) or a wrong entry (index tables) */
  const char *extra;  /* one more tensor of this name */
} skeleton_file;

/* The path lives in a static buffer; *count = tensors in the file. */
const char *skeleton_file_shift_gcn(const skeleton_file *how, int *count);
const char *skeleton_file_st_gcn(const skeleton_file *how, int *count);

#endif
