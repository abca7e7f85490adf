/* The training rows of a phase on the backend, and which of them make up batch t. */
#ifndef BABEL_GROWTH_PHASE_DATA_H
#define BABEL_GROWTH_PHASE_DATA_H

#include "growth/neighbours.h"
#include "growth/windows.h"
#include "growth/phase.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const babel_ops *ops;
  int pairs, variants, batch, steps_per_epoch; /* variants >= 1: rows of a pair in the arrays below */
  int steps[2], width[2];
  int *source[2];                  /* (pairs) rows of the banks */
  int *columns[2];                 /* (variants) which of a bank's variants; -1 = the original */
  float *rows[2];                  /* backend: (pairs, variants, steps, width) */
  int *lengths[2];                 /* host: (pairs, variants) or NULL */
  float *mean[2], *inv_std[2];     /* host: statistics of the originals */
  int constant[2], zero_rows[2], equal_rows[2]; /* equal_rows: samples that equal another one bit for bit */
  int *order, *workspace, *partners; /* backend: (2, pairs), (2, pairs), (3, batch) or NULL: kernels/shuffle.h, kernels/batch_choice.h */
  int *known_lengths[2];           /* backend: (pairs, variants) or NULL */
  babel_neighbours graph;          /* n = 0 unless the configuration wants neighbours */
  int *graph_lists;                /* backend: (pairs, k) neighbours */
  float *graph_weights;            /* backend: (pairs, k) */
  babel_windows windows;           /* with mask_overlaps */
  int *graph_windows;              /* backend: (pairs, 3), where windows that overlap are to be masked */
} babel_phase_data;

/* Pairs the banks, picks the variants, takes the statistics. Nothing is on the backend yet. */
babel_status babel_phase_data_create(babel_phase_data *data, const babel_ops *ops, const babel_config *config,
                                     const babel_phase_options *options);
void babel_phase_data_destroy(babel_phase_data *data); /* accepts a zeroed one */
babel_status babel_phase_data_upload(babel_phase_data *data, const babel_phase_options *options);

/* How the plan's steps choose their rows, and the graph. */
void babel_phase_data_plan(const babel_phase_data *data, const babel_config *config, babel_step_plan *plan);
/* The orders of this step's epoch and of the next one. */
babel_status babel_phase_data_begin(const babel_phase_data *data, const babel_config *config, int64_t step);

/* The same choice on the host: row numbers (and lengths) of the batch of any step. Epoch e visits pair order[i]; variant drawn by (seed, e, i). Where
 * partners are shuffled, graph_rows are the pairs of side a. */
babel_status babel_phase_data_batch(const babel_phase_data *data, const babel_config *config, int64_t step, const babel_step_inputs *in);

#ifdef __cplusplus
}
#endif
#endif
