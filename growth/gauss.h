/* What a trunk remembers of a modality whose data are gone: mean and covariance of its standardised original training features
 * (algorithm.md section 16, gauss_kd), and rows drawn from them.
 *
 * covariance = factor^T factor + diag(rest^2),   factor (rank, width): leading eigenvectors times the roots of their eigenvalues.
 * Up to BABEL_GAUSS_EXACT columns the factor is complete (rest = 0 but for rounding); of wider features it holds the BABEL_GAUSS_RANK leading
 * directions, and the diagonal of what they leave out is in rest.
 * A drawn row = mean + factor^T g + rest h, with g, h standard normal from the stream BABEL_RNG_GAUSS. */
#ifndef BABEL_GROWTH_GAUSS_H
#define BABEL_GROWTH_GAUSS_H

#include <stdint.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BABEL_GAUSS_EXACT = 512, BABEL_GAUSS_RANK = 256 };

/* Host memory. width = 0: nothing is known. */
typedef struct {
  int width, rank;
  float *mean, *factor, *rest; /* (width), (rank, width), (width) */
} babel_gauss;

babel_status babel_gauss_alloc(babel_gauss *gauss, int width, int rank);
/* Of the rows `index` (n) of features (.., width), standardised: (x - mean) inv_std. Sums in double; population covariance. BABEL_ERR_ARG when n < 1. */
babel_status babel_gauss_fit(babel_gauss *gauss, const float *features, const int *index, int n, int width, const float *mean, const float *inv_std);
void babel_gauss_destroy(babel_gauss *gauss); /* accepts a zeroed one */

/* n rows (n, width), standardised features. A function of (gauss, seed, base). */
void babel_gauss_draw(const babel_gauss *gauss, uint64_t seed, uint64_t base, int n, float *rows);

#ifdef __cplusplus
}
#endif
#endif
