/* LIMU-BERT weight files with the deterministic fill rule, as a user would have them. */
#ifndef BABEL_TESTS_ENCODERS_LIMU_SYNTHETIC_H
#define BABEL_TESTS_ENCODERS_LIMU_SYNTHETIC_H

#include <stdbool.h>

#include "core/safetensors.h"

typedef struct {
  const char *prefix;  /* before every name; NULL = none */
  const char *omit;    /* leave out this tensor */
  bool omit_decoder;   /* leave out fc, linear, norm and decoder */
  const char *reshape; /* this tensor gets one row more */
  const char *spoil;   /* this tensor gets a NaN */
  const char *extra;   /* one more tensor of this name */
} limu_synthetic;

/* Writes the file; its path lives in a static buffer. */
const char *limu_synthetic_write(const limu_synthetic *how);

/* The network input of the references: (120, 6), key "input". */
void limu_synthetic_input(float x[120 * 6]);

#endif
