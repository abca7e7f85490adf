/* A multilayer perceptron: linear layers with ReLU between them, none after the last. The parameters of one MLP are one
 * contiguous piece of an arena (weight, bias, weight, bias, ...), so that optimiser, EMA and norms are single calls. */
#ifndef BABEL_LAYERS_MLP_H
#define BABEL_LAYERS_MLP_H

#include <stdint.h>

#include "kernels/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BABEL_MAX_LAYERS 5

typedef struct {
  int layers;
  int widths[BABEL_MAX_LAYERS + 1]; /* in, hidden.., out */
  float *params;                    /* all parameters, on the backend */
  int64_t count;                    /* of params */
  int64_t weight_at[BABEL_MAX_LAYERS], bias_at[BABEL_MAX_LAYERS]; /* offsets into params */
} babel_mlp;

/* Fills sizes and offsets; params stays NULL. */
babel_status babel_mlp_plan(babel_mlp *mlp, int layers, const int *widths);
/* uniform(+-1/sqrt(fan_in)) for weights and biases, stream BABEL_RNG_INIT, index = base + flat element; host memory. */
void babel_mlp_init(const babel_mlp *mlp, uint64_t seed, uint64_t base, float *params);

#ifdef __cplusplus
}
#endif
#endif
