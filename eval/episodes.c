#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "eval/oneshot.h"

typedef struct {
  const char *key;
  int row;
} entry;

static int by_key(const void *a, const void *b) {
  return strcmp(((const entry *)a)->key, ((const entry *)b)->key);
}

/* The keys in order, for looking up rows. */
static babel_status create_index(entry **index, const char *const *keys, int rows) {
  void *memory;
  *index = NULL;
  if (rows < 1) return BABEL_FAIL(BABEL_ERR_SHAPE, "expected at least one embedding, found %d", rows);
  BABEL_TRY(babel_alloc(&memory, (size_t)rows, sizeof(entry)));
  *index = memory;
  for (int i = 0; i < rows; i++) (*index)[i] = (entry){keys[i], i};
  qsort(*index, (size_t)rows, sizeof(entry), by_key);
  for (int i = 1; i < rows; i++)
    if (!strcmp((*index)[i - 1].key, (*index)[i].key))
      return BABEL_FAIL(BABEL_ERR_ARG, "key '%s' stands twice among the embeddings", (*index)[i].key);
  return BABEL_OK;
}

/* Keys that have no embedding, for one sentence. */
typedef struct {
  int count;
  char names[512];
} missing;

static void note(missing *m, const char *key) {
  size_t used = strlen(m->names);
  if (m->count++ < 10) snprintf(m->names + used, sizeof m->names - used, "%s%s", used ? ", " : "", key);
}

static babel_status resolve(int **out, const char *const *keys, int count, const entry *index, int rows, missing *m) {
  void *memory;
  BABEL_TRY(babel_alloc(&memory, (size_t)count, sizeof(int)));
  *out = memory;
  for (int i = 0; i < count; i++) {
    entry wanted = {keys[i], 0};
    const entry *found = bsearch(&wanted, index, (size_t)rows, sizeof(entry), by_key);
    (*out)[i] = found ? found->row : 0;
    if (!found) note(m, keys[i]);
  }
  return BABEL_OK;
}

static babel_status fill(babel_episode *episode, const char *const *support, int support_count, const char *const *query, int query_count,
                         const entry *index, int rows, missing *m) {
  if (support_count < 1 || query_count < 1)
    return BABEL_FAIL(BABEL_ERR_ARG, "expected support and query samples, found %d and %d", support_count, query_count);
  episode->support_count = support_count;
  episode->query_count = query_count;
  BABEL_TRY(resolve(&episode->support, support, support_count, index, rows, m));
  return resolve(&episode->query, query, query_count, index, rows, m);
}

static babel_status create(babel_episodes *episodes, int count) {
  void *memory;
  memset(episodes, 0, sizeof *episodes);
  BABEL_TRY(babel_alloc(&memory, (size_t)count, sizeof(babel_episode)));
  episodes->episodes = memory;
  episodes->count = count;
  return BABEL_OK;
}

static babel_status check(const missing *m, const char *path) {
  if (!m->count) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: %d of its keys have no embedding: %s%s", path, m->count, m->names, m->count > 10 ? ", ..." : "");
}

babel_status babel_episodes_from_draws(babel_episodes *episodes, const babel_draws *draws, const char *const *keys, int rows) {
  entry *index = NULL;
  missing m = {0, ""};
  babel_status status;
  BABEL_TRY(create(episodes, draws->count));
  BABEL_TRY_OR(create_index(&index, keys, rows), fail);
  for (int i = 0; i < draws->count; i++) {
    const babel_draw *draw = &draws->draws[i];
    BABEL_TRY_OR(fill(&episodes->episodes[i], (const char *const *)draw->support, draw->support_count,
                      (const char *const *)draw->query, draw->query_count, index, rows, &m), fail);
  }
  status = check(&m, draws->path);
fail:
  free(index);
  if (status != BABEL_OK) babel_episodes_destroy(episodes);
  return status;
}

babel_status babel_episodes_from_split(babel_episodes *episodes, const babel_split *split, const char *const *keys, int rows) {
  entry *index = NULL;
  const char **support = NULL, **query = NULL;
  int support_count = 0, query_count = 0;
  missing m = {0, ""};
  babel_status status;
  BABEL_TRY(create(episodes, 1));
  BABEL_TRY_OR(create_index(&index, keys, rows), fail);
  BABEL_TRY_OR(babel_split_keys(split, BABEL_PART_HOLDOUT, &support, &support_count), fail);
  BABEL_TRY_OR(babel_split_keys(split, BABEL_PART_TEST, &query, &query_count), fail);
  BABEL_TRY_OR(fill(episodes->episodes, support, support_count, query, query_count, index, rows, &m), fail);
  status = check(&m, split->path);
fail:
  free(support);
  free(query);
  free(index);
  if (status != BABEL_OK) babel_episodes_destroy(episodes);
  return status;
}

void babel_episodes_destroy(babel_episodes *episodes) {
  if (!episodes) return;
  for (int i = 0; i < episodes->count; i++) {
    free(episodes->episodes[i].support);
    free(episodes->episodes[i].query);
  }
  free(episodes->episodes);
  memset(episodes, 0, sizeof *episodes);
}
