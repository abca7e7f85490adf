#include "growth/eigen.h"

#include <lapacke.h>
#include <stdlib.h>

#include "core/arena.h"

babel_status babel_eigen(double *square, int size, int rank, double *values, double *vectors, const char *what) {
  lapack_int found = 0, *support;
  BABEL_TRY(babel_alloc_to(&support, 2 * (size_t)rank, sizeof *support));
  /* upper triangle by rows = lower triangle by columns */
  int failed = (int)LAPACKE_dsyevr(LAPACK_COL_MAJOR, 'V', 'I', 'L', size, square, size, 0, 0, size - rank + 1, size, 0, &found, values, vectors, size, support);
  free(support);
  return failed || found != rank ? BABEL_FAIL(BABEL_ERR_VALUE, "%s has no eigenvectors (code %d)", what, failed) : BABEL_OK;
}
