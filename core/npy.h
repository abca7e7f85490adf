/* NumPy .npy arrays (formats.md section 4): header versions 1.0, 2.0, 3.0; keys in any order, either quote, `5L`; little,
 * big and native byte order; C and Fortran order; data at any offset. Refused: object and structured dtypes, complex,
 * a file shorter than its header says (both sizes in the sentence). Trailing bytes: a warning. */
#ifndef BABEL_CORE_NPY_H
#define BABEL_CORE_NPY_H

#include "core/file.h"
#include "core/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  babel_tensor tensor; /* always row-major and native byte order: points into the mapped file or at `converted` */
  void *converted;
  babel_file file;
} babel_npy;

babel_status babel_npy_open(babel_npy *npy, const char *path);
void babel_npy_close(babel_npy *npy);
/* Version 1.0 header, data at a multiple of 64, atomic. */
babel_status babel_npy_write(const char *path, const babel_tensor *tensor);

#ifdef __cplusplus
}
#endif
#endif
