/* MATLAB 5.0 files as UTD-MHAD has them: header, one zlib-compressed element, one real matrix of class double. */
#ifndef BABEL_SIM_MAT_WRITE_H
#define BABEL_SIM_MAT_WRITE_H

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes `data` (column-major, product of dims) as variable `name` (1 to 31 characters) to PATH. Not atomic: callers write
 * into a folder of their own and rename that. rank 2..8, dims >= 1. BABEL_ERR_IO when the disk refuses; the file is then
 * removed. BABEL_ERR_ARG on a bad name or shape. */
babel_status babel_mat_write(const char *path, const char *name, int rank, const int *dims, const double *data);

#ifdef __cplusplus
}
#endif
#endif
