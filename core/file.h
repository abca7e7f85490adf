/* Files: mapping for reading, atomic writing, checksums, line-by-line text.
 * Sentences name the path, what was expected and what was found, and recognise the usual wrong downloads. */
#ifndef BABEL_CORE_FILE_H
#define BABEL_CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const unsigned char *data; /* NULL when size is 0 */
  size_t size;
  char path[1024];
} babel_file;

/* Maps a regular file read-only. BABEL_ERR_IO when it cannot be opened or is a folder, BABEL_ERR_FORMAT when empty. */
babel_status babel_file_open(babel_file *file, const char *path);
void babel_file_close(babel_file *file); /* accepts a zeroed file */

/* A hint for files that are not what their reader wants: "a Git-LFS pointer, not the file itself", "an HTML page",
 * "a zip archive", "a NumPy array", "a MATLAB 5.0 file", "a MATLAB 7.3 (HDF5) file", "a PNG picture", "a pickle",
 * or "" when nothing is recognised. */
const char *babel_file_kind(const void *data, size_t size);

/* Atomic writing: everything goes to PATH.tmp.PID; commit = flush, fsync, rename, fsync of the folder.
 * Until commit returns BABEL_OK the old file, if any, is untouched; abort removes the temporary file. A folder or a device
 * is BABEL_ERR_IO. */
typedef struct {
  FILE *stream; /* write here; errors are found at commit */
  char path[1024], temporary[1088];
} babel_file_writer;

babel_status babel_file_create(babel_file_writer *writer, const char *path);
babel_status babel_file_write(babel_file_writer *writer, const void *bytes, size_t size);
babel_status babel_file_commit(babel_file_writer *writer); /* on failure the temporary file is removed */
void babel_file_abort(babel_file_writer *writer);          /* accepts a zeroed or committed writer */
/* Whether create would succeed: for commands that work long before they write. */
babel_status babel_file_probe(const char *path);

/* Removes what killed writers have left of a file in a folder; name NULL: of all files. Not while another process may be writing there. */
void babel_file_sweep(const char *folder, const char *name);

/* Whole text in one atomic write. */
babel_status babel_file_write_text(const char *path, const char *text);

bool babel_file_exists(const char *path);
/* mkdir -p. */
babel_status babel_folder_create(const char *path);

/* SHA-256 as 64 hexadecimal digits and a terminator. */
void babel_sha256(const void *bytes, size_t size, char hex[65]);
babel_status babel_file_sha256(const char *path, char hex[65]);

/* Streaming form. */
typedef struct {
  uint32_t state[8];
  uint64_t size;
  unsigned char block[64];
} babel_sha256_state;
void babel_sha256_begin(babel_sha256_state *state);
void babel_sha256_add(babel_sha256_state *state, const void *bytes, size_t size);
void babel_sha256_end(babel_sha256_state *state, char hex[65]);

/* Text lines of a mapped file: skips a UTF-8 byte-order mark, accepts CR LF, copies the next line without its end.
 * Returns false at the end. A line longer than size - 1 is BABEL_ERR_FORMAT in *status. */
typedef struct {
  const babel_file *file;
  size_t at;
  int number; /* of the line last returned, from 1 */
} babel_lines;
bool babel_lines_next(babel_lines *lines, char *line, size_t size, babel_status *status);

/* Numbers in the C locale whatever the program's locale is; the whole text must be consumed (blanks around allowed).
 * Refuses NaN, infinity and hexadecimal forms. */
bool babel_parse_double(const char *text, double *value);
bool babel_parse_int(const char *text, int64_t *value);
/* The inverse: the shortest of 15 to 17 significant digits that reads back to the same bits, with a decimal point in any
 * locale. value must be finite. */
void babel_format_double(double value, char text[32]);

#ifdef __cplusplus
}
#endif
#endif
