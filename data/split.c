#include "data/split.h"

#include <stdlib.h>
#include <string.h>

#include "data/csv.h"
#include "data/key_index.h"

/* The stored files: a file of one of these names must be the stored one, byte for byte. */
static const struct {
  const char *name, *sha256;
} stored[] = {
    {"utd_mhad_613_248.csv", "a28bf16adfa32be1793b7e903d9d6f75b44c71b2c50e7b77c0a6f5e008beb53e"},
    {"utd_mhad_draws_paper.csv", "9ad0589260612de563d4bc9a8edfa53aa4dcaf5866d420ca00d7b6a46d6f6d9c"},
    {"utd_mhad_draws_strict.csv", "0a7a5611ededa63ea3769147dc9e9b0ee236a73d0948a49484804ef19ddc36ca"},
    {"utd_mhad_fold_12.csv", "ebcfbf61eca2fed5b8a8af32f1a18b2657befcc33495e6bab85f4751847208a0"},
    {"utd_mhad_draws_fold_12.csv", "89afe44a4e0ff3ae1d84462acc4d8ed08b1f7752aa1b9480ad608c754a40e614"},
    {"utd_mhad_fold_34.csv", "dc8ea0693297f013020c68dd5214c869bd8349c03a364c5e100e3d3d36ebba7e"},
    {"utd_mhad_draws_fold_34.csv", "312336bd789523383205d156b7415e1741e2261c86121439b2cba4655fa27be2"},
    {"utd_mhad_fold_56.csv", "0fb9da0512e558fa1f6ecb6a735d0ece6614b5218e462f0226213ace84cb14a8"},
    {"utd_mhad_draws_fold_56.csv", "74e727aae7046ea3b5848586822437daa6fe467de5bdf1f684877acfef43ace8"},
    {"mars.csv", "a09e96289fafa89f4f73e0a44b73b124cd3f013a7098f75e1d1abd11f4ceafa6"},
    {"mars_apart.csv", "37e4e775b512a7e1cbc0a4341fa6a4ad9af48ccd7b2a2687b587aa1db64a807d"},
    {"mars_draws.csv", "a717b57fa1b8cb0417e3db5454db73f46d31e064d19d3e9a3d534738192392ff"},
    {"mmego.csv", "1d6488d517796197812f75627154d6b04e4e869381205c8ed0a66ca913ee40fc"},
    {"mmego_apart.csv", "41c8766770871d9789eb6a829095767058efc337ee3feea90d9f4bc56672c562"},
    {"mmego_draws.csv", "28fdd44afcc479c61a4b2c12c0206c6fffe6347354b0759643a042c261ac7d99"},
    {"utd_mhad_lidar.csv", "98abd5581cd0f6d46bdef180b0e12e166103a5baca5451e9da1dee5e7cc83edd"},
    {"utd_mhad_draws_lidar.csv", "11b4b3b1e30c8d95eb83d4bd1417c7aee07f793e4aed37cfe0d124f20a10610e"},
    {"utd_mhad_lidar_fold_12.csv", "c641b1cc60f47f3c9cabbd9d513dee6182760f27db572fd6b7f28bf1250fecb1"},
    {"utd_mhad_draws_lidar_fold_12.csv", "7b0138a2c3c14dfd44a40d783e8b6bd646a78327094004c257aedd886745a61d"},
    {"utd_mhad_lidar_fold_34.csv", "b34bab7fd5154c152138cde6403e8c873135d5f80c818562d1f0f45797f99d64"},
    {"utd_mhad_draws_lidar_fold_34.csv", "df9ac894982b43167761262b8a29b2c71010047349922a5ecc518aab47f0f732"},
    {"utd_mhad_lidar_fold_56.csv", "21f24d8a56f5a551f37d394ffdbb02efc5634027ad96229aa47d516108b8a9c7"},
    {"utd_mhad_draws_lidar_fold_56.csv", "8f0567a5c26c50a928916ece0c2f5b2e0d0ded942d74b1d996a8f6132fefe8e5"},
};

static babel_status open_checked(babel_csv *csv, const char *path, const char *header, char sha256[65],
                                 char kept_path[1024]) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  BABEL_TRY(babel_csv_open(csv, path, header, NULL));
  babel_sha256(csv->file.data, csv->file.size, sha256);
  memcpy(kept_path, csv->file.path, sizeof csv->file.path);
  for (size_t i = 0; i < sizeof stored / sizeof *stored; i++) {
    if (strcmp(name, stored[i].name) || !strcmp(sha256, stored[i].sha256)) continue;
    babel_csv_close(csv);
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: differs from the stored file of this name (SHA-256 %.12s..., expected %.12s...): "
                      "give a file of your own "
                      "another name",
                      path, sha256, stored[i].sha256);
  }
  return BABEL_OK;
}

/* An upper bound on the rows of a file: its line ends. */
static size_t line_bound(const babel_file *file) {
  size_t lines = 1;
  for (size_t i = 0; i < file->size; i++) lines += file->data[i] == '\n';
  return lines;
}

static babel_status copy_key(const babel_csv *csv, int field, char **key) {
  *key = NULL;
  if (!*csv->fields[field])
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: line %d: the key is empty", csv->file.path, csv->lines.number);
  *key = strdup(csv->fields[field]);
  return *key ? BABEL_OK : BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for its keys", csv->file.path);
}

static int find_word(const char *word, const char *const *words, int count) {
  for (int i = 0; i < count; i++)
    if (!strcmp(word, words[i])) return i;
  return -1;
}

/* Positions of a key that stands twice in the list; *first is -1 when there is none. */
static babel_status find_twice(char **keys, int count, int *first, int *second) {
  babel_key_index index;
  BABEL_TRY(babel_key_index_create(&index, keys, count));
  babel_key_index_duplicate(&index, first, second);
  babel_key_index_destroy(&index);
  return BABEL_OK;
}

static babel_status read_split_rows(babel_split *split, babel_csv *csv) {
  static const char *const parts[] = {"train", "holdout", "test"};
  babel_status status;
  int first, second;
  while (babel_csv_next(csv, &status)) {
    int part = find_word(csv->fields[1], parts, 3);
    if (part < 0)
      return BABEL_FAIL(BABEL_ERR_FORMAT,
                        "%s: line %d: expected the part train, holdout or test, found \"%.40s\"",
                        csv->file.path, csv->lines.number, csv->fields[1]);
    BABEL_TRY(copy_key(csv, 0, &split->keys[split->count]));
    split->parts[split->count++] = (babel_part)part;
  }
  BABEL_TRY(status);
  if (!split->count) return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: no keys below its header", csv->file.path);
  BABEL_TRY(find_twice(split->keys, split->count, &first, &second));
  if (first >= 0)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: the key %s stands twice, as row %d and row %d", csv->file.path,
                      split->keys[first], first + 1, second + 1);
  return BABEL_OK;
}

babel_status babel_split_read(babel_split *split, const char *path) {
  babel_csv csv;
  memset(split, 0, sizeof *split);
  BABEL_TRY(open_checked(&csv, path, "key,part", split->sha256, split->path));
  size_t bound = line_bound(&csv.file);
  split->keys = calloc(bound, sizeof *split->keys);
  split->parts = calloc(bound, sizeof *split->parts);
  babel_status status = split->keys && split->parts
                            ? read_split_rows(split, &csv)
                            : BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %zu rows", path, bound);
  babel_csv_close(&csv);
  if (status != BABEL_OK) babel_split_destroy(split);
  return status;
}

void babel_split_destroy(babel_split *split) {
  if (!split) return;
  for (int i = 0; i < split->count; i++) free(split->keys[i]);
  free(split->keys);
  free(split->parts);
  memset(split, 0, sizeof *split);
}

babel_status babel_split_keys(const babel_split *split, babel_part part, const char ***keys, int *count) {
  *count = 0;
  *keys = malloc((split->count ? (size_t)split->count : 1) * sizeof **keys);
  if (!*keys) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %d keys", split->path, split->count);
  for (int i = 0; i < split->count; i++)
    if (split->parts[i] == part) (*keys)[(*count)++] = split->keys[i];
  return BABEL_OK;
}

/* Rows of a draw file as they stand there. */
typedef struct {
  int count, draws; /* draws: largest number + 1 */
  int *draw, *role; /* role: 0 support, 1 query */
  char **keys;
} draw_rows;

static babel_status read_draw_rows(draw_rows *rows, babel_csv *csv) {
  static const char *const roles[] = {"support", "query"};
  babel_status status;
  while (babel_csv_next(csv, &status)) {
    int i = rows->count;
    BABEL_TRY(babel_csv_int(csv, 0, "draw", 0, 1000000, &rows->draw[i]));
    rows->role[i] = find_word(csv->fields[1], roles, 2);
    if (rows->role[i] < 0)
      return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: line %d: expected the role support or query, found \"%.40s\"",
                        csv->file.path, csv->lines.number, csv->fields[1]);
    BABEL_TRY(copy_key(csv, 2, &rows->keys[i]));
    rows->count++;
    if (rows->draw[i] >= rows->draws) rows->draws = rows->draw[i] + 1;
  }
  BABEL_TRY(status);
  if (!rows->count) return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: no draws below its header", csv->file.path);
  if (rows->draws > rows->count)
    return BABEL_FAIL(BABEL_ERR_FORMAT,
                      "%s: draw %d in a file of %d rows: draws are numbered from 0 without gaps",
                      csv->file.path, rows->draws - 1, rows->count);
  return BABEL_OK;
}

/* A key stands once in a draw: not in both roles, not twice in one. */
static babel_status check_draw(const babel_draws *draws, int d) {
  const babel_draw *draw = &draws->draws[d];
  int count = draw->support_count + draw->query_count, first, second;
  if (!draw->support_count || !draw->query_count)
    return BABEL_FAIL(
        BABEL_ERR_FORMAT,
        "%s: draw %d has %d support and %d query keys: expected some of each, draws numbered without gaps",
        draws->path, d, draw->support_count, draw->query_count);
  char **all = malloc((size_t)count * sizeof *all);
  if (!all) return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %d keys", draws->path, count);
  memcpy(all, draw->support, (size_t)draw->support_count * sizeof *all);
  memcpy(all + draw->support_count, draw->query, (size_t)draw->query_count * sizeof *all);
  babel_status status = find_twice(all, count, &first, &second);
  if (status == BABEL_OK && first >= 0)
    status = BABEL_FAIL(BABEL_ERR_FORMAT,
                        "%s: draw %d holds the key %s twice: expected once, as support or as query",
                        draws->path, d, all[first]);
  free(all);
  return status;
}

/* Hands the keys over from rows to the draws. */
static babel_status sort_draws(babel_draws *draws, draw_rows *rows) {
  draws->draws = calloc((size_t)rows->draws, sizeof *draws->draws);
  if (!draws->draws)
    return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %d draws", draws->path, rows->draws);
  draws->count = rows->draws;
  for (int i = 0; i < rows->count; i++) {
    babel_draw *draw = &draws->draws[rows->draw[i]];
    ++*(rows->role[i] ? &draw->query_count : &draw->support_count);
  }
  for (int d = 0; d < draws->count; d++) {
    babel_draw *draw = &draws->draws[d];
    draw->support = malloc((size_t)(draw->support_count + 1) * sizeof *draw->support);
    draw->query = malloc((size_t)(draw->query_count + 1) * sizeof *draw->query);
    draw->support_count = draw->query_count = 0;
    if (draw->support && draw->query) continue;
    draws->count = d + 1; /* the later ones hold counts but no keys yet */
    return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for draw %d", draws->path, d);
  }
  for (int i = 0; i < rows->count; i++) {
    babel_draw *draw = &draws->draws[rows->draw[i]];
    if (rows->role[i])
      draw->query[draw->query_count++] = rows->keys[i];
    else
      draw->support[draw->support_count++] = rows->keys[i];
    rows->keys[i] = NULL;
  }
  for (int d = 0; d < draws->count; d++) BABEL_TRY(check_draw(draws, d));
  return BABEL_OK;
}

babel_status babel_draws_read(babel_draws *draws, const char *path) {
  draw_rows rows = {0};
  babel_csv csv;
  memset(draws, 0, sizeof *draws);
  BABEL_TRY(open_checked(&csv, path, "draw,role,key", draws->sha256, draws->path));
  size_t bound = line_bound(&csv.file);
  rows.draw = calloc(bound, sizeof *rows.draw);
  rows.role = calloc(bound, sizeof *rows.role);
  rows.keys = calloc(bound, sizeof *rows.keys);
  babel_status status = rows.draw && rows.role && rows.keys
                            ? read_draw_rows(&rows, &csv)
                            : BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %zu rows", path, bound);
  if (status == BABEL_OK) status = sort_draws(draws, &rows);
  babel_csv_close(&csv);
  for (int i = 0; i < rows.count; i++) free(rows.keys[i]);
  free(rows.draw);
  free(rows.role);
  free(rows.keys);
  if (status != BABEL_OK) babel_draws_destroy(draws);
  return status;
}

void babel_draws_destroy(babel_draws *draws) {
  if (!draws) return;
  for (int d = 0; d < draws->count; d++) {
    babel_draw *draw = &draws->draws[d];
    for (int i = 0; i < draw->support_count; i++) free(draw->support[i]);
    for (int i = 0; i < draw->query_count; i++) free(draw->query[i]);
    free(draw->support);
    free(draw->query);
  }
  free(draws->draws);
  memset(draws, 0, sizeof *draws);
}
