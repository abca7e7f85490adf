#include "core/npy.h"

#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/bytes.h"
#include "core/log.h"

static const char magic[] = "\x93NUMPY";

/* The header's text, a Python dictionary literal, while it is read. */
typedef struct {
  const char *path;
  const unsigned char *start, *at, *end;
  babel_tensor *tensor;
  bool swapped, fortran;
  bool seen[3]; /* descr, fortran_order, shape */
} header;

static babel_status expected(const header *h, const char *what) {
  char found[16] = "its end";
  if (h->at < h->end)
    snprintf(found, sizeof found, *h->at >= 32 && *h->at < 127 ? "\"%c\"" : "byte 0x%02x", *h->at);
  return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: NumPy header, character %zu: expected %s, found %s", h->path,
                    (size_t)(h->at - h->start), what, found);
}

static void skip_blanks(header *h) {
  while (h->at < h->end && strchr(" \t\r\n", *h->at) && *h->at) h->at++;
}

static bool accept(header *h, char c) {
  skip_blanks(h);
  if (h->at == h->end || *h->at != (unsigned char)c) return false;
  h->at++;
  return true;
}

static bool accept_word(header *h, const char *word) {
  size_t length = strlen(word);
  skip_blanks(h);
  if ((size_t)(h->end - h->at) < length || memcmp(h->at, word, length)) return false;
  h->at += length;
  return true;
}

/* A quoted text without escapes of fewer than `size` characters. */
static babel_status read_text(header *h, char *text, size_t size) {
  size_t length = 0;
  char quote = accept(h, '\'') ? '\'' : '"';
  if (quote == '"' && !accept(h, '"')) return expected(h, "a quoted text");
  for (; h->at < h->end && *h->at != (unsigned char)quote; h->at++) {
    if (length + 1 >= size || *h->at == '\\' || *h->at < 32 || *h->at > 126)
      return expected(h, "a short plain text");
    text[length++] = (char)*h->at;
  }
  if (h->at == h->end) return expected(h, "a closing quote");
  h->at++;
  text[length] = 0;
  return BABEL_OK;
}

static babel_status read_descr(header *h) {
  static const struct {
    const char *code;
    babel_dtype dtype;
  } types[] = {{"f4", BABEL_F32}, {"f8", BABEL_F64}, {"f2", BABEL_F16}, {"i8", BABEL_I64},
               {"i4", BABEL_I32}, {"i2", BABEL_I16}, {"i1", BABEL_I8},  {"u8", BABEL_U64},
               {"u4", BABEL_U32}, {"u2", BABEL_U16}, {"u1", BABEL_U8},  {"b1", BABEL_BOOL}};
  char text[32];
  skip_blanks(h);
  if (h->at < h->end && (*h->at == '[' || *h->at == '('))
    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED,
                      "%s: structured NumPy arrays are not supported, expected one number type", h->path);
  BABEL_TRY(read_text(h, text, sizeof text));
  const char *code = text + (*text && strchr("<>=|", *text) ? 1 : 0);
  if (*code == 'O')
    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED,
                      "%s: holds pickled Python objects (descr %s), which are never read; expected numbers",
                      h->path, text);
  h->swapped = *text == '>';
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (strcmp(types[i].code, code)) continue;
    h->tensor->dtype = types[i].dtype;
    return BABEL_OK;
  }
  return BABEL_FAIL(BABEL_ERR_UNSUPPORTED,
                    "%s: the NumPy type %s is not supported, expected f2, f4, f8, i1..i8, u1..u8 or b1",
                    h->path, text);
}

static babel_status read_shape(header *h) {
  babel_tensor *tensor = h->tensor;
  if (!accept(h, '(')) return expected(h, "the ( of a shape");
  while (!accept(h, ')')) {
    int64_t size = 0;
    if (tensor->rank == BABEL_MAX_RANK)
      return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s: NumPy array with more than %d axes", h->path,
                        BABEL_MAX_RANK);
    skip_blanks(h);
    if (h->at == h->end || *h->at < '0' || *h->at > '9') return expected(h, "a size");
    for (; h->at < h->end && *h->at >= '0' && *h->at <= '9'; h->at++)
      if (__builtin_mul_overflow(size, 10, &size) || __builtin_add_overflow(size, *h->at - '0', &size))
        return expected(h, "a size below 2^63");
    if (h->at < h->end && *h->at == 'L') h->at++; /* Python 2 */
    tensor->shape[tensor->rank++] = size;
    if (accept(h, ',')) continue;
    if (!accept(h, ')') || tensor->rank == 1)
      return expected(h, "a comma"); /* (5) is a number, not a shape */
    break;
  }
  return BABEL_OK;
}

static babel_status read_item(header *h) {
  static const char *const keys[3] = {"descr", "fortran_order", "shape"};
  char key[24];
  int which = 0;
  BABEL_TRY(read_text(h, key, sizeof key));
  while (which < 3 && strcmp(keys[which], key)) which++;
  if (which == 3 || h->seen[which])
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: NumPy header: expected descr, fortran_order and shape once each, found \"%s\"",
                      h->path, key);
  h->seen[which] = true;
  if (!accept(h, ':')) return expected(h, "a colon");
  if (which == 0) return read_descr(h);
  if (which == 2) return read_shape(h);
  h->fortran = accept_word(h, "True");
  return h->fortran || accept_word(h, "False") ? BABEL_OK : expected(h, "True or False");
}

static babel_status read_header(header *h) {
  if (!accept(h, '{')) return expected(h, "a Python dictionary");
  while (!accept(h, '}')) {
    BABEL_TRY(read_item(h));
    if (accept(h, ',')) continue;
    if (!accept(h, '}')) return expected(h, "a comma");
    break;
  }
  skip_blanks(h);
  if (h->at != h->end) return expected(h, "nothing more");
  if (!h->seen[0] || !h->seen[1] || !h->seen[2])
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: NumPy header without %s", h->path,
                      !h->seen[0]   ? "descr"
                      : !h->seen[1] ? "fortran_order"
                                    : "shape");
  return BABEL_OK;
}

/* Checks magic and version and finds the header's text; *data is where the numbers begin. */
static babel_status find_header(const babel_file *file, header *h, size_t *data) {
  const char *kind = babel_file_kind(file->data, file->size);
  if (file->size < 10 || memcmp(file->data, magic, 6))
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected a NumPy array (\\x93NUMPY at its start), found %s",
                      file->path, *kind ? kind : "something else");
  int major = file->data[6];
  size_t fixed = major == 1 ? 10 : 12;
  if (major < 1 || major > 3)
    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s: NumPy header version %d.%d, expected 1.0, 2.0 or 3.0",
                      file->path, major, file->data[7]);
  uint64_t length = file->size < fixed ? UINT64_MAX
                    : major == 1       ? babel_u16(file->data + 8)
                                       : babel_u32(file->data + 8);
  if (file->size < fixed || length > file->size - fixed)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: truncated inside its NumPy header (a file of %zu bytes)",
                      file->path, file->size);
  *data = fixed + (size_t)length;
  h->path = file->path;
  h->start = h->at = file->data + fixed;
  h->end = file->data + *data;
  return BABEL_OK;
}

static void swap_items(unsigned char *item, size_t width, int64_t count) {
  for (; count; count--, item += width)
    for (size_t i = 0; i < width / 2; i++) {
      unsigned char kept = item[i];
      item[i] = item[width - 1 - i];
      item[width - 1 - i] = kept;
    }
}

/* Makes a column-major or byte-swapped array plain, in memory of its own. */
static babel_status convert(babel_npy *npy, const header *h, int64_t count) {
  babel_tensor *tensor = &npy->tensor;
  size_t width = babel_dtype_size(tensor->dtype);
  int64_t stride[BABEL_MAX_RANK], step = 1;
  BABEL_TRY(babel_alloc(&npy->converted, (size_t)count, width));
  for (int i = 0; i < tensor->rank; i++) {
    int axis = h->fortran ? i : tensor->rank - 1 - i;
    stride[axis] = step;
    step *= tensor->shape[axis];
  }
  babel_tensor_gather(npy->converted, tensor->data, width, tensor->rank, tensor->shape, stride);
  if (h->swapped) swap_items(npy->converted, width, count);
  tensor->data = npy->converted;
  return BABEL_OK;
}

static babel_status read_array(babel_npy *npy) {
  header h = {.tensor = &npy->tensor};
  size_t data;
  int64_t count;
  char shape[224];
  BABEL_TRY(find_header(&npy->file, &h, &data));
  BABEL_TRY(read_header(&h));
  if (babel_tensor_count(&npy->tensor, &count) != BABEL_OK)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: NumPy header: impossible shape %s", npy->file.path,
                      babel_tensor_shape_text(&npy->tensor, shape, sizeof shape));
  uint64_t need = (uint64_t)count * babel_dtype_size(npy->tensor.dtype), found = npy->file.size - data;
  babel_tensor_shape_text(&npy->tensor, shape, sizeof shape);
  if (found < need)
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: truncated: %s of shape %s needs %llu bytes behind the header, the file has %llu",
                      npy->file.path, babel_dtype_name(npy->tensor.dtype), shape, (unsigned long long)need,
                      (unsigned long long)found);
  if (found > need)
    babel_warn("%s: %llu bytes behind the array %s are ignored: more than one array in the file?",
               npy->file.path, (unsigned long long)(found - need), shape);
  npy->tensor.data = npy->file.data + data;
  return (h.fortran && npy->tensor.rank > 1) || h.swapped ? convert(npy, &h, count) : BABEL_OK;
}

babel_status babel_npy_open(babel_npy *npy, const char *path) {
  memset(npy, 0, sizeof *npy);
  BABEL_TRY(babel_file_open(&npy->file, path));
  babel_status status = read_array(npy);
  if (status != BABEL_OK) babel_npy_close(npy);
  return status;
}

void babel_npy_close(babel_npy *npy) {
  if (!npy) return;
  free(npy->converted);
  babel_file_close(&npy->file);
  memset(npy, 0, sizeof *npy);
}

static const char *descr_of(babel_dtype dtype) {
  static const char *const codes[BABEL_DTYPE_COUNT] = {
      [BABEL_F32] = "<f4", [BABEL_F64] = "<f8", [BABEL_F16] = "<f2", [BABEL_I64] = "<i8",
      [BABEL_I32] = "<i4", [BABEL_I16] = "<i2", [BABEL_I8] = "|i1",  [BABEL_U64] = "<u8",
      [BABEL_U32] = "<u4", [BABEL_U16] = "<u2", [BABEL_U8] = "|u1",  [BABEL_BOOL] = "|b1"};
  return (unsigned)dtype < BABEL_DTYPE_COUNT ? codes[dtype] : NULL;
}

/* The ten fixed bytes, the dictionary, blanks and a newline: a multiple of 64 bytes. Returns its size. */
static size_t make_header(const babel_tensor *tensor, unsigned char out[512]) {
  char text[400];
  size_t used = (size_t)snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                                 descr_of(tensor->dtype));
  for (int i = 0; i < tensor->rank; i++)
    used += (size_t)snprintf(text + used, sizeof text - used, i ? " %lld," : "%lld,",
                             (long long)tensor->shape[i]);
  if (tensor->rank > 1) used--; /* only a single size keeps its comma */
  used += (size_t)snprintf(text + used, sizeof text - used, "), }");
  size_t size = (10 + used + 1 + 63) / 64 * 64;
  memset(out, ' ', size);
  memcpy(out, magic, 6);
  out[6] = 1;
  out[7] = 0;
  out[8] = (unsigned char)((size - 10) & 255);
  out[9] = (unsigned char)((size - 10) >> 8);
  memcpy(out + 10, text, used);
  out[size - 1] = '\n';
  return size;
}

babel_status babel_npy_write(const char *path, const babel_tensor *tensor) {
  babel_file_writer file;
  unsigned char head[512];
  int64_t count;
  if (!descr_of(tensor->dtype))
    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s: NumPy has no type for %s", path,
                      babel_dtype_name(tensor->dtype));
  if (babel_tensor_count(tensor, &count) != BABEL_OK) return babel_fail_context("%s: ", path);
  BABEL_TRY(babel_file_create(&file, path));
  babel_status status = babel_file_write(&file, head, make_header(tensor, head));
  if (status == BABEL_OK)
    status = babel_file_write(&file, tensor->data, (size_t)count * babel_dtype_size(tensor->dtype));
  if (status == BABEL_OK) return babel_file_commit(&file);
  babel_file_abort(&file);
  return status;
}
