/* Leading eigenvectors of a symmetric matrix, by LAPACK's dsyevr. */
#ifndef BABEL_GROWTH_EIGEN_H
#define BABEL_GROWTH_EIGEN_H

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The `rank` largest eigenvalues, ascending, and their orthonormal vectors, (rank, size) in the same order. square: (size, size), its upper triangle by rows
 * counts; it is destroyed. BABEL_ERR_VALUE when there are none, named "`what` has no eigenvectors". */
babel_status babel_eigen(double *square, int size, int rank, double *values, double *vectors, const char *what);

#ifdef __cplusplus
}
#endif
#endif
