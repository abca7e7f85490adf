/* The rows that hold the trunk in place while a pair is trained (algorithm.md section 16): cached pairs of earlier phases, rows drawn from what the
 * trunk remembers of its modalities, or the pair's own rows. Every tower that has such rows is one more side of the step, held to a copy of itself.
 *
 * rehearsal_kd: rehearsal_rows pairs a step, spread evenly over the earlier phases (the specification draws one phase a step: the same in the mean);
 *   both members of a pair pass. Variants as the bank has them, the original among them.
 * replay: rehearsal_rows pairs a step of every earlier phase, out of replay_bank pairs of it that are chosen at the start, at random or by herding (Welling
 *   2009: each next pair is the one that brings the mean of those chosen nearest to the mean of all, in standardised features).
 * gauss_kd: gauss_rows rows of each earlier modality, out of a pool of BABEL_GAUSS_POOL drawn at the start of the phase.
 * Rows are drawn with replacement by (seed, BABEL_RNG_REHEARSAL, step). */
#ifndef BABEL_GROWTH_REHEARSAL_H
#define BABEL_GROWTH_REHEARSAL_H

#include "growth/phase.h"
#include "growth/policy.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BABEL_GAUSS_POOL = 2048 };

typedef struct {
  int side, first, samples;  /* place among the rows of its side of the step */
  int pairs, versions, steps, width;
  int draw;                  /* first number that it draws in a step */
  const babel_bank *bank;    /* NULL: out of `gauss` */
  int *rows;                 /* (pairs) of the bank, those that are kept; host */
  const babel_gauss *gauss;
  float *features;           /* backend: (pairs, versions, steps, width) */
  int *lengths;              /* backend: (pairs, versions) or NULL */
} babel_rehearsal_source;

typedef struct {
  const babel_ops *ops;
  babel_rehearsal_source source[BABEL_MAX_SOURCES];
  int sources, draws;        /* numbers drawn in a step */
  size_t bytes;              /* backend memory of the features */
} babel_rehearsal;

/* Chooses the rows and adds the sides to `request`. Nothing is on the backend yet. BABEL_ERR_ARG when rows are wanted that are not there. */
babel_status babel_rehearsal_create(babel_rehearsal *rehearsal, const babel_trunk *trunk, const babel_phase_options *options,
                                    babel_rehearsal_kind kind, babel_step_request *request);
void babel_rehearsal_destroy(babel_rehearsal *rehearsal); /* accepts a zeroed one */

/* Features to the backend; where they are, and which of them a step takes, into the plan, behind the pair's. */
babel_status babel_rehearsal_upload(babel_rehearsal *rehearsal, const babel_config *config, babel_step_plan *plan);

#ifdef __cplusplus
}
#endif
#endif
