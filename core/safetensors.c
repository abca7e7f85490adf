#include "core/safetensors.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"

#define MOST_HEADER 100000000u

/* Where a tensor's bytes lie, counted from the end of the header. */
typedef struct {
  uint64_t begin, end;
  int index; /* into st->tensors while sorting */
} extent;

/* A header is one object that holds objects that hold lists of numbers. Anything deeper is refused before the
 * JSON library sees it: memory then stays within a small multiple of the text. */
static babel_status check_nesting(const babel_safetensors *st, const char *text, size_t size) {
  int depth = 0;
  bool quoted = false;
  if (text[0] != '{')
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: expected a safetensors header that begins with {, found byte 0x%02x",
                      st->file.path, (unsigned char)text[0]);
  for (size_t i = 0; i < size; i++) {
    char c = text[i];
    if (quoted) {
      if (c == '\\')
        i++;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > 3 || (c == '{') != (depth < 3))
        return BABEL_FAIL(
            BABEL_ERR_FORMAT,
            "%s: safetensors header: expected names, each with dtype, shape and data_offsets; found %c "
            "at nesting depth %d (byte %zu)",
            st->file.path, c, depth, i);
    } else if (c == '}' || c == ']') {
      depth--;
    }
  }
  return BABEL_OK;
}

static babel_status parse_header(const babel_safetensors *st, json_t **header, size_t *data_start) {
  const babel_file *file = &st->file;
  json_error_t error;
  const char *kind = babel_file_kind(file->data, file->size);
  if (file->size < 8)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected a safetensors file, found one of %zu bytes: empty or cut off", file->path, file->size);
  uint64_t length = babel_u64(file->data);
  if (length < 2 || length > MOST_HEADER || length > file->size - 8)
    return BABEL_FAIL(
        BABEL_ERR_FORMAT,
        "%s: expected a safetensors file, found %s; its first 8 bytes promise a header of %llu bytes, "
        "the file has %zu",
        file->path, *kind ? kind : "something else or a truncated file", (unsigned long long)length,
        file->size);
  const char *text = (const char *)file->data + 8;
  BABEL_TRY(check_nesting(st, text, (size_t)length));
  errno = 0; /* the library calls it a syntax error when its memory runs out in the middle of a text */
  *header = json_loadb(text, (size_t)length, JSON_REJECT_DUPLICATES, &error);
  if (!*header && errno == ENOMEM) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for its header of %llu bytes", file->path, (unsigned long long)length);
  if (!*header) return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: safetensors header: %s", file->path, error.text);
  *data_start = 8 + (size_t)length;
  return BABEL_OK;
}

static babel_status read_metadata(babel_safetensors *st, const json_t *object) {
  const char *key;
  json_t *value;
  size_t count = json_object_size(object);
  if (!json_is_object(object))
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: __metadata__: expected an object of strings", st->file.path);
  st->metadata_keys = calloc(count + 1, sizeof *st->metadata_keys);
  st->metadata_values = calloc(count + 1, sizeof *st->metadata_values);
  if (!st->metadata_keys || !st->metadata_values)
    return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for its metadata", st->file.path);
  json_object_foreach((json_t *)(uintptr_t)object, key, value) {
    if (!json_is_string(value))
      return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: __metadata__: expected text under \"%.200s\"", st->file.path,
                        key);
    int i = st->metadata_count++;
    st->metadata_keys[i] = strdup(key);
    st->metadata_values[i] = strdup(json_string_value(value));
    if (!st->metadata_keys[i] || !st->metadata_values[i])
      return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for its metadata", st->file.path);
  }
  return BABEL_OK;
}

static babel_status read_shape(const babel_safetensors *st, const char *name, const json_t *shape,
                               babel_tensor *tensor) {
  size_t rank = json_array_size(shape);
  if (!json_is_array(shape) || rank > BABEL_MAX_RANK)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: tensor \"%.200s\": expected a shape of 0 to %d sizes, found %zu",
                      st->file.path, name, BABEL_MAX_RANK, rank);
  tensor->rank = (int)rank;
  for (size_t i = 0; i < rank; i++) {
    const json_t *size = json_array_get(shape, i);
    if (!json_is_integer(size) || json_integer_value(size) < 0)
      return BABEL_FAIL(BABEL_ERR_FORMAT,
                        "%s: tensor \"%.200s\": expected whole sizes of at least 0 in its shape",
                        st->file.path, name);
    tensor->shape[i] = json_integer_value(size);
  }
  return BABEL_OK;
}

static babel_status read_tensor(const babel_safetensors *st, const char *name, const json_t *entry,
                                uint64_t data_size, babel_tensor *tensor, extent *where) {
  const char *path = st->file.path, *dtype = json_string_value(json_object_get(entry, "dtype"));
  const json_t *offsets = json_object_get(entry, "data_offsets");
  const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
  char shape[256];
  int64_t count;
  if (!dtype || !json_is_integer(begin) || !json_is_integer(end) || json_array_size(offsets) != 2)
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: tensor \"%.200s\": expected dtype, shape and two whole data_offsets", path, name);
  int type = 0;
  while (type < BABEL_DTYPE_COUNT && strcmp(babel_dtype_name((babel_dtype)type), dtype)) type++;
  if (type == BABEL_DTYPE_COUNT)
    return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s: tensor \"%.200s\": the type \"%.40s\" is not supported",
                      path, name, dtype);
  tensor->dtype = (babel_dtype)type;
  BABEL_TRY(read_shape(st, name, json_object_get(entry, "shape"), tensor));
  if (babel_tensor_count(tensor, &count) != BABEL_OK)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: tensor \"%.200s\": impossible shape %s", path, name,
                      babel_tensor_shape_text(tensor, shape, sizeof shape));
  uint64_t bytes = (uint64_t)count * babel_dtype_size(tensor->dtype);
  json_int_t from = json_integer_value(begin), to = json_integer_value(end);
  babel_tensor_shape_text(tensor, shape, sizeof shape);
  if (from < 0 || to < from || (uint64_t)(to - from) != bytes)
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: tensor \"%.200s\": %s %s needs %llu bytes, its data_offsets are [%lld, %lld]",
                      path, name, dtype, shape, (unsigned long long)bytes, (long long)from, (long long)to);
  if ((uint64_t)to > data_size)
    return BABEL_FAIL(
        BABEL_ERR_FORMAT,
        "%s: tensor \"%.200s\" ends at byte %lld of the data, the file has %llu: it is truncated", path, name,
        (long long)to, (unsigned long long)data_size);
  where->begin = (uint64_t)from;
  where->end = (uint64_t)to;
  return BABEL_OK;
}

static int compare_extents(const void *a, const void *b) {
  const extent *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  if (x->end != y->end) return x->end < y->end ? -1 : 1;
  return x->index < y->index ? -1 : x->index > y->index;
}

/* The tensors must tile the data: no overlap, no hole, nothing behind the last one. Puts them in the order of
 * the data. */
static babel_status order_tensors(babel_safetensors *st, extent *extents, size_t data_start) {
  uint64_t at = 0, data_size = st->file.size - data_start;
  const char *before = "header";
  babel_named_tensor *sorted = calloc((size_t)st->count + 1, sizeof *sorted);
  if (!sorted) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %d tensors", st->file.path, st->count);
  qsort(extents, (size_t)st->count, sizeof *extents, compare_extents);
  for (int i = 0; i < st->count; i++) {
    sorted[i] = st->tensors[extents[i].index];
    sorted[i].tensor.data = st->file.data + data_start + extents[i].begin;
  }
  free(st->tensors);
  st->tensors = sorted;
  for (int i = 0; i < st->count; i++) {
    if (extents[i].begin != at)
      return BABEL_FAIL(BABEL_ERR_FORMAT,
                        "%s: tensor \"%.200s\" begins at byte %llu of the data, expected %llu: %s \"%.200s\"",
                        st->file.path, sorted[i].name, (unsigned long long)extents[i].begin,
                        (unsigned long long)at,
                        extents[i].begin < at ? "it overlaps" : "there is a hole behind", before);
    at = extents[i].end;
    before = sorted[i].name;
  }
  if (at != data_size)
    return BABEL_FAIL(
        BABEL_ERR_FORMAT,
        "%s: the tensors end at byte %llu of the data, the file has %llu: %llu bytes behind \"%.200s\"",
        st->file.path, (unsigned long long)at, (unsigned long long)data_size,
        (unsigned long long)(data_size - at), before);
  return BABEL_OK;
}

static babel_status read_tensors(babel_safetensors *st, const json_t *header, size_t data_start) {
  size_t size = json_object_size(header);
  extent *extents = calloc(size + 1, sizeof *extents);
  const char *name;
  json_t *entry;
  babel_status status = BABEL_OK;
  st->tensors = calloc(size + 1, sizeof *st->tensors);
  if (!st->tensors || !extents) {
    status = BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %zu tensors", st->file.path, size);
    goto fail;
  }
  json_object_foreach((json_t *)(uintptr_t)header, name, entry) {
    if (!strcmp(name, "__metadata__")) {
      BABEL_TRY_OR(read_metadata(st, entry), fail);
      continue;
    }
    babel_named_tensor *named = &st->tensors[st->count];
    BABEL_TRY_OR(
        read_tensor(st, name, entry, st->file.size - data_start, &named->tensor, &extents[st->count]), fail);
    named->name = strdup(name);
    if (!named->name) {
      status = BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for its names", st->file.path);
      goto fail;
    }
    extents[st->count].index = st->count;
    st->count++;
  }
  status = order_tensors(st, extents, data_start);
fail:
  free(extents);
  return status;
}

babel_status babel_safetensors_open(babel_safetensors *st, const char *path) {
  json_t *header = NULL;
  size_t data_start = 0;
  memset(st, 0, sizeof *st);
  BABEL_TRY(babel_file_open(&st->file, path));
  babel_status status = parse_header(st, &header, &data_start);
  if (status == BABEL_OK) status = read_tensors(st, header, data_start);
  json_decref(header);
  if (status != BABEL_OK) babel_safetensors_close(st);
  return status;
}

void babel_safetensors_close(babel_safetensors *st) {
  if (!st) return;
  for (int i = 0; i < st->count; i++) free(st->tensors[i].name);
  for (int i = 0; i < st->metadata_count; i++) {
    free(st->metadata_keys[i]);
    free(st->metadata_values[i]);
  }
  free(st->tensors);
  free(st->metadata_keys);
  free(st->metadata_values);
  babel_file_close(&st->file);
  memset(st, 0, sizeof *st);
}

const babel_tensor *babel_safetensors_find(const babel_safetensors *st, const char *name) {
  for (int i = 0; i < st->count; i++)
    if (!strcmp(st->tensors[i].name, name)) return &st->tensors[i].tensor;
  return NULL;
}

const char *babel_safetensors_metadata(const babel_safetensors *st, const char *key) {
  for (int i = 0; i < st->metadata_count; i++)
    if (!strcmp(st->metadata_keys[i], key)) return st->metadata_values[i];
  return NULL;
}

/* "(any, 144)": what a caller asks for. */
static const char *wanted_text(int rank, const int64_t *shape, char *text, size_t size) {
  size_t used = (size_t)snprintf(text, size, "(");
  for (int i = 0; i < rank && used < size; i++)
    used += (size_t)(shape[i] < 0
                         ? snprintf(text + used, size - used, "%sany", i ? ", " : "")
                         : snprintf(text + used, size - used, "%s%lld", i ? ", " : "", (long long)shape[i]));
  if (used < size) snprintf(text + used, size - used, ")");
  return text;
}

babel_status babel_safetensors_require(const babel_safetensors *st, const char *name, babel_dtype dtype,
                                       int rank, const int64_t *shape, const babel_tensor **tensor) {
  char wanted[256], found[256];
  const babel_tensor *seen = babel_safetensors_find(st, name);
  wanted_text(rank, shape, wanted, sizeof wanted);
  if (!seen)
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: expected a tensor \"%s\", %s %s, found none of that name among %d", st->file.path,
                      name, babel_dtype_name(dtype), wanted, st->count);
  bool fits = seen->dtype == dtype && seen->rank == rank;
  for (int i = 0; fits && i < rank; i++) fits = shape[i] < 0 || shape[i] == seen->shape[i];
  if (!fits)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: tensor \"%s\": expected %s %s, found %s %s", st->file.path, name,
                      babel_dtype_name(dtype), wanted, babel_dtype_name(seen->dtype),
                      babel_tensor_shape_text(seen, found, sizeof found));
  *tensor = seen;
  return BABEL_OK;
}
