#include "encoders/limu_bert_net.h"

#include <math.h>
#include <omp.h>

#include "kernels/attention.h"
#include "kernels/gelu.h"
#include "kernels/layernorm.h"
#include "kernels/linear_panel.h"

enum { STEPS = BABEL_LIMU_STEPS, HIDDEN = BABEL_LIMU_HIDDEN, INNER = BABEL_LIMU_INNER };
enum { MOST_PARTS = BABEL_LIMU_HEADS, LEAST_ROWS = 32 }; /* of a sequence that is worth several threads */

static const float eps = 1e-12f;

static babel_attention_shape attention_shape(int rows) {
  const int width = HIDDEN / BABEL_LIMU_HEADS;
  return (babel_attention_shape){rows, BABEL_LIMU_HEADS, width, 3 * HIDDEN, 1.0f / sqrtf((float)width), HIDDEN};
}

/* qkv (rows, 216), inner activations (rows, 144), two of (rows, 72), and the attention's own for each part. */
size_t babel_limu_bert_net_scratch(void) {
  babel_attention_shape shape = attention_shape(STEPS);
  return (size_t)STEPS * 7 * HIDDEN + MOST_PARTS * babel_attention_workspace(&shape);
}

/* One thread's share of a sequence: rows `first` to `end` - 1 of everything that goes row by row, and some of the heads. A sum never
 * depends on the number of parts. */
typedef struct {
  const babel_limu_bert_net *net;
  const float *x;
  float *h, *scratch;
  int rows, first, end, part, parts; /* part >= parts: nothing to do */
} share;

/* parts: 1, 2 or 4, so that the heads divide. */
static share share_of(const babel_limu_bert_net *net, const float *x, float *h, float *scratch, int rows) {
  int threads = omp_get_num_threads(), part = omp_get_thread_num(), parts = threads >= 4 ? 4 : threads >= 2 ? 2 : 1;
  share s = {net, x, h, scratch, rows, rows, rows, part, parts};
  if (part >= parts) return s;
  s.first = rows * part / parts;
  s.end = rows * (part + 1) / parts;
  return s;
}

static babel_status embed(const share *s) {
  const babel_limu_bert_net *net = s->net;
  const float *gamma = net->embed_gamma, *beta = net->embed_beta;
  const int n = s->end - s->first;
  float *h = s->h + (size_t)s->first * HIDDEN;
  BABEL_TRY(babel_linear_panel_fwd_cpu(h, s->x + (size_t)s->first * BABEL_LIMU_CHANNELS, net->embed, n, BABEL_LIMU_CHANNELS, HIDDEN, NULL));
  BABEL_TRY(babel_layernorm_fwd_cpu(h, NULL, NULL, h, NULL, gamma, beta, n, HIDDEN, eps, NULL));
  return babel_layernorm_fwd_cpu(h, NULL, NULL, h, net->positions + (size_t)s->first * HIDDEN, gamma, beta, n, HIDDEN, eps, NULL);
}

static babel_status attend(const share *s, const float *qkv, float *a, float *workspace) {
  babel_attention_shape shape = attention_shape(s->rows);
  shape.heads = BABEL_LIMU_HEADS / s->parts;
  int column = s->part * shape.heads * shape.width;
  const float *q = qkv + column;
  return babel_attention_fwd_cpu(a + column, NULL, workspace + (size_t)s->part * babel_attention_workspace(&shape), q, q + HIDDEN, q + 2 * HIDDEN,
                                 &shape, NULL);
}

/* Every thread reaches both barriers: those without a part, and those that have failed. */
static babel_status run_block(const share *s, babel_status status) {
  const babel_limu_bert_net *net = s->net;
  const size_t rows = (size_t)s->rows, first = (size_t)s->first;
  const int n = s->end - s->first;
  float *qkv = s->scratch, *inner = qkv + rows * 3 * HIDDEN + first * INNER, *a = qkv + rows * 5 * HIDDEN, *t = a + rows * HIDDEN + first * HIDDEN,
        *workspace = a + rows * 2 * HIDDEN, *h = s->h + first * HIDDEN;
  if (status == BABEL_OK) status = babel_linear_panel_fwd_cpu(qkv + first * 3 * HIDDEN, h, net->qkv, n, HIDDEN, 3 * HIDDEN, NULL);
#pragma omp barrier
  if (status == BABEL_OK && n) status = attend(s, qkv, a, workspace);
#pragma omp barrier
  if (status != BABEL_OK || !n) return status;
  a += first * HIDDEN;
  BABEL_TRY(babel_linear_panel_fwd_cpu(t, a, net->proj, n, HIDDEN, HIDDEN, NULL));
  BABEL_TRY(babel_layernorm_fwd_cpu(h, NULL, NULL, a, t, net->norm1_gamma, net->norm1_beta, n, HIDDEN, eps, NULL));
  BABEL_TRY(babel_linear_panel_fwd_cpu(inner, h, net->fc1, n, HIDDEN, INNER, NULL));
  BABEL_TRY(babel_gelu_fwd_cpu(inner, inner, (int64_t)n * INNER, NULL));
  BABEL_TRY(babel_linear_panel_fwd_cpu(t, inner, net->fc2, n, INNER, HIDDEN, NULL));
  return babel_layernorm_fwd_cpu(h, NULL, NULL, h, t, net->norm2_gamma, net->norm2_beta, n, HIDDEN, eps, NULL);
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
  babel_status status = BABEL_OK;
  int threads = rows < LEAST_ROWS || omp_in_parallel() ? 1 : omp_get_max_threads() < MOST_PARTS ? omp_get_max_threads() : MOST_PARTS;
#pragma omp parallel num_threads(threads)
  {
    const share s = share_of(net, x, h, scratch, rows);
    babel_status found = s.first < s.end ? embed(&s) : BABEL_OK;
    for (int block = 0; block < blocks; block++) found = run_block(&s, found);
    if (found != BABEL_OK) {
#pragma omp atomic write
      status = found;
    }
  }
  BABEL_TRY(status);
  return decoded ? decode(net, h, rows, decoded, scratch) : BABEL_OK;
}
