/* Zip archives, read by their central directory (formats.md section 5): zip64, stored and deflated entries,
 * local headers without sizes. Refused with a sentence that names file and entry: an archive without its end
 * (a cut download), encryption, several disks, absolute names or `..`, two entries of one name, data outside
 * the file, a wrong CRC-32. */
#ifndef BABEL_CORE_ZIP_H
#define BABEL_CORE_ZIP_H

#include "core/file.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const char *name; /* name_size characters in the mapped file, not terminated */
  size_t name_size;
  unsigned method; /* 0 stored, 8 deflated */
  uint32_t crc;
  uint64_t packed, plain, local; /* sizes, offset of the local header [bytes] */
} babel_zip_entry;

typedef struct {
  const babel_file *file; /* borrowed */
  uint64_t directory;     /* offset of the central directory: the data of all entries end before it */
  size_t count;
  babel_zip_entry *entries; /* sorted by name */
} babel_zip;

babel_status babel_zip_open(babel_zip *zip, const babel_file *file);
void babel_zip_close(babel_zip *zip); /* accepts a zeroed one */

/* NULL when absent. The name has name_size characters. */
const babel_zip_entry *babel_zip_find(const babel_zip *zip, const char *name, size_t name_size);

/* The plain bytes of an entry, their CRC-32 checked. Stored: *data points into the mapped file and *owned is
 * NULL. Deflated: *data == *owned, to be freed; BABEL_ERR_FORMAT when that takes more than `limit` bytes. */
babel_status babel_zip_read(const babel_zip *zip, const babel_zip_entry *entry, size_t limit,
                            const unsigned char **data, void **owned);

#ifdef __cplusplus
}
#endif
#endif
