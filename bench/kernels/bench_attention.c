/* LIMU-BERT's attention: 120 time steps, 4 heads of 18. */
#include <math.h>

#include "bench/kernels/bench.h"
#include "kernels/attention.h"

enum { STEPS = 120, HEADS = 4, WIDTH = 18, MODEL = HEADS * WIDTH };

typedef struct {
  float *y, *workspace;
  const float *qkv; /* (steps, 3 model) */
  babel_attention_shape shape;
} context;

static babel_status run(void *at) {
  context *c = at;
  return babel_attention_fwd_cpu(c->y, NULL, c->workspace, c->qkv, c->qkv + MODEL, c->qkv + 2 * MODEL, &c->shape, NULL);
}

static double check(void *at) {
  const context *c = at;
  double gap = 0;
  for (int h = 0; h < HEADS; h++)
    for (int i = 0; i < STEPS; i++) {
      double p[STEPS], sum = 0;
      for (int j = 0; j < STEPS; j++) {
        double score = 0;
        for (int k = h * WIDTH; k < (h + 1) * WIDTH; k++) score += (double)c->qkv[i * 3 * MODEL + k] * (double)c->qkv[j * 3 * MODEL + MODEL + k];
        sum += p[j] = exp((double)c->shape.scale * score);
      }
      for (int k = h * WIDTH; k < (h + 1) * WIDTH; k++) {
        double expected = 0;
        for (int j = 0; j < STEPS; j++) expected += p[j] / sum * (double)c->qkv[j * 3 * MODEL + 2 * MODEL + k];
        babel_bench_gap(&gap, (double)c->y[i * MODEL + k], expected);
      }
    }
  return gap;
}

void babel_bench_attention(babel_bench *bench) {
  if (!babel_bench_wants(bench, "attention", "%d steps, %d heads of %d", STEPS, HEADS, WIDTH)) return;
  context c = {.y = babel_bench_floats(bench, STEPS * MODEL, 0), .qkv = babel_bench_floats(bench, STEPS * 3 * MODEL, 1),
               .shape = {.steps = STEPS, .heads = HEADS, .width = WIDTH, .stride = 3 * MODEL, .scale = 0.25f, .y_stride = MODEL}};
  c.workspace = babel_bench_floats(bench, babel_attention_workspace(&c.shape), 0);
  babel_bench_row row = {.bytes = 4.0 * 4 * STEPS * MODEL, .flops = 4.0 * STEPS * STEPS * MODEL, .run = run, .check = check, .limit = 2e-6, .context = &c};
  babel_bench_measure(bench, &row);
}
