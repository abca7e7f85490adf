#include "encoders/limu_bert_net.h"

#include <math.h>

#include "kernels/attention.h"
#include "kernels/gelu.h"
#include "kernels/layernorm.h"
#include "kernels/linear_panel.h"

enum { STEPS = BABEL_LIMU_STEPS, HIDDEN = BABEL_LIMU_HIDDEN, INNER = BABEL_LIMU_INNER };

static const float eps = 1e-12f;

static babel_attention_shape attention_shape(int rows) {
  const int width = HIDDEN / BABEL_LIMU_HEADS;
  return (babel_attention_shape){rows, BABEL_LIMU_HEADS, width, 3 * HIDDEN, 1.0f / sqrtf((float)width)};
}

/* qkv (rows, 216), whose place the inner activations (rows, 144) take later; two of (rows, 72); the attention's own. */
size_t babel_limu_bert_net_scratch(void) {
  babel_attention_shape shape = attention_shape(STEPS);
  return (size_t)STEPS * 5 * HIDDEN + babel_attention_workspace(&shape);
}

static babel_status run_block(const babel_limu_bert_net *net, float *h, int rows, float *scratch) {
  float *qkv = scratch, *a = qkv + (size_t)rows * 3 * HIDDEN, *t = a + (size_t)rows * HIDDEN,
        *workspace = t + (size_t)rows * HIDDEN;
  float *inner = qkv;
  const babel_attention_shape shape = attention_shape(rows);
  BABEL_TRY(babel_linear_panel_fwd_cpu(qkv, h, net->qkv, rows, HIDDEN, 3 * HIDDEN, NULL));
  BABEL_TRY(babel_attention_fwd_cpu(a, NULL, workspace, qkv, qkv + HIDDEN, qkv + 2 * HIDDEN, &shape, NULL));
  BABEL_TRY(babel_linear_panel_fwd_cpu(t, a, net->proj, rows, HIDDEN, HIDDEN, NULL));
  BABEL_TRY(babel_layernorm_fwd_cpu(h, NULL, NULL, a, t, net->norm1_gamma, net->norm1_beta, rows, HIDDEN, eps,
                                    NULL));
  BABEL_TRY(babel_linear_panel_fwd_cpu(inner, h, net->fc1, rows, HIDDEN, INNER, NULL));
  BABEL_TRY(babel_gelu_fwd_cpu(inner, inner, (int64_t)rows * INNER, NULL));
  BABEL_TRY(babel_linear_panel_fwd_cpu(t, inner, net->fc2, rows, INNER, HIDDEN, NULL));
  return babel_layernorm_fwd_cpu(h, NULL, NULL, h, t, net->norm2_gamma, net->norm2_beta, rows, HIDDEN, eps,
                                 NULL);
}

static babel_status decode(const babel_limu_bert_net *net, const float *h, int rows, float *decoded,
                           float *scratch) {
  if (!net->has_decoder)
    return BABEL_FAIL(BABEL_ERR_STATE,
                      "these LIMU-BERT weights have no decoder (linear.*, norm.*, decoder.*)");
  BABEL_TRY(babel_linear_panel_fwd_cpu(scratch, h, net->decoder_linear, rows, HIDDEN, HIDDEN, NULL));
  BABEL_TRY(babel_gelu_fwd_cpu(scratch, scratch, (int64_t)rows * HIDDEN, NULL));
  BABEL_TRY(babel_layernorm_fwd_cpu(scratch, NULL, NULL, scratch, NULL, net->decoder_gamma, net->decoder_beta,
                                    rows, HIDDEN, eps, NULL));
  return babel_linear_panel_fwd_cpu(decoded, scratch, net->decoder_out, rows, HIDDEN, BABEL_LIMU_CHANNELS,
                                    NULL);
}

babel_status babel_limu_bert_net_run(const babel_limu_bert_net *net, const float *x, int rows, int blocks,
                                     float *h, float *decoded, float *scratch) {
  if (rows < 1 || rows > STEPS)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "LIMU-BERT takes 1 to %d rows, not %d", STEPS, rows);
  if (blocks < 0 || blocks > BABEL_LIMU_BLOCKS)
    return BABEL_FAIL(BABEL_ERR_ARG, "LIMU-BERT has blocks 1 to %d, not %d", BABEL_LIMU_BLOCKS, blocks);
  const float *gamma = net->embed_gamma, *beta = net->embed_beta;
  BABEL_TRY(babel_linear_panel_fwd_cpu(h, x, net->embed, rows, BABEL_LIMU_CHANNELS, HIDDEN, NULL));
  BABEL_TRY(babel_layernorm_fwd_cpu(h, NULL, NULL, h, NULL, gamma, beta, rows, HIDDEN, eps, NULL));
  BABEL_TRY(babel_layernorm_fwd_cpu(h, NULL, NULL, h, net->positions, gamma, beta, rows, HIDDEN, eps, NULL));
  for (int block = 0; block < blocks; block++) BABEL_TRY(run_block(net, h, rows, scratch));
  return decoded ? decode(net, h, rows, decoded, scratch) : BABEL_OK;
}
