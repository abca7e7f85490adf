/* One growth phase: two banks -> a trunk with both towers aligned (algorithm.md sections 3, 4, 6, 7).
 *
 * An epoch is one pass over the original pairs; each visit draws one augmented variant, the same for both members. Order, variants
 * and dropout come from the counter-based generator, so a phase is a function of (banks, split, configuration, seed), and a run that was
 * interrupted continues with the same bits. What the folder OUT holds:
 *   trunk.safetensors  the result (trunk.h), written at the end
 *   state.safetensors  where an unfinished run stands, state.previous.safetensors the one before
 *   metrics.jsonl      one line every 10 steps: step, epoch, lr, losses, weights, gradient norms, scale, batch retrieval
 *   watch.jsonl        what the watch callback writes (evaluation while training) */
#ifndef BABEL_GROWTH_PHASE_H
#define BABEL_GROWTH_PHASE_H

#include <signal.h>
#include <stdio.h>

#include "data/bank.h"
#include "growth/policy.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int64_t step, steps; /* done, of all */
  int epoch, pairs, batch;
  double seconds;      /* since this process began the loop */
  int64_t first_step;  /* of this process */
  babel_step_report report;
} babel_progress;

/* The training pairs of an earlier phase, for rehearsal. */
typedef struct {
  const babel_bank *bank[2];
  const char *const *keys;      /* NULL = all */
  int key_count;
} babel_earlier_pair;

typedef struct {
  const babel_bank *bank[2];    /* a, b: the phase puts the junction first */
  const char *const *keys;      /* pairs to train on; NULL = all */
  int key_count;
  const char *split_path, *split_sha256, *part; /* for the manifest; NULL = none */
  const babel_earlier_pair *earlier; /* rehearsal_kd */
  int earlier_count;
  bool allow_disconnected;
  int steps;                    /* of this phase, 0 = by the configuration; or */
  double epochs;
  bool planning;                /* prepare only: what training would leave behind is not asked for */
  const float *mean[2], *inv_std[2]; /* host: statistics of a tower that is known; set by the phase itself, as are the next three */
  const struct babel_trunk *graph_trunk; /* embeds the junction's samples for the neighbour graph; NULL = features */
  const char *from_sha256;
  int known;                    /* towers of the trunk at the start */
  const char *out;              /* folder, exists */
  babel_comm *comm;             /* ranks that train together: rank 0 reads and writes the folder; NULL = alone */
  bool resume, force;           /* force: also when the number of ranks, threads, processor, libraries or commit differ */
  const volatile sig_atomic_t *stop; /* set by a signal handler: state is saved, BABEL_ERR_INTERRUPTED */
  void *user;
  void (*progress)(void *user, const babel_progress *progress);                                  /* may be NULL */
  babel_status (*watch)(void *user, const babel_trunk *trunk, int64_t step, int epoch, FILE *lines); /* may be NULL */
} babel_phase_options;

/* What a phase would do: for --dry-run and for the note before the start. */
typedef struct {
  babel_phase_kind kind;
  bool known[2];
  char modality[2][32];  /* junction, branch; where both are known or both new: in the order of the trunk, or of the banks */
  int pairs, batch, variants, steps_per_epoch, constant[2], zero_rows[2], equal_rows[2];
  int64_t steps, parameters;
  size_t bytes; /* backend memory of step and banks */
  char graph_sha256[65]; /* of the neighbour graph; "" = none */
} babel_phase_plan;

/* Checks everything that can be checked before work, on the trunk's backend. New towers are added to the trunk, untrained. */
babel_status babel_phase_prepare(babel_trunk *trunk, const babel_phase_options *options, babel_phase_plan *plan);

/* A phase with the trunk's configuration, max_steps long on an empty trunk, else grow_steps. On success trunk.safetensors is written and the state files are gone. Without resume an older state in
 * the folder is removed first. BABEL_ERR_INTERRUPTED after a stop, BABEL_ERR_STATE when a state does not fit, BABEL_ERR_VALUE when the loss or a
 * parameter is no longer finite. */
babel_status babel_phase_run(babel_trunk *trunk, const babel_phase_options *options);

#ifdef __cplusplus
}
#endif
#endif
