#include "layers/mlp.h"

#include <math.h>
#include <string.h>

#include "core/rng.h"

babel_status babel_mlp_plan(babel_mlp *mlp, int layers, const int *widths) {
  memset(mlp, 0, sizeof *mlp);
  if (layers < 0 || layers > BABEL_MAX_LAYERS)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "%d layers, expected 0 to %d", layers, BABEL_MAX_LAYERS);
  mlp->layers = layers;
  for (int i = 0; layers && i <= layers; i++) {
    if (widths[i] < 1 || widths[i] > 1 << 20)
      return BABEL_FAIL(BABEL_ERR_SHAPE, "layer width %d, expected 1 to %d", widths[i], 1 << 20);
    mlp->widths[i] = widths[i];
  }
  for (int i = 0; i < layers; i++) {
    mlp->weight_at[i] = mlp->count;
    mlp->count += (int64_t)widths[i] * widths[i + 1];
    mlp->bias_at[i] = mlp->count;
    mlp->count += widths[i + 1];
  }
  return BABEL_OK;
}

void babel_mlp_init(const babel_mlp *mlp, uint64_t seed, uint64_t base, float *params) {
  for (int i = 0; i < mlp->layers; i++) {
    float bound = 1.0f / sqrtf((float)mlp->widths[i]);
    int64_t end = i + 1 < mlp->layers ? mlp->weight_at[i + 1] : mlp->count;
    for (int64_t at = mlp->weight_at[i]; at < end; at++)
      params[at] = (2 * babel_rng_uniform(seed, BABEL_RNG_INIT, base + (uint64_t)at) - 1) * bound;
  }
}
