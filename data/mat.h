/* MATLAB 5.0 MAT-files, read on zlib alone (formats.md section 2). Written by MATLAB -v6/-v7, Octave, SciPy and others.
 *
 * Damage is an error, never zeros: the walk over the elements must end exactly at the end of the file, every zlib stream
 * must reach its end (and so its checksum) with exactly the bytes its matrix announces, and nothing may be left over.
 * Bounds: 8 dimensions, fewer than 2^31 values, 2 GiB inflated in all, 1,100 times the packed size; memory is taken only
 * after the claim has been held against them.
 * Values keep the type they are stored in, which may be narrower than the class (a depth map of class double stays uint16).
 * Refused: big-endian files, MATLAB 4 and 7.3. Variables that are not real numbers (cells, structs, text, complex, sparse)
 * are listed with their obstacle; babel_mat_require refuses them by name. */
#ifndef BABEL_DATA_MAT_H
#define BABEL_DATA_MAT_H

#include <stdbool.h>

#include "core/file.h"
#include "core/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  char name[128];                /* "" for MATLAB's own nameless variables */
  const char *class_name;        /* "double", "struct", ...: what MATLAB calls it */
  const char *obstacle;          /* NULL: real numbers; else why there are no values: "a struct", "complex numbers" */
  int rank;                      /* 0 when the class has no dimensions here (opaque) */
  int64_t shape[BABEL_MAX_RANK]; /* MATLAB's order */
  int64_t count;                 /* product of the shape */
  babel_dtype stored;            /* type of the values at `data` */
  const void *data;              /* column-major: first index fastest; may be unaligned; NULL with an obstacle */
} babel_mat_variable;

typedef struct {
  babel_file file;
  int count;
  babel_mat_variable *variables; /* in file order */
  int buffer_count;
  void **buffers; /* inflated elements, owned */
} babel_mat;

babel_status babel_mat_open(babel_mat *mat, const char *path);
void babel_mat_close(babel_mat *mat); /* accepts a zeroed one */

/* The variable of that name with its real values. BABEL_ERR_FORMAT when absent (lists the names that are there),
 * BABEL_ERR_UNSUPPORTED when it is not made of real numbers. */
babel_status babel_mat_require(const babel_mat *mat, const char *name, const babel_mat_variable **variable);

/* The same values as a row-major tensor: the shape reversed, nothing copied. A 20 x 3 x F array becomes (F, 3, 20). */
babel_tensor babel_mat_view(const babel_mat_variable *variable);

/* "20 x 3 x 48". Returns text. */
const char *babel_mat_shape_text(const babel_mat_variable *variable, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
