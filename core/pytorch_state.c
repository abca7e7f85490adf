#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/pytorch.h"

#define DEEPEST_WRAPPING 4

static const char *path_of(const babel_pytorch_source *source) {
  return source->checkpoint->memory->file.path;
}

/* ---- one tensor ---- */

/* Tensor and strides [elements] from the arguments (storage, offset, size, stride, ...); every element lies
 * inside the storage. */
static babel_status check_view(const babel_pytorch_source *source, const char *name,
                               const babel_pickle_items *arguments, const babel_pytorch_elements *elements,
                               babel_tensor *tensor, int64_t *stride, int64_t *count) {
  const babel_pickle_value *offset = &arguments->values[1], *size = &arguments->values[2],
                           *steps = &arguments->values[3];
  int64_t last = offset->integer, reach;
  char text[224];
  if (offset->kind != BABEL_PICKLE_INT || size->kind != BABEL_PICKLE_TUPLE ||
      steps->kind != BABEL_PICKLE_TUPLE || size->items->count != steps->items->count ||
      size->items->count > BABEL_MAX_RANK || offset->integer < 0)
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: tensor \"%.200s\": expected an offset, and at most %d sizes with as many strides",
                      path_of(source), name, BABEL_MAX_RANK);
  tensor->rank = (int)size->items->count;
  for (int i = 0; i < tensor->rank; i++) {
    const babel_pickle_value *n = &size->items->values[i], *step = &steps->items->values[i];
    if (n->kind != BABEL_PICKLE_INT || step->kind != BABEL_PICKLE_INT || n->integer < 0 || step->integer < 0)
      return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: tensor \"%.200s\": expected sizes and strides of at least 0",
                        path_of(source), name);
    tensor->shape[i] = n->integer;
    stride[i] = step->integer;
  }
  if (babel_tensor_count(tensor, count) != BABEL_OK)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: tensor \"%.200s\": impossible shape %s", path_of(source), name,
                      babel_tensor_shape_text(tensor, text, sizeof text));
  for (int i = 0; i < tensor->rank && *count; i++)
    if (__builtin_mul_overflow(tensor->shape[i] - 1, stride[i], &reach) ||
        __builtin_add_overflow(last, reach, &last))
      last = INT64_MAX;
  if (*count ? last < elements->count : last <= elements->count) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: tensor \"%.200s\" reaches element %lld of a storage of %lld",
                    path_of(source), name, (long long)last, (long long)elements->count);
}

static bool is_contiguous(const babel_tensor *tensor, const int64_t *stride) {
  int64_t step = 1;
  for (int i = tensor->rank - 1; i >= 0; i--) {
    if (tensor->shape[i] != 1 && stride[i] != step) return false;
    step *= tensor->shape[i];
  }
  return true;
}

/* A contiguous tensor stays where it is in the file; any other view is gathered into memory of its own. */
static babel_status add_tensor(babel_pytorch_source *source, const char *name, size_t name_size,
                               const babel_pickle_items *arguments) {
  char shown[201];
  babel_pytorch_elements elements;
  int64_t stride[BABEL_MAX_RANK], count;
  snprintf(shown, sizeof shown, "%.*s", (int)(name_size > 200 ? 200 : name_size), name);
  BABEL_TRY(babel_pytorch_load(source, arguments->values[0].items, &elements));
  babel_tensor tensor = {.dtype = elements.dtype};
  size_t width = babel_dtype_size(tensor.dtype);
  BABEL_TRY(check_view(source, shown, arguments, &elements, &tensor, stride, &count));
  tensor.data = elements.data + (size_t)arguments->values[1].integer * width;
  if (count && !is_contiguous(&tensor, stride)) {
    if (babel_checkpoint_charge(source->checkpoint, (uint64_t)count * width) != BABEL_OK)
      return BABEL_FAIL(
          BABEL_ERR_FORMAT,
          "%s: tensor \"%s\": a view of %lld elements needs more memory than a checkpoint of its "
          "size may take",
          path_of(source), shown, (long long)count);
    void *gathered = malloc((size_t)count * width);
    if (!gathered)
      return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for tensor \"%s\"", path_of(source), shown);
    babel_tensor_gather(gathered, tensor.data, width, tensor.rank, tensor.shape, stride);
    tensor.data = gathered;
    BABEL_TRY(babel_checkpoint_own(source->checkpoint, gathered));
  }
  return babel_checkpoint_add(source->checkpoint, name, name_size, &tensor);
}

/* ---- the map of tensors ---- */

static babel_status skip(babel_pytorch_source *source, const babel_pickle_value *key,
                         const babel_pickle_value *value) {
  char name[201], what[300];
  if (key->kind == BABEL_PICKLE_TEXT)
    snprintf(name, sizeof name, "%.*s", (int)(key->length > 200 ? 200 : key->length), key->text);
  else if (key->kind == BABEL_PICKLE_INT)
    snprintf(name, sizeof name, "%lld", (long long)key->integer);
  else
    snprintf(name, sizeof name, "(no name)");
  return babel_checkpoint_skip(source->checkpoint, name, babel_pickle_describe(value, what, sizeof what));
}

/* The dictionary inside `map` to look into next: one of the usual names, else, where the map itself holds no
 * tensor, the only entry that is a map of tensors. NULL: the map itself is meant. */
static babel_status find_inner(const babel_pytorch_source *source, const babel_pickle_value *map,
                               const babel_pickle_value **inner) {
  static const char *const usual[] = {"state_dict", "model_state_dict", "model"};
  int found = 0;
  for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
    *inner = babel_pickle_get(map, usual[i]);
    if (*inner && (*inner)->kind == BABEL_PICKLE_DICT) return BABEL_OK;
  }
  *inner = NULL;
  if (map->items->tensors) return BABEL_OK;
  for (uint32_t i = 1; i < map->items->count; i += 2) {
    const babel_pickle_value *entry = &map->items->values[i];
    if (entry->kind != BABEL_PICKLE_DICT || !entry->items->tensors) continue;
    *inner = entry;
    found++;
  }
  if (found == 1) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: expected a state dictionary, found %s", path_of(source),
                    found ? "several maps of tensors, none called state_dict, model_state_dict or model"
                          : "no tensors under names");
}

static babel_status add_map(babel_pytorch_source *source, const babel_pickle_value *map) {
  for (uint32_t i = 0; i + 1 < map->items->count; i += 2) {
    const babel_pickle_value *key = &map->items->values[i], *value = key + 1;
    if (key->kind == BABEL_PICKLE_TEXT && value->kind == BABEL_PICKLE_TENSOR &&
        value->items->values[0].kind == BABEL_PICKLE_STORAGE)
      BABEL_TRY(add_tensor(source, key->text, key->length, value->items));
    else
      BABEL_TRY(skip(source, key, value));
  }
  return BABEL_OK;
}

/* Why the object is no map, with the names in the pickle that we do not know. */
static babel_status refuse_root(const babel_pytorch_source *source, const babel_pickle *pickle) {
  char what[300], names[600] = "";
  size_t used = 0;
  for (int i = 0; i < pickle->name_count && used < sizeof names; i++) {
    const babel_pickle_name *name = pickle->names[i];
    used +=
        (size_t)snprintf(names + used, sizeof names - used, "%s%.*s.%.*s", i ? ", " : " (its pickle names ",
                         (int)name->module_size, name->module, (int)name->name_size, name->name);
  }
  return BABEL_FAIL(BABEL_ERR_UNSUPPORTED,
                    "%s: expected a state dictionary (names with tensors), found %s%.600s%s", path_of(source),
                    babel_pickle_describe(&pickle->root, what, sizeof what), names, *names ? ")" : "");
}

babel_status babel_pytorch_add_state(babel_pytorch_source *source, const babel_pickle *pickle) {
  const babel_pickle_value *map = &pickle->root;
  if (map->kind != BABEL_PICKLE_DICT) return refuse_root(source, pickle);
  for (int level = 0; level < DEEPEST_WRAPPING; level++) {
    const babel_pickle_value *inner;
    BABEL_TRY(find_inner(source, map, &inner));
    if (!inner) return add_map(source, map);
    for (uint32_t i = 0; i + 1 < map->items->count; i += 2)
      if (&map->items->values[i + 1] != inner)
        BABEL_TRY(skip(source, &map->items->values[i], &map->items->values[i + 1]));
    map = inner;
  }
  return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: a state dictionary wrapped more than %d times", path_of(source),
                    DEEPEST_WRAPPING);
}
