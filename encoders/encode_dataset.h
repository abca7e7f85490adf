/* A data set through an encoder: raw files -> feature banks, every trial and its augmented variants once.
 * One pass of the encoder fills one bank per wanted output. Trials run in parallel; the banks do not depend on the number of threads. */
#ifndef BABEL_ENCODERS_ENCODE_DATASET_H
#define BABEL_ENCODERS_ENCODE_DATASET_H

#include <signal.h>

#include "data/bank.h"
#include "data/registry.h"
#include "encoders/encoder.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const babel_dataset_row *dataset;
  const char *folder, *modality;
  const babel_encoder *encoder;
  const char *const *keys;  /* trials to encode; NULL = all complete ones */
  int key_count;
  const char *split;        /* for the bank: "all", "train", ... */
  int variants;             /* 0..600 augmented variants a trial (data/augment.h) */
  uint64_t augment_seed;
  bool skip_damaged;        /* leave out trials that cannot be read, with a warning each; otherwise the first one fails the call */
  bool simulated;           /* for the provenance */
  const char *commit;       /* for the provenance */
  const volatile sig_atomic_t *stop; /* may be NULL */
  void *user;
  void (*progress)(void *user, int done, int all); /* may be NULL; from one thread at a time */
} babel_encode_options;

/* outputs[i]: index into encoder->outputs, each at most once; banks[i] is created. BABEL_ERR_ARG for an unknown modality or key, an encoder of
 * another modality; the reader's sentence for the first damaged trial; BABEL_ERR_INTERRUPTED after a stop. On failure no bank is left. */
babel_status babel_encode_dataset(const babel_encode_options *options, const int *outputs, int output_count, babel_bank *banks);

#ifdef __cplusplus
}
#endif
#endif
