/* The network of LIMU-BERT, configuration base_v1 (github.com/dapowan/LIMU-BERT-Public; BABEL's IMU encoder): hidden 72,
 * 4 heads of 18, inner width 144, 120 positions, 4 blocks that share one set of weights.
 *   e = LN_e(x W_lin^T + b); h = LN_e(e + P)                      the same LN_e twice
 *   block: q, k, v = h W^T + b; a = softmax(q k^T / sqrt 18) v    per head
 *          h = LN_1(a + (a W_proj^T + b))                         the block's input is not added
 *          h = LN_2(h + (GELU(h W_1^T + b) W_2^T + b))
 *   decoder (pre-training only): LN(GELU(h W^T + b)) W_dec^T + b
 * Input rows: acceleration [g], angular rate [rad/s]. Layer-norm epsilon 1e-12 everywhere. */
#ifndef BABEL_ENCODERS_LIMU_BERT_NET_H
#define BABEL_ENCODERS_LIMU_BERT_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  BABEL_LIMU_STEPS = 120, /* positions: no sequence may be longer */
  BABEL_LIMU_CHANNELS = 6,
  BABEL_LIMU_HIDDEN = 72,
  BABEL_LIMU_INNER = 144,
  BABEL_LIMU_HEADS = 4,
  BABEL_LIMU_BLOCKS = 4
};

typedef struct {
  babel_arena memory;
  /* Linear layers, packed (kernels/linear_panel.h); qkv is the three projections one below the other: 72 -> 216. */
  float *embed, *qkv, *proj, *fc1, *fc2, *decoder_linear, *decoder_out;
  float *positions;                                           /* (120, 72) */
  float *embed_gamma, *embed_beta, *norm1_gamma, *norm1_beta; /* (72) each */
  float *norm2_gamma, *norm2_beta, *decoder_gamma, *decoder_beta;
  bool has_decoder;
} babel_limu_bert_net;

/* Strict import of a published file (29 tensors) or of BABEL's own checkpoint, where the names carry the prefix
 * `imu_model.` and everything beside it is left alone. `fc.*` is never used; the six decoder tensors may be absent.
 * sha256: of the file. */
babel_status babel_limu_bert_net_load(babel_limu_bert_net *net, const char *path, char sha256[65]);

/* Untrained weights from (seed, stream BABEL_RNG_ENCODER): matrices and biases uniform in +-1/sqrt(fan_in), positions normal
 * with deviation 0.02, layer norms gamma 1 and beta 0. */
babel_status babel_limu_bert_net_random(babel_limu_bert_net *net, uint64_t seed);
void babel_limu_bert_net_destroy(babel_limu_bert_net *net); /* accepts a zeroed one */

/* x (rows, 6), 1 <= rows <= 120 -> h (rows, 72): the output of block `blocks`, 0..4 (0 = after the embeddings).
 * decoded: (rows, 6) or NULL. scratch: babel_limu_bert_net_scratch() floats. No aliasing. Thread-safe; up to
 * four threads share a sequence unless the caller is in a parallel region: the same bits.
 * BABEL_ERR_SHAPE for other row counts, BABEL_ERR_ARG for other blocks, BABEL_ERR_STATE for a decoder that is not there. */
babel_status babel_limu_bert_net_run(const babel_limu_bert_net *net, const float *x, int rows, int blocks,
                                     float *h, float *decoded, float *scratch);
size_t babel_limu_bert_net_scratch(void);

#ifdef __cplusplus
}
#endif
#endif
