#include "data/mat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/bytes.h"

#define HEADER_SIZE 128
#define MAX_INFLATED ((size_t)2 << 30)
#define MAX_RATIO 1100 /* deflate itself ends at 1,032 */

enum {
  TYPE_INT8 = 1,
  TYPE_UINT8 = 2,
  TYPE_INT32 = 5,
  TYPE_UINT32 = 6,
  TYPE_MATRIX = 14,
  TYPE_ZLIB = 15,
  TYPE_UTF8 = 16
};
enum { CLASS_OPAQUE = 17, CLASS_COUNT = 18 };

static const struct {
  const char *name, *obstacle;
} classes[CLASS_COUNT] = {
    {NULL, NULL},
    {"cell", "a cell array"},
    {"struct", "a struct"},
    {"object", "an object"},
    {"char", "text"},
    {"sparse", "sparse"},
    {"double", NULL},
    {"single", NULL},
    {"int8", NULL},
    {"uint8", NULL},
    {"int16", NULL},
    {"uint16", NULL},
    {"int32", NULL},
    {"uint32", NULL},
    {"int64", NULL},
    {"uint64", NULL},
    {"function", "a function handle"},
    {"opaque", "an object of a MATLAB class"},
};

/* The bytes of one element that are still unread. */
typedef struct {
  const unsigned char *at;
  size_t left;
} cursor;

typedef struct {
  uint32_t type, size;
  const unsigned char *data;
} element;

/* Next sub-element of a matrix; the last one may come without its padding. */
static bool next_element(cursor *c, element *e) {
  if (c->left < 8) return false;
  uint32_t word = babel_u32(c->at);
  if (word >> 16) { /* small form: size, type and data in 8 bytes */
    *e = (element){word & 0xffff, word >> 16, c->at + 4};
    if (e->size > 4) return false;
    c->at += 8;
    c->left -= 8;
    return true;
  }
  *e = (element){word, babel_u32(c->at + 4), c->at + 8};
  c->at += 8;
  c->left -= 8;
  if (e->size > c->left) return false;
  size_t step = ((size_t)e->size + 7) / 8 * 8;
  if (step > c->left) step = c->left;
  c->at += step;
  c->left -= step;
  return true;
}

static bool stored_dtype(uint32_t type, babel_dtype *dtype) {
  static const struct {
    uint32_t type;
    babel_dtype dtype;
  } types[] = {{1, BABEL_I8},  {2, BABEL_U8},  {3, BABEL_I16}, {4, BABEL_U16},  {5, BABEL_I32},
               {6, BABEL_U32}, {7, BABEL_F32}, {9, BABEL_F64}, {12, BABEL_I64}, {13, BABEL_U64}};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (types[i].type == type) {
      *dtype = types[i].dtype;
      return true;
    }
  return false;
}

static babel_status parse_shape(const char *path, const element *e, babel_mat_variable *v) {
  if ((e->type != TYPE_INT32 && e->type != TYPE_UINT32) || e->size % 4 || e->size < 4 ||
      e->size > 4 * BABEL_MAX_RANK)
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: damaged: dimensions of type %u in %u bytes, expected 1 to %d whole numbers", path,
                      e->type, e->size, BABEL_MAX_RANK);
  v->rank = (int)(e->size / 4);
  v->count = 1;
  int64_t span = 1; /* without the dimensions of 0, so that it does not matter where they stand */
  for (int i = 0; i < v->rank; i++) v->shape[i] = babel_u32(e->data + 4 * i);
  for (int i = 0; i < v->rank; i++) {
    if (v->shape[i] > INT32_MAX || (v->shape[i] && span > INT32_MAX / v->shape[i]))
      return BABEL_FAIL(BABEL_ERR_FORMAT,
                        "%s: a variable of dimensions %lld, ...: expected fewer than 2^31 values", path,
                        (long long)v->shape[0]);
    v->count *= v->shape[i];
    span *= v->shape[i] ? v->shape[i] : 1;
  }
  return BABEL_OK;
}

static babel_status parse_name(const char *path, const element *e, babel_mat_variable *v) {
  if ((e->type != TYPE_INT8 && e->type != TYPE_UINT8 && e->type != TYPE_UTF8) || e->size >= sizeof v->name ||
      memchr(e->data, 0, e->size))
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: damaged: a variable name of type %u in %u bytes", path, e->type,
                      e->size);
  memcpy(v->name, e->data, e->size);
  return BABEL_OK;
}

static babel_status parse_values(const char *path, cursor *c, babel_mat_variable *v) {
  element e;
  char text[160];
  if (!next_element(c, &e))
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: variable %s has no values", path, v->name);
  if (!stored_dtype(e.type, &v->stored))
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: variable %s: values of the unknown type %u", path, v->name,
                      e.type);
  size_t need = (size_t)v->count * babel_dtype_size(v->stored);
  if (e.size != need)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: variable %s is %s of %s, which needs %zu bytes; %u are there",
                      path, v->name, babel_mat_shape_text(v, text, sizeof text), babel_dtype_name(v->stored),
                      need, e.size);
  if (c->left)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: variable %s: %zu bytes left over behind its values", path,
                      v->name, c->left);
  v->data = e.data;
  return BABEL_OK;
}

/* Matrix content: flags, dimensions, name, values. */
static babel_status parse_matrix(const char *path, cursor c, babel_mat_variable *v) {
  element e;
  memset(v, 0, sizeof *v);
  if (!next_element(&c, &e) || e.type != TYPE_UINT32 || e.size != 8)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: damaged: a matrix does not begin with its flags", path);
  uint32_t flags = babel_u32(e.data), class_id = flags & 0xff;
  if (!class_id || class_id >= CLASS_COUNT)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: damaged: a variable of the unknown class %u", path, class_id);
  v->class_name = classes[class_id].name;
  v->obstacle = classes[class_id].obstacle;
  if (!v->obstacle && flags & 0x800) v->obstacle = "complex numbers";
  if (class_id != CLASS_OPAQUE) {
    if (!next_element(&c, &e))
      return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: damaged: a variable without dimensions", path);
    BABEL_TRY(parse_shape(path, &e, v));
  }
  if (!next_element(&c, &e))
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: damaged: a variable without a name", path);
  BABEL_TRY(parse_name(path, &e, v));
  return v->obstacle ? BABEL_OK : parse_values(path, &c, v);
}

/* Inflates one whole stream into *out (kept in mat->buffers): a matrix tag, its content, nothing else. */
static babel_status inflate_stream(babel_mat *mat, z_stream *z, size_t packed, size_t *budget,
                                   cursor *content) {
  const char *path = mat->file.path;
  unsigned char tag[8];
  z->next_out = tag;
  z->avail_out = sizeof tag;
  int code = inflate(z, Z_SYNC_FLUSH);
  if (code == Z_MEM_ERROR) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for unpacking", path);
  if ((code != Z_OK && code != Z_STREAM_END) || z->avail_out)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: damaged: the compressed data cannot be unpacked (%s)", path,
                      z->msg ? z->msg : "too short");
  if (babel_u32(tag) != TYPE_MATRIX)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: a compressed element of type %u, expected a matrix (%d)", path,
                      babel_u32(tag), TYPE_MATRIX);
  size_t size = babel_u32(tag + 4);
  if (size > *budget || size + 8 > MAX_RATIO * packed)
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: %zu packed bytes claim to hold %zu: over the limit of 2 GiB and %d to 1", path,
                      packed, size, MAX_RATIO);
  *budget -= size;
  unsigned char *out = malloc(size + 1); /* one byte to spare, so that zlib always gets to its checksum */
  if (!out) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %zu bytes", path, size);
  mat->buffers[mat->buffer_count++] = out;
  z->next_out = out;
  z->avail_out = (uInt)(size + 1);
  if (code != Z_STREAM_END) code = inflate(z, Z_FINISH);
  if (code == Z_MEM_ERROR) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for unpacking", path);
  size_t got = size + 1 - z->avail_out;
  if (code != Z_STREAM_END && got <= size)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: damaged: %zu of %zu bytes could be unpacked (%s)", path, got,
                      size, z->msg ? z->msg : "the compressed data end too early");
  if (got != size || z->avail_in)
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: damaged: a matrix of %zu bytes unpacks to %s%zu, %u packed bytes left over", path,
                      size, got > size ? "more than " : "", got > size ? size : got, z->avail_in);
  *content = (cursor){out, size};
  return BABEL_OK;
}

static babel_status inflate_element(babel_mat *mat, const element *e, size_t *budget, cursor *content) {
  z_stream z;
  memset(&z, 0, sizeof z);
  z.next_in = (unsigned char *)(uintptr_t)e->data;
  z.avail_in = e->size;
  if (inflateInit(&z) != Z_OK)
    return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for unpacking", mat->file.path);
  babel_status status = inflate_stream(mat, &z, e->size, budget, content);
  inflateEnd(&z);
  return status;
}

static babel_status check_header(const babel_file *file) {
  static const char expected[] = "MATLAB 5.0 MAT-file";
  if (file->size < sizeof expected || memcmp(file->data, expected, sizeof expected - 1)) {
    const char *kind = babel_file_kind(file->data, file->size);
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected a MATLAB 5.0 MAT-file, found %s", file->path,
                      *kind ? kind : "something else");
  }
  if (file->size < HEADER_SIZE)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: cut short: %zu bytes, less than the header of %d", file->path,
                      file->size, HEADER_SIZE);
  if (!memcmp(file->data + 126, "MI", 2))
    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED,
                      "%s: a big-endian MAT-file: re-save it on a little-endian machine", file->path);
  if (memcmp(file->data + 124, "\x00\x01IM", 4))
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: damaged header: version and byte order are not those of MATLAB 5.0", file->path);
  return BABEL_OK;
}

/* From element to element, exactly to the end of the file. Only counts them while mat->variables is NULL. */
static babel_status walk(babel_mat *mat, int *count) {
  const babel_file *file = &mat->file;
  size_t at = HEADER_SIZE, budget = MAX_INFLATED;
  *count = 0;
  while (at < file->size) {
    if (file->size - at < 8)
      return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: %zu bytes left over at its end", file->path, file->size - at);
    element e = {babel_u32(file->data + at), babel_u32(file->data + at + 4), file->data + at + 8};
    if (e.type != TYPE_MATRIX && e.type != TYPE_ZLIB)
      return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: damaged: an element of type %u at byte %zu, expected a matrix",
                        file->path, e.type, at);
    if (e.size > file->size - at - 8)
      return BABEL_FAIL(BABEL_ERR_FORMAT,
                        "%s: cut short: the element at byte %zu has %u bytes, only %zu are there", file->path,
                        at, e.size, file->size - at - 8);
    at += 8 + (size_t)e.size;
    if (mat->variables) {
      cursor content = {e.data, e.size};
      if (e.type == TYPE_ZLIB) BABEL_TRY(inflate_element(mat, &e, &budget, &content));
      BABEL_TRY(parse_matrix(file->path, content, &mat->variables[mat->count++]));
    }
    ++*count;
  }
  return BABEL_OK;
}

babel_status babel_mat_open(babel_mat *mat, const char *path) {
  babel_status status;
  int count;
  memset(mat, 0, sizeof *mat);
  BABEL_TRY_OR(babel_file_open(&mat->file, path), fail);
  BABEL_TRY_OR(check_header(&mat->file), fail);
  /* The frame first: a file cut short is told before anything is unpacked. */
  BABEL_TRY_OR(walk(mat, &count), fail);
  if (!count) {
    status = BABEL_FAIL(BABEL_ERR_FORMAT, "%s: holds no variable", path);
    goto fail;
  }
  mat->variables = calloc((size_t)count, sizeof *mat->variables);
  mat->buffers = calloc((size_t)count, sizeof *mat->buffers);
  if (!mat->variables || !mat->buffers) {
    status = BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %d variables", path, count);
    goto fail;
  }
  BABEL_TRY_OR(walk(mat, &count), fail);
  return BABEL_OK;
fail:
  babel_mat_close(mat);
  return status;
}

void babel_mat_close(babel_mat *mat) {
  if (!mat) return;
  for (int i = 0; i < mat->buffer_count; i++) free(mat->buffers[i]);
  free(mat->buffers);
  free(mat->variables);
  babel_file_close(&mat->file);
  memset(mat, 0, sizeof *mat);
}

babel_status babel_mat_require(const babel_mat *mat, const char *name, const babel_mat_variable **variable) {
  char names[400] = "";
  size_t used = 0;
  for (int i = 0; i < mat->count; i++) {
    const babel_mat_variable *v = &mat->variables[i];
    if (strcmp(v->name, name)) {
      if (used < sizeof names) {
        int n = snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", v->name);
        used += n > 0 ? (size_t)n : 0;
      }
      continue;
    }
    if (v->obstacle)
      return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s: expected real numbers in variable %s, found %s",
                        mat->file.path, name, v->obstacle);
    *variable = v;
    return BABEL_OK;
  }
  return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected a variable %s, found only: %s", mat->file.path, name,
                    names);
}

babel_tensor babel_mat_view(const babel_mat_variable *variable) {
  babel_tensor view = {.data = variable->data, .dtype = variable->stored, .rank = variable->rank};
  for (int i = 0; i < view.rank; i++) view.shape[i] = variable->shape[view.rank - 1 - i];
  return view;
}

const char *babel_mat_shape_text(const babel_mat_variable *variable, char *text, size_t size) {
  size_t used = 0;
  if (size) text[0] = 0;
  for (int i = 0; i < variable->rank && used < size; i++) {
    int n = snprintf(text + used, size - used, i ? " x %lld" : "%lld", (long long)variable->shape[i]);
    if (n > 0) used += (size_t)n;
  }
  return text;
}
