#include "tests/core/containers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/support/paths.h"

/* ---- bytes ---- */

void put(bytes *b, const void *data, size_t size) {
  if (b->size + size > b->capacity) {
    b->capacity = 2 * (b->size + size) + 64;
    b->data = realloc(b->data, b->capacity);
    if (!b->data) abort();
  }
  if (size) memcpy(b->data + b->size, data, size);
  b->size += size;
}

void put_text(bytes *b, const char *text) {
  put(b, text, strlen(text));
}

static void put_number(bytes *b, uint64_t value, int size) {
  for (int i = 0; i < size; i++) {
    unsigned char byte = (unsigned char)(value >> 8 * i);
    put(b, &byte, 1);
  }
}

void put_u8(bytes *b, unsigned value) {
  put_number(b, value, 1);
}

void put_u16(bytes *b, unsigned value) {
  put_number(b, value, 2);
}

void put_u32(bytes *b, uint32_t value) {
  put_number(b, value, 4);
}

void put_u64(bytes *b, uint64_t value) {
  put_number(b, value, 8);
}

void bytes_free(bytes *b) {
  free(b->data);
  memset(b, 0, sizeof *b);
}

const char *scratch_file(const bytes *b, const char *ending) {
  static char folder[900], path[1000];
  if (!getenv("TMPDIR") && !access("/dev/shm", W_OK)) setenv("TMPDIR", "/dev/shm", 1); /* thousands of small files: memory, not disk */
  if (!*folder) snprintf(folder, sizeof folder, "%s", babel_scratch());
  snprintf(path, sizeof path, "%s/file%s", folder, ending);
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(b->data, 1, b->size, file) != b->size || fclose(file)) abort();
  return path;
}

/* ---- pickles ---- */

void pickle_begin(bytes *b) {
  put(b, "\x80\2", 2);
}

void pickle_text(bytes *b, const char *text) {
  put_text(b, "X");
  put_u32(b, (uint32_t)strlen(text));
  put_text(b, text);
}

void pickle_int(bytes *b, int64_t value) {
  bool fits = value >= INT32_MIN && value <= INT32_MAX;
  put(b, fits ? "J" : "\x8A\x08", fits ? 1 : 2);
  put_number(b, (uint64_t)value, fits ? 4 : 8);
}

void pickle_tuple(bytes *b, int count, const int64_t *values) {
  put_text(b, "(");
  for (int i = 0; i < count; i++) pickle_int(b, values[i]);
  put_text(b, "t");
}

void pickle_name(bytes *b, const char *module, const char *name) {
  put_text(b, "c");
  put_text(b, module);
  put_text(b, "\n");
  put_text(b, name);
  put_text(b, "\n");
}

void pickle_map(bytes *b) {
  pickle_name(b, "collections", "OrderedDict");
  put_text(b, ")R(");
}

void pickle_storage(bytes *b, const char *type, const char *key, int64_t count, bool legacy) {
  put_text(b, "(");
  pickle_text(b, "storage");
  pickle_name(b, "torch", type);
  pickle_text(b, key);
  pickle_text(b, "cuda:0");
  pickle_int(b, count);
  put_text(b, legacy ? "NtQ" : "tQ");
}

void pickle_tensor(bytes *b, const pickled_tensor *tensor) {
  if (tensor->parameter) {
    pickle_name(b, "torch._utils", "_rebuild_parameter");
    put_text(b, "(");
  }
  pickle_name(b, "torch._utils", "_rebuild_tensor_v2");
  put_text(b, "(");
  pickle_storage(b, tensor->type, tensor->key, tensor->count, tensor->legacy);
  pickle_int(b, tensor->offset);
  pickle_tuple(b, tensor->rank, tensor->shape);
  pickle_tuple(b, tensor->rank, tensor->stride);
  put_text(b, tensor->legacy ? "\x89N" : "\x89");
  if (!tensor->legacy) {
    pickle_name(b, "collections", "OrderedDict");
    put_text(b, ")R");
  }
  put_text(b, "tR");
  if (tensor->parameter) put_text(b, "\x88NtR");
}

/* ---- zip ---- */

static void deflate_into(bytes *out, const void *data, size_t size) {
  unsigned long room = compressBound((unsigned long)size) + 64;
  unsigned char *packed = malloc(room);
  z_stream stream = {0};
  if (!packed || deflateInit2(&stream, 1, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) abort();
  stream.next_in = (Bytef *)(uintptr_t)data;
  stream.avail_in = (uInt)size;
  stream.next_out = packed;
  stream.avail_out = (uInt)room;
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) abort();
  put(out, packed, stream.total_out);
  deflateEnd(&stream);
  free(packed);
}

/* The 16 bytes of version, flags, method, time, date, checksum that local header and directory share; sizes follow. */
static void put_shared(bytes *b, zip_style style, uint32_t crc) {
  put_u16(b, style == ZIP_64 ? 45 : 20);
  put_u16(b, style == ZIP_DEFLATED ? 0 : 0x0808);
  put_u16(b, style == ZIP_DEFLATED ? 8 : 0);
  put_u16(b, 0);
  put_u16(b, 33);
  put_u32(b, crc);
}

static void put_local(bytes *b, const zip_item *item, zip_style style, uint32_t crc, const bytes *packed) {
  bytes extra = {0};
  size_t name = strlen(item->name);
  put(b, "PK\3\4", 4);
  put_shared(b, style, style == ZIP_DEFLATED ? crc : 0);
  put_u32(b, style == ZIP_DEFLATED ? (uint32_t)packed->size : 0);
  put_u32(b, style == ZIP_DEFLATED ? (uint32_t)item->size : 0);
  put_u16(b, (unsigned)name);
  if (style == ZIP_64) { /* a field too short for what it should hold */
    put_u16(&extra, 1);
    put_u16(&extra, 8);
    put_u64(&extra, 0);
  }
  if (style != ZIP_DEFLATED) {
    size_t pad = (64 - (b->size + 2 + name + extra.size + 4) % 64) % 64;
    put_text(&extra, "FB");
    put_u16(&extra, (unsigned)pad);
    for (size_t i = 0; i < pad; i++) put_text(&extra, "Z");
  }
  put_u16(b, (unsigned)extra.size);
  put_text(b, item->name);
  put(b, extra.data, extra.size);
  put(b, packed->data, packed->size);
  if (style != ZIP_DEFLATED) {
    put(b, "PK\7\x08", 4);
    put_u32(b, crc);
    put_number(b, packed->size, style == ZIP_64 ? 8 : 4);
    put_number(b, item->size, style == ZIP_64 ? 8 : 4);
  }
  bytes_free(&extra);
}

static void put_central(bytes *b, const zip_item *item, zip_style style, uint32_t crc, size_t packed, size_t at) {
  bool wide = style == ZIP_64;
  put(b, "PK\1\2", 4);
  put_u16(b, 45);
  put_shared(b, style, crc);
  put_u32(b, wide ? 0xffffffff : (uint32_t)packed);
  put_u32(b, wide ? 0xffffffff : (uint32_t)item->size);
  put_u16(b, (unsigned)strlen(item->name));
  put_u16(b, wide ? 28 : 0);
  put(b, "\0\0\0\0\0\0\0\0\0\0", 10);
  put_u32(b, wide ? 0xffffffff : (uint32_t)at);
  put_text(b, item->name);
  if (!wide) return;
  put_u16(b, 1);
  put_u16(b, 24);
  put_u64(b, item->size);
  put_u64(b, packed);
  put_u64(b, at);
}

static void put_end(bytes *b, int count, size_t size, size_t at, zip_style style) {
  bool wide = style == ZIP_64;
  if (wide) {
    size_t record = b->size;
    put(b, "PK\6\6", 4);
    put_u64(b, 44);
    put_u16(b, 45);
    put_u16(b, 45);
    put_u64(b, 0);
    put_u64(b, (uint64_t)count);
    put_u64(b, (uint64_t)count);
    put_u64(b, size);
    put_u64(b, at);
    put(b, "PK\6\7\0\0\0\0", 8);
    put_u64(b, record);
    put_u32(b, 1);
  }
  put(b, "PK\5\6\0\0\0\0", 8);
  put_u16(b, wide ? 0xffff : (unsigned)count);
  put_u16(b, wide ? 0xffff : (unsigned)count);
  put_u32(b, wide ? 0xffffffff : (uint32_t)size);
  put_u32(b, wide ? 0xffffffff : (uint32_t)at);
  put_u16(b, 0);
}

void zip_write(bytes *b, const zip_item *items, int count, zip_style style) {
  bytes directory = {0};
  for (int i = 0; i < count; i++) {
    bytes packed = {0};
    size_t at = b->size;
    uint32_t crc = (uint32_t)crc32(0, items[i].data, (uInt)items[i].size);
    if (style == ZIP_DEFLATED) deflate_into(&packed, items[i].data, items[i].size);
    else put(&packed, items[i].data, items[i].size);
    put_local(b, &items[i], style, crc, &packed);
    put_central(&directory, &items[i], style, crc, packed.size, at);
    bytes_free(&packed);
  }
  size_t at = b->size;
  put(b, directory.data, directory.size);
  put_end(b, count, directory.size, at, style);
  bytes_free(&directory);
}

/* ---- checkpoints ---- */

void checkpoint_zip(bytes *b, const char *root, const bytes *pickle, const stored *storages, int count, zip_style style) {
  zip_item items[40];
  char names[40][80];
  if (count > 37) abort();
  snprintf(names[0], sizeof *names, "%s/data.pkl", root);
  items[0] = (zip_item){names[0], pickle->data, pickle->size};
  snprintf(names[1], sizeof *names, "%s/byteorder", root);
  items[1] = (zip_item){names[1], "little", 6};
  for (int i = 0; i < count; i++) {
    snprintf(names[2 + i], sizeof *names, "%s/data/%s", root, storages[i].key);
    items[2 + i] = (zip_item){names[2 + i], storages[i].data, storages[i].size};
  }
  snprintf(names[2 + count], sizeof *names, "%s/version", root);
  items[2 + count] = (zip_item){names[2 + count], "3\n", 2};
  zip_write(b, items, 3 + count, style);
}

void checkpoint_legacy(bytes *b, const bytes *object, const stored *storages, int count) {
  put(b, "\x80\2\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19.", 15);
  put(b, "\x80\2M\xE9\3.", 6);
  pickle_begin(b);
  put_text(b, "}(");
  pickle_text(b, "protocol_version");
  pickle_int(b, 1001);
  pickle_text(b, "little_endian");
  put_text(b, "\x88u.");
  put(b, object->data, object->size);
  pickle_begin(b);
  put_text(b, "](");
  for (int i = 0; i < count; i++) pickle_text(b, storages[i].key);
  put_text(b, "e.");
  for (int i = 0; i < count; i++) {
    put_u64(b, storages[i].size / storages[i].width);
    put(b, storages[i].data, storages[i].size);
  }
}
