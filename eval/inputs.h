/* What the heads see: unit embeddings or raw unit features of the paired samples, alone and fused. Inside eval/ only. */
#ifndef BABEL_EVAL_INPUTS_H
#define BABEL_EVAL_INPUTS_H

#include "growth/trunk.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { BABEL_INPUT_A, BABEL_INPUT_B, BABEL_INPUT_SUM, BABEL_INPUT_WEIGHTED, BABEL_INPUT_CONCAT, BABEL_INPUT_COUNT } babel_input;

/* The samples of both banks, which must be the same, in the order of bank a. */
typedef struct {
  const babel_bank *bank[2], *member; /* member: of a further tower (members.h), borrowed, or NULL */
  int n, *rows[2];
  const char **keys;
  int *labels;
  float *features[2]; /* (n, steps, width) */
  int *lengths[2];    /* (n) or NULL */
} babel_paired;

babel_status babel_paired_create(babel_paired *paired, const babel_bank *const banks[2]);
void babel_paired_destroy(babel_paired *paired); /* accepts a zeroed one */

/* x[input]: (n, width[input]), owned; NULL where an input does not exist (sums of raw features). WEIGHTED: the sum with fusion_weight on the
 * second bank. */
typedef struct {
  float *x[BABEL_INPUT_COUNT];
  int width[BABEL_INPUT_COUNT];
} babel_inputs;

/* Unit embeddings (n, embed_dim) of side s. */
babel_status babel_paired_embed(const babel_paired *paired, int s, const babel_trunk *trunk, babel_output output, float *x);

/* BABEL_ERR_SHAPE when a bank is not as wide as its tower, BABEL_ERR_ARG when there is no tower. */
babel_status babel_inputs_aligned(babel_inputs *inputs, const babel_paired *paired, const babel_trunk *trunk);
/* Standardised with the statistics of the samples whose keys are given; sequences are averaged over their valid steps first. */
babel_status babel_inputs_raw(babel_inputs *inputs, const babel_paired *paired, const char *const *train, int train_count);
/* Side by side: y = [a ; b], row by row, each input of `a` with its counterpart in `b` (a sum with the other's concatenation where it has no sum). */
babel_status babel_inputs_join(babel_inputs *y, const babel_inputs *a, const babel_inputs *b, int n);
babel_status babel_inputs_copy(babel_inputs *y, const babel_inputs *x, int n);
void babel_inputs_destroy(babel_inputs *inputs); /* accepts a zeroed one */

#ifdef __cplusplus
}
#endif
#endif
