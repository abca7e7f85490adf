#define ZLIB_CONST /* so that zlib takes const input */
#include "core/zip.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/bytes.h"

/* Sizes of the fixed parts of each record. */
enum { END = 22, END64 = 56, LOCATOR = 20, CENTRAL = 46, LOCAL = 30, LONGEST_COMMENT = 65535 };

#define SATURATED32 0xffffffffu
#define SHOWN(entry) (int)((entry)->name_size > 200 ? 200 : (entry)->name_size), (entry)->name

static bool has_signature(const unsigned char *at, const char *signature) {
  return !memcmp(at, signature, 4);
}

/* The end record, whose comment reaches exactly to the end of the file; NULL when there is none. */
static const unsigned char *find_end(const babel_file *file) {
  if (file->size < END) return NULL;
  size_t last = file->size - END, first = last > LONGEST_COMMENT ? last - LONGEST_COMMENT : 0;
  for (size_t at = last + 1; at-- > first;) {
    const unsigned char *record = file->data + at;
    if (has_signature(record, "PK\5\6") && babel_u16(record + 20) == last - at) return record;
  }
  return NULL;
}

/* Where the central directory lies, and how many entries it has. */
static babel_status find_directory(const babel_file *file, uint64_t *at, uint64_t *size, uint64_t *count) {
  const unsigned char *end = find_end(file);
  if (!end)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: truncated zip archive: no end record in a file of %zu bytes",
                      file->path, file->size);
  uint64_t room = (uint64_t)(end - file->data);
  unsigned disks = babel_u16(end + 4) | babel_u16(end + 6);
  *count = babel_u16(end + 10);
  *size = babel_u32(end + 12);
  *at = babel_u32(end + 16);
  if (*count == 0xffff || *size == SATURATED32 || *at == SATURATED32) {
    bool roomy = room >= LOCATOR + END64 && has_signature(end - LOCATOR, "PK\6\7");
    uint64_t where = roomy ? babel_u64(end - LOCATOR + 8) : 0;
    if (!roomy || where > room - LOCATOR - END64 || !has_signature(file->data + where, "PK\6\6"))
      return BABEL_FAIL(BABEL_ERR_FORMAT,
                        "%s: damaged zip archive: its end record promises a zip64 record, none was found",
                        file->path);
    const unsigned char *record = file->data + where;
    disks = babel_u32(record + 16) | babel_u32(record + 20);
    *count = babel_u64(record + 32);
    *size = babel_u64(record + 40);
    *at = babel_u64(record + 48);
    room = where;
  }
  if (disks)
    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s: a zip archive in several parts is not supported",
                      file->path);
  if (*size > room || *at > room - *size || *count > *size / CENTRAL)
    return BABEL_FAIL(
        BABEL_ERR_FORMAT,
        "%s: damaged zip archive: a directory of %llu bytes at %llu with %llu entries does not fit "
        "into %zu bytes",
        file->path, (unsigned long long)*size, (unsigned long long)*at, (unsigned long long)*count,
        file->size);
  return BABEL_OK;
}

/* Takes from the zip64 extra field, in this order, the values that the record itself could not hold. */
static bool read_zip64(const unsigned char *extra, size_t size, babel_zip_entry *entry) {
  uint64_t *const wanted[3] = {&entry->plain, &entry->packed, &entry->local};
  while (size >= 4) {
    size_t length = babel_u16(extra + 2), used = 0;
    if (length > size - 4) return false;
    if (babel_u16(extra) == 1) {
      for (int i = 0; i < 3; i++) {
        if (*wanted[i] != SATURATED32) continue;
        if (used + 8 > length) return false;
        *wanted[i] = babel_u64(extra + 4 + used);
        used += 8;
      }
      return true;
    }
    extra += 4 + length;
    size -= 4 + length;
  }
  return false;
}

static bool is_safe_name(const char *name, size_t size) {
  if (!size || name[0] == '/' || memchr(name, 0, size) || memchr(name, '\\', size)) return false;
  for (size_t i = 0; i + 1 < size; i++)
    if (name[i] == '.' && name[i + 1] == '.' && (!i || name[i - 1] == '/') &&
        (i + 2 == size || name[i + 2] == '/'))
      return false;
  return true;
}

/* One record of the central directory; *used is its length. */
static babel_status read_central(const babel_file *file, const unsigned char *at, size_t left,
                                 babel_zip_entry *entry, size_t *used) {
  if (left < CENTRAL || !has_signature(at, "PK\1\2"))
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: damaged zip directory at byte %zu", file->path,
                      (size_t)(at - file->data));
  size_t name_size = babel_u16(at + 28), extra_size = babel_u16(at + 30);
  *used = CENTRAL + name_size + extra_size + babel_u16(at + 32);
  if (*used > left)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: damaged zip directory at byte %zu", file->path,
                      (size_t)(at - file->data));
  *entry = (babel_zip_entry){.name = (const char *)at + CENTRAL,
                             .name_size = name_size,
                             .method = babel_u16(at + 10),
                             .crc = babel_u32(at + 16),
                             .packed = babel_u32(at + 20),
                             .plain = babel_u32(at + 24),
                             .local = babel_u32(at + 42)};
  bool saturated = entry->packed == SATURATED32 || entry->plain == SATURATED32 || entry->local == SATURATED32;
  if (!is_safe_name(entry->name, name_size))
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: zip entry \"%.*s\": not the name of a file inside an archive",
                      file->path, SHOWN(entry));
  if (babel_u16(at + 8) & 1)
    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s: zip entry \"%.*s\" is encrypted", file->path, SHOWN(entry));
  if (saturated && !read_zip64(at + CENTRAL + name_size, extra_size, entry))
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: zip entry \"%.*s\": its zip64 sizes are missing", file->path,
                      SHOWN(entry));
  return BABEL_OK;
}

static int compare_names(const char *a, size_t a_size, const char *b, size_t b_size) {
  int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
  return order ? order : a_size < b_size ? -1 : a_size > b_size;
}

static int compare_entries(const void *a, const void *b) {
  const babel_zip_entry *x = a, *y = b;
  return compare_names(x->name, x->name_size, y->name, y->name_size);
}

babel_status babel_zip_open(babel_zip *zip, const babel_file *file) {
  uint64_t size, count;
  babel_status status = BABEL_OK;
  *zip = (babel_zip){.file = file};
  BABEL_TRY(find_directory(file, &zip->directory, &size, &count));
  zip->entries = calloc((size_t)count + 1, sizeof *zip->entries);
  if (!zip->entries)
    return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %llu zip entries", file->path,
                      (unsigned long long)count);
  const unsigned char *at = file->data + zip->directory;
  for (size_t left = (size_t)size, used; zip->count < count; at += used, left -= used, zip->count++)
    BABEL_TRY_OR(read_central(file, at, left, &zip->entries[zip->count], &used), fail);
  qsort(zip->entries, zip->count, sizeof *zip->entries, compare_entries);
  for (size_t i = 1; i < zip->count; i++) {
    if (compare_entries(&zip->entries[i - 1], &zip->entries[i])) continue;
    status = BABEL_FAIL(BABEL_ERR_FORMAT, "%s: two zip entries are called \"%.*s\"", file->path,
                        SHOWN(&zip->entries[i]));
    goto fail;
  }
  return BABEL_OK;
fail:
  babel_zip_close(zip);
  return status;
}

void babel_zip_close(babel_zip *zip) {
  if (!zip) return;
  free(zip->entries);
  memset(zip, 0, sizeof *zip);
}

const babel_zip_entry *babel_zip_find(const babel_zip *zip, const char *name, size_t name_size) {
  size_t low = 0, high = zip->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const babel_zip_entry *entry = &zip->entries[middle];
    int order = compare_names(name, name_size, entry->name, entry->name_size);
    if (!order) return entry;
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return NULL;
}

/* Where the packed bytes begin. The local header has name and extra lengths of its own; its sizes may be zero
 * and are not used. */
static babel_status find_packed(const babel_zip *zip, const babel_zip_entry *entry,
                                const unsigned char **packed) {
  const char *path = zip->file->path;
  if (zip->directory < LOCAL || entry->local > zip->directory - LOCAL ||
      !has_signature(zip->file->data + entry->local, "PK\3\4"))
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: zip entry \"%.*s\": no local header at byte %llu", path,
                      SHOWN(entry), (unsigned long long)entry->local);
  const unsigned char *local = zip->file->data + entry->local;
  size_t name_size = babel_u16(local + 26), skip = LOCAL + name_size + babel_u16(local + 28);
  uint64_t room = zip->directory - entry->local;
  if (skip > room || entry->packed > room - skip)
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: zip entry \"%.*s\": %llu packed bytes do not fit before the directory", path,
                      SHOWN(entry), (unsigned long long)entry->packed);
  if (compare_names((const char *)local + LOCAL, name_size, entry->name, entry->name_size))
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: zip entry \"%.*s\" has another name in its local header", path,
                      SHOWN(entry));
  *packed = local + skip;
  return BABEL_OK;
}

/* zlib counts in 32 bits: input and output are handed over in pieces. Z_OK when exactly all of both was used, Z_MEM_ERROR without memory. */
static int inflate_all(const unsigned char *in, uint64_t in_size, unsigned char *out, uint64_t out_size) {
  z_stream stream = {0};
  uint64_t in_left = in_size, out_left = out_size;
  int code = inflateInit2(&stream, -MAX_WBITS);
  if (code != Z_OK) return code;
  stream.next_in = in;
  stream.next_out = out;
  while (code == Z_OK) {
    uInt in_piece = in_left > INT_MAX ? INT_MAX : (uInt)in_left,
         out_piece = out_left > INT_MAX ? INT_MAX : (uInt)out_left;
    stream.avail_in = in_piece;
    stream.avail_out = out_piece;
    code = inflate(&stream, Z_NO_FLUSH);
    in_left -= in_piece - stream.avail_in;
    out_left -= out_piece - stream.avail_out;
  }
  inflateEnd(&stream);
  if (code == Z_STREAM_END) code = !in_left && out_left == 1 ? Z_OK : Z_DATA_ERROR; /* one byte of room is left over */
  return code == Z_OK || code == Z_MEM_ERROR ? code : Z_DATA_ERROR;
}

static babel_status unpack(const babel_zip *zip, const babel_zip_entry *entry, const unsigned char *packed,
                           size_t limit, void **owned) {
  if (entry->plain >= limit)
    return BABEL_FAIL(
        BABEL_ERR_FORMAT,
        "%s: zip entry \"%.*s\" would unpack to %llu bytes, allowed are %zu for a file of this size",
        zip->file->path, SHOWN(entry), (unsigned long long)entry->plain, limit);
  unsigned char *out = malloc((size_t)entry->plain + 1);
  if (!out)
    return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %llu bytes", zip->file->path,
                      (unsigned long long)entry->plain);
  int code = inflate_all(packed, entry->packed, out, entry->plain + 1);
  if (code != Z_OK) free(out);
  if (code == Z_MEM_ERROR) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for unpacking", zip->file->path);
  if (code != Z_OK)
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: zip entry \"%.*s\": damaged compressed data, expected %llu bytes", zip->file->path,
                      SHOWN(entry), (unsigned long long)entry->plain);
  *owned = out;
  return BABEL_OK;
}

babel_status babel_zip_read(const babel_zip *zip, const babel_zip_entry *entry, size_t limit,
                            const unsigned char **data, void **owned) {
  const unsigned char *packed;
  *owned = NULL;
  BABEL_TRY(find_packed(zip, entry, &packed));
  if (entry->method == 8)
    BABEL_TRY(unpack(zip, entry, packed, limit, owned));
  else if (entry->method)
    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED,
                      "%s: compressed zip entry \"%.*s\": method %u is not supported, expected stored (0) or "
                      "deflated (8)",
                      zip->file->path, SHOWN(entry), entry->method);
  else if (entry->packed != entry->plain)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: stored zip entry \"%.*s\" has two sizes, %llu and %llu",
                      zip->file->path, SHOWN(entry), (unsigned long long)entry->packed,
                      (unsigned long long)entry->plain);
  *data = *owned ? *owned : packed;
  uint32_t crc = (uint32_t)crc32_z(crc32_z(0, NULL, 0), *data, (size_t)entry->plain);
  if (crc == entry->crc) return BABEL_OK;
  free(*owned);
  *owned = NULL;
  return BABEL_FAIL(BABEL_ERR_FORMAT,
                    "%s: zip entry \"%.*s\": checksum %08x, expected %08x: the file is damaged",
                    zip->file->path, SHOWN(entry), crc, entry->crc);
}
