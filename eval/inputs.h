/* What the heads see: unit embeddings or raw unit features of the paired samples, alone and fused. Inside eval/ only. */
#ifndef BABEL_EVAL_INPUTS_H
#define BABEL_EVAL_INPUTS_H

#include "growth/trunk.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { BABEL_INPUT_A, BABEL_INPUT_B, BABEL_INPUT_SUM, BABEL_INPUT_CONCAT, BABEL_INPUT_COUNT } babel_input;

/* Samples that both banks hold, in the order of bank a. */
typedef struct {
  const babel_bank *bank[2];
  int n, *rows[2];
  const char **keys;
  int *labels;
  float *features[2]; /* (n, steps, width) */
  int *lengths[2];    /* (n) or NULL */
} babel_paired;

babel_status babel_paired_create(babel_paired *paired, const babel_bank *const banks[2]);
void babel_paired_destroy(babel_paired *paired); /* accepts a zeroed one */

/* x[input]: (n, width[input]), owned; NULL where an input does not exist (sum of raw features). */
typedef struct {
  float *x[BABEL_INPUT_COUNT];
  int width[BABEL_INPUT_COUNT];
} babel_inputs;

babel_status babel_inputs_aligned(babel_inputs *inputs, const babel_paired *paired, const babel_trunk *trunk);
/* Standardised with the statistics of the samples whose keys are given; sequences are averaged over their valid steps first. */
babel_status babel_inputs_raw(babel_inputs *inputs, const babel_paired *paired, const char *const *train, int train_count);
void babel_inputs_destroy(babel_inputs *inputs); /* accepts a zeroed one */

#ifdef __cplusplus
}
#endif
#endif
