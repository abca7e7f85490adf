/* Frozen encoders: sample -> features. One registry row each; nothing outside encoders/ knows their insides.
 *
 * An encoder has one forward pass and one or more named outputs (column views of that pass), so that several banks can be
 * filled from one pass: shift_gcn gives "pooled_scores" (316: 256 pooled of person 0 + 60 scores of it) and "scores" (60
 * scores of the two-person mean). The first output is the default. */
#ifndef BABEL_ENCODERS_ENCODER_H
#define BABEL_ENCODERS_ENCODER_H

#include <stdbool.h>

#include "core/tensor.h"
#include "data/sample.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct babel_encoder babel_encoder;

typedef struct {
  const char *weights; /* file, or NULL */
  bool random_weights; /* explicit wish: initialise from `seed` and say so in the provenance */
  uint64_t seed;
  /* IMU encoders (presets of algorithm.md section 12; zero values = preset `ours`) */
  int imu_window;      /* 0: trial stretched to 120 rows; 1: 20 Hz, means of 2.5-row bins from the interpolated cumulative sum */
  int imu_degrees;     /* 1: angular rate in deg/s instead of rad/s */
  int imu_block;       /* 1..4, 0 = 1: output of that block of LIMU-BERT */
  int imu_pool;        /* 0: mean and population deviation over time (144); 1: mean (72); 2: none, the sequence (T x 72) */
  int skeleton_pad;    /* st_gcn: 0: native frames, persons that are there; 1: zeros up to 300 frames and 2 persons, as pre-trained */
} babel_encoder_options;

typedef struct {
  const char *name; /* "pooled_scores" */
  int width;        /* features a time step */
  int steps;        /* 1 = pooled; > 1 = longest sequence */
} babel_encoder_output;

#define BABEL_ENCODER_FIT_MOST 64

/* What an encoder took from a training set (encoders/fit.h); count 0 = nothing. */
typedef struct {
  int count;
  double deviations[BABEL_ENCODER_FIT_MOST]; /* of each number of the described frames */
  int trials, frames;
  char split_sha256[65];
} babel_encoder_fitted;

typedef struct babel_encoder_row {
  const char *name, *modality; /* "shift_gcn", "skeleton" */
  bool needs_weights;          /* imu_stats does not */
  bool needs_fit;              /* deviations of a training set (encoders/fit.h) before it runs */
  const char *trained_on;      /* data set behind the published weights: provenance */
  const char *licence;         /* of the published weights: printed when loaded; NULL = none needed */
  const char *weights_from;    /* where a user gets them, for the sentence about a missing file; NULL = "see docs/" */
  const char *input;           /* for --help and messages: "(T, 6) acceleration [g], angular rate [rad/s]" */
  babel_status (*create)(babel_encoder **encoder, const struct babel_encoder_row *row, const babel_encoder_options *options);
  void (*destroy)(babel_encoder *encoder);
  /* NULL for most. A recording -> a row a frame as the encoder describes it (rows->described = 1): variants are cut from these rows, and
   * `run` takes nothing else. Thread-safe. */
  babel_status (*prepare)(const babel_encoder *encoder, const babel_sample *sample, babel_sample *rows);
  /* outputs[i]: (steps, width) floats each, NULL = not wanted; lengths[i] (may be NULL): valid steps. Thread-safe: scratch
   * memory is per call or per thread, so that samples are encoded in parallel. */
  babel_status (*run)(const babel_encoder *encoder, const babel_sample *sample, float *const *outputs, int *lengths);
  /* A raw array as a user has it (`babel encode`): checks rank and sizes, says what it takes otherwise, makes samples. Each
   * encoder states its own rule in `input`; returns a malloced list. */
  babel_status (*samples)(const babel_encoder *encoder, const babel_tensor *array, babel_sample **samples, int *count);
} babel_encoder_row;

struct babel_encoder {
  const babel_encoder_row *row;
  babel_encoder_options options;
  int output_count;
  babel_encoder_output outputs[4];
  babel_encoder_fitted fit;
  char weights_sha256[65]; /* "" without weights */
  char preprocessing[256]; /* one line for the provenance: "stretched to 120 rows, rad/s, block 1, mean + deviation" */
  /* concrete encoders embed this struct first */
};

const babel_encoder_row *babel_encoder_find(const char *name);
const babel_encoder_row *babel_encoder_at(int i); /* NULL past the end */

/* Through the registry: checks weights/random_weights, prints the licence. */
babel_status babel_encoder_create(babel_encoder **encoder, const char *name, const babel_encoder_options *options);
void babel_encoder_destroy(babel_encoder *encoder); /* accepts NULL */
/* row->prepare, which must not be NULL, with the checks of babel_encoder_run. */
babel_status babel_encoder_prepare(const babel_encoder *encoder, const babel_sample *sample, babel_sample *rows);
/* Prepares (unless that is done), stretches a sample that was recorded slowly, and runs. */
babel_status babel_encoder_run(const babel_encoder *encoder, const babel_sample *sample, float *const *outputs, int *lengths);

#ifdef __cplusplus
}
#endif
#endif
