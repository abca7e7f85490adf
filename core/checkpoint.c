#include "core/checkpoint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"
#include "core/pytorch.h"

#define MOST_SKIPPED 64
#define LONGEST_NAME 400u

/* ---- services for readers ---- */

babel_status babel_checkpoint_charge(babel_checkpoint *checkpoint, uint64_t bytes) {
  struct babel_checkpoint_memory *memory = checkpoint->memory;
  if (bytes > memory->budget)
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: %llu more bytes of memory are wanted than a checkpoint of its size may take",
                      memory->file.path, (unsigned long long)(bytes - memory->budget));
  memory->budget -= (size_t)bytes;
  return BABEL_OK;
}

babel_status babel_checkpoint_own(babel_checkpoint *checkpoint, void *block) {
  struct babel_checkpoint_memory *memory = checkpoint->memory;
  if (memory->block_count == memory->block_capacity) {
    size_t capacity = memory->block_capacity ? 2 * memory->block_capacity : 16;
    void **blocks = realloc(memory->blocks, capacity * sizeof *blocks);
    if (!blocks) {
      free(block);
      return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory", memory->file.path);
    }
    memory->blocks = blocks;
    memory->block_capacity = capacity;
  }
  memory->blocks[memory->block_count++] = block;
  return BABEL_OK;
}

/* Data-parallel and compiled training put words in front of every name; further inside the same words are
 * real names. */
static void strip_prefixes(const char **name, size_t *size) {
  static const struct {
    const char *text;
    size_t size;
  } prefixes[] = {{"module.", 7}, {"_orig_mod.", 10}};
  for (size_t i = 0; i < 2;) {
    if (*size > prefixes[i].size && !memcmp(*name, prefixes[i].text, prefixes[i].size)) {
      *name += prefixes[i].size;
      *size -= prefixes[i].size;
      i = 0;
    } else {
      i++;
    }
  }
}

static bool is_plain_name(const char *name, size_t size) {
  for (size_t i = 0; i < size; i++)
    if ((unsigned char)name[i] < 32 || name[i] == 127) return false;
  return size && size <= LONGEST_NAME;
}

babel_status babel_checkpoint_add(babel_checkpoint *checkpoint, const char *name, size_t size,
                                  const babel_tensor *tensor) {
  struct babel_checkpoint_memory *memory = checkpoint->memory;
  strip_prefixes(&name, &size);
  if (!is_plain_name(name, size))
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: a tensor's name is empty, longer than %u characters or not plain text",
                      memory->file.path, LONGEST_NAME);
  if (checkpoint->count == memory->tensor_capacity) {
    int capacity = memory->tensor_capacity ? 2 * memory->tensor_capacity : 64;
    BABEL_TRY(babel_checkpoint_charge(checkpoint, (uint64_t)(capacity - memory->tensor_capacity) *
                                                      sizeof *checkpoint->tensors));
    babel_named_tensor *tensors = realloc(checkpoint->tensors, (size_t)capacity * sizeof *tensors);
    if (!tensors)
      return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %d tensors", memory->file.path, capacity);
    checkpoint->tensors = tensors;
    memory->tensor_capacity = capacity;
  }
  BABEL_TRY(babel_checkpoint_charge(checkpoint, size + 32));
  char *copy = strndup(name, size);
  if (!copy) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for a name", memory->file.path);
  checkpoint->tensors[checkpoint->count++] = (babel_named_tensor){copy, *tensor};
  return BABEL_OK;
}

babel_status babel_checkpoint_skip(babel_checkpoint *checkpoint, const char *name, const char *what) {
  struct babel_checkpoint_memory *memory = checkpoint->memory;
  if (checkpoint->skipped_count == MOST_SKIPPED) {
    memory->skipped_more++;
    return BABEL_OK;
  }
  char line[600];
  if (!checkpoint->skipped) checkpoint->skipped = calloc(MOST_SKIPPED + 1, sizeof *checkpoint->skipped);
  snprintf(line, sizeof line, "%s: %s", name, what);
  char *copy = checkpoint->skipped ? strdup(line) : NULL;
  if (!copy) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory", memory->file.path);
  checkpoint->skipped[checkpoint->skipped_count++] = copy;
  return BABEL_OK;
}

/* ---- opening ---- */

static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static babel_status check_unique(const babel_checkpoint *checkpoint) {
  const char *path = checkpoint->memory->file.path;
  char **names = calloc((size_t)checkpoint->count + 1, sizeof *names);
  babel_status status = BABEL_OK;
  if (!names) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %d names", path, checkpoint->count);
  for (int i = 0; i < checkpoint->count; i++) names[i] = checkpoint->tensors[i].name;
  qsort(names, (size_t)checkpoint->count, sizeof *names, compare_names);
  for (int i = 1; i < checkpoint->count && status == BABEL_OK; i++)
    if (!strcmp(names[i - 1], names[i]))
      status = BABEL_FAIL(
          BABEL_ERR_FORMAT,
          "%s: two tensors are called \"%.200s\" once the prefixes module. and _orig_mod. are stripped", path,
          names[i]);
  free(names);
  return status;
}

static babel_status read_safetensors(babel_checkpoint *checkpoint) {
  babel_safetensors *st = &checkpoint->memory->safetensors;
  BABEL_TRY(babel_safetensors_open(st, checkpoint->memory->file.path));
  for (int i = 0; i < st->count; i++)
    BABEL_TRY(babel_checkpoint_add(checkpoint, st->tensors[i].name, strlen(st->tensors[i].name),
                                   &st->tensors[i].tensor));
  return BABEL_OK;
}

static babel_status read_any(babel_checkpoint *checkpoint) {
  const babel_file *file = &checkpoint->memory->file;
  const char *kind = babel_file_kind(file->data, file->size), *layout = "safetensors";
  if (file->size >= 4 && !memcmp(file->data, "PK\3\4", 4)) {
    layout = "pytorch zip";
    BABEL_TRY(babel_pytorch_read_zip(checkpoint));
  } else if (babel_pytorch_is_legacy(file)) {
    layout = "pytorch legacy";
    BABEL_TRY(babel_pytorch_read_legacy(checkpoint));
  } else if (file->size > 8 && (file->data[8] == '{' || (!*kind && babel_u64(file->data) < file->size))) {
    BABEL_TRY(read_safetensors(checkpoint)); /* says itself what is wrong with a damaged one */
  } else {
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected a PyTorch checkpoint or a safetensors file, found %s",
                      file->path, *kind ? kind : "something else");
  }
  BABEL_TRY(check_unique(checkpoint));
  snprintf(checkpoint->layout, sizeof checkpoint->layout, "%s", layout);
  babel_sha256(file->data, file->size, checkpoint->sha256);
  checkpoint->used = calloc((size_t)checkpoint->count + 1, sizeof *checkpoint->used);
  if (!checkpoint->used) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory", file->path);
  return BABEL_OK;
}

babel_status babel_checkpoint_open(babel_checkpoint *checkpoint, const char *path) {
  memset(checkpoint, 0, sizeof *checkpoint);
  checkpoint->memory = calloc(1, sizeof *checkpoint->memory);
  if (!checkpoint->memory) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory", path);
  babel_file *file = &checkpoint->memory->file;
  babel_status status = babel_file_open(file, path);
  checkpoint->memory->budget = ((size_t)32 << 20) + 16 * file->size;
  if (status == BABEL_OK) status = read_any(checkpoint);
  if (status == BABEL_OK && checkpoint->memory->skipped_more) {
    char line[64];
    snprintf(line, sizeof line, "... and %zu more", checkpoint->memory->skipped_more);
    char *copy = strdup(line);
    if (copy) checkpoint->skipped[checkpoint->skipped_count++] = copy;
  }
  if (status != BABEL_OK) babel_checkpoint_close(checkpoint);
  return status;
}

void babel_checkpoint_close(babel_checkpoint *checkpoint) {
  if (!checkpoint) return;
  struct babel_checkpoint_memory *memory = checkpoint->memory;
  for (int i = 0; i < checkpoint->count; i++) free(checkpoint->tensors[i].name);
  for (int i = 0; i < checkpoint->skipped_count; i++) free(checkpoint->skipped[i]);
  free(checkpoint->tensors);
  free(checkpoint->skipped);
  free(checkpoint->used);
  if (memory) {
    for (size_t i = 0; i < memory->block_count; i++) free(memory->blocks[i]);
    free(memory->blocks);
    babel_safetensors_close(&memory->safetensors);
    babel_file_close(&memory->file);
    free(memory);
  }
  memset(checkpoint, 0, sizeof *checkpoint);
}

/* ---- taking tensors ---- */

static int find(const babel_checkpoint *checkpoint, const char *name) {
  for (int i = 0; i < checkpoint->count; i++)
    if (!strcmp(checkpoint->tensors[i].name, name)) return i;
  return -1;
}

const babel_tensor *babel_checkpoint_find(const babel_checkpoint *checkpoint, const char *name) {
  int i = find(checkpoint, name);
  return i < 0 ? NULL : &checkpoint->tensors[i].tensor;
}

/* Single-character changes between two names (Levenshtein). */
static size_t name_distance(const char *a, const char *b) {
  size_t row[LONGEST_NAME + 1], b_size = strlen(b);
  for (size_t j = 0; j <= b_size; j++) row[j] = j;
  for (size_t i = 0; a[i]; i++) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 1; j <= b_size; j++) {
      size_t best = diagonal + (a[i] != b[j - 1]);
      if (row[j] + 1 < best) best = row[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      diagonal = row[j];
      row[j] = best;
    }
  }
  return row[b_size];
}

static babel_status fail_absent(const babel_checkpoint *checkpoint, const char *name) {
  const char *nearest[3] = {0}, *path = checkpoint->memory->file.path;
  size_t distance[3] = {SIZE_MAX, SIZE_MAX, SIZE_MAX}, size = strlen(name);
  for (int i = 0; i < checkpoint->skipped_count; i++)
    if (!strncmp(checkpoint->skipped[i], name, size) && checkpoint->skipped[i][size] == ':')
      return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected a tensor, found %s", path, checkpoint->skipped[i]);
  for (int i = 0; i < checkpoint->count; i++) {
    size_t far = name_distance(name, checkpoint->tensors[i].name);
    int at = 3;
    while (at > 0 && far < distance[at - 1]) at--;
    if (at == 3) continue;
    memmove(distance + at + 1, distance + at, (size_t)(2 - at) * sizeof *distance);
    memmove(nearest + at + 1, nearest + at, (size_t)(2 - at) * sizeof *nearest);
    distance[at] = far;
    nearest[at] = checkpoint->tensors[i].name;
  }
  return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: no tensor \"%s\" among %d; nearest: %s%s%s%s%s", path, name,
                    checkpoint->count, nearest[0] ? nearest[0] : "none", nearest[1] ? ", " : "",
                    nearest[1] ? nearest[1] : "", nearest[2] ? ", " : "", nearest[2] ? nearest[2] : "");
}

babel_status babel_checkpoint_take(babel_checkpoint *checkpoint, const char *name, int rank,
                                   const int64_t *shape, float *out) {
  const char *path = checkpoint->memory->file.path;
  char wanted[256], found[256];
  babel_tensor expected = {.rank = rank};
  int64_t count;
  int at = find(checkpoint, name);
  if (at < 0) return fail_absent(checkpoint, name);
  const babel_tensor *tensor = &checkpoint->tensors[at].tensor;
  for (int i = 0; i < rank && i < BABEL_MAX_RANK; i++) expected.shape[i] = shape[i];
  babel_tensor_shape_text(&expected, wanted, sizeof wanted);
  babel_tensor_shape_text(tensor, found, sizeof found);
  bool fits = tensor->rank == rank;
  for (int i = 0; i < rank && fits; i++) fits = tensor->shape[i] == shape[i];
  if (!fits)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: tensor \"%s\": expected shape %s, found %s", path, name, wanted,
                      found);
  if (tensor->dtype > BABEL_BF16) /* the floating types come first */
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: tensor \"%s\": expected real numbers, found %s", path, name,
                      babel_dtype_name(tensor->dtype));
  BABEL_TRY(babel_tensor_count(tensor, &count));
  BABEL_TRY(babel_tensor_to_floats(tensor, out));
  for (int64_t i = 0; i < count; i++)
    if (!isfinite(out[i]))
      return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: tensor \"%s\": element %lld is not a finite number", path,
                        name, (long long)i);
  checkpoint->used[at] = true;
  return BABEL_OK;
}

void babel_checkpoint_ignore(babel_checkpoint *checkpoint, const char *name) {
  int i = find(checkpoint, name);
  if (i >= 0) checkpoint->used[i] = true;
}

babel_status babel_checkpoint_all_used(const babel_checkpoint *checkpoint) {
  char names[600] = "";
  size_t used = 0;
  int left = 0;
  for (int i = 0; i < checkpoint->count; i++) {
    if (checkpoint->used[i]) continue;
    if (left++ < 5 && used < sizeof names)
      used += (size_t)snprintf(names + used, sizeof names - used, "%s%.110s", left > 1 ? ", " : "",
                               checkpoint->tensors[i].name);
  }
  if (!left) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_FORMAT,
                    "%s: %d of %d tensors are not part of the model that was asked for: %s%s",
                    checkpoint->memory->file.path, left, checkpoint->count, names, left > 5 ? ", ..." : "");
}
