/* Byte-level writers of the container formats, for tests: independent of the readers, and able to write damage. */
#ifndef BABEL_TESTS_CORE_CONTAINERS_H
#define BABEL_TESTS_CORE_CONTAINERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text of bytes that grows. */
typedef struct {
  unsigned char *data;
  size_t size, capacity;
} bytes;

void put(bytes *b, const void *data, size_t size);
void put_text(bytes *b, const char *text);
void put_u8(bytes *b, unsigned value);
void put_u16(bytes *b, unsigned value);
void put_u32(bytes *b, uint32_t value);
void put_u64(bytes *b, uint64_t value);
void bytes_free(bytes *b);

/* Writes the bytes to a scratch file of this process and returns its path (a static buffer; overwritten by the next). */
const char *scratch_file(const bytes *b, const char *ending);

/* ---- pickles, protocol 2 ---- */
void pickle_begin(bytes *b);                  /* PROTO 2 */
void pickle_text(bytes *b, const char *text); /* BINUNICODE */
void pickle_int(bytes *b, int64_t value);     /* BININT, LONG1 when it does not fit */
void pickle_tuple(bytes *b, int count, const int64_t *values);
void pickle_name(bytes *b, const char *module, const char *name); /* GLOBAL */
void pickle_map(bytes *b);                                        /* an empty OrderedDict and a MARK */
void pickle_storage(bytes *b, const char *type, const char *key, int64_t count, bool legacy);

typedef struct {
  const char *type, *key; /* of the storage */
  int64_t count, offset;
  int rank;
  int64_t shape[10], stride[10];
  bool legacy, parameter;
} pickled_tensor;
void pickle_tensor(bytes *b, const pickled_tensor *tensor);

/* ---- zip ---- */
typedef struct {
  const char *name;
  const void *data;
  size_t size;
} zip_item;
typedef enum { ZIP_TORCH, ZIP_DEFLATED, ZIP_64 } zip_style;
/* TORCH: stored, sizes in a descriptor behind the data, aligned to 64. DEFLATED: as a zip tool packs. ZIP_64: all sizes and
 * offsets only in zip64 fields. */
void zip_write(bytes *b, const zip_item *items, int count, zip_style style);

/* ---- checkpoints ---- */
typedef struct {
  const char *key;
  const void *data;
  size_t size, width; /* bytes, bytes of an element */
} stored;
void checkpoint_zip(bytes *b, const char *root, const bytes *pickle, const stored *storages, int count, zip_style style);
/* The storages in the order given. */
void checkpoint_legacy(bytes *b, const bytes *object, const stored *storages, int count);

#endif
