#include "growth/replay.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/rng.h"

/* Standardised features of both members, side by side: (pairs, width) less the mean of all. */
static babel_status lay_side_by_side(const babel_trunk *trunk, const babel_earlier_pair *pair, int *const rows[2], int pairs, double **x, size_t *width) {
  void *memory, *statistics;
  size_t at = 0;
  *width = 0;
  for (int s = 0; s < 2; s++) *width += (size_t)pair->bank[s]->width * (size_t)pair->bank[s]->steps;
  BABEL_TRY(babel_alloc(&memory, (size_t)pairs * *width, sizeof(double)));
  *x = memory;
  for (int s = 0; s < 2; s++) {
    const babel_bank *bank = pair->bank[s];
    const babel_tower *tower = babel_trunk_tower(trunk, bank->modality);
    size_t stride = (size_t)bank->width * (size_t)bank->steps;
    if (!tower || tower->in != bank->width) return BABEL_FAIL(BABEL_ERR_ARG, "%s: the trunk does not know %s of width %d", bank->path, bank->modality, bank->width);
    BABEL_TRY(babel_alloc(&statistics, (size_t)bank->width, sizeof(float)));
    babel_status status = trunk->ops->download(statistics, tower->inv_std, (size_t)bank->width * sizeof(float), NULL); /* the mean falls out below */
    for (int i = 0; i < pairs && status == BABEL_OK; i++)
      for (size_t c = 0; c < stride; c++)
        (*x)[(size_t)i * *width + at + c] = (double)bank->features[(size_t)rows[s][i] * stride + c] * (double)((float *)statistics)[c % (size_t)bank->width];
    free(statistics);
    BABEL_TRY(status);
    at += stride;
  }
  for (size_t c = 0; c < *width; c++) {
    double mean = 0;
    for (int i = 0; i < pairs; i++) mean += (*x)[(size_t)i * *width + c] / pairs;
    for (int i = 0; i < pairs; i++) (*x)[(size_t)i * *width + c] -= mean;
  }
  return BABEL_OK;
}

/* order[0..keep): the herd. sum: of those chosen so far; the next one makes |sum + x| least. */
static babel_status herd(const double *x, size_t width, int pairs, int keep, int *order) {
  void *memory, *taken;
  BABEL_TRY(babel_alloc(&memory, width, sizeof(double)));
  babel_status status = babel_alloc(&taken, (size_t)pairs, 1);
  double *sum = memory;
  for (int k = 0; k < keep && status == BABEL_OK; k++) {
    double least = INFINITY;
    int best = -1;
    for (int i = 0; i < pairs; i++) {
      double squares = 0;
      if (((char *)taken)[i]) continue;
      for (size_t c = 0; c < width; c++) squares += (sum[c] + x[(size_t)i * width + c]) * (sum[c] + x[(size_t)i * width + c]);
      if (squares < least) least = squares, best = i;
    }
    order[k] = best;
    ((char *)taken)[best] = 1;
    for (size_t c = 0; c < width; c++) sum[c] += x[(size_t)best * width + c];
  }
  free(memory);
  if (status == BABEL_OK) free(taken);
  return status;
}

babel_status babel_replay_choose(const babel_trunk *trunk, const babel_earlier_pair *pair, int *const rows[2], int pairs, int keep) {
  double *x = NULL;
  size_t width;
  void *memory;
  BABEL_TRY(babel_alloc(&memory, 3 * (size_t)pairs, sizeof(int)));
  int *order = memory, *copy = order + pairs;
  babel_status status = BABEL_OK;
  if (trunk->config.replay_choice == BABEL_REPLAY_HERDING) {
    status = lay_side_by_side(trunk, pair, rows, pairs, &x, &width);
    if (status == BABEL_OK) status = herd(x, width, pairs, keep, order);
  } else {
    babel_rng_permutation((uint64_t)trunk->config.seed, BABEL_RNG_REHEARSAL, (uint64_t)1 << 56, pairs, order);
  }
  for (int s = 0; s < 2 && status == BABEL_OK; s++) {
    memcpy(copy, rows[s], (size_t)pairs * sizeof *copy);
    for (int k = 0; k < keep; k++) rows[s][k] = copy[order[k]];
  }
  free(x);
  free(memory);
  return status;
}
