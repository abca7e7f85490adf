/* Files that may be kept compressed by xz: data sets of text and of plain numbers shrink to a fifth. */
#ifndef BABEL_CORE_XZ_H
#define BABEL_CORE_XZ_H

#include "core/file.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What an unpacked file may hold: a small file can claim to be any size. */
#define BABEL_XZ_MOST ((size_t)1 << 30)

/* PATH where it exists, else PATH.xz unpacked into memory; closed by babel_file_close either way; file->path names the one that was read.
 * BABEL_ERR_FORMAT for damaged or cut-off data, for anything behind them, an empty content or more than BABEL_XZ_MOST bytes;
 * BABEL_ERR_IO when neither file is there. */
babel_status babel_file_open_packed(babel_file *file, const char *path);

/* Whether PATH or PATH.xz exists. */
bool babel_file_exists_packed(const char *path);

#ifdef __cplusplus
}
#endif
#endif
