#include "growth/shelf.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "core/file.h"

babel_status babel_shelf_bank(babel_shelf *shelf, const char *path, const babel_bank **bank) {
  void *memory;
  for (int i = 0; i < shelf->bank_count; i++)
    if (!strcmp(shelf->banks[i]->path, path)) {
      *bank = shelf->banks[i];
      return BABEL_OK;
    }
  if (shelf->bank_count == BABEL_SHELF_ITEMS) return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "more than %d banks", BABEL_SHELF_ITEMS);
  BABEL_TRY(babel_alloc(&memory, 1, sizeof **shelf->banks));
  babel_status status = babel_bank_read(memory, path);
  if (status != BABEL_OK) {
    free(memory);
    return status;
  }
  *bank = shelf->banks[shelf->bank_count++] = memory;
  return BABEL_OK;
}

static babel_status find_split(babel_shelf *shelf, const char *path, int *index) {
  void *memory;
  for (*index = 0; *index < shelf->split_count; (*index)++)
    if (!strcmp(shelf->splits[*index]->split.path, path)) return BABEL_OK;
  if (*index == BABEL_SHELF_ITEMS) return BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "more than %d splits", BABEL_SHELF_ITEMS);
  BABEL_TRY(babel_alloc(&memory, 1, sizeof **shelf->splits));
  shelf->splits[*index] = memory;
  babel_status status = babel_split_read(&shelf->splits[*index]->split, path);
  if (status == BABEL_OK) shelf->split_count++;
  else free(memory);
  return status;
}

babel_status babel_shelf_split(babel_shelf *shelf, const char *path, const babel_split **split) {
  int index;
  BABEL_TRY(find_split(shelf, path, &index));
  *split = &shelf->splits[index]->split;
  return BABEL_OK;
}

babel_status babel_shelf_keys(babel_shelf *shelf, const char *split_path, const char *part, const char *const **keys, int *count) {
  static const char *const parts[] = {"train", "holdout", "test"};
  int index, which = -1;
  for (int i = 0; i < 3; i++)
    if (!strcmp(part, parts[i])) which = i;
  if (which < 0) return BABEL_FAIL(BABEL_ERR_ARG, "part %s: expected train, holdout or test", part);
  BABEL_TRY(find_split(shelf, split_path, &index));
  if (!shelf->splits[index]->keys[which])
    BABEL_TRY(babel_split_keys(&shelf->splits[index]->split, (babel_part)which, &shelf->splits[index]->keys[which], &shelf->splits[index]->counts[which]));
  *keys = (const char *const *)shelf->splits[index]->keys[which];
  *count = shelf->splits[index]->counts[which];
  return BABEL_OK;
}

void babel_shelf_destroy(babel_shelf *shelf) {
  if (!shelf) return;
  for (int i = 0; i < shelf->bank_count; i++) {
    babel_bank_destroy(shelf->banks[i]);
    free(shelf->banks[i]);
  }
  for (int i = 0; i < shelf->split_count; i++) {
    for (int p = 0; p < 3; p++) free(shelf->splits[i]->keys[p]);
    babel_split_destroy(&shelf->splits[i]->split);
    free(shelf->splits[i]);
  }
  memset(shelf, 0, sizeof *shelf);
}

/* The file of this name and checksum: as given, beside the trunk, among the extra ones. found: 1024 characters, "" = none. */
static babel_status locate(const babel_trunk *trunk, const char *path, const char *sha256, const char *const *extra, int extra_count, char *found) {
  char beside[1024], sum[65];
  const char *name = strrchr(path, '/'), *slash = strrchr(trunk->path, '/');
  snprintf(beside, sizeof beside, "%.*s%s", slash ? (int)(slash - trunk->path + 1) : 0, trunk->path, name ? name + 1 : path);
  *found = 0;
  for (int i = -2; i < extra_count; i++) {
    const char *candidate = i == -2 ? path : i == -1 ? beside : extra[i];
    if (!babel_file_exists(candidate)) continue;
    BABEL_TRY(babel_file_sha256(candidate, sum));
    if (strcmp(sum, sha256)) continue;
    snprintf(found, 1024, "%s", candidate);
    return BABEL_OK;
  }
  return BABEL_OK;
}

static const char *text_of(const json_t *object, const char *key) {
  return json_string_value(json_object_get(object, key));
}

/* One entry of the history; *missing when a file is not there. */
static babel_status find_pair(babel_shelf *shelf, const babel_trunk *trunk, const json_t *entry, const char *const *extra, int extra_count,
                              babel_earlier_pair *pair, char *missing, size_t size) {
  char found[1024];
  const char *split = text_of(entry, "split"), *part = text_of(entry, "part");
  for (int s = 0; s < 2; s++) {
    const json_t *bank = json_array_get(json_object_get(entry, "banks"), (size_t)s);
    const char *path = text_of(bank, "path"), *sha256 = text_of(bank, "sha256");
    if (!path || !sha256) {
      snprintf(missing, size, "its history does not say which banks it was grown with");
      return BABEL_OK;
    }
    BABEL_TRY(locate(trunk, path, sha256, extra, extra_count, found));
    if (!*found) snprintf(missing, size, "%s (%s, %s) is not there, or is another file than it was", path, text_of(bank, "dataset"), text_of(bank, "modality"));
    if (!*found) return BABEL_OK;
    BABEL_TRY(babel_shelf_bank(shelf, found, &pair->bank[s]));
  }
  if (!split) return BABEL_OK;
  const char *sum = text_of(entry, "split_sha256");
  BABEL_TRY(locate(trunk, split, sum ? sum : "", extra, extra_count, found));
  if (!*found) snprintf(missing, size, "the split %s is not there, or is another file than it was", split);
  return *found ? babel_shelf_keys(shelf, found, part ? part : "train", &pair->keys, &pair->key_count) : BABEL_OK;
}

babel_status babel_earlier_find(babel_shelf *shelf, const babel_trunk *trunk, const char *const *extra, int extra_count, babel_earlier_pair *pairs,
                                int *count, char *missing, size_t size) {
  json_t *history = json_loads(trunk->history ? trunk->history : "[]", 0, NULL);
  babel_status status = BABEL_OK;
  *count = 0;
  *missing = 0;
  if (!json_is_array(history)) {
    json_decref(history);
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: its history is not a list of phases", trunk->path);
  }
  size_t n = json_array_size(history);
  if (n > BABEL_MAX_SOURCES / 2) status = BABEL_FAIL(BABEL_ERR_UNSUPPORTED, "%s: %zu earlier phases; at most %d can be rehearsed", trunk->path, n, BABEL_MAX_SOURCES / 2);
  for (size_t i = 0; i < n && status == BABEL_OK && !*missing; i++) {
    pairs[i] = (babel_earlier_pair){0};
    status = find_pair(shelf, trunk, json_array_get(history, i), extra, extra_count, &pairs[i], missing, size);
  }
  json_decref(history);
  if (status == BABEL_OK && !*missing) *count = (int)n;
  return status;
}
