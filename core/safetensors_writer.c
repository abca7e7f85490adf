#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/safetensors.h"

typedef struct {
  char *name;
  babel_tensor tensor;
  size_t bytes;
  int index; /* order of adding */
} entry;

struct babel_safetensors_writer {
  json_t *metadata;
  entry *entries;
  int count, capacity;
};

babel_status babel_safetensors_writer_create(babel_safetensors_writer **writer) {
  *writer = calloc(1, sizeof **writer);
  if (*writer) (*writer)->metadata = json_object();
  if (*writer && (*writer)->metadata) return BABEL_OK;
  free(*writer);
  *writer = NULL;
  return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for a safetensors writer");
}

void babel_safetensors_writer_destroy(babel_safetensors_writer *writer) {
  if (!writer) return;
  for (int i = 0; i < writer->count; i++) free(writer->entries[i].name);
  free(writer->entries);
  json_decref(writer->metadata);
  free(writer);
}

babel_status babel_safetensors_writer_metadata(babel_safetensors_writer *writer, const char *key,
                                               const char *value) {
  if (json_object_get(writer->metadata, key))
    return BABEL_FAIL(BABEL_ERR_ARG, "safetensors: metadata \"%.200s\" is there already", key);
  errno = 0;
  if (json_object_set_new(writer->metadata, key, json_string(value)))
    return errno == ENOMEM ? BABEL_FAIL(BABEL_ERR_MEMORY, "safetensors: no memory for metadata \"%.200s\"", key)
                           : BABEL_FAIL(BABEL_ERR_ARG, "safetensors: metadata \"%.200s\": expected UTF-8 text", key);
  return BABEL_OK;
}

babel_status babel_safetensors_writer_add(babel_safetensors_writer *writer, const char *name,
                                          const babel_tensor *tensor) {
  int64_t count;
  if ((unsigned)tensor->dtype >= BABEL_DTYPE_COUNT || !strcmp(name, "__metadata__"))
    return BABEL_FAIL(BABEL_ERR_ARG,
                      "safetensors: tensor \"%.200s\": not a name or a type that can be written", name);
  if (babel_tensor_count(tensor, &count) != BABEL_OK)
    return babel_fail_context("safetensors: tensor \"%.200s\": ", name);
  if (count && !tensor->data)
    return BABEL_FAIL(BABEL_ERR_ARG, "safetensors: tensor \"%.200s\" has no data", name);
  for (int i = 0; i < writer->count; i++)
    if (!strcmp(writer->entries[i].name, name))
      return BABEL_FAIL(BABEL_ERR_ARG, "safetensors: tensor \"%.200s\" is there already", name);
  if (writer->count == writer->capacity) {
    int capacity = writer->capacity ? 2 * writer->capacity : 16;
    entry *grown = realloc(writer->entries, (size_t)capacity * sizeof *grown);
    if (!grown) return BABEL_FAIL(BABEL_ERR_MEMORY, "safetensors: no memory for %d tensors", capacity);
    writer->entries = grown;
    writer->capacity = capacity;
  }
  char *copy = strdup(name);
  if (!copy) return BABEL_FAIL(BABEL_ERR_MEMORY, "safetensors: no memory for a name");
  writer->entries[writer->count] =
      (entry){copy, *tensor, (size_t)count * babel_dtype_size(tensor->dtype), writer->count};
  writer->count++;
  return BABEL_OK;
}

babel_status babel_safetensors_writer_floats(babel_safetensors_writer *writer, const char *name,
                                             const float *data, int rank, const int64_t *shape) {
  babel_tensor tensor = {.data = data, .dtype = BABEL_F32, .rank = rank};
  if (rank < 0 || rank > BABEL_MAX_RANK)
    return BABEL_FAIL(BABEL_ERR_SHAPE, "safetensors: tensor \"%.200s\": rank %d, expected 0 to %d", name,
                      rank, BABEL_MAX_RANK);
  for (int i = 0; i < rank; i++) tensor.shape[i] = shape[i];
  return babel_safetensors_writer_add(writer, name, &tensor);
}

/* Wide items first: every tensor then starts at a multiple of its item size although the format allows no
 * padding. */
static int compare_entries(const void *a, const void *b) {
  const entry *x = a, *y = b;
  size_t wide = babel_dtype_size(x->tensor.dtype), other = babel_dtype_size(y->tensor.dtype);
  if (wide != other) return wide > other ? -1 : 1;
  return x->index < y->index ? -1 : x->index > y->index;
}

static json_t *describe(const babel_tensor *tensor, size_t begin, size_t bytes) {
  json_t *shape = json_array();
  for (int i = 0; i < tensor->rank; i++)
    if (json_array_append_new(shape, json_integer(tensor->shape[i]))) {
      json_decref(shape);
      return NULL;
    }
  return json_pack("{s:s, s:o, s:[I, I]}", "dtype", babel_dtype_name(tensor->dtype), "shape", shape,
                   "data_offsets", (json_int_t)begin, (json_int_t)(begin + bytes));
}

/* The JSON text, malloced. */
static babel_status header_text(const babel_safetensors_writer *writer, char **made) {
  size_t at = 0;
  char *text = NULL;
  errno = 0;
  json_t *header = json_object();
  if (json_object_size(writer->metadata) && json_object_set(header, "__metadata__", writer->metadata))
    goto fail;
  for (int i = 0; i < writer->count; i++) {
    const entry *e = &writer->entries[i];
    if (json_object_set_new(header, e->name, describe(&e->tensor, at, e->bytes))) goto fail;
    at += e->bytes;
  }
  text = json_dumps(header, JSON_COMPACT);
fail:
  json_decref(header);
  *made = text;
  if (text) return BABEL_OK;
  if (errno == ENOMEM) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for the header of a safetensors file");
  return BABEL_FAIL(BABEL_ERR_ARG, "a safetensors header could not be made: expected names in UTF-8");
}

static babel_status write_all(const babel_safetensors_writer *writer, const char *text,
                              babel_file_writer *file) {
  static const char blanks[64] = "                                                               ";
  size_t length = strlen(text), padding = (64 - (8 + length) % 64) % 64;
  uint64_t total = length + padding;
  BABEL_TRY(babel_file_write(file, &total, sizeof total));
  BABEL_TRY(babel_file_write(file, text, length));
  BABEL_TRY(babel_file_write(file, blanks, padding));
  for (int i = 0; i < writer->count; i++)
    BABEL_TRY(babel_file_write(file, writer->entries[i].tensor.data, writer->entries[i].bytes));
  return BABEL_OK;
}

babel_status babel_safetensors_writer_commit(babel_safetensors_writer *writer, const char *path) {
  babel_file_writer file = {0};
  if (writer->count) qsort(writer->entries, (size_t)writer->count, sizeof *writer->entries, compare_entries);
  char *text;
  if (header_text(writer, &text) != BABEL_OK) return babel_fail_context("%s: ", path);
  babel_status status = babel_file_create(&file, path);
  if (status == BABEL_OK) status = write_all(writer, text, &file);
  if (status == BABEL_OK)
    status = babel_file_commit(&file);
  else
    babel_file_abort(&file);
  free(text);
  return status;
}
