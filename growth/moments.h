/* Second moments of what the layers of an MLP are fed, for proto_policy: grad_proj (projection.h; algorithm.md section 16).
 *
 * M_k = sum over phases and modalities of (1 / rows) sum_i x_i x_i^T,   x_i (in_k): the input of linear layer k for original training row i
 * of a phase (standardised features without dropout, valid time steps), through the network as the phase has left it. Each phase and modality counts
 * as one, however many rows it has. Sums are in double, what is kept is rounded to float32; all of it is host memory. */
#ifndef BABEL_GROWTH_MOMENTS_H
#define BABEL_GROWTH_MOMENTS_H

#include "data/bank.h"
#include "layers/mlp.h"

#ifdef __cplusplus
extern "C" {
#endif

struct babel_trunk;

typedef struct {
  int layers;                     /* 0: nothing is known */
  int width[BABEL_MAX_LAYERS];    /* in_k */
  float *of[BABEL_MAX_LAYERS];    /* (in_k, in_k), symmetric */
} babel_moments;

/* Zeros, for the layers of this MLP; without layers nothing is taken. */
babel_status babel_moments_alloc(babel_moments *moments, const babel_mlp *mlp);
babel_status babel_moments_copy(babel_moments *to, const babel_moments *from);
void babel_moments_destroy(babel_moments *moments); /* accepts a zeroed one */

/* Adds the rows `index` (n) of the bank to the moments of its tower (module and projection) and of the shared prototype, which are made where they are
 * not there yet. BABEL_ERR_ARG when the trunk has no such tower or n < 1. */
babel_status babel_moments_add(struct babel_trunk *trunk, const babel_bank *bank, const int *index, int n);
/* All moments of a trunk are gone: it has grown by a phase that did not add to them. */
void babel_moments_forget(struct babel_trunk *trunk);

/* v: malloced (rank, width), orthonormal rows: the fewest leading eigenvectors of the symmetric matrix (width, width) that hold the share `energy` of its
 * trace. *rank = 0, *v = NULL for a zero matrix. BABEL_ERR_VALUE when there are none. */
babel_status babel_moments_basis(const float *matrix, int width, double energy, float **v, int *rank);

#ifdef __cplusplus
}
#endif
#endif
