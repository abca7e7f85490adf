#include "growth/gauss.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/rng.h"
#include "growth/eigen.h"

void babel_gauss_destroy(babel_gauss *gauss) {
  if (!gauss) return;
  free(gauss->mean);
  free(gauss->factor);
  free(gauss->rest);
  memset(gauss, 0, sizeof *gauss);
}

babel_status babel_gauss_alloc(babel_gauss *gauss, int width, int rank) {
  babel_status status;
  memset(gauss, 0, sizeof *gauss);
  BABEL_TRY_OR(babel_alloc_to(&gauss->mean, (size_t)width, sizeof(float)), fail);
  BABEL_TRY_OR(babel_alloc_to(&gauss->factor, (size_t)rank * (size_t)width, sizeof(float)), fail);
  BABEL_TRY_OR(babel_alloc_to(&gauss->rest, (size_t)width, sizeof(float)), fail);
  gauss->width = width;
  gauss->rank = rank;
  return BABEL_OK;
fail:
  babel_gauss_destroy(gauss);
  return status;
}

enum { COLUMNS = 64, TOGETHER = 16 }; /* features, rows of the square, that one processor takes at a time */

/* Memory of a fit. x: centred rows (n, width); square: the smaller of x^T x and x x^T, over n, then its eigenvectors as rows of `vectors`. */
typedef struct {
  int n, width, size;
  double *x, *mean, *variance, *square, *values, *vectors;
} fit;

static babel_status centre(fit *f, const float *features, const int *index, const float *mean, const float *inv_std) {
  size_t width = (size_t)f->width;
  BABEL_TRY(babel_alloc_to(&f->x, (size_t)f->n * width, sizeof(double)));
  BABEL_TRY(babel_alloc_to(&f->mean, width, sizeof(double)));
  BABEL_TRY(babel_alloc_to(&f->variance, width, sizeof(double)));
#pragma omp parallel for schedule(dynamic)
  for (size_t first = 0; first < width; first += COLUMNS) {
    const size_t end = first + COLUMNS < width ? first + COLUMNS : width;
    for (int i = 0; i < f->n; i++)
      for (size_t c = first; c < end; c++) {
        double z = ((double)features[(size_t)index[i] * width + c] - (double)mean[c]) * (double)inv_std[c];
        f->x[(size_t)i * width + c] = z;
        f->mean[c] += z / f->n;
      }
    for (int i = 0; i < f->n; i++)
      for (size_t c = first; c < end; c++) {
        double *x = &f->x[(size_t)i * width + c];
        *x -= f->mean[c];
        f->variance[c] += *x * *x / f->n;
      }
  }
  return BABEL_OK;
}

/* Over rows (many samples) or over columns (wide features): whichever matrix is smaller. Each entry is one sum in a fixed order. */
static babel_status square_up(fit *f) {
  const size_t width = (size_t)f->width, size = (size_t)f->size;
  const bool tall = f->size == f->width;
  BABEL_TRY(babel_alloc_to(&f->square, size * size, sizeof(double)));
#pragma omp parallel for schedule(dynamic)
  for (size_t first = 0; first < size; first += TOGETHER) {
    const size_t end = first + TOGETHER < size ? first + TOGETHER : size;
    if (tall) {
      for (int r = 0; r < f->n; r++)
        for (size_t i = first; i < end; i++) {
          const double *x = f->x + (size_t)r * width, xi = x[i] / f->n;
          double *row = f->square + i * size;
          for (size_t j = i; j < size; j++) row[j] += xi * x[j];
        }
      continue;
    }
    for (size_t i = first; i < end; i++)
      for (size_t j = i; j < size; j++) {
        double sum = 0;
        for (size_t c = 0; c < width; c++) sum += f->x[i * width + c] * f->x[j * width + c];
        f->square[i * size + j] = sum / f->n;
      }
  }
  return BABEL_OK;
}

/* The `rank` largest eigenvalues, ascending, and their vectors. */
static babel_status decompose(fit *f, int rank) {
  char what[64];
  BABEL_TRY(babel_alloc_to(&f->values, (size_t)f->size, sizeof(double)));
  BABEL_TRY(babel_alloc_to(&f->vectors, (size_t)f->size * (size_t)rank, sizeof(double)));
  snprintf(what, sizeof what, "the covariance of %d features", f->width);
  return babel_eigen(f->square, f->size, rank, f->values, f->vectors, what);
}

/* factor row k = root(value) times the direction in feature space. */
static void write_factor(const fit *f, babel_gauss *gauss) {
  const size_t width = (size_t)f->width;
  for (int k = 0; k < gauss->rank; k++) {
    const double *vector = f->vectors + (size_t)(gauss->rank - 1 - k) * (size_t)f->size, value = f->values[gauss->rank - 1 - k];
    float *row = gauss->factor + (size_t)k * width;
    if (value <= 0) continue; /* memory is zero-filled */
    for (size_t c = 0; c < width; c++) {
      double sum = 0;
      if (f->size == f->width) sum = vector[c] * sqrt(value);
      else for (int r = 0; r < f->n; r++) sum += vector[r] * f->x[(size_t)r * width + c] / sqrt((double)f->n); /* root(value) x^T u / root(n value) */
      row[c] = (float)sum;
    }
  }
  for (size_t c = 0; c < width; c++) {
    double rest = f->variance[c];
    for (int k = 0; k < gauss->rank; k++) rest -= (double)gauss->factor[(size_t)k * width + c] * (double)gauss->factor[(size_t)k * width + c];
    gauss->mean[c] = (float)f->mean[c];
    gauss->rest[c] = rest > 0 ? (float)sqrt(rest) : 0;
  }
}

babel_status babel_gauss_fit(babel_gauss *gauss, const float *features, const int *index, int n, int width, const float *mean, const float *inv_std) {
  babel_status status;
  memset(gauss, 0, sizeof *gauss);
  if (n < 1) return BABEL_FAIL(BABEL_ERR_ARG, "the covariance of no rows");
  fit f = {.n = n, .width = width, .size = n < width ? n : width};
  int most = width <= BABEL_GAUSS_EXACT ? BABEL_GAUSS_EXACT : BABEL_GAUSS_RANK, rank = f.size < most ? f.size : most;
  BABEL_TRY_OR(centre(&f, features, index, mean, inv_std), done);
  BABEL_TRY_OR(square_up(&f), done);
  BABEL_TRY_OR(decompose(&f, rank), done);
  BABEL_TRY_OR(babel_gauss_alloc(gauss, width, rank), done);
  write_factor(&f, gauss);
done:
  free(f.x);
  free(f.mean);
  free(f.variance);
  free(f.square);
  free(f.values);
  free(f.vectors);
  return status;
}

void babel_gauss_draw(const babel_gauss *gauss, uint64_t seed, uint64_t base, int n, float *rows) {
  const int width = gauss->width, rank = gauss->rank;
#pragma omp parallel for schedule(static)
  for (int i = 0; i < n; i++) {
    uint64_t at = base + (uint64_t)i * (uint64_t)(rank + width);
    float *row = rows + (size_t)i * (size_t)width;
    for (int c = 0; c < width; c++)
      row[c] = gauss->mean[c] + (gauss->rest[c] > 0 ? gauss->rest[c] * (float)babel_rng_normal(seed, BABEL_RNG_GAUSS, at + (uint64_t)(rank + c)) : 0);
    for (int k = 0; k < rank; k++) {
      const float g = (float)babel_rng_normal(seed, BABEL_RNG_GAUSS, at + (uint64_t)k), *factor = gauss->factor + (size_t)k * (size_t)width;
      for (int c = 0; c < width; c++) row[c] += g * factor[c];
    }
  }
}
