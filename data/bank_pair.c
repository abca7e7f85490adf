/* Rows of two banks that belong together, and subsets of one bank. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/bank.h"
#include "data/bank_parts.h"
#include "data/key_index.h"

/* Collects keys for a sentence: the first ten by name, all of them by number. */
typedef struct {
  int count;
  size_t used;
  char text[400];
} name_list;

static void note_name(name_list *list, const char *key) {
  if (list->count++ >= 10 || list->used >= sizeof list->text) return;
  int n = snprintf(list->text + list->used, sizeof list->text - list->used, "%s%.60s", list->used ? ", " : "",
                   key);
  if (n > 0) list->used += (size_t)n;
}

/* asked: keys that were asked for, 0 = those of the banks themselves. */
static babel_status mismatch(const babel_bank *a, const babel_bank *b, const name_list *not_a,
                             const name_list *not_b, int asked) {
  const name_list *lists[2] = {not_a, not_b};
  const babel_bank *banks[2] = {a, b};
  char text[2][480] = {"", ""};
  for (int i = 0; i < 2; i++)
    if (lists[i]->count)
      snprintf(text[i], sizeof text[i], "; %d missing in the %s: %s%s", lists[i]->count,
               i ? "second" : "first", lists[i]->text, lists[i]->count > 10 ? ", ..." : "");
  if (asked)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "of the %d keys asked for not all are in %s and %s%s%s; is it the split of another data set?", asked,
                      babel_bank_title(a), babel_bank_title(b), text[0], text[1]);
  return BABEL_FAIL(BABEL_ERR_FORMAT, "the keys of %s (%d rows) and %s (%d rows) do not match%s%s",
                    babel_bank_title(banks[0]), a->rows, babel_bank_title(banks[1]), b->rows, text[0],
                    text[1]);
}

static babel_status find_pairs(const babel_bank *a, const babel_bank *b, const char *const *keys, int count,
                               int *rows_a, int *rows_b) {
  name_list not_a = {0}, not_b = {0};
  for (int i = 0; i < count; i++) {
    const char *key = keys ? keys[i] : a->keys[i];
    rows_a[i] = babel_bank_row(a, key);
    rows_b[i] = babel_bank_row(b, key);
    if (rows_a[i] < 0) note_name(&not_a, key);
    if (rows_b[i] < 0) note_name(&not_b, key);
  }
  for (int i = 0; !keys && i < b->rows; i++)
    if (babel_bank_row(a, b->keys[i]) < 0) note_name(&not_a, b->keys[i]);
  if (not_a.count || not_b.count) return mismatch(a, b, &not_a, &not_b, keys ? count : 0);
  for (int i = 0; i < count; i++)
    if (a->labels[rows_a[i]] != b->labels[rows_b[i]])
      return BABEL_FAIL(BABEL_ERR_FORMAT, "key %s has label %d in %s and %d in %s: expected one label",
                        a->keys[rows_a[i]], a->labels[rows_a[i]], babel_bank_title(a), b->labels[rows_b[i]],
                        babel_bank_title(b));
  return BABEL_OK;
}

babel_status babel_bank_pair(const babel_bank *a, const babel_bank *b, const char *const *keys, int key_count,
                             int **rows_a, int **rows_b, int *count) {
  *rows_a = *rows_b = NULL;
  *count = 0;
  int n = keys ? key_count : a->rows;
  if (n < 1)
    return BABEL_FAIL(BABEL_ERR_ARG, "pairing %s with %s: no keys given", babel_bank_title(a),
                      babel_bank_title(b));
  *rows_a = malloc((size_t)n * sizeof **rows_a);
  *rows_b = malloc((size_t)n * sizeof **rows_b);
  babel_status status = *rows_a && *rows_b ? find_pairs(a, b, keys, n, *rows_a, *rows_b)
                                           : BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for %d pairs", n);
  if (status == BABEL_OK) {
    *count = n;
    return BABEL_OK;
  }
  free(*rows_a);
  free(*rows_b);
  *rows_a = *rows_b = NULL;
  return status;
}

static babel_status find_rows(const babel_bank *in, const char *const *keys, int count, int *rows) {
  name_list missing = {0};
  for (int i = 0; i < count; i++) {
    rows[i] = babel_bank_row(in, keys[i]);
    if (rows[i] < 0) note_name(&missing, keys[i]);
  }
  if (!missing.count) return BABEL_OK;
  return BABEL_FAIL(BABEL_ERR_FORMAT, "%s (%d rows): %d of the %d wanted keys are missing: %s%s",
                    babel_bank_title(in), in->rows, missing.count, count, missing.text,
                    missing.count > 10 ? ", ..." : "");
}

static babel_status copy_row(babel_bank *out, int to, const babel_bank *in, int from) {
  size_t row = babel_bank_row_size(in), per_row = row * (size_t)in->variants,
         sequences = (size_t)in->variants + 1;
  out->keys[to] = strdup(in->keys[from]);
  out->recordings[to] = strdup(in->recordings[from]);
  if (!out->keys[to] || !out->recordings[to])
    return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for the keys of a feature bank");
  out->labels[to] = in->labels[from];
  out->subjects[to] = in->subjects[from];
  out->first[to] = in->first[from];
  out->last[to] = in->last[from];
  memcpy(out->features + (size_t)to * row, in->features + (size_t)from * row, row * sizeof *in->features);
  if (per_row)
    memcpy(out->augmented + (size_t)to * per_row, in->augmented + (size_t)from * per_row,
           per_row * sizeof *in->augmented);
  if (in->lengths)
    memcpy(out->lengths + (size_t)to * sequences, in->lengths + (size_t)from * sequences,
           sequences * sizeof *in->lengths);
  return BABEL_OK;
}

static babel_status copy_rows(babel_bank *out, const babel_bank *in, const int *rows, int count) {
  babel_key_index index;
  int first, second;
  BABEL_TRY(babel_bank_create(out, in->modality, count, in->variants, in->steps, in->width));
  strcpy(out->dataset, in->dataset);
  strcpy(out->split, in->split);
  free(out->provenance);
  out->provenance = strdup(in->provenance);
  if (!out->provenance) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for the provenance of a feature bank");
  for (int i = 0; i < in->variants; i++) out->variant_ids[i] = in->variant_ids[i];
  for (int i = 0; i < count; i++) BABEL_TRY(copy_row(out, i, in, rows[i]));
  BABEL_TRY(babel_key_index_create(&index, out->keys, count));
  bool twice = babel_key_index_duplicate(&index, &first, &second);
  babel_key_index_destroy(&index);
  if (twice)
    return BABEL_FAIL(BABEL_ERR_FORMAT, "%s: the key %s is wanted twice, as number %d and %d",
                      babel_bank_title(in), out->keys[first], first + 1, second + 1);
  return BABEL_OK;
}

babel_status babel_bank_select(babel_bank *out, const babel_bank *in, const char *const *keys, int count) {
  memset(out, 0, sizeof *out);
  if (count < 1) return BABEL_FAIL(BABEL_ERR_ARG, "%s: no keys to select", babel_bank_title(in));
  int *rows = malloc((size_t)count * sizeof *rows);
  if (!rows) return BABEL_FAIL(BABEL_ERR_MEMORY, "no memory for %d keys", count);
  babel_status status = find_rows(in, keys, count, rows);
  if (status == BABEL_OK) status = copy_rows(out, in, rows, count);
  free(rows);
  if (status != BABEL_OK) babel_bank_destroy(out);
  return status;
}

typedef struct {
  const char *recording;
  int first, last;
} window;

static int compare_windows(const void *a, const void *b) {
  const window *x = a, *y = b;
  int order = strcmp(x->recording, y->recording);
  return order ? order : (x->first > y->first) - (x->first < y->first);
}

static int compare_ints(const void *a, const void *b) {
  int x = *(const int *)a, y = *(const int *)b;
  return (x > y) - (x < y);
}

/* Overlapping pairs among n windows of one recording, sorted by their first row: all pairs less those in
 * which one window ends before the other begins. Raises *share to the largest part of a window that an earlier
 * one holds too. */
static int64_t overlapping(const window *windows, int n, int *lasts, double *share) {
  int64_t apart = 0;
  int ended = 0, reached = 0;
  for (int i = 0; i < n; i++) lasts[i] = windows[i].last;
  qsort(lasts, (size_t)n, sizeof *lasts, compare_ints);
  for (int i = 0; i < n; i++) {
    while (ended < n && lasts[ended] <= windows[i].first) ended++;
    apart += ended;
    int first = windows[i].first, last = windows[i].last, common = (reached < last ? reached : last) - first;
    if (common > *share * (last - first)) *share = (double)common / (last - first);
    if (reached < last) reached = last;
  }
  return (int64_t)n * (n - 1) / 2 - apart;
}

babel_status babel_bank_overlaps(const babel_bank *bank, int64_t *pairs, int *recordings, double *share) {
  window *windows = malloc((size_t)bank->rows * sizeof *windows);
  int *lasts = malloc((size_t)bank->rows * sizeof *lasts), count = 0;
  *pairs = *recordings = 0;
  *share = 0;
  if (!windows || !lasts) {
    free(windows);
    free(lasts);
    return BABEL_FAIL(BABEL_ERR_MEMORY, "%s: no memory for %d windows", babel_bank_title(bank), bank->rows);
  }
  for (int i = 0; i < bank->rows; i++)
    if (bank->first[i] < bank->last[i])
      windows[count++] = (window){bank->recordings[i], bank->first[i], bank->last[i]};
  if (count) qsort(windows, (size_t)count, sizeof *windows, compare_windows);
  for (int from = 0, to; from < count; from = to) {
    for (to = from + 1; to < count && !strcmp(windows[to].recording, windows[from].recording);) to++;
    int64_t found = overlapping(windows + from, to - from, lasts, share);
    *pairs += found;
    *recordings += found > 0;
  }
  free(windows);
  free(lasts);
  return BABEL_OK;
}
