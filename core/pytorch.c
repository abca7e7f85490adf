#include "core/pytorch.h"

#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"

#define LONGEST_KEY 200u
#define LONGEST_ROOT 1000u

/* ---- storages ---- */

/* What a persistent id says: ("storage", type, key, location, elements[, None or (key of the view, first,
 * elements)]). */
typedef struct {
  babel_pytorch_storage storage;
  babel_dtype dtype;
  uint64_t first, count; /* the part that is meant */
} storage_id;

static const char *path_of(const babel_pytorch_source *source) {
  return source->checkpoint->memory->file.path;
}

static bool is_count(const babel_pickle_value *value) {
  return value->kind == BABEL_PICKLE_INT && value->integer >= 0;
}

static babel_status parse_id(const babel_pytorch_source *source, const babel_pickle_items *id,
                             storage_id *parsed) {
  const babel_pickle_value *part = id->values,
                           *view = id->count > 5 && part[5].kind != BABEL_PICKLE_NONE ? &part[5] : NULL;
  uint64_t bytes;
  if (part[2].kind != BABEL_PICKLE_TEXT || !part[2].length || part[2].length > LONGEST_KEY ||
      !is_count(&part[4]))
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: damaged checkpoint: a storage without a key or a number of elements",
                      path_of(source));
  parsed->dtype = part[1].name->dtype;
  parsed->storage = (babel_pytorch_storage){.key = part[2].text,
                                            .key_size = part[2].length,
                                            .count = (uint64_t)part[4].integer,
                                            .width = babel_dtype_size(parsed->dtype)};
  parsed->first = 0;
  parsed->count = parsed->storage.count;
  if (__builtin_mul_overflow(parsed->count, parsed->storage.width, &bytes) ||
      bytes > source->checkpoint->memory->file.size * 1100ull)
    return BABEL_FAIL(
        BABEL_ERR_FORMAT,
        "%s: damaged checkpoint: storage \"%.*s\" has %lld elements, more than the file can hold",
        path_of(source), (int)part[2].length, part[2].text, (long long)part[4].integer);
  if (!view) return BABEL_OK;
  const babel_pickle_value *range =
      view->kind == BABEL_PICKLE_TUPLE && view->items->count == 3 ? view->items->values : NULL;
  if (!range || !is_count(&range[1]) || !is_count(&range[2]) || (uint64_t)range[1].integer > parsed->count ||
      (uint64_t)range[2].integer > parsed->count - (uint64_t)range[1].integer)
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: damaged checkpoint: a view of storage \"%.*s\" reaches outside its %llu elements",
                      path_of(source), (int)part[2].length, part[2].text, (unsigned long long)parsed->count);
  parsed->first = (uint64_t)range[1].integer;
  parsed->count = (uint64_t)range[2].integer;
  return BABEL_OK;
}

static int compare_storages(const void *a, const void *b) {
  const babel_pytorch_storage *x = a, *y = b;
  int order = memcmp(x->key, y->key, x->key_size < y->key_size ? x->key_size : y->key_size);
  return order ? order : x->key_size < y->key_size ? -1 : x->key_size > y->key_size;
}

/* Every storage of the pickle once, sorted by key. */
static babel_status list_storages(babel_pytorch_source *source, const babel_pickle *pickle) {
  size_t count = pickle->storages.count, kept = 0;
  BABEL_TRY(babel_checkpoint_charge(source->checkpoint, count * sizeof *source->storages));
  babel_pytorch_storage *storages = source->storages = calloc(count + 1, sizeof *storages);
  if (!storages)
    return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %zu storages", path_of(source), count);
  for (size_t i = 0; i < count; i++) {
    storage_id id;
    BABEL_TRY(parse_id(source, pickle->storages.values[i].items, &id));
    storages[i] = id.storage;
  }
  qsort(storages, count, sizeof *storages, compare_storages);
  for (size_t i = 0; i < count; i++) {
    if (!kept || compare_storages(&storages[kept - 1], &storages[i]))
      storages[kept++] = storages[i];
    else if (storages[kept - 1].count * storages[kept - 1].width != storages[i].count * storages[i].width)
      return BABEL_FAIL(BABEL_ERR_FORMAT,
                        "%s: damaged checkpoint: storage \"%.*s\" has two sizes, %llu and %llu bytes",
                        path_of(source), (int)storages[i].key_size, storages[i].key,
                        (unsigned long long)(storages[kept - 1].count * storages[kept - 1].width),
                        (unsigned long long)(storages[i].count * storages[i].width));
  }
  source->storage_count = kept;
  return BABEL_OK;
}

static babel_status read_entry(babel_checkpoint *checkpoint, const babel_zip *zip,
                               const babel_zip_entry *entry, const unsigned char **data) {
  void *owned;
  BABEL_TRY(babel_zip_read(zip, entry, checkpoint->memory->budget, data, &owned));
  if (!owned) return BABEL_OK;
  BABEL_TRY(babel_checkpoint_own(checkpoint, owned));
  return babel_checkpoint_charge(checkpoint, entry->plain);
}

static babel_status load_from_zip(babel_pytorch_source *source, babel_pytorch_storage *storage) {
  char name[LONGEST_ROOT + 5 + LONGEST_KEY];
  size_t size = source->root_size + 5 + storage->key_size;
  memcpy(name, source->root, source->root_size);
  memcpy(name + source->root_size, "data/", 5);
  memcpy(name + source->root_size + 5, storage->key, storage->key_size);
  const babel_zip_entry *entry = babel_zip_find(source->zip, name, size);
  if (!entry)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: damaged checkpoint: no zip entry \"%.*s\"", path_of(source),
                      (int)size, name);
  if (entry->plain != storage->count * storage->width)
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: damaged checkpoint: storage \"%.*s\" needs %llu bytes, its zip entry has %llu",
                      path_of(source), (int)size, name, (unsigned long long)(storage->count * storage->width),
                      (unsigned long long)entry->plain);
  BABEL_TRY(read_entry(source->checkpoint, source->zip, entry, &storage->data));
  storage->loaded = true;
  return BABEL_OK;
}

babel_status babel_pytorch_load(babel_pytorch_source *source, const babel_pickle_items *id,
                                babel_pytorch_elements *elements) {
  storage_id parsed;
  BABEL_TRY(parse_id(source, id, &parsed));
  babel_pytorch_storage *storage =
      bsearch(&parsed.storage, source->storages, source->storage_count, sizeof *storage, compare_storages);
  if (!storage->loaded && source->zip) BABEL_TRY(load_from_zip(source, storage));
  if (!storage->loaded)
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: damaged checkpoint: storage \"%.*s\" is not in its list of storages",
                      path_of(source), (int)storage->key_size, storage->key);
  *elements = (babel_pytorch_elements){parsed.dtype, storage->data + parsed.first * parsed.storage.width,
                                       (int64_t)parsed.count};
  return BABEL_OK;
}

/* ---- zip layout ---- */

/* The one entry ROOT/data.pkl. */
static babel_status find_root(babel_pytorch_source *source, const babel_zip_entry **object) {
  static const char ending[] = "data.pkl";
  size_t size = sizeof ending - 1;
  *object = NULL;
  for (size_t i = 0; i < source->zip->count; i++) {
    const babel_zip_entry *entry = &source->zip->entries[i];
    if (entry->name_size < size || memcmp(entry->name + entry->name_size - size, ending, size)) continue;
    if (entry->name_size > size && entry->name[entry->name_size - size - 1] != '/') continue;
    if (*object || entry->name_size - size > LONGEST_ROOT)
      return BABEL_FAIL(
          BABEL_ERR_FORMAT,
          "%s: expected one data.pkl in a PyTorch checkpoint, found several or one of an endless name",
          path_of(source));
    *object = entry;
    source->root = entry->name;
    source->root_size = entry->name_size - size;
  }
  if (*object) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_FORMAT,
                    "%s: expected a PyTorch checkpoint, found a zip archive of %zu entries without data.pkl",
                    path_of(source), source->zip->count);
}

static babel_status check_byte_order(babel_pytorch_source *source) {
  const unsigned char *data;
  char name[LONGEST_ROOT + 9];
  memcpy(name, source->root, source->root_size);
  memcpy(name + source->root_size, "byteorder", 9);
  const babel_zip_entry *entry = babel_zip_find(source->zip, name, source->root_size + 9);
  if (!entry) return BABEL_OK;
  BABEL_TRY(read_entry(source->checkpoint, source->zip, entry, &data));
  if (entry->plain == 6 && !memcmp(data, "little", 6)) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_UNSUPPORTED,
                    "%s: expected a little-endian checkpoint, its byte order is \"%.*s\"", path_of(source),
                    (int)(entry->plain > 20 ? 20 : entry->plain), (const char *)data);
}

static babel_status read_zip_object(babel_pytorch_source *source, babel_pickle *pickle) {
  babel_checkpoint *checkpoint = source->checkpoint;
  const babel_zip_entry *object;
  const unsigned char *data;
  BABEL_TRY(find_root(source, &object));
  BABEL_TRY(check_byte_order(source));
  BABEL_TRY(read_entry(checkpoint, source->zip, object, &data));
  BABEL_TRY(
      babel_pickle_read(pickle, path_of(source), data, (size_t)object->plain, &checkpoint->memory->budget));
  if (pickle->size != object->plain)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: damaged checkpoint: its pickle ends at byte %zu of %llu",
                      path_of(source), pickle->size, (unsigned long long)object->plain);
  BABEL_TRY(list_storages(source, pickle));
  return babel_pytorch_add_state(source, pickle);
}

babel_status babel_pytorch_read_zip(babel_checkpoint *checkpoint) {
  babel_zip zip;
  babel_pickle pickle = {0};
  BABEL_TRY(babel_zip_open(&zip, &checkpoint->memory->file));
  babel_pytorch_source source = {.checkpoint = checkpoint, .zip = &zip};
  babel_status status = read_zip_object(&source, &pickle);
  free(source.storages);
  babel_pickle_close(&pickle);
  babel_zip_close(&zip);
  return status;
}

/* ---- legacy layout: pickles of a magic number, a version, the system, the object, the storage keys; then
 * the storages ---- */

/* Behind the first pickle, that of the magic number; 0: not there. Protocols 4 and 5 put a frame around it.
 */
static size_t skip_magic(const babel_file *file) {
  static const unsigned char magic[] = {0x8A, 10,   0x6C, 0xFC, 0x9C, 0x46, 0xF9,
                                        0x20, 0x6A, 0xA8, 0x50, 0x19, '.'};
  const unsigned char *data = file->data;
  size_t at = file->size > 2 && data[2] == 0x95 ? 11 : 2;
  if (file->size < at + sizeof magic || data[0] != 0x80 || memcmp(data + at, magic, sizeof magic)) return 0;
  return at + sizeof magic;
}

bool babel_pytorch_is_legacy(const babel_file *file) {
  return skip_magic(file) > 0;
}

/* The pickle that begins at *at; moves *at behind it. */
static babel_status next_pickle(babel_checkpoint *checkpoint, size_t *at, babel_pickle *pickle) {
  const babel_file *file = &checkpoint->memory->file;
  BABEL_TRY(
      babel_pickle_read(pickle, file->path, file->data + *at, file->size - *at, &checkpoint->memory->budget));
  *at += pickle->size;
  return BABEL_OK;
}

static babel_status check_system(babel_checkpoint *checkpoint, size_t *at) {
  babel_pickle pickle = {0};
  const char *path = checkpoint->memory->file.path;
  BABEL_TRY(next_pickle(checkpoint, at, &pickle));
  bool known = pickle.root.kind == BABEL_PICKLE_INT && pickle.root.integer == 1001;
  babel_pickle_close(&pickle);
  if (!known) return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s: expected legacy checkpoint protocol 1001", path);
  BABEL_TRY(next_pickle(checkpoint, at, &pickle));
  const babel_pickle_value *little = babel_pickle_get(&pickle.root, "little_endian");
  bool fits = little && little->kind == BABEL_PICKLE_BOOL && little->integer;
  babel_pickle_close(&pickle);
  return fits ? BABEL_OK : BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s: expected a little-endian checkpoint", path);
}

/* One storage: int64 number of elements, then the elements. */
static babel_status walk_storage(babel_pytorch_source *source, const babel_pickle_value *key, size_t *at) {
  const babel_file *file = &source->checkpoint->memory->file;
  babel_pytorch_storage wanted = {.key = key->text, .key_size = key->length};
  babel_pytorch_storage *storage =
      key->kind == BABEL_PICKLE_TEXT
          ? bsearch(&wanted, source->storages, source->storage_count, sizeof wanted, compare_storages)
          : NULL;
  if (!storage || storage->loaded)
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: damaged checkpoint: its list of storages names one twice or one that nothing uses",
                      file->path);
  if (file->size - *at < 8)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: truncated before storage \"%.*s\" (a file of %zu bytes)",
                      file->path, (int)key->length, key->text, file->size);
  uint64_t count = babel_u64(file->data + *at), bytes = storage->count * storage->width;
  if (count != storage->count)
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: damaged checkpoint: storage \"%.*s\" has %llu elements, expected %llu", file->path,
                      (int)key->length, key->text, (unsigned long long)count,
                      (unsigned long long)storage->count);
  *at += 8;
  if (bytes > file->size - *at)
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: truncated: storage \"%.*s\" needs %llu bytes, the file has %zu left", file->path,
                      (int)key->length, key->text, (unsigned long long)bytes, file->size - *at);
  storage->data = file->data + *at;
  storage->loaded = true;
  *at += (size_t)bytes;
  return BABEL_OK;
}

static babel_status walk_storages(babel_pytorch_source *source, const babel_pickle_value *keys, size_t at) {
  const babel_file *file = &source->checkpoint->memory->file;
  if (keys->kind != BABEL_PICKLE_LIST)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: damaged checkpoint: expected a list of storage keys",
                      file->path);
  for (uint32_t i = 0; i < keys->items->count; i++)
    BABEL_TRY(walk_storage(source, &keys->items->values[i], &at));
  if (at == file->size) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: damaged checkpoint: %zu bytes behind the last storage", file->path,
                    file->size - at);
}

babel_status babel_pytorch_read_legacy(babel_checkpoint *checkpoint) {
  babel_pytorch_source source = {.checkpoint = checkpoint};
  babel_pickle pickle = {0}, keys = {0};
  size_t at = skip_magic(&checkpoint->memory->file);
  babel_status status;
  BABEL_TRY_OR(check_system(checkpoint, &at), fail);
  BABEL_TRY_OR(next_pickle(checkpoint, &at, &pickle), fail);
  BABEL_TRY_OR(next_pickle(checkpoint, &at, &keys), fail);
  BABEL_TRY_OR(list_storages(&source, &pickle), fail);
  BABEL_TRY_OR(walk_storages(&source, &keys.root, at), fail);
  status = babel_pytorch_add_state(&source, &pickle);
fail:
  free(source.storages);
  babel_pickle_close(&keys);
  babel_pickle_close(&pickle);
  return status;
}
